package town_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // reads the waste operator's view

	"racord/adapters/testserver"
	"racord/cmd/city/gate"
	"racord/cmd/city/town"
)

// The cases share one server, which takes longer to start than all of them.
func TestWasteOnPostgres(t *testing.T) {
	conf := town.Config{Seed: 1, Size: "XS", PostgresDSN: testserver.Postgres(t)}
	t.Run("shows what the file shows", func(t *testing.T) { postgresShowsWhatTheFileShows(t, start(t, conf)) })
	t.Run("bears five connections", func(t *testing.T) { postgresBearsFiveConnections(t, start(t, conf)) })
	t.Run("books what is inserted", func(t *testing.T) { wasteOnPostgresBooks(t, start(t, conf)) })
	t.Run("faults", func(t *testing.T) { postgresFaults(t, start(t, conf)) })
}

func postgresShowsWhatTheFileShows(t *testing.T, city *town.Town) {
	t.Helper()
	seen, file := books{}, books{}
	readWaste(t, city, seen)
	readWaste(t, start(t, town.Config{Seed: 1, Size: "XS"}), file)
	if got, want := seen["waste"], file["waste"]; len(got) != len(want) || len(want) == 0 {
		t.Fatalf("got %d accounts, want %d as in the SQLite file", len(got), len(want))
	}
	for account, debts := range file["waste"] {
		for number, want := range debts {
			if got := seen["waste"][account][number]; got != want {
				t.Errorf("%s %s: got %v, want %v as in the SQLite file", account, number, got, want)
			}
		}
	}
}

func postgresBearsFiveConnections(t *testing.T, city *town.Town) {
	t.Helper()
	db, err := sql.Open("pgx", city.WasteDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	for n := 1; n <= 6; n++ {
		conn, err := db.Conn(ctx)
		if n == 6 {
			if err == nil || !strings.Contains(err.Error(), "53300") {
				t.Errorf("sixth connection: got %v, want too many connections", err)
			}
			break
		}
		if err != nil {
			t.Fatalf("connection %d: got %v, want one", n, err)
		}
		defer conn.Close()
		var rows int
		if err := conn.QueryRowContext(ctx, `SELECT count(*) FROM v_solduri`).Scan(&rows); err != nil || rows == 0 {
			t.Errorf("connection %d: got %d rows, %v, want some", n, rows, err)
		}
		if _, err := conn.ExecContext(ctx, `SELECT * FROM solduri`); err == nil {
			t.Error("the table behind the view: got rows, want no permission")
		}
	}
	if c := city.Counters()["waste"]; c.MaxInflight != 6 || c.OverLimit != 1 {
		t.Errorf("counters: got %+v, want 6 at most and 1 over", c)
	}
}

func postgresFaults(t *testing.T, city *town.Town) {
	t.Helper()
	look := func() error {
		db, err := sql.Open("pgx", city.WasteDSN())
		if err != nil {
			return err
		}
		defer db.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		var sum string
		return db.QueryRowContext(ctx, `SELECT sum(sold)::text FROM v_solduri`).Scan(&sum)
	}
	for _, kind := range []gate.Kind{gate.Down, gate.Malformed, gate.Hang, gate.Maintenance} {
		t.Run(string(kind), func(t *testing.T) {
			meet(t, city, "waste", town.Fault{Kind: kind, Delay: time.Millisecond})
			if err := look(); err == nil {
				t.Error("got an answer, want none")
			}
			city.ClearFaults("waste")
			if err := look(); err != nil {
				t.Errorf("after ClearFaults: got %v, want an answer", err)
			}
		})
	}
}
