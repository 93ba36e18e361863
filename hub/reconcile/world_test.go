package reconcile_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/pay"
	"racord/hub/reconcile"
)

// world is everybody who keeps a book beside the hub: a provider, a creditor and
// a bank. They tell what they were given to tell.
type world struct {
	t     *testing.T
	dir   string
	now   time.Time
	quiet hub.Date // whose statement the creditor does not give
	away  bool     // the creditor and the bank give none at all
	store *sqlite.Store
	pay   *pay.Service
	*reconcile.Service

	books
}

// books are what the others wrote down.
type books struct {
	orders  map[string]hub.ListedCharge
	settled map[hub.Date][]hub.SettledCharge
	rows    map[hub.Date][]hub.BookedPosting
	entries map[hub.Date][]hub.BankEntry
}

func (b books) clone() books {
	return books{maps.Clone(b.orders), cloned(b.settled), cloned(b.rows), cloned(b.entries)}
}

func cloned[T any](days map[hub.Date][]T) map[hub.Date][]T {
	copied := map[hub.Date][]T{}
	for day, list := range days {
		copied[day] = slices.Clone(list)
	}
	return copied
}

const (
	iban      = "RO39SBXB0000999900000001"
	today     = hub.Date("2026-03-20")
	paidOn    = hub.Date("2026-03-17")
	settledOn = hub.Date("2026-03-18")
)

func newWorld(t *testing.T, lister bool) *world {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), dir, make([]byte, hub.MasterKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &world{
		t: t, store: store, dir: dir, now: today.Start().Add(12 * time.Hour),
		books: books{map[string]hub.ListedCharge{}, map[hub.Date][]hub.SettledCharge{}, map[hub.Date][]hub.BookedPosting{}, map[hub.Date][]hub.BankEntry{}},
	}
	psp := &hub.PSP{Name: "netopia", Merchants: hub.Merchants{"water/main": "m1"}, Charger: w, Settler: w}
	if lister {
		psp.Lister = w
	}
	fleet := hub.Fleet{{
		Creditor:  hub.Creditor{Name: "water", Accounts: []hub.CreditorAccount{{ID: "main", IBAN: iban}}},
		Traits:    hub.Traits{Paying: hub.Paying{Class: hub.ClassC}},
		Statement: w, Sink: noSink{},
	}}
	w.pay = pay.New(pay.Parts{Roster: fleet, Folders: store, Store: store, PSPs: []*hub.PSP{psp}, Clock: w}, pay.Conf{})
	w.Service = reconcile.New(reconcile.Parts{
		Roster: fleet, Store: store, PSPs: []*hub.PSP{psp}, Bank: w, Paying: w.pay, Clock: w,
	})
	return w
}

type noSink struct{ hub.Sink }

func (w *world) Now() time.Time { return w.now }

func (w *world) Start(context.Context, hub.ChargeOrder) (hub.Session, error) {
	return hub.Session{}, hub.Errorf(hub.CodeInternal, "nobody pays here")
}

func (w *world) Lookup(_ context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	o, ok := w.orders[r.Order]
	if !ok {
		return hub.ChargeFacts{}, hub.Errorf(hub.CodeNotFound, "no such order")
	}
	return o.Facts, nil
}

func (w *world) List(context.Context, string, time.Time, time.Time) (all []hub.ListedCharge, err error) {
	for _, o := range w.orders {
		all = append(all, o)
	}
	return all, nil
}

func (w *world) Settlement(_ context.Context, _ string, from, to hub.Date) (all []hub.SettledCharge, err error) {
	for day := from; day <= to; day = day.Next() {
		for _, item := range w.settled[day] {
			item.Day = day
			all = append(all, item)
		}
	}
	return all, nil
}

func (w *world) Statement(_ context.Context, day hub.Date) ([]hub.BookedPosting, error) {
	if day == w.quiet || w.away {
		return nil, hub.Errorf(hub.CodeUnavailable, "no statement")
	}
	return w.rows[day], nil
}

