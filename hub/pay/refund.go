package pay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"racord/hub"
)

// refundLater asks for money to be given back. Refunds of one charge follow each
// other, so that the provider's sum tells which of them happened.
func (s *Service) refundLater(tx hub.PaymentTx, p *hub.Payment, charge, line int, amount hub.Money, why string) {
	r := hub.Refund{No: len(p.Refunds) + 1, Charge: charge, Line: line, Amount: amount, Reason: why, State: hub.RefundRequested, WantedAt: tx.Now()}
	p.Refunds = append(p.Refunds, r)
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkRefund, No: r.No}, 0)
}

// refund brings a refund one step on.
func (s *Service) refund(ctx context.Context, lease *hub.Lease) error {
	p, err := s.Store.Payment(ctx, lease.Payment)
	if err != nil {
		return err
	}
	r := p.Refund(lease.No)
	if r == nil || r.State.Final() {
		return s.done(ctx, lease)
	}
	if before := ahead(p, r); before != nil {
		return s.later(ctx, lease, s.conf.LookUpEvery)
	}
	c := p.Charge(r.Charge)
	over, err := s.settlementsOver(ctx, c, r) // first, so that what they say is among the facts
	if err != nil {
		return err
	}
	facts, err := s.refundFacts(ctx, p, c, r)
	if err != nil {
		return s.later(ctx, lease, backoff(r.Tries))
	}
	psp, repay := s.psp(c.PSP), false
	p, err = s.alter(ctx, p.ID, lease, func(tx hub.PaymentTx, p *hub.Payment) (err error) {
		r, c := p.Refund(lease.No), p.Charge(r.Charge)
		s.learn(tx, p, c, facts)
		if over && c.Facts.RefundedSome && r.State != hub.RefundRequested && !happened(p, c, r) {
			return s.refundFailed(tx, p, r, "nobody knows whether it was given back: look before giving it back")
		}
		repay, err = s.nextRefundStep(tx, lease.Work, p, c, r, psp.Refunder != nil)
		return err
	})
	if err != nil || !repay {
		return err
	}
	return s.repay(ctx, lease, psp, p)
}

// refundFacts asks the provider about a charge. Where it does not say how much it
// gave back, its settlements do, to the ban. They say nothing of a charge that the
// payer's bank took back: that stands there, too.
func (s *Service) refundFacts(ctx context.Context, p *hub.Payment, c *hub.Charge, r *hub.Refund) (hub.ChargeFacts, error) {
	facts, err := s.ask(ctx, c)
	if err != nil || !facts.RefundedSome || c.Facts.Fold(facts).Disputed > 0 || r.State == hub.RefundRequested {
		return facts, err
	}
	bookings, err := s.Store.Bookings(ctx, p.ID)
	if told := hub.SettledRefund(bookings, c.PSP, c.Order); told == r.Before+r.Amount.Minor {
		facts.Refunded = max(facts.Refunded, told)
	}
	return facts, err
}

// nextRefundStep draws the consequences of what the provider says of a charge for
// a refund of it. repay says that the refund is to be asked for, the intent being
// stored.
func (s *Service) nextRefundStep(tx hub.PaymentTx, work hub.Work, p *hub.Payment, c *hub.Charge, r *hub.Refund, able bool) (repay bool, err error) {
	if c.Restored && r.State == hub.RefundRequested && r.AskedAt.IsZero() {
		if err := s.doubt(tx, p, r); err != nil {
			return false, err
		}
	}
	asked := r.State != hub.RefundRequested
	switch {
	case asked && happened(p, c, r):
		return false, s.refunded(tx, p, c, r)
	case !able:
		return false, s.refundFailed(tx, p, r, "the provider cannot refund")
	}
	if asked {
		if wait := s.unclear(tx, c, r); wait > 0 {
			tx.Schedule(work, wait)
			return false, r.Move(hub.RefundUnknown)
		}
	}
	if c.Facts.Contested() {
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, 0) // it may not know yet
		return false, s.refundFailed(tx, p, r, contested)
	}
	return true, s.asking(tx, work, c, r)
}

// contested is why a refund fails whose charge the payer's bank takes back: he
// would have the money twice.
const contested = "the payer's bank took the money back"

