package waste

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/gate"
)

// batch is how many payments are booked in one transaction.
const batch = 500

const timeLayout = "2006-01-02 15:04:05"

// imported is a row of plati_import that waits.
type imported struct{ reference, code, bill, amount, paid string }

// collect enters the payments that wait. One that was entered before its row could
// be marked is found again by its reference.
func (o *Operator) collect() error {
	for {
		rows, err := o.waiting()
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := o.mark(rows); err != nil {
			return err
		}
	}
}

func (o *Operator) waiting() ([]imported, error) {
	rows, err := o.db.Query(o.system.pending(), batch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []imported
	for rows.Next() {
		var one imported
		if err := rows.Scan(&one.reference, &one.code, &one.bill, &one.amount, &one.paid); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// mark books rows and writes beside each what became of it.
func (o *Operator) mark(rows []imported) error {
	tx, err := o.db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	update, err := tx.Prepare(`UPDATE plati_import SET prelucrat = $1, nr_chitanta = $2, motiv = $3, prelucrat_la = $4
		WHERE id_extern = $5`)
	if err != nil {
		return err
	}
	defer update.Close()
	now := o.clock.Now()
	for _, row := range rows {
		state, number, reason := o.enter(row, now)
		if _, err := update.Exec(state, number, reason, now.Format(timeLayout), row.reference); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// enter books a row; number or reason is nil.
func (o *Operator) enter(row imported, now time.Time) (state string, number, reason any) {
	paid, ok := readTime(row.paid)
	if !ok || paid.After(now.Add(24*time.Hour)) {
		return "R", nil, "DATA GRESITA"
	}
	cents, err := strconv.ParseInt(strings.Replace(row.amount, ".", "", 1), 10, 64)
	if err != nil {
		return "R", nil, "SUMA GRESITA"
	}
	r, _, err := o.city.book.Enter(book.Waste, book.Payment{
		Reference: row.reference, Once: true, Account: row.code, Debt: row.bill, Amount: cents, Effective: paid,
	}, now)
	if err != nil {
		return "R", nil, reasonFor(err)
	}
	return "D", r.Number, nil
}

func readTime(text string) (time.Time, bool) {
	for _, layout := range []string{timeLayout, time.DateOnly, "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, calendar.Bucharest); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func reasonFor(err error) string {
	switch {
	case errors.Is(err, book.ErrUnknownAccount):
		return "CLIENT NECUNOSCUT"
	case errors.Is(err, book.ErrUnknownDebt):
		return "FACTURA NECUNOSCUTA"
	case errors.Is(err, book.ErrCancelled):
		return "FACTURA ANULATA"
	case errors.Is(err, book.ErrAlreadyPaid):
		return "DEJA ACHITAT"
	default:
		return "SUMA DEPASESTE SOLDUL"
	}
}

// refused is the part of the payments the operator's faults refuse before they
// are taken; which ones is not drawn by seed, the database decides.
func refused(g *gate.Gate) float64 {
	for _, kind := range []gate.Kind{gate.Down, gate.Maintenance, gate.Refuse503, gate.RateLimited, gate.LoginPage, gate.Auth} {
		if f, on := g.OnPost(kind); on {
			return f.Hits()
		}
	}
	return 0
}
