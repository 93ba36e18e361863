package pay

import (
	"slices"

	"racord/hub"
)

// disputedShares divides what a payer's bank took back over the charge's lines, in
// their order, beside the shares that they have already. Providers tell of the whole
// order, whatever they gave back before; and what a creditor does not keep, it does
// not owe.
func disputedShares(p *hub.Payment, c *hub.Charge, sum int64) (shares []hub.DisputeShare) {
	left := min(sum, c.Facts.Captured-p.RefundedOf(c.No)-shared(c))
	for _, l := range linesOf(p, c) {
		if p.ChargeOf(l.No).No != c.No || !keeps(l) {
			continue
		}
		if part := min(left, l.Amount.Minor-shareOf(c, l.No)); part > 0 {
			left -= part
			shares = append(shares, hub.DisputeShare{Line: l.No, Amount: part})
		}
	}
	return shares
}

// wonShares divides what came back of a dispute that goes on over the lines that
// creditors keep: of another, its refund was ended by the bank's word on all of it.
func wonShares(p *hub.Payment, c *hub.Charge, sum int64) (won []hub.DisputeShare) {
	for _, open := range openShares(c) {
		if open.Amount = min(open.Amount, sum); open.Amount > 0 && keeps(p.Line(open.Line)) {
			sum -= open.Amount
			won = append(won, open)
		}
	}
	return won
}

// openShares is what creditors owe of a dispute now.
func openShares(c *hub.Charge) (open []hub.DisputeShare) {
	for _, share := range c.Shares {
		if rest := share.Amount - share.Won; rest > 0 {
			open = append(open, hub.DisputeShare{Line: share.Line, Amount: rest})
		}
	}
	return open
}

// asBooked notes how a dispute was booked before that was noted.
func asBooked(p *hub.Payment, c *hub.Charge) {
	if c.Contested > 0 {
		return
	}
	if c.Shares == nil {
		c.Shares = disputedShares(p, c, c.Facts.Disputed)
	}
	c.Contested = shared(c)
}

// shared is how much of a dispute is booked, and shareOf how much of a line of it.
func shared(c *hub.Charge) (sum int64) {
	for _, share := range openShares(c) {
		sum += share.Amount
	}
	return sum
}

func shareOf(c *hub.Charge, line int) int64 {
	for _, share := range openShares(c) {
		if share.Line == line {
			return share.Amount
		}
	}
	return 0
}

// shareIn gives what a line has of a charge's dispute, to be changed.
func shareIn(c *hub.Charge, line int) *hub.DisputeShare {
	at := slices.IndexFunc(c.Shares, func(s hub.DisputeShare) bool { return s.Line == line })
	if at < 0 {
		at, c.Shares = len(c.Shares), append(c.Shares, hub.DisputeShare{Line: line})
	}
	return &c.Shares[at]
}

// keeps tells whether a line's money is, or will be, its creditor's.
func keeps(l *hub.Line) bool {
	switch l.State {
	case hub.LineDropped, hub.LineRejected, hub.LineRefunded:
		return false
	}
	return true
}
