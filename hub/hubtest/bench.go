package hubtest

import (
	"fmt"
	"testing"
	"time"

	"racord/hub"
)

// BenchmarkStore measures what the hub does most: reading a folder, adding rows
// of a delivery, reading a snapshot. open gives an empty store.
func BenchmarkStore(b *testing.B, open func(b *testing.B) hub.Store) {
	for name, bench := range map[string]func(*testing.B, hub.Store){
		"folder": benchFolder, "add": benchAdd, "snapshot": benchSnapshot,
	} {
		b.Run(name, func(b *testing.B) { bench(b, open(b)) })
	}
}

func linked(b *testing.B, store hub.Store, who hub.Login) hub.Folder {
	b.Helper()
	folder, err := store.Enrol(b.Context(), who, "Ana", []hub.Identifier{{Scheme: hub.SchemeCNP, Value: CNP}})
	if err != nil {
		b.Fatal(err)
	}
	for _, creditor := range []hub.Name{"water", "heat", "waste"} {
		link := hub.Link{ID: hub.LinkID(hub.NewID()), Party: folder.Party.ID, Account: hub.AccountRef{Creditor: creditor, Code: "123"}}
		if err := store.Link(b.Context(), link); err != nil {
			b.Fatal(err)
		}
	}
	return folder
}

func benchFolder(b *testing.B, store hub.Store) {
	who := login("ana")
	linked(b, store, who)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := store.Folder(b.Context(), who); err != nil {
				b.Error(err)
			}
		}
	})
}

// benchAdd stages deliveries of 20,000 rows; one operation is one row.
func benchAdd(b *testing.B, store hub.Store) {
	const rows, batch = 20_000, 5_000
	all := make([]hub.SnapshotRow, rows)
	for i := range all {
		code := fmt.Sprintf("%08d", i*7919%rows)
		all[i] = hub.SnapshotRow{Account: code, Obligation: Obligation("heat", "F"+code, int64(i))}
	}
	b.ReportAllocs()
	var id hub.StageID
	b.ResetTimer()
	for done := 0; done < b.N; {
		if done%rows == 0 {
			id = freshStage(b, store, id)
		}
		n := min(batch, b.N-done)
		at := done % rows
		if err := store.Add(b.Context(), id, all[at:at+n]); err != nil {
			b.Fatal(err)
		}
		done += n
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func freshStage(b *testing.B, store hub.Store, old hub.StageID) hub.StageID {
	b.StopTimer()
	defer b.StartTimer()
	if old != "" {
		if err := store.Discard(b.Context(), old); err != nil {
			b.Fatal(err)
		}
	}
	id, err := store.Stage(b.Context(), "heat", hub.ExtentAll, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	return id
}

func benchSnapshot(b *testing.B, store hub.Store) {
	id := freshStage(b, store, "")
	rows := []hub.SnapshotRow{}
	for i := range 10_000 {
		rows = append(rows, hub.SnapshotRow{Account: fmt.Sprint(i / 2), Obligation: Obligation("heat", fmt.Sprint(i), 100)})
	}
	if err := store.Add(b.Context(), id, rows); err != nil {
		b.Fatal(err)
	}
	if _, err := store.Publish(b.Context(), id, "1"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if _, err := store.Snapshot(b.Context(), hub.AccountRef{Creditor: "heat", Code: fmt.Sprint(i % 5000)}); err != nil {
			b.Fatal(err)
		}
	}
}
