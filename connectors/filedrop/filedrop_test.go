package filedrop_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"racord/hub"
)

func TestALineBecomesADebt(t *testing.T) {
	d := newDrop(t)
	d.night(noon)
	d.put(file(noon, "01"), sheet(line{"0004411", "TF 0099812", 128_477, 28_477, 100_000, 512, `"POPA ""NELU""  ŢÎRLEA "`}), charmap.Windows1250)
	got := take(t, d.local(noon), "")
	if got.err != nil {
		t.Fatal(got.err)
	}
	want := hub.Record{Account: "0004411", Obligation: hub.Obligation{
		ID: hub.NewObligationID("heating", "TF 0099812"), ExternalID: "TF 0099812", Kind: "heating.bill", Account: "0004411",
		Debtor: `POPA "NELU" ȚÎRLEA`, Subject: &hub.Subject{Type: "home", Label: "ALEEA BĂIȚA 3/14"},
		Reference: &hub.Reference{Invoice: "TF 0099812"}, IssuedOn: "2026-02-05",
		Components: []hub.Component{{Type: "principal", Amount: hub.Bani(128_477)}, {Type: "penalty", Amount: hub.Bani(512)}},
		Total:      hub.Bani(128_989), Paid: hub.Bani(28_477), Outstanding: hub.Bani(100_512),
		Installments: []hub.Installment{{No: 1, DueOn: "2026-02-20", Amount: hub.Bani(128_989), Outstanding: hub.Bani(100_512)}},
		Options: []hub.PaymentOption{{ID: "full", Kind: "full", Amount: hub.Bani(100_512), Transfers: []hub.Transfer{
			{Seq: 1, AccountID: "main", IBAN: "RO82SBXB0000999900000003", Amount: hub.Bani(100_512)},
		}}},
		Status: hub.StatusPartiallyPaid, HubState: hub.HubNone,
	}}
	if d := cmp.Diff(want, got.records[0]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestADeliveryIsAllBranchesOfADay(t *testing.T) {
	d := newDrop(t)
	d.night(noon.AddDate(0, 0, -1))
	d.night(noon)
	got := take(t, d.local(noon), "")
	if got.err != nil || len(got.records) != 45 {
		t.Fatalf("got %d records, %v, want today's 45", len(got.records), got.err)
	}
	if again := take(t, d.local(noon), got.next); hub.CodeOf(again.err) != hub.CodeNotFound {
		t.Errorf("the same again: got %v, want not_found", again.err)
	}
	d.night(noon.AddDate(0, 0, 1))
	if early := take(t, d.local(noon), got.next); hub.CodeOf(early.err) != hub.CodeNotFound {
		t.Errorf("tomorrow's files today: got %v, want not_found", early.err)
	}
	if next := take(t, d.local(noon.AddDate(0, 0, 1)), got.next); next.err != nil || len(next.records) != 48 {
		t.Errorf("got %d records, %v, want tomorrow's 48", len(next.records), next.err)
	}
	d.put(file(noon, "02"), sheet(bills("02", 2)...), charmap.Windows1250)
	if corrected := take(t, d.local(noon), got.next); corrected.err != nil || len(corrected.records) != 32 {
		t.Errorf("a corrected file: got %d records, %v, want 32", len(corrected.records), corrected.err)
	}
}

func TestLateIsSaidOnceItIsLate(t *testing.T) {
	d := newDrop(t)
	d.night(noon.AddDate(0, 0, -1))
	before := take(t, d.local(noon.AddDate(0, 0, -1)), "").next
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 15, hour, minute, 0, 0, hub.Bucharest) }
	for name, tc := range map[string]struct {
		now  time.Time
		want hub.Code
	}{
		"a minute before": {at(5, 29), hub.CodeNotFound},
		"the hour itself": {at(5, 30), hub.CodeUnavailable},
	} {
		if got := take(t, d.local(tc.now), before); hub.CodeOf(got.err) != tc.want {
			t.Errorf("%s: got %v, want %s", name, got.err, tc.want)
		}
	}
	d.put(file(noon, "01"), sheet(bills("01", 3)...), charmap.Windows1250)
	got := take(t, d.local(at(6, 0)), before)
	if hub.CodeOf(got.err) != hub.CodeUnavailable || !strings.Contains(got.err.Error(), "termo_20260315_02.csv is missing") {
		t.Errorf("two branches missing: got %v, want it to name termo_20260315_02.csv", got.err)
	}
	if first := take(t, d.local(at(6, 0)), ""); first.err != nil || len(first.records) != 42 {
		t.Errorf("a hub that has nothing: got %d records, %v, want yesterday's 42", len(first.records), first.err)
	}
}

