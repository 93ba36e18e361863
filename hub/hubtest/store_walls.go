package hubtest

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"racord/hub"
)

// booked books a capture of a payment and its allocation to its lines.
func booked(t *testing.T, store hub.Store, p *hub.Payment) {
	t.Helper()
	changed(t, store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Book(
			hub.TransferBooking(string(p.ID)+":captured", "captured", p.ID, hub.AccountClearing("netopia"), hub.AccountHeld(p.ID), p.Charges[0].Amount),
			allocation(p))
		return nil
	})
}

func allocation(p *hub.Payment) hub.Booking {
	b := hub.Booking{ID: string(p.ID) + ":allocated", Kind: "allocated", Payment: p.ID,
		Legs: []hub.Leg{{Account: hub.AccountHeld(p.ID), Debit: p.Charges[0].Amount.Minor}}}
	for i := range p.Lines {
		b.Legs = append(b.Legs, hub.Leg{Account: hub.AccountLine(p.PostingID(i + 1)), Credit: p.Lines[i].Amount.Minor})
	}
	return b
}

func journalKeeps(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	p := opened(t, store, Basket("", "a", "b", "c"))
	booked(t, store, p)
	booked(t, store, p) // does nothing
	fee := hub.TransferBooking("fee:1", "settled", "", hub.AccountFee("netopia"), hub.AccountClearing("netopia"), hub.Bani(7))
	wantCode(t, "Book", store.Book(ctx, fee), "")
	wantCode(t, "Book again", store.Book(ctx, fee), "")
	late := hub.TransferBooking(string(p.ID)+":posted:1", "posted", p.ID, hub.AccountLine(p.PostingID(1)), hub.AccountPayable("water"), p.Lines[0].Amount)
	changed(t, store, p.ID, func(tx hub.PaymentTx, _ *hub.Payment) error { tx.Book(late, late); return nil })
	got, err := store.Bookings(ctx, p.ID)
	wantCode(t, "Bookings", err, "")
	want := []hub.Booking{
		hub.TransferBooking(string(p.ID)+":captured", "captured", p.ID, hub.AccountClearing("netopia"), hub.AccountHeld(p.ID), hub.Bani(600)),
		allocation(p), late,
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	balances, err := store.Balances(ctx)
	wantCode(t, "Balances", err, "")
	wantBalances := map[string]int64{
		hub.AccountClearing("netopia"): 593, hub.AccountFee("netopia"): 7, hub.AccountHeld(p.ID): 0, hub.AccountPayable("water"): -100,
		hub.AccountLine(p.PostingID(1)): 0, hub.AccountLine(p.PostingID(2)): -200, hub.AccountLine(p.PostingID(3)): -300,
	}
	if !reflect.DeepEqual(balances, wantBalances) {
		t.Fatalf("got balances %v, want %v", balances, wantBalances)
	}
	lab.wantOff(t, 0)
}

func journalRefuses(t *testing.T, lab Lab) {
	p := opened(t, lab.Store, Basket("", "a"))
	for what, legs := range map[string][]hub.Leg{
		"one leg":           {{Account: "a", Debit: 1}},
		"a cent short":      {{Account: "a", Debit: 2}, {Account: "b", Credit: 1}},
		"a leg without":     {{Account: "a", Debit: 1}, {Account: "b", Credit: 1}, {Account: "c"}},
		"a negative leg":    {{Account: "a", Debit: -1}, {Account: "b", Credit: -1}},
		"both sides":        {{Account: "a", Debit: 1, Credit: 1}, {Account: "b", Credit: 1, Debit: 1}},
		"one account twice": {{Account: "a", Debit: 1}, {Account: "a", Credit: 1}},
	} {
		_, err := lab.Store.ChangePayment(t.Context(), p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
			p.Cancelled = true
			tx.Book(hub.Booking{ID: what, Kind: "captured", Payment: p.ID, Legs: legs})
			return nil
		})
		wantCode(t, what, err, hub.CodeInternal)
	}
	wantSame(t, "after refusals", read(t, lab.Store, p.ID), p)
}

