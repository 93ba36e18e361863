package filedrop_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
	"racord/connectors"
	"racord/connectors/filedrop"
	"racord/hub"
)

// office is a heating company whose folders are on this machine.
type office struct {
	*hub.Connector
	in, out drop
}

func newOffice(t testing.TB, change ...string) office {
	t.Helper()
	o := office{in: newDrop(t), out: newDrop(t)}
	text := []string{"directory: /in", "directory: " + o.in.path, "directory: /out", "directory: " + o.out.path}
	m := manifest(t, append(append(text, withoutServer(t)...), change...)...)
	env := connectors.Env{
		LocalFiles: true, Clock: hub.ClockFunc(func() time.Time { return noon }), Turn: func(context.Context) error { return nil },
		Secret: func(context.Context, string) (hub.Secret, error) { return hub.NewSecret("x"), nil },
	}
	c, err := connectors.NewCatalog(filedrop.Kind).Open(t.Context(), env, m)
	if err != nil {
		t.Fatal(err)
	}
	o.Connector = c
	return o
}

// withoutServer is a change of the manifest that leaves the server out.
func withoutServer(t testing.TB) []string {
	t.Helper()
	text, err := os.ReadFile("../../config/creditors/heating.yaml")
	if err != nil {
		t.Fatal(err)
	}
	from := strings.Index(string(text), "  sftp:\n")
	to := strings.Index(string(text), "  directory: /out\n")
	if from < 0 || to < from {
		t.Fatal("the manifest has no server before its directory")
	}
	return []string{string(text[from:to]), ""}
}

func payment(no int, bani int64) hub.Posting {
	return hub.Posting{
		ID: hub.PostingID(fmt.Sprintf("hub:AAAABBBBCCCCDDDDEEEEFFFFGG:%d", no)), Creditor: "heating",
		ExternalID: fmt.Sprintf("TF 07400000%02d", no), Account: "0090412", Amount: hub.Bani(bani), PaidAt: noon,
	}
}

