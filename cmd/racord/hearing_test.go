package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/hubtest"
)

// works is a hub at work, its provider and its creditor: they know at once what
// it does.
type works struct {
	t     *testing.T
	dir   string // of the store
	store hub.Store
	taken map[string]int64         // by order, at the provider
	books map[hub.PostingID]string // external ids, at the creditor
	asked func(order string)       // what happens once an order was looked up

	silent  string // an order that the provider does not answer about in time
	timeout func()
}

func newWorks(t *testing.T) *works {
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), dir, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &works{t: t, dir: dir, store: store, taken: map[string]int64{}, books: map[hub.PostingID]string{}, asked: func(string) {}}
}

// Start is hub.Charger's.
func (*works) Start(context.Context, hub.ChargeOrder) (hub.Session, error) {
	return hub.Session{}, hub.Errorf(hub.CodeInternal, "nobody starts here")
}

// Lookup tells what was taken, and then something happens.
func (w *works) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	if r.Order == w.silent {
		w.timeout()
		return hub.ChargeFacts{}, ctx.Err()
	}
	facts := hub.ChargeFacts{Authorised: w.taken[r.Order], Captured: w.taken[r.Order]}
	w.asked(r.Order)
	return facts, nil
}

// Find is hub.Finder's.
func (w *works) Find(_ context.Context, p hub.Posting) (hub.Found, hub.Receipt, error) {
	if _, booked := w.books[p.ID]; booked {
		return hub.FoundBooked, hub.Receipt{}, nil
	}
	return hub.FoundAbsent, hub.Receipt{}, nil
}

