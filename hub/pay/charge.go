package pay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"racord/hub"
)

// advance brings a charge one step on. It is called for every charge whose work
// is due: by age, or because a provider told something.
func (s *Service) advance(ctx context.Context, lease *hub.Lease) error {
	p, err := s.Store.Payment(ctx, lease.Payment)
	if err != nil {
		return err
	}
	c := p.Charge(lease.No)
	switch {
	case c == nil:
		return s.done(ctx, lease)
	case c.State == hub.ChargeCreated && p.Cancelled:
		return s.done(ctx, lease)
	case c.State == hub.ChargeCreated:
		return s.startLate(ctx, lease, p)
	case c.State == hub.ChargeAuthorised:
		return s.decide(ctx, lease, p, c)
	default:
		return s.lookUp(ctx, lease, p, c)
	}
}

// startLate opens the provider's page when the request that should have died,
// or leaves a later charge of the basket to the payer.
func (s *Service) startLate(ctx context.Context, lease *hub.Lease, p *hub.Payment) error {
	if time.Now().After(p.ExpiresAt) {
		return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
			return s.end(tx, p, p.Charge(lease.No), hub.ChargeExpired, "never_started")
		})
	}
	if first := next(p); first == nil || first.No != lease.No {
		return s.later(ctx, lease, time.Until(p.ExpiresAt)+time.Second)
	}
	if s.halted(p.Charge(lease.No)) {
		return s.later(ctx, lease, s.conf.LookUpEvery)
	}
	_, err := s.start(ctx, p.ID, lease.No)
	if hub.CodeOf(err) == hub.CodeAmountChanged {
		return nil // the payer sees that nothing was taken
	}
	return err
}

// ask looks a charge up at its provider.
func (s *Service) ask(ctx context.Context, c *hub.Charge) (hub.ChargeFacts, error) {
	psp := s.psp(c.PSP)
	if psp == nil {
		return hub.ChargeFacts{}, hub.Errorf(hub.CodeUnavailable, "The payment provider is not configured any more.")
	}
	ctx, cancel := context.WithTimeout(ctx, s.conf.CallFor)
	defer cancel()
	return psp.Charger.Lookup(ctx, refOf(c))
}

func refOf(c *hub.Charge) hub.ChargeRef {
	return hub.ChargeRef{Order: c.Order, Ref: c.Ref, Merchant: c.Merchant, Amount: c.Amount, Take: c.Take}
}

