package filedrop_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"racord/config"
	"racord/connectors"
	"racord/connectors/filedrop"
	"racord/hub"
)

// noon is a Sunday on which the night's files are there.
var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, hub.Bucharest)

const header = "COD_CLIENT;NR_FACT;DATA_EM;SCADENTA;VALOARE;ACHITAT;REST;PENALIT;NUME;ADRESA\r\n"

// line is one bill of the heating company, amounts in bani.
type line struct {
	account, number            string
	value, paid, rest, penalty int64
	name                       string
}

func (l line) String() string {
	return fmt.Sprintf("%s;%s;05.02.2026;20.02.2026;%s;%s;%s;%s;%s;ALEEA BĂIŢA 3/14\r\n",
		l.account, l.number, lei(l.value), lei(l.paid), lei(l.rest), lei(l.penalty), l.name)
}

// lei writes bani as 1.284,77.
func lei(bani int64) string {
	sign := ""
	if bani < 0 {
		sign, bani = "-", -bani
	}
	whole := fmt.Sprint(bani / 100)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "." + whole[i:]
	}
	return fmt.Sprintf("%s%s,%02d", sign, whole, bani%100)
}

// sheet is a whole file with its control line.
func sheet(lines ...line) string {
	var b strings.Builder
	b.WriteString(header)
	var sum line
	for _, l := range lines {
		b.WriteString(l.String())
		sum.value, sum.paid, sum.rest, sum.penalty = sum.value+l.value, sum.paid+l.paid, sum.rest+l.rest, sum.penalty+l.penalty
	}
	fmt.Fprintf(&b, "#TOTAL;%d;;;%s;%s;%s;%s;;\r\n", len(lines), lei(sum.value), lei(sum.paid), lei(sum.rest), lei(sum.penalty))
	return b.String()
}

// bills makes n lines of a branch.
func bills(branch string, n int) (lines []line) {
	for i := range n {
		lines = append(lines, line{
			account: fmt.Sprintf("%s%05d", branch, i), number: fmt.Sprintf("TF %s%07d", branch, i),
			value: 128_477, rest: 128_477, penalty: int64(i), name: "KOVÁCS ISTVÁN",
		})
	}
	return lines
}

// drop is a folder that the heating company drops files in.
type drop struct {
	t    testing.TB
	path string
}

func newDrop(t testing.TB) drop { return drop{t, t.TempDir()} }

// put writes a file in a code page, and its marker.
func (d drop) put(name, text string, page *charmap.Charmap) {
	d.t.Helper()
	content := []byte(text)
	if page != nil {
		var err error
		if content, err = page.NewEncoder().Bytes(content); err != nil {
			d.t.Fatal(err)
		}
	}
	d.write(name, content)
	sum := sha256.Sum256(content)
	d.write(name+".ok", []byte(hex.EncodeToString(sum[:])+"\n"))
}

func (d drop) write(name string, content []byte) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.path, name), content, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// age makes files as old as that.
func (d drop) age(by time.Duration, names ...string) {
	d.t.Helper()
	at := time.Now().Add(-by)
	for _, name := range names {
		if err := os.Chtimes(filepath.Join(d.path, name), at, at); err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d drop) remove(name string) {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.path, name)); err != nil {
		d.t.Fatal(err)
	}
}

// night drops the three files of a day, with as many lines as days.
func (d drop) night(day time.Time) {
	d.t.Helper()
	for _, branch := range []string{"01", "02", "03"} {
		d.put(file(day, branch), sheet(bills(branch, day.Day())...), charmap.Windows1250)
	}
}

func file(day time.Time, branch string) string {
	return "termo_" + day.Format("20060102") + "_" + branch + ".csv"
}

// manifest is the demo city's, read as in production and then changed.
func manifest(t testing.TB, change ...string) *connectors.Manifest {
	t.Helper()
	text, err := fs.ReadFile(config.DemoCreditors(), "heating.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := connectors.NewCatalog(filedrop.Kind).Parse("heating.yaml", []byte(strings.NewReplacer(change...).Replace(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// local reads from the folder instead of the server.
func (d drop) local(now time.Time, change ...string) *hub.Connector {
	d.t.Helper()
	text, err := fs.ReadFile(config.DemoCreditors(), "heating.yaml")
	if err != nil {
		d.t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "  sftp:\n")
	_, after, _ := strings.Cut(rest, "  directory: /out\n")
	local := strings.NewReplacer(change...).Replace(before + "  directory: " + d.path + "\n" + after)
	catalog := connectors.NewCatalog(filedrop.Kind)
	m, err := catalog.Parse("heating.yaml", []byte(local))
	if err != nil {
		d.t.Fatal(err)
	}
	c, err := catalog.Open(context.Background(), connectors.Env{Clock: hub.ClockFunc(func() time.Time { return now }), LocalFiles: true}, m)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// taken is what a batch brought.
type taken struct {
	records []hub.Record
	refused []hub.QualityEvent
	whose   []string // account/invoice of each refusal
	due     int64
	next    hub.Cursor
	err     error
}

// take pulls a delivery and reads it to its end.
func take(t testing.TB, c *hub.Connector, since hub.Cursor) (out taken) {
	t.Helper()
	batch, err := c.Feed.Pull(context.Background(), since)
	if err != nil {
		return taken{err: err}
	}
	defer func() {
		if err := batch.Close(); err != nil {
			t.Error(err)
		}
	}()
	for record, err := range batch.Records() {
		if err != nil {
			out.err = err
			return out
		}
		if record.Refused != nil {
			out.refused = append(out.refused, *record.Refused)
			out.whose = append(out.whose, record.Account+"/"+record.Obligation.ExternalID)
			continue
		}
		out.records = append(out.records, record)
		out.due += record.Obligation.Outstanding.Minor
	}
	if control := batch.Control(); control.Rows != len(out.records)+len(out.refused) {
		t.Errorf("got %d rows in all control lines, want %d", control.Rows, len(out.records)+len(out.refused))
	}
	out.next = batch.Next()
	return out
}
