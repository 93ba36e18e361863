package filedrop_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"racord/hub"
)

// FuzzFile reads a file that may hold anything. It is delivered or refused; it
// never makes records of what its own control line does not cover, and never
// fails in another way.
func FuzzFile(f *testing.F) {
	good, _ := charmap.Windows1250.NewEncoder().String(sheet(bills("01", 3)...))
	for _, seed := range []string{
		good, "", header, good[:len(good)/2], strings.ReplaceAll(good, ";", `;"`), "\xef\xbb\xbf" + good,
		strings.ReplaceAll(good, "\r\n", "\n"), strings.ReplaceAll(good, "\r\n", "\r"), sheet(), header + "#TOTAL;;;;;;;;;",
		header + "\"", "\x00", strings.Repeat(";", 9) + "\n",
	} {
		f.Add([]byte(seed))
	}
	d := newDrop(f)
	for _, branch := range []string{"02", "03"} {
		d.put(file(noon, branch), sheet(), charmap.Windows1250)
	}
	c := d.local(noon)
	f.Fuzz(func(t *testing.T, content []byte) {
		d := drop{t, d.path}
		sum := sha256.Sum256(content)
		d.write(file(noon, "01"), content)
		d.write(file(noon, "01")+".ok", []byte(hex.EncodeToString(sum[:])))
		batch, err := c.Feed.Pull(context.Background(), "")
		if err != nil {
			t.Fatalf("a marker that fits: got %v", err)
		}
		defer func() { _ = batch.Close() }()
		records, failed := 0, false
		for r, err := range batch.Records() {
			if failed {
				t.Fatal("records after the end")
			}
			switch {
			case err != nil:
				failed = true
				if hub.CodeOf(err) != hub.CodeBadData {
					t.Fatalf("got %v, want bad_data", err)
				}
			case r.Refused != nil:
				records++
			default:
				records++
				if o := r.Obligation; r.Account == "" || o.ExternalID == "" || o.Total.Minor-o.Paid.Minor != o.Outstanding.Minor && len(o.Quality) == 0 {
					t.Fatalf("got a record that cannot be: %+v", r)
				}
			}
		}
		if !failed && batch.Control().Rows != records {
			t.Fatalf("got %d records, control says %d", records, batch.Control().Rows)
		}
	})
}