// lookUp asks the provider how the charge stands and draws the consequences: what
// it reserved is decided at once, under the same lease. A provider that is silent
// is asked again later: nothing is decided meanwhile.
func (s *Service) lookUp(ctx context.Context, lease *hub.Lease, p *hub.Payment, c *hub.Charge) error {
	facts, err := s.ask(ctx, c)
	unknown := hub.CodeOf(err) == hub.CodeNotFound
	if err != nil && !unknown {
		return errors.Join(s.later(ctx, lease, s.patience(c)), expected(err))
	}
	if s.pageless(p, c, facts) {
		_, err := s.reroute(ctx, p, c.No, errPageless)
		return expected(err)
	}
	said := word{ChargeFacts: facts, unknown: unknown}
	if said.taken, err = s.takenMeanwhile(ctx, p, c, facts); err != nil {
		return err
	}
	goOn := false
	p, err = s.alter(ctx, p.ID, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		c := p.Charge(lease.No)
		was := c.State
		err := s.fold(ctx, tx, p, c, said)
		if goOn = c.Manual && was != hub.ChargeAuthorised && c.State == hub.ChargeAuthorised; goOn {
			tx.Schedule(lease.Work, s.conf.VerifyFor+time.Second) // for whoever finds that this replica died over it
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case goOn:
		return s.decide(ctx, lease, p, p.Charge(lease.No))
	}
	return s.carryOut(ctx, lease, p, p.Charge(lease.No))
}

// patience is how long until a charge is looked at again: soon while something
// is under way, seldom while the payer takes his time or the provider does not do
// what it is asked to.
func (s *Service) patience(c *hub.Charge) time.Duration {
	wait := s.conf.LookUpEvery << min(c.Tries+c.Again, 6)
	return min(wait, time.Minute)
}

// word is what a provider says of a charge, and what we know of its lines.
type word struct {
	hub.ChargeFacts
	unknown bool         // the provider has no such order
	taken   map[int]bool // by number, the lines whose debts another payment paid meanwhile
}

// takenMeanwhile finds the lines that another payment took money for, of a charge
// whose provider took money by itself when its claims were over.
func (s *Service) takenMeanwhile(ctx context.Context, p *hub.Payment, c *hub.Charge, said hub.ChargeFacts) (map[int]bool, error) {
	if c.Manual || said.Captured == 0 || c.State == hub.ChargeCaptured || c.State == hub.ChargeDisputed {
		return nil, nil
	}
	taken := map[int]bool{}
	for _, l := range linesOf(p, c) {
		if l.State == hub.LineHeld && time.Now().Before(p.ExpiresAt.Add(claimMargin)) {
			continue
		}
		var err error
		if taken[l.No], err = s.Store.TakenSince(ctx, l.Creditor, l.Obligation, s.openedAt(p)); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

// fold lays what the provider said over what is known, and moves the charge.
func (s *Service) fold(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, said word) error {
	s.learn(tx, p, c, said.ChargeFacts)
	if c.Ref == "" {
		c.Ref = c.Facts.Ref
	}
	if said.Ref != "" && said.Authorised > 0 { // of the payer's attempts, the one that has the money
		c.Ref = said.Ref
	}
	c.Tries++
	work := hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}
	switch f := c.Facts; {
	case f.Contested():
		return s.disputed(ctx, tx, p, c, said)
	case f.Captured > 0:
		return s.captured(ctx, tx, p, c, said)
	case f.Voided:
		return s.end(tx, p, c, hub.ChargeVoided, "voided")
	case said.Declined && said.Authorised == 0: // also what was authorised before: a look for fraud ended badly
		return s.end(tx, p, c, gone(c), "declined")
	case said.unknown && (c.State == hub.ChargeCapturing || c.State == hub.ChargeCaptureUnknown):
		tx.Anomaly("order_lost", "the provider does not know an order it authorised: "+c.Order)
		tx.Schedule(work, s.patience(c))
		return c.Move(hub.ChargeCaptureUnknown)
	case f.Authorised > 0:
		return s.authorised(tx, p, c)
	case f.Expired:
		return s.end(tx, p, c, hub.ChargeExpired, "page_expired")
	case tx.Now().After(p.ExpiresAt) && !f.Review:
		return s.overdue(tx, p, c)
	}
	tx.Schedule(work, s.patience(c))
	return nil
}

// learn lays what the provider said over what is known: a dispute that was won may
// begin again. What it took once more of a charge whose money is booked is for
// nothing that was ordered, and goes back.
func (s *Service) learn(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, said hub.ChargeFacts) {
	booked := c.Facts.Captured
	c.Facts = c.Facts.Fold(said)
	if said.Contested() && c.State == hub.ChargeCaptured {
		reopen(c, said)
	}
	more := c.Facts.Captured - booked
	if more <= 0 || c.State != hub.ChargeCaptured && c.State != hub.ChargeDisputed {
		return
	}
	tx.Anomaly("taken_again", fmt.Sprintf("the provider took %s more than it had said: %s", hub.Bani(more), c.Order))
	s.bookMore(tx, p, c, more)
	s.refundLater(tx, p, c.No, 0, hub.Bani(more), "unwanted")
}

// gone is how a charge ends whose provider says that nothing comes of it.
func gone(c *hub.Charge) hub.ChargeState {
	switch c.State {
	case hub.ChargeStarting, hub.ChargeAwaiting, hub.ChargeAuthorised:
		return hub.ChargeFailed
	}
	return hub.ChargeVoided
}

// overdue ends a charge whose payer came to no end, and keeps an eye on it as
// long as the provider's page may live.
func (s *Service) overdue(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	if !c.State.Final() {
		if err := s.end(tx, p, c, hub.ChargeExpired, "payer_gone"); err != nil {
			return err
		}
	}
	work := hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}
	if tx.Now().Before(p.ExpiresAt.Add(lateFor)) {
		tx.Schedule(work, 5*time.Minute)
		return nil
	}
	tx.Done(work)
	return nil
}

// lateFor is how long after the payer's time a charge is still looked at: later
// money is found by notification and reconciliation.
const lateFor = time.Hour

// authorised draws the consequence of reserved money.
func (s *Service) authorised(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	work := hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}
	switch c.State {
	case hub.ChargeStarting, hub.ChargeAwaiting, hub.ChargeExpired, hub.ChargeFailed, hub.ChargeCancelled:
		if c.Facts.Authorised != c.Amount.Minor {
			tx.Anomaly("other_amount", "the provider authorised another amount than asked for: "+c.Order)
		}
		if err := c.Move(hub.ChargeAuthorised); err != nil {
			return err
		}
		s.Meter.Charged(c.PSP, c.State, c.Amount)
		s.emit(tx, p, "payment.authorised", 0)
		tx.Schedule(work, 0)
	case hub.ChargeCapturing, hub.ChargeCaptureUnknown:
		return s.recapture(tx, p, c)
	case hub.ChargeVoiding, hub.ChargeVoidUnknown:
		return s.revoid(tx, p, c)
	case hub.ChargeAuthorised: // and the provider captures by itself
		tx.Schedule(work, s.patience(c))
	default:
		tx.Done(work)
	}
	return nil
}

// end finishes a charge for which no money was taken, and lets go of its lines.
func (s *Service) end(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, state hub.ChargeState, reason string) error {
	if c.State == state || c.State.Final() {
		tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No})
		return nil
	}
	if err := c.Move(state); err != nil {
		tx.Anomaly("illegal_step", err.Error())
		tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No})
		return nil
	}
	c.Reason = reason
	s.Meter.Charged(c.PSP, state, c.Amount)
	for _, no := range c.Lines {
		if l := p.Line(no); l.State == hub.LineHeld && p.ChargeOf(no).No == c.No {
			if err := s.drop(tx, p, l, reason); err != nil {
				return err
			}
		}
	}
	if p.State().Final() {
		s.emit(tx, p, "payment."+string(p.State()), 0)
	}
	tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No})
	return nil
}

// drop lets go of a line for which no money is taken.
func (s *Service) drop(tx hub.PaymentTx, p *hub.Payment, l *hub.Line, reason string) error {
	if err := l.Move(hub.LineDropped); err != nil {
		return err
	}
	l.Reason = reason
	s.Meter.Lined(l.Creditor, l.State, l.Amount)
	tx.Release(l)
	return nil
}

// expected hides from the log what happens every day: a provider or creditor
// that does not answer.
func expected(err error) error {
	switch hub.CodeOf(err) {
	case hub.CodeTimeout, hub.CodeUnavailable, hub.CodeBusy, hub.CodeMaintenance, hub.CodeCancelled:
		return nil
	}
	return err
}
