package judge

import (
	"fmt"
	"strings"

	"racord/hub"
)

// lines holds every line against its creditor's book.
func (t *trial) lines(p *hub.Payment) {
	for i := range p.Lines {
		l := &p.Lines[i]
		id := p.PostingID(l.No)
		booked := t.entries[id]
		if len(booked) > 1 {
			t.postedTwice("I4", id, "%s has booked it %d times", l.Creditor, len(booked))
		}
		for _, entry := range booked {
			if entry.Amount != l.Amount.Minor {
				t.wrong("I3", id, "%s has booked %d, the payer confirmed %d", l.Creditor, entry.Amount, l.Amount.Minor)
			}
			if entry.ExternalID != l.ExternalID || entry.Creditor != l.Creditor {
				t.wrong("I3", id, "it is booked to another debt: %s at %s", entry.ExternalID, entry.Creditor)
			}
		}
		t.line(p, l, id, len(booked) > 0)
	}
	if !Finished(p) {
		t.unfinished("I7", p.ID, "it is still %s:%s", p.State(), Pending(p))
	}
}

// Pending names the parts of a payment that are not at their end.
func Pending(p *hub.Payment) string {
	var b strings.Builder
	for i := range p.Charges {
		if c := &p.Charges[i]; !c.State.Final() {
			fmt.Fprintf(&b, " charge %d %s;", c.No, c.State)
		}
	}
	for i := range p.Lines {
		if l := &p.Lines[i]; !l.State.Final() {
			fmt.Fprintf(&b, " line %d %s at %s;", l.No, l.State, l.Creditor)
		}
	}
	for i := range p.Refunds {
		if r := &p.Refunds[i]; !r.State.Final() {
			fmt.Fprintf(&b, " refund %d %s;", r.No, r.State)
		}
	}
	return b.String()
}

func (t *trial) line(p *hub.Payment, l *hub.Line, id hub.PostingID, booked bool) {
	switch l.State {
	case hub.LinePosted:
		if !booked {
			t.lost("I3", id, "it is posted, and %s has not booked it", l.Creditor)
		}
	case hub.LineStuck:
		t.waits("I7", id, "%s: a person has to ask %s", l.Reason, l.Creditor)
	case hub.LineRefunded, hub.LineDropped, hub.LineHeld:
		if booked {
			t.lost("I3", id, "%s has booked it, and it is %s", l.Creditor, l.State)
		}
	}
	if l.State == hub.LineRefunded && !t.refundOf(p, l) {
		t.wrong("I8", id, "it is refunded without a refund of its amount")
	}
}

func (t *trial) refundOf(p *hub.Payment, l *hub.Line) bool {
	for i := range p.Refunds {
		if r := &p.Refunds[i]; r.Line == l.No && r.State == hub.RefundRefunded && r.Amount == l.Amount {
			return true
		}
	}
	return false
}

// debts tells whether a debt was paid more often than it was owed. The most that
// was owed of it is what its creditor said when the first payer asked.
func (t *trial) debts() {
	owed, kept := map[debt]int64{}, map[debt]int64{}
	for _, p := range t.payments {
		for i := range p.Lines {
			l := &p.Lines[i]
			of := debt{l.Creditor, l.ExternalID}
			if owed[of] = max(owed[of], l.Owed.Minor); l.Whole {
				owed[of] = max(owed[of], l.Amount.Minor) // with all that it covers
			}
			if l.State == hub.LineStuck && len(t.entries[p.PostingID(l.No)]) == 0 {
				kept[of] += l.Amount.Minor
			}
		}
	}
	for of, entries := range t.debtOf {
		sum := int64(0)
		for _, entry := range entries {
			sum += entry.Amount
		}
		if most, ours := owed[of]; ours && sum > most {
			t.postedTwice("I4", string(of.creditor)+"/"+of.external, "%d is booked of a debt of %d", sum, most)
		}
		if most, ours := owed[of]; ours && kept[of] > 0 && sum+kept[of] > most {
			t.takenTwice("I4", string(of.creditor)+"/"+of.external, "%d is taken for a debt of %d", sum+kept[of], most)
		}
	}
}