func (d drop) names() (names []string) {
	d.t.Helper()
	entries, err := os.ReadDir(d.path)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

const sentHeader = "ID_LINIE;COD_CLIENT;NR_FACT;SUMA;DATA_PLATII;REFERINTA\r\n"

func TestPaymentsAreOneFileWithItsMarker(t *testing.T) {
	o := newOffice(t)
	postings := []hub.Posting{payment(2, 1000), payment(1, 128_477)}
	receipts, err := o.Sink.Post(t.Context(), postings)
	if err != nil || len(receipts) != 2 {
		t.Fatalf("got %+v, %v, want two receipts", receipts, err)
	}
	for i, r := range receipts {
		if r.ID != postings[i].ID || !r.Pending || r.Err != nil || r.Number != receipts[0].Number {
			t.Errorf("got %+v, want posting %s pending in one file", r, postings[i].ID)
		}
	}
	name := receipts[0].Number
	if got := o.in.names(); !slices.Equal(got, []string{name, name + ".ok"}) || !strings.HasPrefix(name, "plati_20260315_lot-") {
		t.Errorf("got %q, want the file and its marker", got)
	}
	content, err := os.ReadFile(filepath.Join(o.in.path, name))
	want := sentHeader +
		"1;0090412;TF 0740000001;1.284,77;15.03.2026 12:00:00;hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1\r\n" +
		"2;0090412;TF 0740000002;10,00;15.03.2026 12:00:00;hub:AAAABBBBCCCCDDDDEEEEFFFFGG:2\r\n" +
		"#TOTAL;2;1.294,77\r\n"
	if string(content) != want || err != nil {
		t.Errorf("got\n%s(%v)\nwant\n%s", content, err, want)
	}
	marker, err := os.ReadFile(filepath.Join(o.in.path, name+".ok"))
	if hash := sha256.Sum256(content); strings.TrimSpace(string(marker)) != hex.EncodeToString(hash[:]) || err != nil {
		t.Errorf("got marker %s (%v), want the file's hash", marker, err)
	}
	slices.Reverse(postings)
	again, err := o.Sink.Post(t.Context(), postings)
	if err != nil || again[0].Number != name || len(o.in.names()) != 2 {
		t.Errorf("got %+v, %v in %q, want the same file again", again, err, o.in.names())
	}
}

func TestWhatCannotStandInAFileIsRefusedAlone(t *testing.T) {
	o := newOffice(t)
	bad := payment(1, 1000)
	bad.Account = "00;12"
	nothing := payment(2, 0)
	receipts, err := o.Sink.Post(t.Context(), []hub.Posting{bad, nothing, payment(3, 500)})
	if err != nil || len(receipts) != 3 || !hub.Certainly(receipts[0].Err) || !hub.Certainly(receipts[1].Err) || receipts[2].Err != nil {
		t.Fatalf("got %+v, %v, want the third alone", receipts, err)
	}
	content, _ := os.ReadFile(filepath.Join(o.in.path, receipts[2].Number))
	if lines := strings.Count(string(content), "\r\n"); lines != 3 || !strings.HasSuffix(string(content), "#TOTAL;1;5,00\r\n") {
		t.Errorf("got\n%s\nwant one line", content)
	}
	if receipts, err = o.Sink.Post(t.Context(), []hub.Posting{bad}); err != nil || receipts[0].Err == nil || len(o.in.names()) != 2 {
		t.Errorf("got %+v, %v, want no file of nothing", receipts, err)
	}
}

const answerHeader = "ID_LINIE;COD_CLIENT;NR_FACT;SUMA;STARE;NR_CHITANTA;MOTIV;REFERINTA\r\n"

func TestTheConfirmationSaysWhatWasBooked(t *testing.T) {
	a, r, w := payment(1, 128_477), payment(2, 1000), payment(3, 500)
	booked := "1;0090412;TF 0740000001;1.284,77;A;TI1;;" + string(a.ID) + "\r\n2;0090412;TF 0740000002;10,00;R;;DEJA ACHITAT;" + string(r.ID) + "\r\n#TOTAL;2;1.284,77\r\n"
	twice := func(first, second string) string { // of the first payment
		line := func(no int, said string) string {
			return fmt.Sprintf("%d;0090412;TF 0740000001;1.284,77;%s;;%s\r\n", no, said, a.ID)
		}
		return line(1, first) + "2;0090412;TF 0740000002;10,00;R;;DEJA ACHITAT;" + string(r.ID) + "\r\n" + line(3, second) + "#TOTAL;3;1.284,77\r\n"
	}
	for name, tc := range map[string]struct {
		answer string // "" = none yet
		want   map[int]hub.Found
		code   hub.Code
	}{
		"none yet":              {"", map[int]hub.Found{1: hub.FoundNotVisible, 2: hub.FoundNotVisible, 3: hub.FoundAbsent}, ""},
		"a byte order mark":     {"\ufeff" + answerHeader + booked, map[int]hub.Found{1: hub.FoundBooked, 2: hub.FoundRefused, 3: hub.FoundAbsent}, ""},
		"booked and refused":    {answerHeader + booked, map[int]hub.Found{1: hub.FoundBooked, 2: hub.FoundRefused, 3: hub.FoundAbsent}, ""},
		"nothing could be read": {answerHeader + "#EROARE;LINIA 2\r\n", map[int]hub.Found{1: hub.FoundAbsent, 2: hub.FoundAbsent}, ""},
		"another first line":    {"ID;" + answerHeader + booked, map[int]hub.Found{1: ""}, hub.CodeBadData},
		"a line is missing":     {answerHeader + strings.Replace(booked, "#TOTAL;2", "#TOTAL;3", 1), map[int]hub.Found{1: ""}, hub.CodeBadData},
		"cut off":               {answerHeader + booked[:90], map[int]hub.Found{1: ""}, hub.CodeBadData},
		"another amount":        {answerHeader + strings.Replace(booked, "1.284,77", "84,77", 1), map[int]hub.Found{1: ""}, hub.CodeBadData},
		"refused, then booked":  {answerHeader + twice("R;", "A;TI1"), map[int]hub.Found{1: "", 2: hub.FoundRefused, 3: hub.FoundAbsent}, hub.CodeBadData},
		"booked, then refused":  {answerHeader + twice("A;TI1", "R;"), map[int]hub.Found{1: "", 2: hub.FoundRefused, 3: hub.FoundAbsent}, hub.CodeBadData},
		"booked twice":          {answerHeader + twice("A;TI1", "A;TI2"), map[int]hub.Found{1: "", 2: hub.FoundRefused, 3: hub.FoundAbsent}, hub.CodeBadData},
		"said twice":            {answerHeader + twice("A;TI1", "A;TI1"), map[int]hub.Found{1: hub.FoundBooked, 2: hub.FoundRefused, 3: hub.FoundAbsent}, ""},
		"a line too wide":       {answerHeader + strings.Replace(booked, ";A;", ";A;;", 1), map[int]hub.Found{1: ""}, hub.CodeBadData},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			receipts, err := o.Sink.Post(t.Context(), []hub.Posting{a, r})
			if err != nil {
				t.Fatal(err)
			}
			if tc.answer != "" {
				page := charmap.Windows1250
				if strings.HasPrefix(tc.answer, "\ufeff") {
					page = nil
				}
				o.out.put("confirmare_"+receipts[0].Number, tc.answer, page)
			}
			for range 2 { // read, and remembered
				for no, want := range tc.want {
					found, receipt, err := o.Finder.Find(t.Context(), []hub.Posting{{}, a, r, w}[no])
					code := tc.code
					if want != "" {
						code = "" // it is not harmed by what is said of another
					}
					if found != want || hub.CodeOf(err) != code || found == hub.FoundBooked && receipt.Number != "TI1" {
						t.Errorf("%d: got %q, %+v, %v, want %q, %q", no, found, receipt, err, want, code)
					}
				}
			}
		})
	}
}

