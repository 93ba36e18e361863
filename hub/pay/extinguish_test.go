package pay_test

import (
	"context"
	"testing"
	"testing/synctest"

	"racord/hub"
	"racord/hub/pay"
)

// rule is a creditor's word about what an amount extinguishes.
type rule struct {
	shares []hub.Share
	err    error
}

func (r rule) Quote(_ context.Context, _ hub.Asked, wanted []hub.Wanted) ([]hub.Quoted, error) {
	return []hub.Quoted{{Wanted: wanted[0], Extinguishes: r.shares}}, r.err
}

// TestAPartThatGoesToAnotherDebtIsRefused wants to pay D1 at a creditor that books
// money by its own rule.
func TestAPartThatGoesToAnotherDebtIsRefused(t *testing.T) {
	share := func(external string, bani int64) hub.Share {
		return hub.Share{Obligation: hub.NewObligationID("alpha", external), Amount: hub.Bani(bani)}
	}
	silent := hub.Errorf(hub.CodeTimeout, "no answer")
	for name, tc := range map[string]struct {
		allocation string
		quoter     hub.Quoter
		bani       int64
		want       pay.QuoteState
	}{
		"a part of the oldest":                {hub.CreditorOrder, rule{shares: []hub.Share{share("D1", 400)}}, 400, pay.Confirmed},
		"a part of a later one":               {hub.CreditorOrder, rule{shares: []hub.Share{share("D0", 400)}}, 400, pay.Refused},
		"a part that is divided":              {hub.CreditorOrder, rule{shares: []hub.Share{share("D0", 100), share("D1", 300)}}, 400, pay.Refused},
		"interest and principal of one":       {hub.CreditorOrder, rule{shares: []hub.Share{share("D1", 100), share("D1", 300)}}, 400, pay.Confirmed},
		"a part, and no word":                 {hub.CreditorOrder, rule{err: silent}, 400, pay.Refused},
		"a part, and no rule":                 {hub.CreditorOrder, rule{}, 400, pay.Refused},
		"a part, and nobody to ask":           {hub.CreditorOrder, nil, 400, pay.Refused},
		"all of it":                           {hub.CreditorOrder, rule{shares: []hub.Share{share("D1", 1037)}}, 1037, pay.Confirmed},
		"all of it, for an older one first":   {hub.CreditorOrder, rule{shares: []hub.Share{share("D0", 1037)}}, 1037, pay.Refused},
		"all of it, and no word":              {hub.CreditorOrder, rule{err: silent}, 1037, pay.Confirmed},
		"a part where the payer says of what": {hub.PayerDirected, nil, 400, pay.Confirmed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				parts := s.parts()
				withConnectors(&parts, func(c *hub.Connector) {
					c.Quoter, c.Traits.Paying.Partial, c.Traits.Paying.Allocation = tc.quoter, true, tc.allocation
					c.Source = bentSource{c.Source, oneAccount}
				})
				s.Service = pay.New(parts, pay.Conf{})
				items := s.owe(1, "alpha")
				items[0].Amount = hub.Bani(tc.bani)
				q, err := s.Quote(t.Context(), who, "portal", items)
				if err != nil {
					t.Fatal(err)
				}
				said, _ := tc.quoter.(rule)
				if l := q.Lines[0]; l.State != tc.want || len(l.Extinguishes) != len(said.shares) {
					t.Errorf("got %s, %q, which extinguishes %v; want %s, and the creditor's own division", l.State, l.Reason, l.Extinguishes, tc.want)
				}
			})
		})
	}
}
