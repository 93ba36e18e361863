package pay_test

import (
	"testing"
	"testing/synctest"

	"racord/hub"
	"racord/hub/pay"
)

// optional is a debt of 257.50 that can be paid in several ways.
func optional(s *scene) hub.Answer {
	o := hub.Obligation{ID: hub.NewObligationID("alpha", "D1"), ExternalID: "D1", Kind: "tax.building", Total: hub.Bani(25750), Paid: hub.Bani(0),
		Outstanding: hub.Bani(25750), Status: hub.StatusOpen}
	for kind, bani := range map[string]int64{"full": 25750, "installment": 12875, "early_full_year": 46350, "reduced_fine": 20000, "arrears_only": 9000, "custom": 15000} {
		o.Options = append(o.Options, hub.PaymentOption{ID: kind, Kind: kind, Amount: hub.Bani(bani), Transfers: []hub.Transfer{
			{Seq: 1, AccountID: "main", IBAN: "RO49AAAA1B31007593840000", Amount: hub.Bani(bani)}}})
	}
	return hub.Answer{AsOf: s.clock.Now(), Obligations: []hub.Obligation{o}}
}

// TestAPartIsOfWhatCanBePaidInParts wants amounts of the payer's own.
func TestAPartIsOfWhatCanBePaidInParts(t *testing.T) {
	for name, tc := range map[string]struct {
		option string
		bani   int64
		want   pay.QuoteState
		amount int64
	}{
		"a part of the debt":           {"full", 10000, pay.Confirmed, 10000},
		"the debt":                     {"full", 25750, pay.Confirmed, 25750},
		"more than the debt":           {"full", 25751, pay.AmountChanged, 25750},
		"any part":                     {"custom", 10000, pay.Confirmed, 10000},
		"more than is offered":         {"custom", 20000, pay.AmountChanged, 15000},
		"a year with its discount":     {"early_full_year", 46350, pay.Confirmed, 46350},
		"a part of a discount":         {"early_full_year", 10000, pay.AmountChanged, 46350},
		"half of half a fine":          {"reduced_fine", 10000, pay.AmountChanged, 20000},
		"less than an instalment":      {"installment", 10000, pay.AmountChanged, 12875},
		"more than an instalment":      {"installment", 20000, pay.AmountChanged, 12875},
		"a part of what is overdue":    {"arrears_only", 5000, pay.AmountChanged, 9000},
		"an option without own amount": {"arrears_only", 0, pay.Confirmed, 9000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				parts := s.parts()
				withConnectors(&parts, func(c *hub.Connector) {
					c.Source = bentSource{c.Source, func(hub.Answer, error) (hub.Answer, error) { return optional(s), nil }}
					c.Quoter, c.Traits.Paying.Partial = nil, true
				})
				s.Service = pay.New(parts, pay.Conf{})
				wanted := hub.Wanted{Obligation: hub.NewObligationID("alpha", "D1"), Option: tc.option}
				if tc.bani > 0 {
					wanted.Amount = hub.Bani(tc.bani)
				}
				q, err := s.Quote(t.Context(), who, "portal", []pay.Item{{Creditor: "alpha", Wanted: wanted}})
				if err != nil {
					t.Fatal(err)
				}
				if l := q.Lines[0]; l.State != tc.want || l.Line.Amount.Minor != tc.amount || l.Line.Transfers[0].Amount != l.Line.Amount {
					t.Errorf("got %s, %v to %v; want %s, %d", l.State, l.Line.Amount, l.Line.Transfers, tc.want, tc.amount)
				}
			})
		})
	}
}
