package judge

import (
	"slices"

	"racord/hub"
)

// promises holds what payers were shown and told against what became of it.
func (t *trial) promises(promises []Promise) {
	t.quotes()
	for i := range promises {
		pr := &promises[i]
		ids := slices.Clone(pr.Payments)
		slices.Sort(ids)
		if ids = slices.Compact(ids); len(ids) > 1 {
			t.wrong("I9", pr.Key, "one request was answered with %d payments", len(ids))
		}
		if pr.Refused > 0 && len(ids) > 0 {
			t.wrong("I9", pr.Key, "one request opened a payment, and was refused %d times", pr.Refused)
		}
		for _, id := range ids {
			if p := t.known[id]; p == nil {
				t.lost("I9", id, "the payer was told of a payment the hub does not know")
			} else {
				t.kept(p, pr)
			}
		}
	}
}

// quotes: one payment for a quote.
func (t *trial) quotes() {
	by := map[hub.QuoteID]hub.PaymentID{}
	for _, p := range t.payments {
		if had, twice := by[p.Quote]; twice {
			t.wrong("I9", p.Quote, "%s and %s were both opened for the quote", had, p.ID)
		}
		by[p.Quote] = p.ID
	}
}

// kept tells whether a payment is what the payer was shown.
func (t *trial) kept(p *hub.Payment, pr *Promise) {
	for _, want := range pr.Lines {
		l := p.Line(want.No)
		id := p.PostingID(want.No)
		switch {
		case l == nil:
			t.wrong("I9", id, "the payer confirmed it, and the hub does not know it")
			continue
		case l.Amount.Minor != want.Amount:
			t.wrong("I9", id, "the payer confirmed %d, the hub has %d", want.Amount, l.Amount.Minor)
		case want.Told == hub.LinePosted && !slices.Contains(stillPosted, l.State):
			t.wrong("I9", id, "the payer was told that it is posted, and it is %s", l.State)
		}
		if want.Gone && (len(t.entries[id]) > 0 || l.State == hub.LinePosted || l.State == hub.LineStuck) {
			t.wrong("I11", id, "it was changed, cancelled or paid elsewhere before the payer authorised, and it is %s", l.State)
		}
	}
}

// stillPosted are the states in which "posted" was a true answer.
var stillPosted = []hub.LineState{hub.LinePosted, hub.LineReversing, hub.LineRejected, hub.LineRefunded}
