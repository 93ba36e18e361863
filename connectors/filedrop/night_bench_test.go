package filedrop_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/feed"
)

// nightOfLines is what a city's heating company delivers every night.
const nightOfLines = 110_000

// BenchmarkANightOfLines carries a night's files from their folder into the
// published snapshots of SQLite. Run it with -benchtime 1x.
func BenchmarkANightOfLines(b *testing.B) {
	c := bigNight(b, nightOfLines)
	began, used, n := time.Now(), worked(b), 0
	for b.Loop() {
		store, err := sqlite.Open(context.Background(), b.TempDir(), make([]byte, hub.MasterKeyBytes))
		if err != nil {
			b.Fatal(err)
		}
		r := feed.New(feed.Parts{Roster: hub.Fleet{c}, Store: store, Log: slog.New(slog.DiscardHandler)}, feed.Conf{})
		debug.FreeOSMemory()
		forgetPeak()
		got, err := r.Deliver(context.Background(), c)
		if err != nil || got.Outcome != feed.Published || got.Dropped > 0 {
			b.Fatal(got, err)
		}
		n += got.Records
		_ = store.Close()
	}
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "lines/s")
	b.ReportMetric(float64(n)/(worked(b)-used).Seconds(), "lines/cpu-s")
	b.ReportMetric(peakMB(), "peak-MB")
}

// forgetPeak lets the peak of this process's memory begin again (proc(5),
// clear_refs).
func forgetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMB is the most memory this process had, 0 where the system does not say.
func peakMB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb := 0.0
	_, _ = fmt.Sscan(rest, &kb)
	return kb / 1024
}
