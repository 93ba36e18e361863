package pay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// TestWhatACreditorTookOff pays a debt of 257.50, of which 50 was paid before, and has
// its creditor show something of it afterwards.
func TestWhatACreditorTookOff(t *testing.T) {
	const grown = 14 // bani: a day's interest
	for name, tc := range map[string]struct {
		option          string
		bani            int64
		left, paid      int64 // what the creditor shows afterwards
		cleared, mayPay bool
	}{
		"all of it":                                   {"full", 25750, 0, 30750, true, false},
		"all of it, and a day more was owed":          {"full", 25750, grown, 30750, true, true},
		"all of it, and it does not say what is paid": {"full", 25750, grown, 0, true, true},
		"all of it, and much is left":                 {"full", 25750, 12000, 5000, false, false},
		"a part":                                      {"full", 10000, 15750, 15000, true, true},
		"a part, and a day more is owed":              {"full", 10000, 15750 + grown, 15000, true, true},
		"a part, and it does not say what is paid":    {"full", 10000, 15750 + grown, 0, true, true},
		"a part, which grew by more than it":          {"full", 10, 25750 + grown, 5010, true, true},
		"a part that is not booked yet":               {"full", 10000, 25750 + grown, 5000, false, false},
		"half a fine for the whole":                   {"reduced_fine", 20000, 0, 25000, true, false},
		"half a fine for a part":                      {"reduced_fine", 20000, 5750, 25000, false, false},
		"a year for an instalment":                    {"early_full_year", 46350, 0, 51350, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				shown, left, paid := s.offices["alpha"], int64(25750), int64(5000)
				shown.takes = true
				parts := s.parts()
				withConnectors(&parts, func(c *hub.Connector) {
					c.Source = bentSource{c.Source, func(hub.Answer, error) (hub.Answer, error) {
						answer := optional(s)
						o := &answer.Obligations[0]
						if len(shown.entries) > 0 {
							left, paid = tc.left, tc.paid
							o.Options = o.Options[:0]
							for _, option := range optional(s).Obligations[0].Options {
								if option.Kind == "full" {
									option.Amount = hub.Bani(left)
									o.Options = append(o.Options, option)
								}
							}
						}
						o.Outstanding, o.Paid = hub.Bani(left), hub.Bani(paid)
						return answer, nil
					}}
					c.Quoter, c.Traits.Paying.Partial = nil, true
				})
				s.Service = pay.New(parts, pay.Conf{})
				wanted := hub.Wanted{Obligation: hub.NewObligationID("alpha", "D1"), Option: tc.option, Amount: hub.Bani(tc.bani)}
				p, err := s.open(t.Context(), "k", []pay.Item{{Creditor: "alpha", Wanted: wanted}}, hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.authorise(p)
				s.settle(t, 2*time.Minute)
				s.clock.Advance(2 * time.Hour)
				s.settle(t, 5*time.Minute)
				p = s.mustEnd(t, p.ID, hub.PaymentSettled)
				if l := p.Lines[0]; l.ClearedAt.IsZero() == tc.cleared || l.Zombie == tc.cleared {
					t.Errorf("got cleared at %v, a zombie %t; want it cleared %t", l.ClearedAt, l.Zombie, tc.cleared)
				}
				wanted = hub.Wanted{Obligation: wanted.Obligation, Option: "full"}
				q, err := s.Quote(t.Context(), who, "portal", []pay.Item{{Creditor: "alpha", Wanted: wanted}})
				if err != nil || (q.Lines[0].State == pay.Confirmed) != tc.mayPay {
					t.Errorf("what is left: got %+v (%v), want it confirmed %t", q.Lines[0], err, tc.mayPay)
				}
			})
		})
	}
}