func TestALotIsLookedUpAtOnce(t *testing.T) {
	o := newOffice(t)
	postings := []hub.Posting{payment(1, 128_477), payment(2, 1000), payment(3, 500), payment(4, 700)}
	receipts, err := o.Sink.Post(t.Context(), postings)
	if err != nil {
		t.Fatal(err)
	}
	early := payment(5, 500)
	if _, err := o.Sink.Post(t.Context(), []hub.Posting{early}); err != nil {
		t.Fatal(err)
	}
	o.out.put("confirmare_"+receipts[0].Number, answerHeader+
		"1;0090412;TF 0740000001;1.284,77;A;TI1;;"+string(postings[0].ID)+"\r\n"+
		"2;0090412;TF 0740000002;10,00;R;;DEJA ACHITAT;"+string(postings[1].ID)+"\r\n"+
		"3;0090412;TF 0740000003;99,00;A;TI3;;"+string(postings[2].ID)+"\r\n"+
		"4;0090412;TF 0740000004;7,00;A;TI4;;"+string(postings[3].ID)+"\r\n#TOTAL;4;1.390,77\r\n", charmap.Windows1250)
	for range 2 { // read, and remembered
		found, err := o.LotFinder.FindLot(t.Context(), append(postings, early, payment(6, 100)))
		if err != nil || len(found) != 6 {
			t.Fatalf("got %+v, %v, want six findings", found, err)
		}
		for i, want := range []hub.Found{hub.FoundBooked, hub.FoundRefused, "", hub.FoundBooked, hub.FoundNotVisible, hub.FoundAbsent} {
			if f := found[i]; f.Found != want || (want == "") != (hub.CodeOf(f.Err) == hub.CodeBadData) || want == hub.FoundBooked && f.Receipt.ID != postings[i].ID {
				t.Errorf("%d: got %+v, want %q", i, f, want)
			}
		}
	}
	o.out.remove("confirmare_" + receipts[0].Number)
	if found, err := o.LotFinder.FindLot(t.Context(), postings); err != nil || slices.ContainsFunc(found, func(f hub.Finding) bool { return f.Found != hub.FoundNotVisible }) {
		t.Errorf("got %+v, %v, want all still to come", found, err)
	}
}

