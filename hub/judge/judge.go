// Package judge holds the hub's own books against those of the payment providers
// and of the creditors, and says what was lost, taken twice or posted twice, by
// name. The hub's books prove nothing about themselves: a journal may balance
// while a creditor has booked every debt twice.
//
// What it proves is listed in Rules.
package judge

import (
	"cmp"
	"context"

	"racord/hub"
)

// Evidence is what all books say. Amounts are in bani.
type Evidence struct {
	Hub      Ledger
	Orders   []Order   // every provider's book
	Entries  []Entry   // every creditor's book
	Promises []Promise // what payers were told, when somebody remembers
}

// Ledger is what is read of the hub's books. See hub.Books.
type Ledger interface {
	EachPayment(ctx context.Context, each func(p *hub.Payment) error) error
	Bookings(ctx context.Context, id hub.PaymentID) ([]hub.Booking, error)
	Balances(ctx context.Context) (map[string]int64, error)
	Claims(ctx context.Context) ([]hub.Claim, error)
}

var _ Ledger = hub.Books(nil)

// Order is what a provider's book says about an order.
type Order struct {
	PSP, Number                    string
	Payment                        hub.PaymentID // from the order's manifest; "" = not said
	Authorised, Captured, Refunded int64
	Disputed                       int64 // taken back by the payer's bank, and not won since
	Captures                       int   // how often money was taken; 0 = not said
	Open                           bool  // authorised, and neither taken nor given back
}

// Entry is one booking in a creditor's book that names a posting of ours.
type Entry struct {
	Creditor   hub.Name
	ID         hub.PostingID
	ExternalID string
	Amount     int64
	Reversed   bool
}

// Promise is what a payer was shown and told, as his side remembers it.
type Promise struct {
	Key      string          // of the request that opened the payment
	Payments []hub.PaymentID // the answers to that request: one payment, if the hub keeps its word
	Refused  int             // how often the request was refused after it had been granted
	Lines    []Promised
}

// Promised is a line as the payer confirmed it.
type Promised struct {
	No     int
	Amount int64
	Gone   bool          // changed, cancelled or paid elsewhere before the payer authorised
	Told   hub.LineState // the last state that was shown
}

// Judge reads all books and gives its verdict. It fails only with what reading
// the hub's books fails with.
func Judge(ctx context.Context, e Evidence) (*Verdict, error) {
	t := newTrial(e)
	if err := e.Hub.EachPayment(ctx, t.hear); err != nil {
		return nil, err
	}
	for _, p := range t.payments {
		bookings, err := e.Hub.Bookings(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		t.money(p)
		t.lines(p)
		t.journal(p, bookings)
		t.movements(p, bookings)
	}
	t.strangers()
	t.debts()
	t.promises(e.Promises)
	if err := t.whole(ctx); err != nil {
		return nil, err
	}
	return t.verdict(), nil
}

// trial is one judgement under way.
type trial struct {
	hub      Ledger
	payments []*hub.Payment
	known    map[hub.PaymentID]*hub.Payment
	orders   []Order
	of       map[hub.PaymentID][]*Order // by manifest, or by the hub's charges
	byNumber map[string]*Order          // psp/number
	entries  map[hub.PostingID][]Entry  // not reversed
	debtOf   map[debt][]Entry           // not reversed
	lineOf   map[hub.PostingID]*hub.Line
	sums     map[string]int64 // of all payments' bookings, by account
	found    Verdict
}

type debt struct {
	creditor hub.Name
	external string
}

func newTrial(e Evidence) *trial {
	t := &trial{
		hub: e.Hub, orders: joined(e.Orders), known: map[hub.PaymentID]*hub.Payment{}, of: map[hub.PaymentID][]*Order{},
		byNumber: map[string]*Order{}, entries: map[hub.PostingID][]Entry{}, debtOf: map[debt][]Entry{},
		lineOf: map[hub.PostingID]*hub.Line{}, sums: map[string]int64{},
	}
	for i := range t.orders {
		t.byNumber[t.orders[i].name()] = &t.orders[i]
	}
	for _, entry := range e.Entries {
		if !entry.Reversed {
			t.entries[entry.ID] = append(t.entries[entry.ID], entry)
			of := debt{entry.Creditor, entry.ExternalID}
			t.debtOf[of] = append(t.debtOf[of], entry)
		}
	}
	return t
}

// joined adds up what a provider wrote down under one number of ours: some take
// it more than once.
func joined(orders []Order) (list []Order) {
	at := map[string]int{}
	for _, o := range orders {
		i, again := at[o.name()]
		if !again {
			at[o.name()] = len(list)
			list = append(list, o)
			continue
		}
		had := &list[i]
		had.Payment = cmp.Or(had.Payment, o.Payment)
		had.Authorised += o.Authorised
		had.Captured += o.Captured
		had.Refunded += o.Refunded
		had.Disputed += o.Disputed
		had.Captures += o.Captures
		had.Open = had.Open || o.Open
	}
	return list
}

func (o *Order) name() string { return o.PSP + "/" + o.Number }

// hear takes a payment of the hub's down and finds its orders at providers.
func (t *trial) hear(p *hub.Payment) error {
	t.payments = append(t.payments, p)
	t.known[p.ID] = p
	for i := range p.Charges {
		c := &p.Charges[i]
		if o := t.byNumber[c.PSP+"/"+c.Order]; o != nil {
			o.Payment = cmp.Or(o.Payment, p.ID)
		}
	}
	for i := range p.Lines {
		t.lineOf[p.PostingID(p.Lines[i].No)] = &p.Lines[i]
	}
	return nil
}

// ordersOf gives the provider's orders of a payment.
func (t *trial) ordersOf(id hub.PaymentID) []*Order {
	if len(t.of) == 0 {
		for i := range t.orders {
			o := &t.orders[i]
			t.of[o.Payment] = append(t.of[o.Payment], o)
		}
	}
	return t.of[id]
}