// A delivery that is damaged as a whole is refused as a whole, and the error
// says which file.
func TestDamage(t *testing.T) {
	first, second := file(noon, "01"), file(noon, "02")
	good := sheet(bills("01", 5)...)
	for name, tc := range map[string]struct {
		damage func(d drop)
		want   string
	}{
		"cut off": {func(d drop) { d.put(first, good[:len(good)*2/3], charmap.Windows1250) },
			first + ", line 5: the control line is missing"},
		"cut off after its marker was made": {func(d drop) {
			whole, _ := charmap.Windows1250.NewEncoder().String(good)
			d.put(first, good, charmap.Windows1250)
			d.write(first, []byte(whole[:len(whole)-3]))
		}, first},
		"a changed byte": {func(d drop) {
			d.put(first, good, charmap.Windows1250)
			d.write(first, []byte(strings.Replace(good, "KOVÁCS", "KOVACS", 1)))
		}, first + ", line 7: the content does not fit the SHA-256"},
		"a marker of another file": {func(d drop) { d.write(first+".ok", []byte(strings.Repeat("ab", 32))) }, first},
		"an empty marker":          {func(d drop) { d.write(first+".ok", nil) }, first + ".ok is empty"},
		"a marker without a hash":  {func(d drop) { d.write(first+".ok", []byte("gata\n")) }, first + ".ok holds no SHA-256"},
		"a wrong total": {func(d drop) {
			d.put(first, strings.Replace(good, ";0,10;;", ";0,11;;", 1), charmap.Windows1250)
		}, first + ", line 7: the control total of PENALIT does not fit"},
		"a wrong number of lines": {func(d drop) {
			d.put(first, strings.Replace(good, "#TOTAL;5;", "#TOTAL;6;", 1), charmap.Windows1250)
		}, first + ", line 7: the control line does not say the 5 lines there are"},
		"something after the end": {func(d drop) { d.put(first, good+good, charmap.Windows1250) },
			first + ", line 8: something follows the control line"},
		"the same file twice": {func(d drop) { d.put(second, good, charmap.Windows1250); d.put(first, good, charmap.Windows1250) },
			second + " holds the same as " + first},
		"a branch nobody knows": {func(d drop) { d.put(file(noon, "04"), good, charmap.Windows1250) },
			file(noon, "04") + " is of a branch that the manifest does not list"},
		"yesterday's under today's name": {func(d drop) {
			for _, branch := range []string{"01", "02", "03"} {
				d.put(file(noon, branch), sheet(bills(branch, 14)...), charmap.Windows1250)
			}
		}, first + " holds what was delivered the day before"},
		"another table": {func(d drop) {
			d.put(first, strings.Replace(good, "REST", "RAMAS", 1), charmap.Windows1250)
		}, first + ", line 1: column 7 is not REST"},
		"a page instead of a table": {func(d drop) { d.put(first, "<!DOCTYPE html><form>Sesiunea a expirat</form>", nil) },
			first + ", line 1: the first line is not the 10 columns"},
		"nothing":         {func(d drop) { d.put(first, "", nil) }, first + ", line 0: the file is empty"},
		"an endless line": {func(d drop) { d.put(first, good+strings.Repeat(" ", 1<<20), charmap.Windows1250) }, first + ", line 8: a line is longer"},
		"no code page we know": {func(d drop) {
			d.put(first, strings.NewReplacer("KOVÁCS ISTVÁN", "Ковач Иван", "BĂIŢA", "Баица").Replace(good), charmap.Windows1251)
		},
			first + ", line 0: is not in windows-1250"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrop(t)
			d.night(noon.AddDate(0, 0, -1))
			d.night(noon)
			tc.damage(d)
			got := take(t, d.local(noon), "")
			if hub.CodeOf(got.err) != hub.CodeBadData || !strings.Contains(got.err.Error(), tc.want) {
				t.Errorf("got %v, want bad_data with %q", got.err, tc.want)
			}
		})
	}
}