// TestAFileOfNothingButEndsIsNotCutUp reads little files that would be much in memory.
func TestAFileOfNothingButEndsIsNotCutUp(t *testing.T) {
	const name = "plati_20260315_X.csv"
	for what, content := range map[string]string{
		"cells": answerHeader + strings.Repeat(";", 1<<18+1),
		"lines": answerHeader + strings.Repeat("\n", 1<<18+1),
		"both":  answerHeader + strings.Repeat(";\n", 1<<17+1),
	} {
		t.Run(what, func(t *testing.T) {
			o := newOffice(t)
			o.out.put("confirmare_"+name, content, charmap.Windows1250)
			_, _, err := o.Finder.Find(t.Context(), payment(1, 500))
			if hub.CodeOf(err) != hub.CodeBadData || !strings.Contains(err.Error(), "confirmare_"+name+": more than 262144 cells") {
				t.Errorf("confirmation: got %v, want the file refused by its name", err)
			}
			o.out.remove("confirmare_" + name)
			o.in.put(name, content, charmap.Windows1250)
			if _, _, err = o.Finder.Find(t.Context(), payment(1, 500)); hub.CodeOf(err) != hub.CodeBadData || !strings.Contains(err.Error(), name) {
				t.Errorf("file of payments: got %v, want it refused by its name", err)
			}
		})
	}
}

// TestWhatIsRememberedIsBounded reads files of which all would take 96 MiB.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	o := newOffice(t)
	for i := range 24 {
		o.in.put(fmt.Sprintf("plati_20260315_X%d.csv", i), sentHeader+strings.Repeat(";", 1<<18-100), charmap.Windows1250)
	}
	if found, _, err := o.Finder.Find(t.Context(), payment(1, 500)); found != hub.FoundAbsent || err != nil {
		t.Fatalf("got %q, %v, want it absent", found, err)
	}
	const each = 16 + 1 // bytes of an empty cell and its end
	if got := filedrop.Remembered(o.Finder); got == 0 || got*each > 32<<20 {
		t.Errorf("got %d cells remembered, want some, and at most 32 MiB of them", got)
	}
}

// TestALineAloneIsFoundAmongFilesOfLaterDays looks for one line of a lot, whose
// file's name nobody knows by it, where a thousand files have come since.
func TestALineAloneIsFoundAmongFilesOfLaterDays(t *testing.T) {
	o := newOffice(t)
	postings := []hub.Posting{payment(1, 128_477), payment(2, 1000)}
	receipts, err := o.Sink.Post(t.Context(), postings)
	if err != nil {
		t.Fatal(err)
	}
	o.out.put("confirmare_"+receipts[0].Number, answerHeader+
		"1;0090412;TF 0740000001;1.284,77;A;TI1;;"+string(postings[0].ID)+"\r\n"+
		"2;0090412;TF 0740000002;10,00;A;TI2;;"+string(postings[1].ID)+"\r\n#TOTAL;2;1.294,77\r\n", charmap.Windows1250)
	for i := range 1001 {
		o.out.put(fmt.Sprintf("confirmare_plati_20260316_X%d.csv", i), answerHeader+"#TOTAL;0;0,00\r\n", charmap.Windows1250)
	}
	if found, receipt, err := o.Finder.Find(t.Context(), postings[1]); found != hub.FoundBooked || receipt.Number != "TI2" || err != nil {
		t.Errorf("got %q, %+v, %v, want it booked", found, receipt, err)
	}
}

