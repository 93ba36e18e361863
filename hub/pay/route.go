package pay

import (
	"slices"

	"racord/hub"
)

// plan is one charge to be: who takes it, for which lines.
type plan struct {
	psp      *hub.PSP
	merchant string
	lines    []int // numbers
	amount   hub.Money
	last     hub.Name // the creditor of the last line
	manifest int      // bytes that the lines need in the manifest
}

// errNoRoute says that no provider pays out to a creditor's account.
var errNoRoute = hub.Errorf(hub.CodeNotPayable, "No payment provider can take this basket now.")

// errTooLong says that a provider's book cannot hold what a charge is for.
var errTooLong = hub.Errorf(hub.CodeNotPayable, "This basket is for too many creditors at once. Pay it in two parts.")

// route groups lines of a payment into as few charges as the providers' abilities
// allow: one charge with a provider's split, else one for each merchant account.
// Among equals the city's preference decides. without names providers that were
// tried. A provider that takes money at once has none of a basket that is taken
// whole or not at all, unless it takes all of that in one charge.
func (s *Service) route(p *hub.Payment, lines []*hub.Line, without map[string]bool) ([]plan, error) {
	var best []plan
	why := errNoRoute
	for _, psp := range s.PSPs {
		if without[psp.Name] || !psp.Healthy() {
			continue
		}
		plans, err := plansAt(psp, lines)
		if err == errTooLong {
			why = err
		}
		whole := len(plans) == 1 && len(lines) == len(p.Lines)
		if err != nil || p.Policy == hub.AllOrNothing && !whole && psp.Capturer == nil {
			continue
		}
		if best == nil || len(plans) < len(best) {
			best = plans
		}
	}
	if best == nil {
		return nil, why
	}
	return best, nil
}

// plansAt groups the lines at one provider. It fails with errNoRoute when that does
// not pay out to all of them, and with errTooLong.
func plansAt(psp *hub.PSP, lines []*hub.Line) ([]plan, *hub.Error) {
	merchants := make([][]string, len(lines))
	for i, l := range lines {
		if merchants[i] = merchantsOf(psp, l); merchants[i] == nil {
			return nil, errNoRoute
		}
		if len(merchants[i]) > 1 && !psp.Traits.Split {
			return nil, errNoRoute
		}
	}
	if psp.Traits.Split {
		return joined(psp, lines, merchants)
	}
	var plans []plan
	for i, l := range lines {
		at := slices.IndexFunc(plans, func(p plan) bool { return p.merchant == merchants[i][0] })
		if at < 0 {
			plans = append(plans, plan{psp: psp, merchant: merchants[i][0], amount: hub.Bani(0)})
			at = len(plans) - 1
		}
		if err := plans[at].add(l); err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// joined is the one charge of a provider that splits.
func joined(psp *hub.PSP, lines []*hub.Line, merchants [][]string) ([]plan, *hub.Error) {
	one := plan{psp: psp, merchant: merchants[0][0], amount: hub.Bani(0)}
	for _, l := range lines {
		if err := one.add(l); err != nil {
			return nil, err
		}
	}
	return []plan{one}, nil
}

// add takes a line in, if its sum and its manifest are not too large then.
func (p *plan) add(l *hub.Line) *hub.Error {
	sum, err := p.amount.Add(l.Amount)
	if err != nil || p.psp.Traits.LargestCharge > 0 && sum.Minor > p.psp.Traits.LargestCharge {
		return errNoRoute
	}
	p.manifest += len(manifestLine(l, p.last))
	if p.manifest > manifestBytes-manifestRest {
		return errTooLong
	}
	p.amount, p.last, p.lines = sum, l.Creditor, append(p.lines, l.No)
	return nil
}

// merchantsOf gives the merchant accounts that a line's money goes to, or nil
// when the provider pays out to one of them only.
func merchantsOf(psp *hub.PSP, l *hub.Line) (list []string) {
	for _, t := range l.Transfers {
		merchant, ok := psp.Merchants.Of(l.Creditor, t.AccountID)
		if !ok {
			return nil
		}
		if !slices.Contains(list, merchant) {
			list = append(list, merchant)
		}
	}
	return list
}

// splits divides a charge over the merchant accounts, in a fixed order. It is
// nil when all of it goes to one.
func splits(psp *hub.PSP, p *hub.Payment, c *hub.Charge) []hub.Split {
	list := transfersOf(psp, linesOf(p, c)...)
	if len(list) == 1 && list[0].Merchant == c.Merchant {
		return nil
	}
	return list
}

// transfersOf adds up what each merchant account gets of the lines.
func transfersOf(psp *hub.PSP, lines ...*hub.Line) (list []hub.Split) {
	for _, l := range lines {
		for _, t := range l.Transfers {
			merchant, _ := psp.Merchants.Of(l.Creditor, t.AccountID)
			at := slices.IndexFunc(list, func(s hub.Split) bool { return s.Merchant == merchant })
			if at < 0 {
				list = append(list, hub.Split{Merchant: merchant, Amount: hub.Bani(0)})
				at = len(list) - 1
			}
			list[at].Amount.Minor += t.Amount.Minor // the charge's amount was added up with checks
		}
	}
	return list
}
