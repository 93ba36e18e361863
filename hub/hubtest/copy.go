package hubtest

import (
	"slices"

	"racord/hub"
)

// copyOf gives a payment that shares nothing with the other. It is much cheaper
// than going through the store's text.
func copyOf(p *hub.Payment) *hub.Payment {
	c := *p
	c.Charges, c.Lines, c.Refunds = slices.Clone(p.Charges), slices.Clone(p.Lines), slices.Clone(p.Refunds)
	for i := range c.Charges {
		c.Charges[i].Lines = slices.Clone(c.Charges[i].Lines)
		c.Charges[i].Shares = slices.Clone(c.Charges[i].Shares)
	}
	for i := range c.Lines {
		l := &c.Lines[i]
		l.Transfers, l.Covers = slices.Clone(l.Transfers), slices.Clone(l.Covers)
		if l.GivenBack != nil {
			given := *l.GivenBack
			l.GivenBack = &given
		}
	}
	for i := range c.Refunds {
		if r := &c.Refunds[i]; r.Ending != nil {
			said := *r.Ending
			r.Ending = &said
		}
	}
	return &c
}