// TestADamagedConfirmationConcernsItsOwnFile looks for lines where what is said of
// another file cannot be read.
func TestADamagedConfirmationConcernsItsOwnFile(t *testing.T) {
	for name, damage := range map[string]func(o office, other string){
		"a marker of something else": func(o office, other string) { o.out.write("confirmare_"+other+".ok", []byte(strings.Repeat("0", 64))) },
		"another first line":         func(o office, other string) { o.out.put("confirmare_"+other, "ID;"+answerHeader, charmap.Windows1250) },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			postings := []hub.Posting{payment(1, 128_477), payment(2, 1000), payment(3, 500), payment(4, 700)}
			var files []string
			for i := range 3 {
				receipts, err := o.Sink.Post(t.Context(), postings[i:i+1])
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, receipts[0].Number)
			}
			o.out.put("confirmare_"+files[0], answerHeader+"1;0090412;TF 0740000001;1.284,77;A;TI1;;"+string(postings[0].ID)+"\r\n#TOTAL;1;1.284,77\r\n", charmap.Windows1250)
			o.out.put("confirmare_"+files[2], answerHeader, charmap.Windows1250)
			damage(o, files[2])
			want := func(want ...hub.Found) { // "" = nothing can be said
				t.Helper()
				found, err := o.LotFinder.FindLot(t.Context(), postings)
				if err != nil {
					t.Fatal(err)
				}
				for i, f := range found {
					if f.Found != want[i] || (want[i] == "") != (hub.CodeOf(f.Err) == hub.CodeBadData) {
						t.Errorf("%d: got %+v, want %q", i+1, f, want[i])
					}
				}
			}
			want(hub.FoundBooked, hub.FoundNotVisible, "", hub.FoundAbsent)
			o.in.remove(files[2])
			want(hub.FoundBooked, hub.FoundNotVisible, "", "")
		})
	}
}

// TestALineIsFoundWhateverTheCompanyConfirmed looks for a line of which nothing is
// said yet, where a thousand confirmations lie there, and then for what became of it.
func TestALineIsFoundWhateverTheCompanyConfirmed(t *testing.T) {
	for name, tc := range map[string]struct {
		day  string // of the other files
		file bool   // whether it is known which one the line stands in
	}{
		"its file is known":      {"20260315", true},
		"the others are too old": {"20260311", false},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			for i := range 1001 {
				o.out.put(fmt.Sprintf("confirmare_plati_%s_X%d.csv", tc.day, i), answerHeader+"#TOTAL;0;0,00\r\n", charmap.Windows1250)
			}
			postings := []hub.Posting{payment(1, 128_477), payment(2, 1000)}
			receipts, err := o.Sink.Post(t.Context(), postings)
			if err != nil {
				t.Fatal(err)
			}
			sought := postings[1]
			if tc.file {
				sought.File = receipts[1].Number
			}
			want := func(want hub.Found) {
				t.Helper()
				if found, _, err := o.Finder.Find(t.Context(), sought); found != want || err != nil {
					t.Errorf("got %q, %v, want %q", found, err, want)
				}
			}
			want(hub.FoundNotVisible)
			o.in.remove(receipts[1].Number + ".ok")
			want(hub.FoundAbsent)
			o.out.put("confirmare_"+receipts[1].Number, answerHeader+
				"1;0090412;TF 0740000001;1.284,77;A;TI1;;"+string(postings[0].ID)+"\r\n"+
				"2;0090412;TF 0740000002;10,00;A;TI2;;"+string(postings[1].ID)+"\r\n#TOTAL;2;1.294,77\r\n", charmap.Windows1250)
			want(hub.FoundBooked)
		})
	}
}

