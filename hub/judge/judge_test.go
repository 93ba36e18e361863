package judge_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/judge"
)

// books are payments, each as it was at a moment of its own.
type books struct {
	payments []*hub.Payment
	bookings []hub.Booking
	claims   []hub.Claim
}

func (b *books) EachPayment(_ context.Context, each func(*hub.Payment) error) error {
	for _, p := range b.payments {
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

func (b *books) Bookings(_ context.Context, id hub.PaymentID) (list []hub.Booking, err error) {
	for _, booking := range b.bookings {
		if booking.Payment == id {
			list = append(list, booking)
		}
	}
	return list, nil
}

func (b *books) Balances(context.Context) (map[string]int64, error) {
	sums := map[string]int64{}
	for _, booking := range b.bookings {
		for _, leg := range booking.Legs {
			sums[leg.Account] += leg.Debit - leg.Credit
		}
	}
	return sums, nil
}

func (b *books) Claims(context.Context) ([]hub.Claim, error) { return b.claims, nil }

// opened is a payment that nobody paid yet.
func (b *books) opened(obligation hub.ObligationID) *hub.Payment {
	p := hubtest.Basket("", obligation)
	p.Lines[0].Owed, p.Charges[0].Order, p.Charges[0].State = p.Lines[0].Amount, "n-"+string(p.ID), hub.ChargeAwaiting
	b.payments = append(b.payments, p)
	b.claims = append(b.claims, hub.Claim{Creditor: "water", Obligation: obligation, Payment: p.ID, Line: 1})
	return p
}

// settled is a payment that is paid, booked and posted.
func (b *books) settled(obligation hub.ObligationID) *hub.Payment {
	p := b.opened(obligation)
	p.Charges[0].State, p.Lines[0].State = hub.ChargeCaptured, hub.LinePosted
	p.Charges[0].Facts = hub.ChargeFacts{Authorised: 100, Captured: 100}
	id, line := string(p.ID), hub.AccountLine(p.PostingID(1))
	b.bookings = append(b.bookings,
		hub.TransferBooking(id+":captured:1", "captured", p.ID, hub.AccountClearing("netopia"), hub.AccountHeld(p.ID), hub.Bani(100)),
		hub.TransferBooking(id+":allocated:1:1", "allocated", p.ID, hub.AccountHeld(p.ID), line, hub.Bani(100)),
		hub.TransferBooking(id+":posted:1:1", "posted", p.ID, line, hub.AccountPayable("water"), hub.Bani(100)))
	return p
}

// judged takes providers and creditors to have done what the payments say.
func (b *books) judged(t *testing.T) string {
	t.Helper()
	e := judge.Evidence{Hub: b}
	for _, p := range b.payments {
		c, l := &p.Charges[0], &p.Lines[0]
		e.Orders = append(e.Orders, judge.Order{PSP: c.PSP, Number: c.Order, Payment: p.ID, Authorised: c.Facts.Authorised, Captured: c.Facts.Captured})
		if l.State == hub.LinePosted {
			e.Entries = append(e.Entries, judge.Entry{Creditor: l.Creditor, ID: p.PostingID(1), ExternalID: l.ExternalID, Amount: l.Amount.Minor})
		}
	}
	v, err := judge.Judge(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	broken := map[string]bool{}
	for _, f := range v.Findings() {
		broken[f.Rule] = true
		t.Log(f)
	}
	var list []string
	for _, rule := range judge.Rules() {
		if broken[rule.Name] && rule.Name != "I7" {
			list = append(list, rule.Name)
		}
	}
	return strings.Join(list, " ")
}

// TestTheBooksAreJudged bends good books in one way each.
func TestTheBooksAreJudged(t *testing.T) {
	for what, tc := range map[string]struct {
		bend func(b *books, p *hub.Payment)
		want string
	}{
		"nothing":                        {func(*books, *hub.Payment) {}, ""},
		"the claim passed on since":      {func(b *books, p *hub.Payment) { b.opened(p.Lines[0].Obligation) }, ""},
		"a claim is gone":                {func(b *books, _ *hub.Payment) { b.claims = nil }, "I11"},
		"a booking to another's account": {func(b *books, p *hub.Payment) { b.strays(p.ID, "") }, "I5"},
		"a booking of another payment":   {func(b *books, p *hub.Payment) { b.strays(p.ID, b.opened("other").ID) }, "I5"},
		"a capture is not booked":        {func(b *books, p *hub.Payment) { b.forgets("captured", p) }, "I1 I6 I12"},
		"a posting is not booked":        {func(b *books, p *hub.Payment) { b.forgets("posted", p) }, "I6 I12"},
		"one under way is not booked":    {func(b *books, p *hub.Payment) { b.forgets("captured", p); p.Lines[0].State = hub.LineDue }, "I12"},
		"a refund is not booked":         {func(_ *books, p *hub.Payment) { p.Refunds = []hub.Refund{given()}; p.Lines[0].State = hub.LineDue }, "I12"},
	} {
		t.Run(what, func(t *testing.T) {
			b := &books{}
			tc.bend(b, b.settled("debt"))
			if got := b.judged(t); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// forgets loses what was booked of a kind.
func (b *books) forgets(kind string, p *hub.Payment) {
	b.bookings = slices.DeleteFunc(b.bookings, func(booking hub.Booking) bool { return booking.Kind == kind && booking.Payment == p.ID })
}

// given is a refund of the whole line.
func given() hub.Refund {
	return hub.Refund{No: 1, Charge: 1, Line: 1, Amount: hub.Bani(100), State: hub.RefundRefunded}
}

// strays books to a payment's account what is another's, or nobody's.
func (b *books) strays(to, of hub.PaymentID) {
	b.bookings = append(b.bookings, hub.TransferBooking("stray", "settled", of, hub.AccountHeld(to), hub.AccountFee("netopia"), hub.Bani(1)))
}