func (w *world) Entries(_ context.Context, _ string, day hub.Date) ([]hub.BankEntry, error) {
	if w.away {
		return nil, hub.Errorf(hub.CodeUnavailable, "no statement")
	}
	if len(w.entries[day]) == 0 {
		return nil, hub.Errorf(hub.CodeNotFound, "no statement")
	}
	return w.entries[day], nil
}

// paid is a payment of one line that everybody has in his book: settled by a
// payout of its own.
type paid struct {
	*hub.Payment
	n int
}

func (p *paid) order() string          { return p.Charges[0].Order }
func (p *paid) posting() hub.PostingID { return p.PostingID(1) }
func (p *paid) amount() int64          { return p.Lines[0].Amount.Minor }
func (p *paid) payout() string         { return fmt.Sprintf("P%04d", p.n) }
func (p *paid) fee() int64             { return 1 }

// take makes one payment whose line ended in a state, and tells everybody.
func (w *world) take(n int, state hub.LineState) *paid {
	w.t.Helper()
	ctx := w.t.Context()
	basket := hubtest.Basket("", hub.ObligationID(fmt.Sprint("o", n)))
	key := hub.RequestKey{Portal: "portal", Route: "payments", Key: fmt.Sprint(n)}
	p, _, err := w.store.OpenPayment(ctx, key, func(tx hub.PaymentTx) (*hub.Payment, error) {
		fresh := *basket
		fresh.Charges = append([]hub.Charge(nil), basket.Charges...)
		order, err := tx.NextOrder(ctx, "netopia", "m1")
		fresh.Charges[0].Order = order
		return &fresh, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	p, err = w.store.ChangePayment(ctx, p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		c, l := p.Charge(1), p.Line(1)
		c.Facts = hub.ChargeFacts{Authorised: c.Amount.Minor, Captured: c.Amount.Minor}
		tx.Book(
			hub.TransferBooking(string(p.ID)+":captured", "captured", p.ID, hub.AccountClearing("netopia"), hub.AccountHeld(p.ID), c.Amount),
			hub.TransferBooking(string(p.ID)+":allocated", "allocated", p.ID, hub.AccountHeld(p.ID), hub.AccountLine(p.PostingID(1)), l.Amount),
		)
		l.PaidAt, l.SentAt = paidOn.Start().Add(time.Hour), tx.Now()
		return errors.Join(c.Move(hub.ChargeStarting), c.Move(hub.ChargeCaptured), l.Move(hub.LineDue))
	})
	for _, to := range map[hub.LineState][]hub.LineState{
		hub.LinePosted: {hub.LinePosting, hub.LinePosted}, hub.LinePostUnknown: {hub.LinePosting, hub.LinePostUnknown},
		hub.LineRejected: {hub.LinePosting, hub.LineRejected}, hub.LineStuck: {hub.LinePosting, hub.LineStuck},
	}[state] {
		if err == nil {
			p, err = w.store.ChangePayment(ctx, p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
				l := p.Line(1)
				if to == hub.LinePosted {
					l.BookedAt, l.Receipt = paidOn.Start().Add(2*time.Hour), "R"
					tx.Book(hub.TransferBooking(string(p.ID)+":posted", "posted", p.ID, hub.AccountLine(p.PostingID(1)), hub.AccountPayable("water"), l.Amount))
				}
				return l.Move(to)
			})
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	one := &paid{p, n}
	w.orders[one.order()] = hub.ListedCharge{Order: one.order(), Amount: hub.Bani(one.amount()), Facts: p.Charges[0].Facts}
	w.rows[paidOn] = append(w.rows[paidOn], hub.BookedPosting{ID: one.posting(), ExternalID: p.Lines[0].ExternalID, Number: fmt.Sprint("R", n), Amount: p.Lines[0].Amount})
	w.settled[settledOn] = append(w.settled[settledOn], hub.SettledCharge{
		Order: one.order(), Gross: hub.Bani(one.amount()), Fee: hub.Bani(one.fee()), Net: hub.Bani(one.amount() - one.fee()), PayoutRef: one.payout(),
	})
	w.entries[settledOn] = append(w.entries[settledOn], hub.BankEntry{
		Ref: one.payout(), Number: fmt.Sprint("B", n), Amount: hub.Bani(one.amount() - one.fee()), Day: settledOn,
	})
	return one
}

// compare does all jobs and gives what is open, by "job kind name".
func (w *world) compare() map[string]hub.Difference {
	w.t.Helper()
	for _, job := range hub.Jobs {
		if err := w.Do(w.t.Context(), job, "", true); err != nil {
			w.t.Fatalf("%s: %v", job, err)
		}
	}
	return w.open()
}

// open gives what is open, by "job kind name".
func (w *world) open() map[string]hub.Difference {
	w.t.Helper()
	found, err := w.store.Differences(w.t.Context(), hub.DifferenceQuery{})
	if err != nil {
		w.t.Fatal(err)
	}
	open := map[string]hub.Difference{}
	for _, d := range found {
		open[fmt.Sprintf("%s %s %s", d.Job, d.Kind, d.Name)] = d
	}
	return open
}

// do does one job.
func (w *world) do(job hub.Job) {
	w.t.Helper()
	if err := w.Do(w.t.Context(), job, "", true); err != nil {
		w.t.Fatalf("%s: %v", job, err)
	}
}

// suspense fails the test unless so much money of nobody's is in the journal.
func (w *world) suspense(want int64) {
	w.t.Helper()
	w.balance("suspense:netopia", want)
}

// balance fails the test unless the journal's account has so much.
func (w *world) balance(account string, want int64) {
	w.t.Helper()
	balances, err := w.store.Balances(w.t.Context())
	if err != nil || balances[account] != want {
		w.t.Errorf("%s: got %d (%v), want %d", account, balances[account], err, want)
	}
}

// bookings counts what was booked for a payment, "" = for none.
func (w *world) bookings(id hub.PaymentID) int {
	w.t.Helper()
	booked, err := w.store.Bookings(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(booked)
}

// told has the provider list an order of nobody's, 0 = not any more.
func (w *world) told(order string, amount int64) {
	w.orders[order] = hub.ListedCharge{Order: order, Amount: hub.Bani(amount), Facts: hub.ChargeFacts{Authorised: amount, Captured: amount}}
	if amount == 0 {
		delete(w.orders, order)
	}
}

// put makes the provider's differences what they were.
func (w *world) put(open map[string]hub.Difference) {
	w.t.Helper()
	if err := w.store.Compared(w.t.Context(), hub.JobProvider, "netopia", slices.Collect(maps.Values(open))); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) barriers() map[hub.Barrier]hub.Raised {
	w.t.Helper()
	up, err := w.store.Barriers(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return up
}

// forget deletes a payment from the database, as no hub ever does.
func (w *world) forget(p *paid) {
	w.t.Helper()
	w.exec("DELETE FROM charges WHERE payment = $1", string(p.ID))
	w.exec("DELETE FROM lines WHERE payment = $1", string(p.ID))
	w.exec("DELETE FROM payments WHERE id = $1", string(p.ID))
}

// later lets time pass: what was stored is so much older then.
func (w *world) later(by time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(by)
	w.exec("UPDATE payments SET changed_at = changed_at - $1", by.Microseconds())
	w.exec("DROP TRIGGER IF EXISTS journal_kept_changed")
	w.exec("UPDATE journal SET at = at - $1", by.Microseconds())
}

// exec changes the database behind the hub's back.
func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, sqlite.DataFile)+"?_pragma=foreign_keys(0)&_pragma=busy_timeout(5000)")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(w.t.Context(), statement, args...); err != nil {
		w.t.Fatal(err)
	}
}