// TestAFileThatCouldNotBeReadIsPutAgain damages the company's copy.
func TestAFileThatCouldNotBeReadIsPutAgain(t *testing.T) {
	o := newOffice(t)
	postings := []hub.Posting{payment(1, 128_477)}
	receipts, err := o.Sink.Post(t.Context(), postings)
	if err != nil {
		t.Fatal(err)
	}
	name := receipts[0].Number
	right, err := os.ReadFile(filepath.Join(o.in.path, name))
	if err != nil {
		t.Fatal(err)
	}
	o.in.write(name, right[:20])
	o.out.put("confirmare_"+name, answerHeader+"#EROARE;MARCAJ GRESIT\r\n", charmap.Windows1250)
	if found, _, err := o.Finder.Find(t.Context(), postings[0]); found != hub.FoundAbsent || err != nil {
		t.Fatalf("got %q, %v, want it absent: nothing of the file was booked", found, err)
	}
	if _, err := o.Sink.Post(t.Context(), postings); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(o.in.path, name)); string(got) != string(right) || err != nil {
		t.Errorf("got %q, %v, want the whole file again", got, err)
	}
	o.in.age(time.Hour, name+".ok")
	for _, tc := range []struct {
		answered time.Duration // ago
		want     hub.Found
	}{{2 * time.Hour, hub.FoundNotVisible}, {time.Hour, hub.FoundAbsent}, {time.Minute, hub.FoundAbsent}} {
		o.out.age(tc.answered, "confirmare_"+name, "confirmare_"+name+".ok")
		if found, _, err := o.Finder.Find(t.Context(), postings[0]); found != tc.want || err != nil {
			t.Errorf("put again an hour ago, answered %s ago: got %q, %v, want %q", tc.answered, found, err, tc.want)
		}
	}
}

// TestALotThatIsTooLateIsBookedADayLater puts a lot after eight in the evening.
func TestALotThatIsTooLateIsBookedADayLater(t *testing.T) {
	c := startCity(t)
	m := manifest(t)
	m.Rebase("127.0.0.1:8022", c.SFTPAddr())
	connector, err := connectors.NewCatalog(filedrop.Kind).Open(t.Context(), c.env(), m)
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, hour, minute int) {
		if err := c.SetClock(time.Date(2026, 3, day, hour, minute, 0, 0, hub.Bucharest)); err != nil {
			t.Fatal(err)
		}
	}
	at(16, 20, 30)
	lot := []hub.Posting{c.bill(), c.bill()}
	lot[1].ID, lot[1].ExternalID = "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:2", "TF 9999999999"
	name := ""
	for _, day := range []int{16, 17} { // put again next morning, when nothing is said of it
		receipts, err := connector.Sink.Post(t.Context(), lot)
		if err != nil || name != "" && receipts[0].Number != name || receipts[1].Number != receipts[0].Number {
			t.Fatalf("on the %dth: got %+v, %v, want one file, ever the same", day, receipts, err)
		}
		name = receipts[0].Number
		at(17, 5, 31)
	}
	want := func(first, second hub.Found) {
		t.Helper()
		found, err := connector.LotFinder.FindLot(t.Context(), lot)
		if err != nil || found[0].Found != first || found[1].Found != second {
			t.Errorf("got %+v, %v, want %s and %s", found, err, first, second)
		}
	}
	want(hub.FoundNotVisible, hub.FoundNotVisible)
	at(18, 5, 31)
	want(hub.FoundBooked, hub.FoundRefused)
	if booked := c.Book("heating"); len(booked) != 1 {
		t.Errorf("got %+v in the company's book, want the one payment", booked)
	}
}

func TestAFileWithoutItsMarkerIsNotSent(t *testing.T) {
	o := newOffice(t)
	p := payment(1, 500)
	receipts, err := o.Sink.Post(t.Context(), []hub.Posting{p})
	if err != nil {
		t.Fatal(err)
	}
	o.in.remove(receipts[0].Number + ".ok")
	if found, _, err := o.Finder.Find(t.Context(), p); found != hub.FoundAbsent || err != nil {
		t.Errorf("got %q, %v, want absent", found, err)
	}
	again, err := o.Sink.Post(t.Context(), []hub.Posting{p})
	if err != nil || again[0].Number != receipts[0].Number || len(o.in.names()) != 2 {
		t.Errorf("got %+v, %v, want the file completed under its name", again, err)
	}
	o.in.write(receipts[0].Number+".ok", []byte(strings.Repeat("0", 64)))
	fresh := newOffice(t)
	fresh.in = o.in
	if found, _, err := o.Finder.Find(t.Context(), p); found == hub.FoundBooked {
		t.Errorf("got %q, %v", found, err)
	}
}