// asking notes that a refund is about to be asked for: for the first time, or again
// because it cannot have happened.
func (s *Service) asking(tx hub.PaymentTx, work hub.Work, c *hub.Charge, r *hub.Refund) error {
	if r.State == hub.RefundRequested {
		r.Before, r.Some = c.Facts.Refunded, c.Facts.RefundedSome
		r.AskedAt, r.AskedOn = tx.Now(), hub.DateOf(s.Clock.Now())
	}
	if r.WantedAt.IsZero() { // it was wanted before that was noted
		r.WantedAt = tx.Now()
	}
	r.Tries++
	r.TriedAt = tx.Now()
	tx.Schedule(work, s.conf.CallFor+s.conf.LookUpEvery)
	return r.Move(hub.RefundRefunding)
}

// happened tells whether a refund that was asked for stands in what the provider
// says: in its sum or, where it only says that something was refunded and did not
// say so before, as the only one that can be meant.
func happened(p *hub.Payment, c *hub.Charge, r *hub.Refund) bool {
	return c.Facts.Refunded >= r.Before+r.Amount.Minor || c.Facts.RefundedSome && !r.Some && alone(p, r)
}

const (
	settledWithin = 10 // days after what it is about, in which a settlement tells of it
	settledEver   = 60 // days after which nobody waits any more for settlements that cannot be read
)

// settlementsOver tells whether all settlements in which a refund could stand are
// over, and were read: what is in none of them is known to nobody, and a person has
// to look.
func (s *Service) settlementsOver(ctx context.Context, c *hub.Charge, r *hub.Refund) (bool, error) {
	now, last := s.Clock.Now(), r.AskedOn.Back(-settledWithin)
	switch {
	case r.AskedOn == "" || !now.After(last.End()):
		return false, nil
	case s.Settlements == nil || now.After(r.AskedOn.Back(-settledEver).End()):
		return true, nil
	}
	return s.Settlements.Read(ctx, c.PSP, c.Merchant, r.AskedOn, last)
}

// unclear is how long to wait before a refund that was asked for and cannot be
// seen is looked at again; 0 when enough time is over to ask for it again. A bank
// answers behind the provider, and one that looks at no keys gives back twice what
// it is asked for twice: nobody is in such a hurry.
func (s *Service) unclear(tx hub.PaymentTx, c *hub.Charge, r *hub.Refund) time.Duration {
	age, again := tx.Now().Sub(lastAsked(r)), max(s.conf.RefundAgain, s.settleFor())
	look := min(max(s.settleFor()/2, age/4), time.Hour)
	switch {
	case !c.Facts.RefundedSome: // or else the settlement will tell
		return max(0, min(look, again-age))
	case look == time.Hour:
		tx.Anomaly("refund_unknown", "the provider does not say how much it refunded: "+c.Order)
	}
	return look
}

// Settled has the refunds that nobody knows the outcome of looked at now:
// settlements were read that may tell of them or, once all are over in which they
// could stand, do not.
func (s *Service) Settled(ctx context.Context) error {
	ids, failed := s.Store.Doubtful(ctx)
	for _, id := range ids {
		_, err := s.alter(ctx, id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
			for i := range p.Refunds {
				if r := &p.Refunds[i]; r.State == hub.RefundUnknown {
					tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkRefund, No: r.No}, 0)
				}
			}
			return nil
		})
		failed = errors.Join(failed, err)
	}
	return failed
}

// lastAsked is when a refund was last asked for or, after old books were restored,
// may have been.
func lastAsked(r *hub.Refund) time.Time {
	if r.TriedAt.After(r.AskedAt) {
		return r.TriedAt
	}
	return r.AskedAt
}

// alone tells whether no other refund of the charge was ever asked for, or given
// back by hand.
func alone(p *hub.Payment, r *hub.Refund) bool {
	for i := range p.Refunds {
		if o := &p.Refunds[i]; o.No != r.No && o.Charge == r.Charge && (o.State != hub.RefundRequested || !o.AskedAt.IsZero()) {
			return false
		}
	}
	return true
}

// settleFor is how soon it is worth looking for a refund that was asked for and not
// confirmed.
func (s *Service) settleFor() time.Duration { return s.conf.CallFor + s.conf.LookUpEvery }

// ahead gives a refund of the same charge that has to end first, or nil: one that
// was asked for, also one that was wanted later than this, which staff have tried
// again; then the others in their order.
func ahead(p *hub.Payment, r *hub.Refund) *hub.Refund {
	for i := range p.Refunds {
		o := &p.Refunds[i]
		if o.No == r.No || o.Charge != r.Charge || o.State.Final() {
			continue
		}
		if asked := o.State != hub.RefundRequested; asked == (r.State != hub.RefundRequested) && o.No < r.No || asked && r.State == hub.RefundRequested {
			return o
		}
	}
	return nil
}