// journalWalls writes into the journal as a careless hand would.
func journalWalls(t *testing.T, lab Lab) {
	p := opened(t, lab.Store, Basket("", "a"))
	booked(t, lab.Store, p)
	before, err := lab.Store.Balances(t.Context())
	wantCode(t, "Balances", err, "")
	leg := func(tx string, leg int, account string, debit, credit int) string {
		return fmt.Sprintf("('%s', %d, 'captured', '%s', '%s', %d, %d, 1, 1, 0)", tx, leg, p.ID, account, debit, credit)
	}
	insert := func(legs ...string) string {
		return `INSERT INTO journal (tx, leg, kind, payment, account, debit, credit, at, version, place) VALUES ` + strings.Join(legs, ", ")
	}
	for what, statement := range map[string]string{
		"a leg changed":             `UPDATE journal SET debit = debit + 1 WHERE debit > 0`,
		"a leg renamed":             `UPDATE journal SET account = 'mine' WHERE leg = 1`,
		"a leg dropped":             `DELETE FROM journal WHERE leg = 1`,
		"a booking dropped":         `DELETE FROM journal`,
		"one leg alone":             insert(leg("x", 1, "a", 5, 0)),
		"legs that do not balance":  insert(leg("x", 1, "a", 5, 0), leg("x", 2, "b", 0, 4)),
		"a leg more":                insert(leg(string(p.ID)+":captured", 3, "mine", 0, 5)),
		"a leg without an amount":   insert(leg("x", 1, "a", 0, 0), leg("x", 2, "b", 0, 0)),
		"a leg with both sides":     insert(leg("x", 1, "a", 5, 5), leg("x", 2, "b", 5, 5)),
		"a leg with a negative one": insert(leg("x", 1, "a", -5, 0), leg("x", 2, "b", 0, -5)),
		"a leg twice":               insert(leg(string(p.ID)+":captured", 1, "a", 5, 0), leg("x", 2, "b", 0, 5)),
		"an account twice":          insert(leg("x", 1, "a", 5, 0), leg("x", 2, "a", 0, 5)),
	} {
		if err := lab.raw(t, statement); err == nil {
			t.Errorf("%s: the database took it", what)
		}
	}
	if err := lab.raw(t, insert(leg("good", 1, "a", 5, 0), leg("good", 2, "b", 0, 3), leg("good", 3, "c", 0, 2))); err != nil {
		t.Errorf("a booking that balances was refused: %v", err)
	}
	after, err := lab.Store.Balances(t.Context())
	wantCode(t, "Balances", err, "")
	before["a"], before["b"], before["c"] = 5, -3, -2
	if !reflect.DeepEqual(after, before) {
		t.Errorf("got balances %v, want %v", after, before)
	}
}

// journalFalls takes the wall away, and books half.
func journalFalls(t *testing.T, lab Lab) {
	p := opened(t, lab.Store, Basket("", "a"))
	booked(t, lab.Store, p)
	half := `INSERT INTO journal (tx, leg, kind, payment, account, debit, credit, at, version, place) VALUES ('half', 1, 'captured', '', 'mine', 0, 7, 1, 1, 0);`
	if lab.raw(t, `DROP TRIGGER journal_balances`) != nil { // PostgreSQL's database is every test's: its triggers only rest
		half = `DO $$ BEGIN SET LOCAL session_replication_role = replica; ` + half + ` END $$`
	}
	if err := lab.raw(t, half); err != nil {
		t.Fatal(err)
	}
	lab.wantOff(t, -7)
}

func (lab Lab) wantOff(t *testing.T, want int64) {
	t.Helper()
	off, err := lab.Store.JournalOff(t.Context())
	wantCode(t, "JournalOff", err, "")
	if off != want {
		t.Fatalf("the journal is off by %d, want %d", off, want)
	}
}

