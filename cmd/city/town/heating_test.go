package town_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
)

const paymentHeader = "ID_LINIE;COD_CLIENT;NR_FACT;SUMA;DATA_PLATII;REFERINTA\r\n"

// paymentFile writes lines and the control line.
func paymentFile(sum int64, lines ...string) string {
	return paymentHeader + strings.Join(lines, "") + fmt.Sprintf("#TOTAL;%d;%s\r\n", len(lines), roLei(sum))
}

func paymentLine(id string, d town.Debt, amount int64, reference string) string {
	return fmt.Sprintf("%s;%s;%s;%s;16.03.2026 10:00:00;%s\r\n", id, d.Account, d.ExternalID, roLei(amount), reference)
}

// put uploads a file of payments and its marker, each renamed when complete.
func put(client *sftp.Client, name, content, marked string) error {
	mark := fmt.Sprintf("%x\n", sha256.Sum256([]byte(marked)))
	for _, one := range [][2]string{{name, content}, {name + ".ok", mark}} {
		f, err := client.Create("/in/" + one[0] + ".part")
		if err != nil {
			return err
		}
		_, err = io.WriteString(f, one[1])
		if failed := f.Close(); err == nil {
			err = failed
		}
		if err == nil {
			err = client.PosixRename("/in/"+one[0]+".part", "/in/"+one[0])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func openSFTP(t *testing.T, city *town.Town) *sftp.Client {
	t.Helper()
	client, err := dialHeating(city)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// confirmed is the company's answer to a file; "" when there is none.
func confirmed(t *testing.T, client *sftp.Client, name string) string {
	t.Helper()
	content, err := fetch(client, "confirmare_"+name)
	if os.IsNotExist(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestHeatingBooksAFileTheNextMorning(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	at(t, city, "2026-03-16 19:59") // a Monday
	open, client := openBills(t, city, "ana", "heating"), openSFTP(t, city)
	sum := open[0].Outstanding + open[1].Outstanding + 1
	content := paymentFile(sum, paymentLine("1", open[0], open[0].Outstanding, "h1"), paymentLine("2", open[1], open[1].Outstanding+1, "h2"))
	if err := put(client, "plati_1.csv", content, content); err != nil {
		t.Fatal(err)
	}
	at(t, city, "2026-03-17 04:59")
	if got := len(city.Book("heating")); got != 0 {
		t.Fatalf("before five: got %d receipts, want none", got)
	}
	at(t, city, "2026-03-17 05:30")
	got := confirmed(t, client, "plati_1.csv")
	for _, want := range []string{
		";A;TI00000001;;h1\r\n", ";R;;SUMA DEPASESTE SOLDUL;h2\r\n", "#TOTAL;2;" + roLei(open[0].Outstanding) + "\r\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("answer: got %q, want %q in it", got, want)
		}
	}
	all := city.Book("heating")
	if len(all) != 1 || all[0].Reference != "h1" || all[0].BookedAt.Format("2006-01-02 15:04") != "2026-03-17 05:00" ||
		all[0].EffectiveAt.Format("2006-01-02 15:04") != "2026-03-16 10:00" {
		t.Errorf("book: got %+v, want h1 booked at five", all)
	}
	seen := books{}
	readHeating(t, city, seen)
	if d, shown := seen["heating"][open[0].Account][open[0].ExternalID]; shown {
		t.Errorf("the morning's debts: got the paid bill %+v", d)
	}
	if err := put(client, "plati_1.csv", content, content); err != nil { // again, harmless
		t.Fatal(err)
	}
	at(t, city, "2026-03-19 06:00")
	if got := len(city.Book("heating")); got != 1 {
		t.Errorf("after the same file again: got %d receipts, want one", got)
	}
	another := paymentFile(open[0].Outstanding, paymentLine("1", open[0], open[0].Outstanding, "h1"))
	if err := put(client, "plati_2.csv", another, another); err != nil {
		t.Fatal(err)
	}
	at(t, city, "2026-03-20 06:00")
	if got := len(city.Book("heating")); got != 2 {
		t.Errorf("after the line in another file: got %d receipts, want the double", got)
	}
}

func TestHeatingHasItsHours(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	d, client := openBills(t, city, "ana", "heating")[0], openSFTP(t, city)
	content := paymentFile(1_00, paymentLine("1", d, 1_00, "r"))
	for sent, want := range map[string]string{
		"2026-03-17 19:59": "2026-03-18 05:00",
		"2026-03-17 20:00": "2026-03-19 05:00",
		"2026-03-20 12:00": "2026-03-23 05:00", // a Friday
	} {
		at(t, city, sent)
		before := len(city.Book("heating"))
		name := "plati_" + strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, sent) + ".csv"
		if err := put(client, name, content, content); err != nil {
			t.Fatal(err)
		}
		at(t, city, "2026-04-20 12:00")
		all := city.Book("heating")
		if len(all) != before+1 || all[before].BookedAt.Format("2006-01-02 15:04") != want {
			t.Errorf("sent %s: got %d receipts, the last %v; want one more at %s", sent, len(all)-before, all[len(all)-1].BookedAt, want)
		}
	}
}

func TestHeatingRefusesWhatItCannotRead(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	at(t, city, "2026-03-17 10:00")
	d, client := openBills(t, city, "ana", "heating")[0], openSFTP(t, city)
	line := paymentLine("1", d, 1_00, "r")
	good := paymentFile(1_00, line)
	for name, content := range map[string]string{
		"total":  paymentFile(2_00, line),
		"line":   paymentFile(1_00, line, "2;x\r\n"),
		"header": strings.TrimPrefix(good, "ID_LINIE;"),
		"marker": good,
	} {
		marked := content
		if name == "marker" {
			marked = "something else"
		}
		if err := put(client, name+".csv", content, marked); err != nil {
			t.Fatal(err)
		}
	}
	at(t, city, "2026-03-18 06:00")
	for name, want := range map[string]string{"total": "TOTAL GRESIT", "line": "LINIA 3", "header": "LINIA 1", "marker": "MARCAJ GRESIT"} {
		if got := confirmed(t, client, name+".csv"); !strings.HasSuffix(got, "#EROARE;"+want+"\r\n") {
			t.Errorf("%s: got %q, want %s", name, got, want)
		}
	}
	if got := len(city.Book("heating")); got != 0 {
		t.Errorf("book: got %d receipts, want none", got)
	}
	if err := put(client, "total.csv", good, good); err != nil {
		t.Fatal(err)
	}
	at(t, city, "2026-03-19 06:00")
	if got := confirmed(t, client, "total.csv"); !strings.Contains(got, ";A;") {
		t.Errorf("sent again: got %q, want it booked", got)
	}
}

func TestHeatingLetsCallersWriteInOnePlace(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	client := openSFTP(t, city)
	for _, at := range []string{"/out/x.csv", "/x.csv", "/in/../x", "/in/..x/y", "/in/ș.csv", "/in/.hidden"} {
		if f, err := client.Create(at); err == nil {
			_ = f.Close()
			t.Errorf("create %s: got no error, want one", at)
		}
	}
	content := paymentFile(0)
	if err := put(client, "a.csv", content, content); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"move out":    client.Rename("/in/a.csv", "/out/a.csv"),
		"move in":     client.Rename("/out/termo_20260315_01.csv", "/in/b.csv"),
		"remove":      client.Remove("/in/a.csv"),
		"remove debt": client.Remove("/out/termo_20260315_01.csv"),
		"folder":      client.Mkdir("/in/x"),
	} {
		if err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
	if files, err := client.ReadDir("/in"); err != nil || len(files) != 2 {
		t.Errorf("/in: got %d files, %v, want the file and its marker", len(files), err)
	}
}

func TestHeatingUploadFaults(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	for kind, arrived := range map[gate.Kind]bool{gate.Down: false, gate.Maintenance: false, gate.LostAnswer: true, gate.LostSilence: true} {
		t.Run(string(kind), func(t *testing.T) {
			client := openSFTP(t, city)
			from, to := fmt.Sprintf("/in/%s.part", kind), fmt.Sprintf("/in/%s.csv", kind)
			f, err := client.Create(from)
			if err != nil {
				t.Fatal(err)
			}
			_ = f.Close()
			meet(t, city, "heating", town.Fault{Kind: kind, Only: gate.Posts, Delay: time.Millisecond})
			if err := client.PosixRename(from, to); err == nil && kind != gate.LostSilence {
				t.Error("got an answer, want none or a refusal")
			}
			city.ClearFaults("heating")
			if _, err := openSFTP(t, city).Stat(to); (err == nil) != arrived {
				t.Errorf("got %v, want the file there: %v", err, arrived)
			}
		})
	}
}
