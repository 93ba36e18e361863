package waste

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/gate"
)

// fill replaces all balances.
func fill(tx *sql.Tx, want state) error {
	if _, err := tx.Exec(`DELETE FROM solduri`); err != nil {
		return err
	}
	insert, err := prepare(tx)
	if err != nil {
		return err
	}
	defer insert.Close()
	for house := range want.city.book.People().Houses() {
		if err := want.insert(insert, house); err != nil {
			return err
		}
	}
	return nil
}

// refresh replaces the balances of some households.
func refresh(tx *sql.Tx, want state, houses []int) error {
	insert, err := prepare(tx)
	if err != nil {
		return err
	}
	defer insert.Close()
	slices.Sort(houses)
	for _, house := range slices.Compact(houses) {
		if _, err := tx.Exec(`DELETE FROM solduri WHERE nr >= $1 AND nr < $2`, house*perHouse, (house+1)*perHouse); err != nil {
			return err
		}
		if err := want.insert(insert, house); err != nil {
			return err
		}
	}
	return nil
}

func prepare(tx *sql.Tx) (*sql.Stmt, error) {
	return tx.Prepare(`INSERT INTO solduri
		(nr, cod_client, nume, adresa, luna_an, nr_fact, valoare, sold, penal, scadenta)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)
}

// perHouse is how many row numbers a household has.
const perHouse = 16

func (s state) insert(into *sql.Stmt, house int) error {
	client, ok := s.city.book.Client(book.Waste, house)
	if !ok {
		return nil
	}
	for i, inv := range book.Listed(s.city.book.Invoices(book.Waste, house, s.day)) {
		if _, err := into.Exec(record(house*perHouse+i, client, inv)...); err != nil {
			return err
		}
	}
	return nil
}

func record(nr int, c book.Client, inv book.Invoice) []any {
	return []any{
		nr, char(c.Code, 12), char(c.Holder, 40), char(c.Address, 60), monthYear(inv.From), char(inv.Number, 16),
		numeric(inv.Amount), numeric(inv.Amount - inv.Paid), numeric(inv.Penalty), inv.Due.ISO(),
	}
}

// char pads with blanks, as CHAR(n) columns do, and cuts what is too long.
func char(s string, n int) string {
	letters := []rune(s)
	if len(letters) >= n {
		return string(letters[:n])
	}
	return s + strings.Repeat(" ", n-len(letters))
}

// monthYear is MM.YYYY.
func monthYear(d calendar.Day) string { return d.RO()[3:] }

// numeric writes bani as NUMERIC(12,2) prints.
func numeric(bani int64) string {
	sign := ""
	if bani < 0 {
		sign, bani = "-", -bani
	}
	return fmt.Sprintf("%s%d.%02d", sign, bani/100, bani%100)
}

const columns = `cod_client, nume, adresa, luna_an, nr_fact, valoare, sold, penal, scadenta`

// view is the statement that makes the view, as the faults want it; "" means
// that there is none. garbled is an expression that damages the letters of nume.
func view(g *gate.Gate, garbled string) string {
	on := func(kinds ...gate.Kind) bool {
		for _, kind := range kinds {
			if _, yes := g.On(kind); yes {
				return true
			}
		}
		return false
	}
	const create = `CREATE VIEW v_solduri AS SELECT `
	switch {
	case on(gate.Down, gate.Maintenance, gate.Refuse503, gate.RateLimited, gate.LoginPage, gate.Auth, gate.LostAnswer):
		return ""
	case on(gate.Malformed): // a column has another name since this morning
		return create + strings.Replace(columns, "sold", "sold AS sold_curent", 1) + ` FROM solduri`
	case on(gate.WrongCoding):
		return create + strings.Replace(columns, "nume", garbled+" AS nume", 1) + ` FROM solduri`
	case on(gate.WrongCitizen):
		return create + `a.cod_client, b.nume, b.adresa, b.luna_an, b.nr_fact, b.valoare, b.sold, b.penal, b.scadenta
			FROM solduri a JOIN solduri b ON b.nr =
			(SELECT min(n.nr) FROM solduri n WHERE n.nr > a.nr AND n.cod_client <> a.cod_client)`
	case on(gate.Huge):
		return create + columns + ` FROM solduri CROSS JOIN (WITH RECURSIVE n(i) AS
			(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT i FROM n) AS many`
	default:
		return create + columns + ` FROM solduri`
	}
}
