package sqlite_test

import (
	"fmt"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/hubtest"
)

func benchStore(b *testing.B) *sqlite.Store {
	b.Helper()
	store, err := sqlite.Open(b.Context(), b.TempDir(), hubtest.Master())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	return store
}

func linked(b *testing.B, store hub.Store, who hub.Login) hub.Folder {
	b.Helper()
	folder, err := store.Enrol(b.Context(), who, "Ana", []hub.Identifier{{Scheme: hub.SchemeCNP, Value: hubtest.CNP}})
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

func BenchmarkFolderWarm(b *testing.B) {
	store, who := benchStore(b), hub.Login{Issuer: "https://login.example", Subject: "ana"}
	linked(b, store, who)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := store.Folder(b.Context(), who); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkFolderCold(b *testing.B) {
	store, who := benchStore(b), hub.Login{Issuer: "https://login.example", Subject: "ana"}
	linked(b, store, who)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Store.Folder(b.Context(), who); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAdd stages deliveries of 20,000 rows; one operation is one row.
func BenchmarkAdd(b *testing.B) {
	store := benchStore(b)
	const rows, batch = 20_000, 5_000
	all := make([]hub.SnapshotRow, rows)
	for i := range all {
		code := fmt.Sprintf("%08d", i*7919%rows)
		all[i] = hub.SnapshotRow{Account: code, Obligation: hubtest.Obligation("heat", "F"+code, int64(i))}
	}
	b.ReportAllocs()
	var id hub.StageID
	b.ResetTimer()
	for done := 0; done < b.N; {
		if done%rows == 0 {
			id = fresh(b, store, id)
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

func fresh(b *testing.B, store hub.Store, old hub.StageID) hub.StageID {
	b.StopTimer()
	defer b.StartTimer()
	if old != "" {
		if err := store.Discard(b.Context(), old); err != nil {
			b.Fatal(err)
		}
	}
	id, err := store.Stage(b.Context(), "heat", true, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	return id
}

func BenchmarkSnapshot(b *testing.B) {
	store := benchStore(b)
	id := fresh(b, store, "")
	rows := []hub.SnapshotRow{}
	for i := range 10_000 {
		rows = append(rows, hub.SnapshotRow{Account: fmt.Sprint(i / 2), Obligation: hubtest.Obligation("heat", fmt.Sprint(i), 100)})
	}
	if err := store.Add(b.Context(), id, rows); err != nil {
		b.Fatal(err)
	}
	if err := store.Publish(b.Context(), id, "1"); err != nil {
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