func TestYesterdayIsKnownByTheCursorToo(t *testing.T) {
	d := newDrop(t)
	yesterday := noon.AddDate(0, 0, -1)
	d.night(yesterday)
	before := take(t, d.local(yesterday), "").next
	for _, branch := range []string{"01", "02", "03"} {
		if err := os.Rename(d.path+"/"+file(yesterday, branch), d.path+"/"+file(noon, branch)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(d.path+"/"+file(yesterday, branch)+".ok", d.path+"/"+file(noon, branch)+".ok"); err != nil {
			t.Fatal(err)
		}
	}
	if got := take(t, d.local(noon), before); hub.CodeOf(got.err) != hub.CodeBadData {
		t.Errorf("got %v, want bad_data", got.err)
	}
	if got := take(t, d.local(noon, "  marker: .ok", "  marker: .ok\n  unchanged: accept"), before); got.err != nil {
		t.Errorf("where it is accepted: got %v", got.err)
	}
}

func TestASmallBranchMayStayAsItWas(t *testing.T) {
	yesterday := noon.AddDate(0, 0, -1)
	for name, tc := range map[string]struct {
		lines int
		want  hub.Code
	}{
		"so few that nothing happened": {40, ""},
		"too many for that":            {200, hub.CodeBadData},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrop(t)
			d.night(yesterday)
			d.night(noon)
			for _, day := range []time.Time{yesterday, noon} {
				d.put(file(day, "02"), sheet(bills("02", tc.lines)...), charmap.Windows1250)
			}
			if got := take(t, d.local(noon), ""); hub.CodeOf(got.err) != tc.want {
				t.Errorf("got %v, want %q", got.err, tc.want)
			}
		})
	}
}

func TestADamagedLineIsRefusedAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		broken string // the third line of the file; its amounts still add up
		want   hub.QualityEvent
		whose  string // account/invoice
	}{
		"a quote that is not closed": {`01;"TF 1;05.02.2026;20.02.2026;0,00;0,00;0,00;0,00;A;B`, hub.QualityEvent{Code: "bad_line", Detail: "a quoted cell is not closed"}, "/"},
		"a cell too few":             {"01;TF 1;05.02.2026;20.02.2026;0,00;0,00;0,00;0,00;A", hub.QualityEvent{Code: "bad_line", Detail: "9 cells, not 10"}, "/"},
		"an amount that is none":     {"01;TF 1;05.02.2026;20.02.2026;0,00;O,00;0,00;0,00;A;B", hub.QualityEvent{Code: "bad_amount", Field: ", ACHITAT"}, "01/TF 1"},
		"no invoice number":          {"01; ;05.02.2026;20.02.2026;0,00;0,00;0,00;0,00;A;B", hub.QualityEvent{Code: "missing_field", Field: ", NR_FACT"}, "01/"},
		"no account":                 {";TF 1;05.02.2026;20.02.2026;0,00;0,00;0,00;0,00;A;B", hub.QualityEvent{Code: "missing_field", Field: ", account", Detail: "a line needs an account"}, "/TF 1"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrop(t)
			d.night(noon)
			text := strings.Replace(sheet(bills("01", 5)...), "#TOTAL;5;", tc.broken+"\r\n#TOTAL;6;", 1)
			d.put(file(noon, "01"), text, charmap.Windows1250)
			got := take(t, d.local(noon), "")
			if got.err != nil || len(got.records) != 35 || len(got.refused) != 1 {
				t.Fatalf("got %d records, %d refused, %v, want 35 and 1", len(got.records), len(got.refused), got.err)
			}
			event := got.refused[0]
			if where := file(noon, "01") + ", line 7" + tc.want.Field; event.Code != tc.want.Code || event.Field != where {
				t.Errorf("got %+v, want %s at %q", event, tc.want.Code, where)
			}
			if got.whose[0] != tc.whose {
				t.Errorf("got a refusal of %q, want of %q", got.whose[0], tc.whose)
			}
			if tc.want.Detail != "" && event.Detail != tc.want.Detail {
				t.Errorf("got detail %q, want %q", event.Detail, tc.want.Detail)
			}
		})
	}
}

