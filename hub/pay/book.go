package pay

import (
	"fmt"
	"strings"

	"racord/hub"
)

// bookCapture: the provider owes what it took; it is held for the payment.
func (s *Service) bookCapture(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) {
	id := fmt.Sprintf("%s:captured:%d", p.ID, c.No)
	tx.Book(hub.TransferBooking(id, "captured", p.ID, hub.AccountClearing(c.PSP), hub.AccountHeld(p.ID), hub.Bani(c.Facts.Captured)))
}

// bookMore: the provider owes what it took once more; it is owed to the payer.
func (s *Service) bookMore(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, more int64) {
	id := fmt.Sprintf("%s:taken_again:%d:%d", p.ID, c.No, c.Facts.Captured)
	tx.Book(hub.TransferBooking(id, "captured", p.ID, hub.AccountClearing(c.PSP), hub.AccountRefund(p.ID), hub.Bani(more)))
}

// bookAllocation: a part of what is held is for a line.
func (s *Service) bookAllocation(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line) {
	id := fmt.Sprintf("%s:allocated:%d:%d", p.ID, c.No, l.No)
	tx.Book(hub.TransferBooking(id, "allocated", p.ID, hub.AccountHeld(p.ID), hub.AccountLine(p.PostingID(l.No)), l.Amount))
}

// bookRest gives back what was taken for no line of this charge, and calls a
// person when less was taken than the lines need.
func (s *Service) bookRest(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) {
	rest := c.Facts.Captured
	for _, l := range linesOf(p, c) {
		if p.ChargeOf(l.No).No == c.No && l.State != hub.LineDropped {
			rest -= l.Amount.Minor
		}
	}
	switch {
	case rest > 0:
		id := fmt.Sprintf("%s:unwanted:%d", p.ID, c.No)
		tx.Book(hub.TransferBooking(id, "refused", p.ID, hub.AccountHeld(p.ID), hub.AccountRefund(p.ID), hub.Bani(rest)))
		s.refundLater(tx, p, c.No, 0, hub.Bani(rest), "unwanted")
	case rest < 0:
		tx.Anomaly("other_amount", "the provider took less than the lines need: "+c.Order)
	}
}

// bookPosted: the creditor accepted the line; the claim on the provider is now
// the creditor's.
func (s *Service) bookPosted(tx hub.PaymentTx, p *hub.Payment, l *hub.Line) {
	id := fmt.Sprintf("%s:posted:%d:%d", p.ID, l.No, l.Tries)
	tx.Book(hub.TransferBooking(id, "posted", p.ID, hub.AccountLine(p.PostingID(l.No)), hub.AccountPayable(l.Creditor), l.Amount))
}

// bookRefusal: what was for the line is owed to the payer.
func (s *Service) bookRefusal(tx hub.PaymentTx, p *hub.Payment, l *hub.Line) {
	id := fmt.Sprintf("%s:refused:%d", p.ID, l.No)
	tx.Book(hub.TransferBooking(id, "refused", p.ID, hub.AccountLine(p.PostingID(l.No)), hub.AccountRefund(p.ID), l.Amount))
}

// bookReversal: the creditor gave a booked line up, or may have; it is for the line
// again.
func (s *Service) bookReversal(tx hub.PaymentTx, p *hub.Payment, l *hub.Line) {
	id := fmt.Sprintf("%s:reversed:%d:%d", p.ID, l.No, l.Tries)
	tx.Book(hub.TransferBooking(id, "reversed", p.ID, hub.AccountPayable(l.Creditor), hub.AccountLine(p.PostingID(l.No)), l.Amount))
}

// bookRefunded: the provider gave the payer back what was owed to him.
func (s *Service) bookRefunded(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, r *hub.Refund) {
	id := fmt.Sprintf("%s:refunded:%d", p.ID, r.No)
	tx.Book(hub.TransferBooking(id, "refunded", p.ID, hub.AccountRefund(p.ID), hub.AccountClearing(c.PSP), r.Amount))
}

// bookTransferred: creditors sent the payer what was owed to him, from the bank
// accounts that the provider paid it out to.
func (s *Service) bookTransferred(tx hub.PaymentTx, p *hub.Payment, psp *hub.PSP, c *hub.Charge, r *hub.Refund) {
	b := hub.Booking{ID: fmt.Sprintf("%s:transferred:%d", p.ID, r.No), Kind: "refunded", Payment: p.ID}
	b.Legs = append(b.Legs, hub.Leg{Account: hub.AccountRefund(p.ID), Debit: r.Amount.Minor})
	from := givers(psp, p, c, r)
	if from == nil {
		from = []hub.Split{{Merchant: c.Merchant, Amount: r.Amount}}
	}
	for _, part := range from {
		creditor, account, _ := strings.Cut(psp.Merchants.AccountOf(part.Merchant), "/")
		b.Legs = append(b.Legs, hub.Leg{Account: hub.AccountBank(hub.Name(creditor), account), Credit: part.Amount.Minor})
	}
	tx.Book(b)
}

// bookDispute: the payer's bank took back shares of what the charge had taken; who has
// them now owes them.
func (s *Service) bookDispute(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, shares []hub.DisputeShare) {
	for _, share := range shares {
		id := fmt.Sprintf("%s:disputed:%d:%d", p.ID, c.No, share.Line) + nth(c.Disputes)
		owes := hub.AccountDispute(p.Line(share.Line).Creditor)
		tx.Book(hub.TransferBooking(id, "disputed", p.ID, owes, hub.AccountClearing(c.PSP), hub.Bani(share.Amount)))
	}
}

// nth ends the name of what is booked of disputes more than once.
func nth(dispute int) string {
	if dispute <= 1 {
		return ""
	}
	return fmt.Sprintf(":%d", dispute)
}

// bookWon: of a dispute, shares were decided for the creditors.
func (s *Service) bookWon(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, shares []hub.DisputeShare) {
	for _, share := range shares {
		id := fmt.Sprintf("%s:won:%d:%d", p.ID, c.No, share.Line) + nth(c.Disputes)
		owed := hub.AccountDispute(p.Line(share.Line).Creditor)
		tx.Book(hub.TransferBooking(id, "won", p.ID, hub.AccountClearing(c.PSP), owed, hub.Bani(share.Amount)))
	}
}

// bookTakenBack: the payer has what was owed to him from his own bank, which took
// it from whoever had it: a creditor that owes it since, or nobody but the
// provider. Undone, it is owed to him again.
func (s *Service) bookTakenBack(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, r *hub.Refund, undone bool) {
	rest, name := r.Amount.Minor, "taken_back"
	if undone {
		name = "taken_back_undone"
	}
	book := func(of, account string, amount int64) {
		debit, credit := hub.AccountRefund(p.ID), account
		if undone {
			debit, credit = credit, debit
		}
		if amount > 0 {
			id := fmt.Sprintf("%s:%s:%d:%s", p.ID, name, r.No, of) + nth(c.Disputes)
			tx.Book(hub.TransferBooking(id, "disputed", p.ID, debit, credit, hub.Bani(amount)))
		}
	}
	for _, share := range c.Shares {
		if share.Line == r.Line {
			part := min(rest, share.Amount)
			rest -= part
			book("creditor", hub.AccountDispute(p.Line(r.Line).Creditor), part)
		}
	}
	book("provider", hub.AccountClearing(c.PSP), rest)
}
