package pay

import (
	"context"

	"racord/hub"
)

// Why a line is refused whose money its creditor would book to other debts: the hub
// could not tell what of them is paid.
const (
	elsewhere = "This company books the money to an older bill first. Pay that one before, or together with this at the company."
	unsaid    = "This company books a part to its oldest bill first, and does not say now which that is. Pay this one whole, or ask again later."
)

// confirmed asks a creditor that quotes for its word on a line that its list
// confirms: what the amount will extinguish, or that it is refused after all. A
// creditor that does not quote, or is silent about it, has said enough with its
// list, unless a part may go to another debt than the payer's.
func (s *Service) confirmed(ctx context.Context, c *hub.Connector, item Item, q QuotedLine) QuotedLine {
	if q.State != Confirmed {
		return q
	}
	said := s.word(ctx, c, item, &q)
	if why := said.Err; why != nil && verdict(why) {
		return refused(c, item, hub.CodeOf(why), hub.MessageOf(why))
	}
	shares := said.Extinguishes
	switch {
	case len(shares) == 0 && astray(c, &q.Line):
		q.refuse(unsaid)
	case len(shares) > 0 && own(shares, q.Line.Obligation) < q.Line.Amount.Minor:
		q.refuse(elsewhere)
	}
	q.Extinguishes = shares
	return q
}

// word is what a creditor says to a line when it is asked for a quote: nothing, when
// it does not quote or is silent.
func (s *Service) word(ctx context.Context, c *hub.Connector, item Item, q *QuotedLine) (said hub.Quoted) {
	if c.Quoter == nil {
		return said
	}
	item.ExternalID, item.Amount = q.Line.ExternalID, q.Line.Amount
	list, err := c.Quoter.Quote(ctx, hub.Asked(q.Line.Asked), []hub.Wanted{item.Wanted})
	if err != nil || len(list) != 1 {
		return said
	}
	return list[0]
}

// astray tells whether a creditor may book a line to another debt than its own.
func astray(c *hub.Connector, l *hub.Line) bool {
	return c.Traits.Paying.Allocation == hub.CreditorOrder && l.Leaves() > 0
}

// own is how many bani of an amount's shares an obligation gets.
func own(shares []hub.Share, id hub.ObligationID) (bani int64) {
	for i := range shares {
		if shares[i].Obligation == id {
			bani += shares[i].Amount.Minor
		}
	}
	return bani
}
