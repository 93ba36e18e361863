package main

import (
	"context"
	"database/sql"
	"io"
	"path/filepath"
	"testing"

	"racord/adapters/sqlite"
	"racord/hub"
)

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	for name, args := range map[string][]string{
		"nobody pays":             {"-payers", "0"},
		"too many pay":            {"-payers", "16,1000"},
		"not a number":            {"-payers", "few"},
		"no rounds":               {"-rounds", "0"},
		"so long that debts wait": {"-length", "1m"},
		"an unknown database":     {"-only", "oracle"},
		"a word too many":         {"sqlite"},
	} {
		t.Run(name, func(t *testing.T) {
			if o, err := parse(args, io.Discard); err == nil {
				t.Errorf("got %+v, want an error", o)
			}
		})
	}
}

// twoChanges are changes as PostgreSQL would have counted them.
var twoChanges = script{body: 100, steps: [][]counted{
	{{"payments", true, 1}, {"lines", true, 3}, {"claims", true, 3}, {"order_numbers", true, 1}},
	{{"payments", false, 1}, {"lines", false, 2}, {"journal", true, 2}, {"facts", true, 1}},
}}

func TestAScriptIsPlayedRowByRow(t *testing.T) {
	type place struct {
		table string
		no    int
	}
	var seen []map[place]bool
	err := twoChanges.play(func(rows []row) error {
		step := map[place]bool{}
		for _, r := range rows {
			step[place{r.table, r.no}] = true
		}
		seen = append(seen, step)
		return nil
	})
	if err != nil || len(seen) != 2 || len(seen[0]) != 8 || len(seen[1]) != 6 {
		t.Fatalf("got %v, %v, want 8 different rows and then 6", seen, err)
	}
	for _, again := range []place{{"payments", 1}, {"lines", 1}, {"lines", 2}} {
		if !seen[0][again] || !seen[1][again] {
			t.Errorf("%v is to be added and then brought up to date, got %v", again, seen)
		}
	}
}

func TestBareChangesArriveWhole(t *testing.T) {
	ctx, b := t.Context(), &sqliteBench{dir: t.TempDir()}
	for _, way := range b.bare() {
		t.Run(way.name, func(t *testing.T) {
			r, err := way.open(ctx, 2)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := twoChanges.play(func(rows []row) error { return r.write(ctx, 0, rows) }); err != nil {
					t.Fatal(err)
				}
			}
			r.close()
		})
	}
	files, err := filepath.Glob(filepath.Join(b.dir, "*", sqlite.DataFile))
	if err != nil || len(files) != 2 {
		t.Fatalf("got %v, %v, want a database for each way", files, err)
	}
	for _, file := range files {
		for table, want := range map[string]int{"payments": 3, "lines": 9, "claims": 9, "journal": 6, "facts": 3, "order_numbers": 3} {
			if got := rowsIn(ctx, t, file, table); got != want {
				t.Errorf("%s: got %d rows, want %d", table, got, want)
			}
		}
	}
}

func rowsIn(ctx context.Context, t *testing.T, file, table string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAPaymentIsPostedToTheLastLine(t *testing.T) {
	ctx := t.Context()
	store, err := (&sqliteBench{dir: t.TempDir()}).open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	h, err := openHub(ctx, store, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	for n := range 2 {
		if err := h.payOnce(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	balances, err := store.Balances(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range creditors {
		if got := balances[hub.AccountPayable(name)]; got != -2*12_300 {
			t.Errorf("%s: got %d bani, want two postings of 12300 owed", name, got)
		}
	}
}