func TestTheCityIsPaidByFile(t *testing.T) {
	c := startCity(t)
	m := manifest(t)
	m.Rebase("127.0.0.1:8022", c.SFTPAddr())
	connector, err := connectors.NewCatalog(filedrop.Kind).Open(t.Context(), c.env(), m)
	if err != nil {
		t.Fatal(err)
	}
	p := c.bill()
	unknown := p
	unknown.ID, unknown.ExternalID = "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:2", "TF 9999999999"
	for range 2 {
		receipts, err := connector.Sink.Post(t.Context(), []hub.Posting{p, unknown})
		if err != nil || !receipts[0].Pending {
			t.Fatalf("got %+v, %v, want both pending", receipts, err)
		}
	}
	found := func(p hub.Posting) hub.Found {
		found, _, err := connector.Finder.Find(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	before := c.turns.Load()
	if got := found(p); got != hub.FoundNotVisible {
		t.Errorf("got %q in the evening, want not visible", got)
	}
	if took := c.turns.Load() - before; took != 5 { // one log-in, two folders, a file and its marker
		t.Errorf("a look-up took %d turns, want 5", took)
	}
	if err := c.SetClock(time.Date(2026, 3, 17, 5, 31, 0, 0, hub.Bucharest)); err != nil {
		t.Fatal(err)
	}
	if got, other := found(p), found(unknown); got != hub.FoundBooked || other != hub.FoundRefused {
		t.Errorf("got %q and %q, want one booked and one refused", got, other)
	}
	booked := c.Book("heating")
	if len(booked) != 1 || booked[0].Reference != string(p.ID) || booked[0].Amount != p.Amount.Minor {
		t.Errorf("got %+v in the company's book, want the one payment", booked)
	}
}

// bill is a payment of some bill of the city.
func (c *city) bill() hub.Posting {
	c.t.Helper()
	for _, person := range c.People() {
		for _, d := range c.Truth(person.ID)["heating"] {
			if d.Outstanding > 0 {
				return hub.Posting{
					ID: "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1", ExternalID: d.ExternalID, Account: person.Accounts["heating"][0].Code,
					Amount: hub.Bani(d.Outstanding), PaidAt: c.Now(),
				}
			}
		}
	}
	c.t.Fatal("nobody owes for heating")
	return hub.Posting{}
}

func TestAFileThatWasCutOffIsNotBooked(t *testing.T) {
	c := startCity(t)
	m := manifest(t)
	m.Rebase("127.0.0.1:8022", c.SFTPAddr())
	connector, err := connectors.NewCatalog(filedrop.Kind).Open(t.Context(), c.env(), m)
	if err != nil {
		t.Fatal(err)
	}
	p := c.bill()
	for _, kind := range []gate.Kind{gate.Refuse503, gate.Down} {
		if err := c.Fault("heating", town.Fault{Kind: kind, Only: gate.Posts}); err != nil {
			t.Fatal(err)
		}
		if _, err := connector.Sink.Post(t.Context(), []hub.Posting{p}); err == nil || !hub.Certainly(err) {
			t.Errorf("%s: got %v (certain %t), want a failure for certain", kind, err, hub.Certainly(err))
		}
		c.ClearFaults()
	}
	if _, err := connector.Sink.Post(t.Context(), []hub.Posting{p}); err != nil {
		t.Errorf("got %v, want the file put there after all", err)
	}
}
