package pay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// instalments lets alpha show the two of a tax, which a year's discount pays at once.
// It goes on showing what was paid.
func (s *scene) instalments() {
	alpha := s.offices["alpha"]
	alpha.debts = map[string]int64{"D1": 25750, "D2": 25750}
	alpha.forgets = true
	parts := s.parts()
	withConnectors(&parts, func(c *hub.Connector) {
		c.Source = bentSource{c.Source, func(answer hub.Answer, err error) (hub.Answer, error) {
			for i := range answer.Obligations {
				if o := &answer.Obligations[i]; o.ExternalID == "D1" {
					year := o.Options[0]
					year.ID, year.Kind, year.Amount = "early_full_year", "early_full_year", hub.Bani(46350)
					year.Transfers = []hub.Transfer{{Seq: 1, AccountID: "main", IBAN: "RO49AAAA1B31007593840000", Amount: hub.Bani(46350)}}
					year.Covers = []hub.ObligationID{hub.NewObligationID("alpha", "D2")}
					o.Options = append(o.Options, year)
				}
			}
			return answer, err
		}}
	})
	s.Service = pay.New(parts, pay.Conf{})
}

// year is the item that pays both instalments.
func year() pay.Item {
	it := bill("D1")
	it.Option = "early_full_year"
	return it
}

func TestABasketPaysAnInstalmentOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		basket []pay.Item
		total  int64
		want   []string
	}{
		"both instalments":               {[]pay.Item{bill("D1"), bill("D2")}, 51500, []string{"", ""}},
		"the year":                       {[]pay.Item{year()}, 46350, []string{""}},
		"the year and its second":        {[]pay.Item{year(), bill("D2")}, 46350, []string{"", paidWith}},
		"the second, and the year of it": {[]pay.Item{bill("D2"), year()}, 46350, []string{paidWith, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.instalments()
				s.wantQuote(t, tc.basket, tc.total, tc.want)
			})
		})
	}
}

// TestAnInstalmentIsNotPaidBesideItsYear pays one of the two, whose creditor is slow to
// take it off.
func TestAnInstalmentIsNotPaidBesideItsYear(t *testing.T) {
	for name, tc := range map[string]struct {
		first, then pay.Item
		why         string
	}{
		"the year, then the second": {year(), bill("D2"), hub.PaidHere},
		"the second, then the year": {bill("D2"), year(), hub.PartPaidHere},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.instalments()
				old, err := s.Quote(t.Context(), who, "portal", []pay.Item{tc.then})
				if err != nil {
					t.Fatal(err)
				}
				p, err := s.open(t.Context(), "k1", []pay.Item{tc.first}, hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				order := pay.Order{Key: "early", Token: old.Token, Policy: hub.BestEffort, ReturnURL: p.ReturnURL}
				if _, err := s.Open(t.Context(), who, "portal", order); hub.CodeOf(err) != hub.CodeConflict {
					t.Errorf("while the first is being paid: got %v, want a conflict", err)
				}
				s.authorise(p)
				s.settle(t, time.Minute)
				s.mustEnd(t, p.ID, hub.PaymentSettled)
				order.Key = "late"
				if _, err := s.Open(t.Context(), who, "portal", order); hub.CodeOf(err) != hub.CodeConflict {
					t.Errorf("once it is paid: got %v, want a conflict", err)
				}
				q, err := s.Quote(t.Context(), who, "portal", []pay.Item{tc.then})
				if err != nil || q.Lines[0].State != pay.Refused || q.Lines[0].Reason != tc.why {
					t.Errorf("quoted once it is paid: got %s %q (%v), want %q", q.Lines[0].State, q.Lines[0].Reason, err, tc.why)
				}
				s.audit(t)
			})
		})
	}
}