func TestAnAmountThatCannotBeReadSpoilsTheTotal(t *testing.T) {
	d := newDrop(t)
	d.night(noon)
	d.put(file(noon, "01"), strings.Replace(sheet(bills("01", 5)...), ";0,03;", ";O,03;", 1), charmap.Windows1250)
	got := take(t, d.local(noon), "")
	if hub.CodeOf(got.err) != hub.CodeBadData || !strings.Contains(got.err.Error(), "control total of PENALIT") {
		t.Errorf("got %v, want the control total of PENALIT", got.err)
	}
}

func TestAFileInAnotherCodePageIsReadAndSaysSo(t *testing.T) {
	for name, tc := range map[string]struct {
		page *charmap.Charmap
		want string
	}{
		"as declared":       {charmap.Windows1250, ""},
		"an old DOS branch": {charmap.CodePage852, "read as cp852"},
		"a modern branch":   {nil, "read as utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrop(t)
			d.night(noon)
			lines := bills("03", 4)
			lines[0].name, lines[1].name = "TÎRLEA ŞTEFAN", "KOVÁCS ISTVÁN"
			d.put(file(noon, "03"), sheet(lines...), tc.page)
			got := take(t, d.local(noon), "")
			if got.err != nil {
				t.Fatal(got.err)
			}
			o := got.records[30].Obligation
			if o.Debtor != "TÎRLEA ȘTEFAN" || o.Subject.Label != "ALEEA BĂIȚA 3/14" {
				t.Errorf("got %q, %q", o.Debtor, o.Subject.Label)
			}
			said := ""
			for _, q := range o.Quality {
				if q.Code == "encoding_guessed" {
					said = q.Detail
				}
			}
			if said != tc.want {
				t.Errorf("got quality %q, want %q", said, tc.want)
			}
		})
	}
}

func TestBranchesWithoutLinesAreNotTwins(t *testing.T) {
	d := newDrop(t)
	for _, day := range []time.Time{noon.AddDate(0, 0, -1), noon} {
		d.put(file(day, "01"), sheet(bills("01", day.Day())...), charmap.Windows1250)
		d.put(file(day, "02"), sheet(), charmap.Windows1250)
		d.put(file(day, "03"), sheet(), charmap.Windows1250)
	}
	if got := take(t, d.local(noon), ""); got.err != nil || len(got.records) != 15 {
		t.Errorf("got %d records, %v, want 15", len(got.records), got.err)
	}
}

func TestAFolderCannotBeLeft(t *testing.T) {
	d, outside := newDrop(t), newDrop(t)
	d.night(noon)
	outside.put("secret", sheet(bills("01", 5)...), charmap.Windows1250)
	d.remove(file(noon, "01"))
	if err := os.Symlink(outside.path+"/secret", d.path+"/"+file(noon, "01")); err != nil {
		t.Fatal(err)
	}
	if got := take(t, d.local(noon), ""); hub.CodeOf(got.err) != hub.CodeUnavailable {
		t.Errorf("got %v, want unavailable: the link leads out of the folder", got.err)
	}
}
