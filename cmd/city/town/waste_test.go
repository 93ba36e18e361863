package town_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
)

func TestWasteBooksWhatIsInserted(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	db, err := sql.Open("sqlite", "file:"+city.WasteDSN()+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	wasteBooks(t, city, db)
}

// wasteBooks pays through a database what ana owes.
func wasteBooks(t *testing.T, city *town.Town, db *sql.DB) {
	t.Helper()
	open := openBills(t, city, "ana", "waste")
	insert := func(id, code, bill string, amount int64) error {
		_, err := db.Exec(`INSERT INTO plati_import (id_extern, cod_client, nr_fact, suma, data_plata) VALUES ($1, $2, $3, $4, $5)`,
			id, code, sql.NullString{String: bill, Valid: bill != ""}, enLei(amount), "2026-03-15 09:30:00")
		return err
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(insert("w1", open[0].Account, open[0].ExternalID, open[0].Outstanding))
	must(insert("w2", open[0].Account, open[1].ExternalID, open[1].Outstanding+1))
	must(insert("w3", "00000000", "", 1_00))
	must(insert("w4", open[0].Account, "SL 0000000001", 1_00))
	if err := insert("w1", open[0].Account, open[0].ExternalID, open[0].Outstanding); err == nil {
		t.Error("the reference again: got no error, want a violated key")
	}
	if got := len(city.Book("waste")); got != 1 {
		t.Fatalf("book: got %d receipts, want one", got)
	}
	for id, want := range map[string]string{
		"w1": "D", "w2": "R SUMA DEPASESTE SOLDUL", "w3": "R CLIENT NECUNOSCUT", "w4": "R FACTURA NECUNOSCUTA",
	} {
		var state string
		var number, reason sql.NullString
		must(db.QueryRow(`SELECT prelucrat, nr_chitanta, motiv FROM plati_import WHERE id_extern = $1`, id).Scan(&state, &number, &reason))
		if got := strings.TrimSpace(state + " " + reason.String); got != want || number.Valid != (want == "D") {
			t.Errorf("%s: got %q with number %q, want %q", id, got, number.String, want)
		}
	}
	var left int
	must(db.QueryRow(`SELECT count(*) FROM v_solduri WHERE nr_fact LIKE $1`, open[0].ExternalID+"%").Scan(&left))
	if left != 0 || owed(t, city, "ana", "waste", open[0].ExternalID) != 0 {
		t.Errorf("the paid bill: got %d rows in the view, want none", left)
	}
	seen := books{}
	readWaste(t, city, seen)
	if got := seen["waste"][open[0].Account][open[1].ExternalID].Outstanding; got != open[1].Outstanding {
		t.Errorf("the other bill: got %d owed in the view, want %d", got, open[1].Outstanding)
	}
	meet(t, city, "waste", town.Fault{Kind: gate.Maintenance, Only: gate.Posts})
	if err := insert("w5", open[0].Account, "", 1_00); err == nil || !strings.Contains(err.Error(), "sistem in intretinere") {
		t.Errorf("while refusing: got %v, want a refusal", err)
	}
	city.ClearFaults("waste")
	must(insert("w5", open[0].Account, "", 1_00))
}

func wasteOnPostgresBooks(t *testing.T, city *town.Town) {
	t.Helper()
	db, err := sql.Open("pgx", city.WasteDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(2)
	wasteBooks(t, city, db)
	for _, forbidden := range []string{
		`UPDATE plati_import SET suma = 1`, `DELETE FROM plati_import`,
		`INSERT INTO plati_import (id_extern, cod_client, suma, data_plata, prelucrat) VALUES ('x', 'y', 1, now(), 'D')`,
	} {
		if _, err := db.Exec(forbidden); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: got %v, want no permission", forbidden, err)
		}
	}
	meet(t, city, "waste", town.Fault{Kind: gate.LostAnswer, Only: gate.Posts})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := len(city.Book("waste"))
	if _, err = conn.ExecContext(ctx, fmt.Sprintf(`INSERT INTO plati_import (id_extern, cod_client, suma, data_plata)
		VALUES ('lost', '%s', 0.50, '2026-03-15 09:30:00')`, openBills(t, city, "ana", "waste")[0].Account)); err == nil {
		t.Error("got an answer, want it lost")
	}
	city.ClearFaults("waste")
	if got := len(city.Book("waste")) - before; got != 1 {
		t.Errorf("got %d receipts, want the payment booked", got)
	}
}
