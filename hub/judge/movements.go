package judge

import (
	"slices"

	"racord/hub"
)

// movements holds what a payment says was taken, posted and given back against the
// bookings of just that. They are stored in one change, so that this holds of a
// payment under way, too.
func (t *trial) movements(p *hub.Payment, bookings []hub.Booking) {
	for psp, taken := range takenBy(p) {
		if booked := bookedTo(bookings, hub.AccountClearing(psp), "captured"); booked != taken {
			t.wrong("I12", p.ID, "%s took %d, and %d is booked of it", psp, taken, booked)
		}
	}
	for i := range p.Lines {
		l := &p.Lines[i]
		id := p.PostingID(l.No)
		if booked := bookedTo(bookings, hub.AccountLine(id), "posted", "reversed"); l.State == hub.LinePosted && booked != l.Amount.Minor {
			t.wrong("I12", id, "%d was posted, and %d is booked of it", l.Amount.Minor, booked)
		}
	}
	given := givenBack(p)
	if booked := bookedTo(bookings, hub.AccountRefund(p.ID), "refunded", "disputed"); booked != given {
		t.wrong("I12", p.ID, "%d was given back, and %d is booked of it", given, booked)
	}
}

// takenBy is what the payment says that each provider took.
func takenBy(p *hub.Payment) map[string]int64 {
	taken := map[string]int64{}
	for i := range p.Charges {
		if c := &p.Charges[i]; c.State == hub.ChargeCaptured || c.State == hub.ChargeDisputed {
			taken[c.PSP] += c.Facts.Captured
		}
	}
	return taken
}

// givenBack is what the payment says that its payer had back, whoever gave it.
func givenBack(p *hub.Payment) (sum int64) {
	for i := range p.Refunds {
		if r := &p.Refunds[i]; r.State == hub.RefundRefunded {
			sum += r.Amount.Minor
		}
	}
	return sum
}

// bookedTo adds debits less credits of an account up, in bookings of some kinds.
func bookedTo(bookings []hub.Booking, account string, kinds ...string) (sum int64) {
	for _, b := range bookings {
		if !slices.Contains(kinds, b.Kind) {
			continue
		}
		for _, leg := range b.Legs {
			if leg.Account == account {
				sum += leg.Debit - leg.Credit
			}
		}
	}
	return sum
}
