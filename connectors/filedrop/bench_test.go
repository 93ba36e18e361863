package filedrop_test

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/feed"
)

// bigNight drops a night of lines in three branches.
func bigNight(b testing.TB, lines int) *hub.Connector {
	b.Helper()
	d := newDrop(b)
	for _, branch := range []string{"01", "02", "03"} {
		d.put(file(noon, branch), sheet(bills(branch, lines/3)...), charmap.Windows1250)
	}
	return d.local(noon)
}

// worked is the processor time this process has used: a busy machine does not
// change it.
func worked(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkLines measures a line from the file to a mapped record.
func BenchmarkLines(b *testing.B) {
	c := bigNight(b, 30_000)
	began, n := worked(b), 0
	b.ReportAllocs()
	for b.Loop() {
		batch, err := c.Feed.Pull(context.Background(), "")
		if err != nil {
			b.Fatal(err)
		}
		for r, err := range batch.Records() {
			if err != nil || r.Refused != nil {
				b.Fatal(err, r.Refused)
			}
			n++
		}
		_ = batch.Close()
	}
	b.ReportMetric(float64(n)/(worked(b)-began).Seconds(), "lines/cpu-s")
}

// BenchmarkLinesIntoTheStore is the same, published in SQLite.
func BenchmarkLinesIntoTheStore(b *testing.B) {
	c := bigNight(b, 30_000)
	began, n := worked(b), 0
	b.ReportAllocs()
	for b.Loop() {
		store, err := sqlite.Open(context.Background(), b.TempDir(), make([]byte, hub.MasterKeyBytes))
		if err != nil {
			b.Fatal(err)
		}
		r := feed.New(feed.Parts{Roster: hub.Fleet{c}, Store: store, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, feed.Conf{})
		got, err := r.Deliver(context.Background(), c)
		if err != nil || got.Outcome != feed.Published {
			b.Fatal(got, err)
		}
		n += got.Records
		_ = store.Close()
	}
	b.ReportMetric(float64(n)/(worked(b)-began).Seconds(), "lines/cpu-s")
}

// However long a file is, what is kept of it is the same.
func TestMemoryStaysFlat(t *testing.T) {
	most := func(lines int) (kept uint64) {
		c := bigNight(t, lines)
		batch, err := c.Feed.Pull(context.Background(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = batch.Close() }()
		n := 0
		for _, err := range batch.Records() {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == lines/3-1 { // near the end of the first file
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				kept = m.HeapAlloc
			}
		}
		return kept
	}
	few, many := most(3_000), most(60_000)
	if grown := int64(many) - int64(few); grown > 4<<20 {
		t.Errorf("got %d KB more for twenty times the lines, want none", grown>>10)
	}
}
