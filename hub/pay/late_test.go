package pay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// atOnce is a scene whose provider takes money as soon as the payer pays.
func atOnce(conf pay.Conf) *scene {
	s := newScene(1, 0, conf)
	s.prefer = []string{"auto"}
	s.Service = pay.New(s.parts(), conf)
	return s
}

// TestMoneyTakenLateBuysNothingThatAnotherPaid has a provider take the money when
// another payment has long paid the debt, of a creditor that books more than it is
// owed.
func TestMoneyTakenLateBuysNothingThatAnotherPaid(t *testing.T) {
	for name, said := range map[string]hub.ChargeFacts{
		"after a look for fraud":         {Review: true},
		"on a page whose time was over":  {},
		"after a card that was declined": {Declined: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := atOnce(pay.Conf{PageLife: 5 * time.Minute})
				alpha := s.offices["alpha"]
				alpha.takes = true
				items := s.owe(1, "alpha")
				late, err := s.open(t.Context(), "k1", items, hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.auto.say(late.Charges[0].Order, said)
				s.settle(t, 7*time.Minute)
				p, err := s.open(t.Context(), "k2", items, hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.authorise(p)
				s.settle(t, 30*time.Minute) // it is settled, cleared, and let go
				s.mustEnd(t, p.ID, hub.PaymentSettled)
				s.authorise(late)
				s.fact(t, "auto", late.Charges[0].Order, "paid")
				s.settle(t, 10*time.Minute)
				late = s.mustEnd(t, late.ID, hub.PaymentSettledPartly)
				if l := late.Lines[0]; l.State != hub.LineRefunded || l.Reason != "too_late" || len(alpha.entries) != 1 {
					t.Errorf("got the line %s %q and %d bookings, want the money given back and the first booking alone", l.State, l.Reason, len(alpha.entries))
				}
				s.audit(t)
			})
		})
	}
}

// TestMoneyTakenAfterTheAmountChangedGoesBack has a payer pay on a page that was
// opened before the creditor's amount went up.
func TestMoneyTakenAfterTheAmountChangedGoesBack(t *testing.T) {
	more := hub.Bani(5000)
	for name, tc := range map[string]struct {
		next   *hub.NextChange
		paid   time.Duration // after the page was opened; it is heard of much later
		booked int
	}{
		"before it went up":                {&hub.NextChange{Reason: "reduced_fine_ends", NewOutstanding: &more}, 9 * time.Minute, 1},
		"after it went up":                 {&hub.NextChange{Reason: "reduced_fine_ends", NewOutstanding: &more}, 11 * time.Minute, 0},
		"after it was due, and costs that": {&hub.NextChange{Reason: "due"}, 11 * time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := atOnce(pay.Conf{})
				alpha, opened := s.offices["alpha"], s.clock.Now()
				alpha.next = tc.next
				alpha.next.At = opened.Add(10 * time.Minute)
				p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.clock.Advance(20 * time.Minute)
				s.auto.pay(p.Charges[0].Order, opened.Add(tc.paid))
				s.settle(t, 10*time.Minute)
				if got := len(alpha.entries); got != tc.booked {
					t.Errorf("got %d bookings, want %d", got, tc.booked)
				}
				s.audit(t)
			})
		})
	}
}

// inParts lets debts be paid in parts: each is of one account then.
func (s *scene) inParts() {
	parts := s.parts()
	withConnectors(&parts, func(c *hub.Connector) {
		c.Traits.Paying.Partial = true
		c.Source = bentSource{c.Source, oneAccount}
	})
	s.Service = pay.New(parts, pay.Conf{})
}

// oneAccount has every debt paid to one account.
func oneAccount(answer hub.Answer, err error) (hub.Answer, error) {
	for i := range answer.Obligations {
		o := &answer.Obligations[i]
		o.Options[0].Transfers = o.Options[0].Transfers[:1]
		o.Options[0].Transfers[0].Amount = o.Outstanding
	}
	return answer, err
}

// TestAPartPaidDebtIsNotPaidWholeWhileItsCreditorIsSilent uses a quote from before a
// part was paid through the hub.
func TestAPartPaidDebtIsNotPaidWholeWhileItsCreditorIsSilent(t *testing.T) {
	for name, prefer := range map[string][]string{"reserved first": {"manual"}, "taken at once": {"auto"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.prefer = prefer
				s.inParts()
				alpha := s.offices["alpha"]
				alpha.takes = true
				items := s.owe(1, "alpha")
				old, err := s.Quote(t.Context(), who, "portal", items)
				if err != nil {
					t.Fatal(err)
				}
				part := []pay.Item{items[0]}
				part[0].Amount = hub.Bani(400)
				p, err := s.open(t.Context(), "k1", part, hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.authorise(p)
				s.settle(t, 2*time.Minute)
				if p = s.mustEnd(t, p.ID, hub.PaymentSettled); p.Lines[0].ClearedAt.IsZero() {
					t.Fatal("the part is not cleared")
				}
				alpha.silent = true
				order := pay.Order{Key: "k2", Token: old.Token, Policy: hub.BestEffort, ReturnURL: p.ReturnURL}
				if second, err := s.Open(t.Context(), who, "portal", order); err == nil {
					s.authorise(second)
					s.settle(t, 5*time.Minute)
				}
				if got := len(alpha.entries); got != 1 {
					t.Errorf("got %d bookings, want the part alone", got)
				}
				alpha.silent = false
				if _, err := s.open(t.Context(), "k3", items, hub.BestEffort); err != nil {
					t.Errorf("the rest, quoted anew: %v", err)
				}
			})
		})
	}
}