// awaits opens a payment of one line that waits for its payer.
func (w *works) awaits(obligation hub.ObligationID) *hub.Payment {
	p := hubtest.Basket("", obligation)
	p.Lines[0].Owed = p.Lines[0].Amount
	key := hub.RequestKey{Portal: "portal", Route: "payments", Key: string(p.ID)}
	_, _, err := w.store.OpenPayment(w.t.Context(), key, func(tx hub.PaymentTx) (_ *hub.Payment, err error) {
		if p.Charges[0].Order, err = tx.NextOrder(w.t.Context(), "netopia", "m1"); err != nil {
			return nil, err
		}
		_, _, _, err = tx.Hold(w.t.Context(), p.ID, &p.Lines[0], tx.Now().Add(time.Hour))
		return p, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.change(p.ID, func(_ hub.PaymentTx, p *hub.Payment) error {
		return errors.Join(p.Charges[0].Move(hub.ChargeStarting), p.Charges[0].Move(hub.ChargeAwaiting))
	})
}

// pays takes the money of a payment, posts its line and books both.
func (w *works) pays(id hub.PaymentID) *hub.Payment {
	return w.change(id, func(tx hub.PaymentTx, p *hub.Payment) error {
		c, l := &p.Charges[0], &p.Lines[0]
		w.taken[c.Order], w.books[p.PostingID(1)] = c.Amount.Minor, l.ExternalID
		c.Facts = hub.ChargeFacts{Authorised: c.Amount.Minor, Captured: c.Amount.Minor}
		l.SentAt, l.PaidAt, l.BookedAt = tx.Now(), hubtest.Now(), hubtest.Now()
		line, name := hub.AccountLine(p.PostingID(1)), string(p.ID)
		tx.Book(
			hub.TransferBooking(name+":captured:1", "captured", p.ID, hub.AccountClearing("netopia"), hub.AccountHeld(p.ID), l.Amount),
			hub.TransferBooking(name+":allocated:1:1", "allocated", p.ID, hub.AccountHeld(p.ID), line, l.Amount),
			hub.TransferBooking(name+":posted:1:1", "posted", p.ID, line, hub.AccountPayable("water"), l.Amount))
		if err := errors.Join(c.Move(hub.ChargeCaptured), l.Move(hub.LineDue), l.Move(hub.LinePosting)); err != nil {
			return err
		}
		return nil
	})
}

// posts ends a payment whose money was taken.
func (w *works) posts(id hub.PaymentID) *hub.Payment {
	return w.change(id, func(_ hub.PaymentTx, p *hub.Payment) error { return p.Lines[0].Move(hub.LinePosted) })
}

func (w *works) change(id hub.PaymentID, change func(hub.PaymentTx, *hub.Payment) error) *hub.Payment {
	w.t.Helper()
	p, err := w.store.ChangePayment(context.Background(), id, nil, change)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// verify gives what the command prints, and fails with.
func (w *works) verify(c verifyCommand) (string, error) {
	var out bytes.Buffer
	within, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.timeout = cancel
	d := &desk{
		store: w.store, master: hubtest.Master(), psps: []*hub.PSP{{Name: "netopia", Charger: w}},
		fleet: hub.Fleet{{Creditor: hub.Creditor{Name: "water"}, Finder: w}},
	}
	since, err := sinceWhen(c.Since)
	if err != nil {
		return "", err
	}
	kept, err := keptCheckpoints(c.Kept, &out)
	if err != nil {
		return "", err
	}
	err = c.verify(w.t.Context(), within, d, since, kept, streams{&out, &out})
	return out.String(), err
}

// once does something the first time it is called.
func once(do func()) func(string) {
	done := false
	return func(string) {
		if !done {
			done = true
			do()
		}
	}
}

// TestVerifyingBesideAHubAtWork carries payments on between what is asked about
// them and the judgement: nothing is lost.
func TestVerifyingBesideAHubAtWork(t *testing.T) {
	for what, happens := range map[string]func(w *works, p *hub.Payment){
		"the payment ends":             func(w *works, p *hub.Payment) { w.pays(p.ID); w.posts(p.ID) },
		"its money is taken":           func(w *works, p *hub.Payment) { w.pays(p.ID) },
		"another is opened, and ended": func(w *works, _ *hub.Payment) { other := w.awaits("b"); w.pays(other.ID); w.posts(other.ID) },
	} {
		for _, from := range []string{"look-ups", "the city's own books"} {
			t.Run(what+", by "+from, func(t *testing.T) {
				w, c := newWorks(t), verifyCommand{}
				if from != "look-ups" {
					c.City = w.city()
				}
				p := w.awaits("a")
				w.asked = once(func() { happens(w, p) })
				if out, err := w.verify(c); err != nil || !strings.Contains(out, "by "+from) {
					t.Errorf("got %v, want nothing broken\n%s", err, out)
				}
			})
		}
	}
}

// city is a city whose books are what the hub's provider and creditor have.
func (w *works) city() string {
	server := httptest.NewServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		var list []string
		if strings.HasPrefix(r.URL.Path, "/__ctl/psp/") {
			for order, taken := range w.taken {
				list = append(list, fmt.Sprintf(`{"order_id": %q, "authorised_bani": %d, "captured_bani": %[2]d}`, order, taken))
			}
			fmt.Fprintf(to, `{"orders": [%s]}`, strings.Join(list, ","))
			w.asked("")
			return
		}
		for id, external := range w.books {
			list = append(list, fmt.Sprintf(`{"reference": %q, "external_id": %q, "amount_bani": 100}`, id, external))
		}
		fmt.Fprintf(to, `{"receipts": [%s]}`, strings.Join(list, ","))
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

// TestVerifyingFindsWhatIsLost beside the same hub.
func TestVerifyingFindsWhatIsLost(t *testing.T) {
	w := newWorks(t)
	p := w.awaits("a")
	w.pays(p.ID)
	p = w.posts(p.ID)
	delete(w.taken, p.Charges[0].Order)
	delete(w.books, p.PostingID(1))
	for _, city := range []string{"", w.city()} {
		out, err := w.verify(verifyCommand{City: city})
		for _, rule := range []string{"I1", "I3"} {
			if !errors.Is(err, errBroken) || !strings.Contains(out, "\n  "+rule+" ") {
				t.Errorf("got %v, want %s broken\n%s", err, rule, out)
			}
		}
	}
}

// TestVerifyingForAsLongAsItMay judges what was heard when time ran out.
func TestVerifyingForAsLongAsItMay(t *testing.T) {
	w := newWorks(t)
	var last *hub.Payment
	for n := range hearingPage + 1 {
		last = w.awaits(hub.ObligationID(strconv.Itoa(n)))
	}
	w.silent = last.Charges[0].Order
	out, err := w.verify(verifyCommand{})
	if !errors.Is(err, errShort) || !strings.HasPrefix(out, "20 payments") || !strings.Contains(out, "I12") {
		t.Fatalf("got %v, want the table of the others\n%s", err, out)
	}
	_, since, _ := strings.Cut(out, "go on with --since ")
	since, _, _ = strings.Cut(since, "\n")
	w.silent = ""
	w.taken[last.Charges[0].Order] = 1
	w.change(last.ID, func(_ hub.PaymentTx, p *hub.Payment) error { return p.Charges[0].Move(hub.ChargeExpired) })
	if out, err := w.verify(verifyCommand{Since: since}); !errors.Is(err, errBroken) || !strings.Contains(out, "I1 netopia/"+last.Charges[0].Order) {
		t.Errorf("since %s: got %v, want what is wrong with the last\n%s", since, err, out)
	}
}

// TestVerifyingWhatChangedSince leaves out what ended before.
func TestVerifyingWhatChangedSince(t *testing.T) {
	w := newWorks(t)
	w.awaits("a")
	for since, want := range map[string]string{"": "1 payments", "2020-01-01": "1 payments", "2100-01-01": "0 payments", "2100-01-01T10:00:00Z": "0 payments"} {
		if out, err := w.verify(verifyCommand{Since: since}); err != nil || !strings.HasPrefix(out, want) {
			t.Errorf("since %q: got %v, want %s\n%s", since, err, want, out)
		}
	}
	if _, err := w.verify(verifyCommand{Since: "yesterday"}); err == nil || !strings.Contains(err.Error(), "--since") {
		t.Errorf("got %v, want a complaint about --since", err)
	}
}

// TestVerifyingWhatNeverStandsStill judges nothing of it.
func TestVerifyingWhatNeverStandsStill(t *testing.T) {
	w := newWorks(t)
	p := w.awaits("a")
	w.asked = func(string) {
		w.change(p.ID, func(_ hub.PaymentTx, p *hub.Payment) error { p.Charges[0].Tries++; return nil })
	}
	if out, err := w.verify(verifyCommand{}); err != nil || !strings.Contains(out, "1 under way") {
		t.Errorf("got %v, want it under way\n%s", err, out)
	}
	if out, err := w.verify(verifyCommand{Settled: true}); !errors.Is(err, errBroken) || !strings.Contains(out, "I7 "+string(p.ID)) {
		t.Errorf("got %v with --settled, want it named\n%s", err, out)
	}
}

// TestVerifyingFindsStrayBookings of no payment, on a payment's account.
func TestVerifyingFindsStrayBookings(t *testing.T) {
	w := newWorks(t)
	p := w.awaits("a")
	stray := hub.TransferBooking("stray", "settled", "", hub.AccountHeld(p.ID), hub.AccountFee("netopia"), hub.Bani(1))
	if err := w.store.Book(t.Context(), stray); err != nil {
		t.Fatal(err)
	}
	if out, err := w.verify(verifyCommand{}); !errors.Is(err, errBroken) || !strings.Contains(out, "I5 stray: ") {
		t.Errorf("got %v, want the booking named\n%s", err, out)
	}
}
