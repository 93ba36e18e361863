package einvoice_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/feed"
)

// night is a supplier with n messages waiting, and all the slots there are.
func night(b *testing.B, n int) (*hub.Connector, context.Context) {
	b.Helper()
	s := newSupplier(b)
	for i := range n {
		s.send(fmt.Sprint(1000+i), usual(b, fmt.Sprint("EL ", i)))
	}
	ctx := hub.WithSlots(context.Background(), func() (func(), bool) { return func() {}, true })
	c := open(b, newCaller(b, secrets).env, manifest(b, s.URL, "property: POD", "property: POD\n  batch: 100000"))
	return c, ctx
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

// BenchmarkBills measures a bill from the wire to a mapped record: download from
// a server in the same process, unpack, parse, check, map.
func BenchmarkBills(b *testing.B) {
	const bills = 500
	c, ctx := night(b, bills)
	began, n := worked(b), 0
	b.ReportAllocs()
	for b.Loop() {
		if got := take(b, ctx, c, ""); got.err != nil || len(got.records) != bills {
			b.Fatal(len(got.records), got.refused, got.err)
		}
		n += bills
	}
	b.ReportMetric(float64(n)/(worked(b)-began).Seconds(), "bills/cpu-s")
}

// BenchmarkBillsIntoTheStore is the same, published in SQLite.
func BenchmarkBillsIntoTheStore(b *testing.B) {
	const bills = 500
	c, ctx := night(b, bills)
	began, n := worked(b), 0
	b.ReportAllocs()
	for b.Loop() {
		store, err := sqlite.Open(context.Background(), b.TempDir(), make([]byte, hub.MasterKeyBytes))
		if err != nil {
			b.Fatal(err)
		}
		r := feed.New(feed.Parts{Roster: hub.Fleet{c}, Store: store, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, feed.Conf{})
		if got, err := r.Deliver(ctx, c); err != nil || got.Records != bills {
			b.Fatal(got, err)
		}
		n += bills
		_ = store.Close()
	}
	b.ReportMetric(float64(n)/(worked(b)-began).Seconds(), "bills/cpu-s")
}