// repay asks the provider for a refund whose intent is stored.
func (s *Service) repay(ctx context.Context, lease *hub.Lease, psp *hub.PSP, p *hub.Payment) error {
	r := p.Refund(lease.No)
	c := p.Charge(r.Charge)
	call, cancel := context.WithTimeout(ctx, s.conf.CallFor)
	err := psp.Refunder.Refund(call, refOf(c), r.Amount, givers(psp, p, c, r), key(p, "refund", r.No))
	cancel()
	return s.change(context.WithoutCancel(ctx), lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		r, c := p.Refund(lease.No), p.Charge(r.Charge)
		only := r.TriedAt.Equal(r.AskedAt) // what is said of a repetition says nothing of what was asked for before
		switch {
		case err == nil:
			return s.refunded(tx, p, c, r)
		case hub.Certainly(err) && (only && refusal(err) || tx.Now().Sub(r.WantedAt) > triedFor):
			return s.refundFailed(tx, p, r, string(hub.CodeOf(err)))
		case hub.Certainly(err) && only:
			tx.Schedule(lease.Work, max(hub.RetryAfterOf(err), backoff(r.Tries)))
			return r.Move(hub.RefundRequested)
		}
		tx.Schedule(lease.Work, s.settleFor())
		return r.Move(hub.RefundUnknown)
	})
}

// triedFor is how long a refund is tried that the provider says no to without
// saying that it is for good, as when the account's balance is too small today.
const triedFor = 72 * time.Hour

// givers are the merchant accounts that give the money back: each as much as it
// got of the line. They are nil when the charge's own gives all.
func givers(psp *hub.PSP, p *hub.Payment, c *hub.Charge, r *hub.Refund) (from []hub.Split) {
	l, rest := p.Line(r.Line), r.Amount.Minor
	if l == nil || len(splits(psp, p, c)) == 0 {
		return nil
	}
	for _, part := range transfersOf(psp, l) {
		part.Amount.Minor = min(part.Amount.Minor, rest)
		if rest -= part.Amount.Minor; part.Amount.Minor > 0 {
			from = append(from, part)
		}
	}
	return from
}

func (s *Service) refunded(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, r *hub.Refund) error {
	tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkRefund, No: r.No})
	if r.State == hub.RefundRequested {
		if err := r.Move(hub.RefundRefunding); err != nil {
			return err
		}
	}
	if err := r.Move(hub.RefundRefunded); err != nil {
		return err
	}
	s.atProvider(tx, p, c, r)
	return s.paidBack(tx, p, c, r)
}

// atProvider notes and books what went back through the provider. What it gave back
// of the charge altogether is at least that: the next refund counts from there,
// also where the provider never says how much.
func (s *Service) atProvider(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, r *hub.Refund) {
	c.Facts.Refunded = max(c.Facts.Refunded, r.Before+r.Amount.Minor, p.RefundedOf(c.No))
	s.bookRefunded(tx, p, c, r)
}

// paidBack draws the consequences of a refund that the payer has.
func (s *Service) paidBack(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, r *hub.Refund) error {
	s.Meter.Refunded(c.PSP, r.State, r.Amount)
	if l := p.Line(r.Line); l != nil {
		if err := l.Move(hub.LineRefunded); err != nil {
			return err
		}
		s.Meter.Lined(l.Creditor, l.State, l.Amount)
		tx.Release(l)
	}
	s.emit(tx, p, "line.refunded", r.Line)
	if p.State().Final() {
		s.emit(tx, p, "payment."+string(p.State()), 0)
	}
	return nil
}

func (s *Service) refundFailed(tx hub.PaymentTx, p *hub.Payment, r *hub.Refund, why string) error {
	tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkRefund, No: r.No})
	tx.Anomaly("refund_failed", fmt.Sprintf("%s refund %d of %s: %s", p.ID, r.No, r.Amount, why))
	s.Meter.Refunded(p.Charge(r.Charge).PSP, hub.RefundFailed, r.Amount)
	s.emit(tx, p, "refund.failed", r.Line)
	if r.State == hub.RefundRequested {
		if err := r.Move(hub.RefundRefunding); err != nil {
			return err
		}
	}
	r.Failed = why
	return r.Move(hub.RefundFailed)
}

// retryRefund has a refund that ended asked for anew.
func (s *Service) retryRefund(tx hub.PaymentTx, p *hub.Payment, r *hub.Refund) error {
	r.Tries, r.WantedAt, r.Failed = 0, tx.Now(), ""
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkRefund, No: r.No}, 0)
	return r.Move(hub.RefundRequested)
}
