package sqlite_test

import (
	"testing"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/hubtest"
)

func BenchmarkStore(b *testing.B) {
	hubtest.BenchmarkStore(b, func(b *testing.B) hub.Store { return benchStore(b) })
}

func benchStore(b *testing.B) *sqlite.Store {
	b.Helper()
	store, err := sqlite.Open(b.Context(), b.TempDir(), hubtest.Master())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	return store
}

// BenchmarkFolderCold reads a folder that the index does not hold.
func BenchmarkFolderCold(b *testing.B) {
	store, who := benchStore(b), hub.Login{Issuer: "https://login.example", Subject: "ana"}
	if _, err := store.Enrol(b.Context(), who, "Ana", nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Store.Folder(b.Context(), who); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPayments(b *testing.B) {
	hubtest.BenchmarkPayments(b, func(b *testing.B) hub.Store { return benchStore(b) })
}