// stepWalls moves charges, lines and refunds as a careless hand would.
func stepWalls(t *testing.T, lab Lab) {
	p := opened(t, lab.Store, Basket("", "a"))
	changed(t, lab.Store, p.ID, func(_ hub.PaymentTx, p *hub.Payment) error {
		p.Refunds = append(p.Refunds, hub.Refund{No: 1, Charge: 1, Line: 1, Amount: hub.Bani(60), State: hub.RefundRequested})
		return nil
	})
	for what, statement := range map[string]string{
		"a charge captured at once": `UPDATE charges SET state = 'captured'`,
		"a charge in no state":      `UPDATE charges SET state = 'paid'`,
		"a line posted at once":     `UPDATE lines SET state = 'posted'`,
		"a refund done at once":     `UPDATE refunds SET state = 'refunded'`,
		"a charge born captured": `INSERT INTO charges (payment, no, psp, merchant, number, ref, state, amount, taken, changed_at)
			SELECT payment, 9, psp, merchant, 'X', ref, 'captured', amount, taken, changed_at FROM charges`,
		"a line born posted": `INSERT INTO lines (payment, no, party, creditor, obligation, amount, state, hub, since, changed_at)
			SELECT payment, 9, party, creditor, obligation, amount, 'posted', hub, since, changed_at FROM lines`,
		"a refund born done": `INSERT INTO refunds (payment, no, charge, line, amount, state, changed_at)
			SELECT payment, 9, charge, line, 1, 'refunded', changed_at FROM refunds`,
		"more refunded than charged": `INSERT INTO refunds (payment, no, charge, line, amount, state, changed_at)
			SELECT payment, 9, charge, line, 41, 'requested', changed_at FROM refunds`,
		"a refund that grows": `UPDATE refunds SET amount = 101`,
		"an order number twice": `INSERT INTO charges (payment, no, psp, merchant, number, ref, state, amount, taken, changed_at)
			SELECT payment, 9, psp, merchant, number, ref, 'created', amount, taken, changed_at FROM charges`,
		"an event twice": `INSERT INTO events SELECT * FROM events`,
		"a claim twice":  `INSERT INTO claims SELECT creditor, obligation, 'other', 1, until FROM claims`,
	} {
		if err := lab.raw(t, statement); err == nil {
			t.Errorf("%s: the database took it", what)
		}
	}
	for what, statement := range map[string]string{
		"a charge that starts":        `UPDATE charges SET state = 'starting'`,
		"a charge that stays":         `UPDATE charges SET state = 'starting', ref = 'r'`,
		"a line that is due":          `UPDATE lines SET state = 'due'`,
		"a refund within what is due": `INSERT INTO refunds (payment, no, charge, line, amount, state, changed_at) SELECT payment, 9, charge, line, 40, 'requested', changed_at FROM refunds`,
	} {
		if err := lab.raw(t, statement); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// stepsInAChange lets a payment take one step, two, and one too many at once.
func stepsInAChange(t *testing.T, lab Lab) {
	p := opened(t, lab.Store, Basket("", "a"))
	set := func(state hub.LineState) error {
		_, err := lab.Store.ChangePayment(t.Context(), p.ID, nil, func(_ hub.PaymentTx, p *hub.Payment) error { p.Line(1).State = state; return nil })
		return err
	}
	wantCode(t, "two steps", set(hub.LinePosting), "")
	wantCode(t, "one step", set(hub.LinePosted), "")
	wantCode(t, "back", set(hub.LineDue), hub.CodeInternal)
	wantCode(t, "out of order", set(hub.LineHeld), hub.CodeInternal)
	if got := read(t, lab.Store, p.ID).Line(1).State; got != hub.LinePosted {
		t.Fatalf("got line %s after refused steps, want posted", got)
	}
	started := Basket("", "b")
	started.Charges[0].State = hub.ChargeStarting
	opened(t, lab.Store, started)
}

// refundRace asks for fifty refunds of three fifths at once.
func refundRace(t *testing.T, lab Lab) {
	const callers = 50
	p := opened(t, lab.Store, Basket("", "a"))
	stores := []hub.Store{lab.Store, lab.Replica(t)}
	done := make(chan error, callers)
	for i := range callers {
		go func() {
			done <- insist(func() error {
				_, err := stores[i%2].ChangePayment(t.Context(), p.ID, nil, func(_ hub.PaymentTx, p *hub.Payment) error {
					p.Refunds = append(p.Refunds, hub.Refund{No: len(p.Refunds) + 1, Charge: 1, Line: 1, Amount: hub.Bani(60), State: hub.RefundRequested})
					return nil
				})
				return err
			})
		}()
	}
	good := 0
	for range callers {
		if err := <-done; err == nil {
			good++
		} else if hub.CodeOf(err) != hub.CodeInternal {
			t.Errorf("got %v, want the wall's refusal", err)
		}
	}
	if got := len(read(t, lab.Store, p.ID).Refunds); good != 1 || got != 1 {
		t.Fatalf("got %d refunds accepted and %d stored, want one", good, got)
	}
}

// versionsRace changes one payment from many sides at once.
func versionsRace(t *testing.T, lab Lab) {
	const callers, rounds = 8, 10
	p := opened(t, lab.Store, Basket("", "a"))
	stores := []hub.Store{lab.Store, lab.Replica(t)}
	done := make(chan error, callers)
	for i := range callers {
		go func() {
			var failed error
			for range rounds {
				_, err := stores[i%2].ChangePayment(t.Context(), p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
					p.Line(1).Tries++
					tx.Emit(hub.Event{Type: "line.tried", Line: 1})
					return nil
				})
				if err != nil {
					failed = err
				}
			}
			done <- failed
		}()
	}
	for range callers {
		wantCode(t, "ChangePayment", <-done, "")
	}
	got := read(t, lab.Store, p.ID)
	if got.Line(1).Tries != callers*rounds || got.Events != 1+callers*rounds {
		t.Fatalf("got %d tries and %d events, want %d: a change was lost", got.Line(1).Tries, got.Events, callers*rounds)
	}
}
