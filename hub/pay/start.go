package pay

import (
	"context"
	"errors"
	"strings"
	"time"

	"racord/hub"
)

// start opens the provider's page for a charge. That it will be asked is stored
// first. Where money is taken as soon as the payer pays, the creditors are asked
// once more before: afterwards it could only be given back. A provider that
// certainly did nothing, or whose answer was lost, is routed around: the payer
// never got its page, so nobody can pay there; should it report money all the same,
// that is given back. Once it is stored, whoever asked may go: a client without
// patience ends no payment, and finds it open when it comes again.
func (s *Service) start(ctx context.Context, id hub.PaymentID, no int) (*hub.Payment, error) {
	mine := false
	p, err := s.alter(ctx, id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		c := p.Charge(no)
		mine = c.State == hub.ChargeCreated && !p.Cancelled
		if !mine {
			return nil
		}
		if s.halted(c) {
			return errStopped()
		}
		c.AskedAt = tx.Now()
		tx.Schedule(hub.Work{Payment: id, Kind: hub.WorkCharge, No: no}, s.openFor(c))
		return c.Move(hub.ChargeStarting)
	})
	if err != nil || !mine {
		return p, err
	}
	ctx = context.WithoutCancel(ctx)
	if why := s.outdated(ctx, p, p.Charge(no)); why != nil {
		return s.withdraw(ctx, p, no, why)
	}
	session, failed := s.openPage(ctx, p, p.Charge(no))
	if failed != nil {
		return s.reroute(ctx, p, no, failed)
	}
	return s.alter(ctx, id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		return s.started(tx, p, p.Charge(no), session)
	})
}

// halted tells whether a charge may not be started now: its provider would take the
// money as soon as the payer pays, and nobody may take any.
func (s *Service) halted(c *hub.Charge) bool { return !c.Manual && s.Stopped(hub.BarrierCapture) }

// openFor is how long a charge may take to have its page. After that whoever
// opened it is gone.
func (s *Service) openFor(c *hub.Charge) time.Duration {
	if c.Manual {
		return s.conf.CallFor + time.Second
	}
	return s.conf.VerifyFor + s.conf.CallFor + time.Second
}

// pageless tells whether a payer waits for a page that nobody will give him:
// whoever opened the charge died over it, and at the provider nothing came of it.
func (s *Service) pageless(p *hub.Payment, c *hub.Charge, said hub.ChargeFacts) bool {
	now := time.Now()
	return c.State == hub.ChargeStarting && c.URL == "" && said == hub.ChargeFacts{Ref: said.Ref} &&
		!p.Cancelled && now.Before(p.ExpiresAt) && now.Sub(c.AskedAt) >= s.openFor(c)
}

// errPageless is why a charge without a page is replaced. Its order may be at the
// provider, and nobody has seen its page.
var errPageless = hub.Errorf(hub.CodeUnavailable, "The page was lost before anybody saw it.")

// Why a charge ended before the payer had its page: its provider did not open one,
// or the hub died over it.
const (
	reasonNotStarted = "not_started"
	reasonPageLost   = "page_lost"
)

// outdated tells why a charge that takes money at once may not be started: a
// creditor does not confirm any more what it quoted.
func (s *Service) outdated(ctx context.Context, p *hub.Payment, c *hub.Charge) error {
	if c.Manual {
		return nil
	}
	for _, said := range s.askAgain(ctx, p, linesOf(p, c)) {
		if verdict(said) {
			return said
		}
	}
	return nil
}

// withdraw ends a charge that was not started because its quote is outdated, and
// goes on with the basket's next one.
func (s *Service) withdraw(ctx context.Context, p *hub.Payment, no int, why error) (*hub.Payment, error) {
	p, err := s.alter(ctx, p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		if c := p.Charge(no); c.State == hub.ChargeStarting {
			return s.end(tx, p, c, hub.ChargeFailed, string(hub.CodeOf(why)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if c := next(p); c != nil && c.State == hub.ChargeCreated && p.Policy != hub.AllOrNothing {
		return s.start(ctx, p.ID, c.No)
	}
	return nil, outdatedQuote(why)
}

func outdatedQuote(why error) error {
	return hub.Wrap(hub.CodeAmountChanged, why, "What you saw is not so any more. Ask for a new quote.")
}

// ErrNotStarted says that a payment is over before anybody saw a provider's page:
// no provider opened one. It is of CodeUnavailable, and stays true however often
// the payment is asked for.
var ErrNotStarted = hub.Errorf(hub.CodeUnavailable, "The payment provider does not answer. Nothing was taken; ask for a new quote in a moment.")

// stillborn tells why a payment failed before anybody saw a page, nil when it did
// not: what was answered when it failed is answered whenever its key comes again.
func stillborn(p *hub.Payment) error {
	if p.State() != hub.PaymentFailed || paged(p) {
		return nil
	}
	last := &p.Charges[len(p.Charges)-1]
	if why := hub.Errorf(hub.Code(last.Reason), "The creditor does not confirm the quote any more."); verdict(why) {
		return outdatedQuote(why)
	}
	return ErrNotStarted
}

func (s *Service) started(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, session hub.Session) error {
	if c.Ref == "" {
		c.Ref = session.Ref
	}
	c.URL = session.URL
	if c.State != hub.ChargeStarting {
		return nil // a notification was faster, or the payer gave up
	}
	s.Meter.Charged(c.PSP, hub.ChargeAwaiting, c.Amount)
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.conf.LookUpEvery*5)
	return c.Move(hub.ChargeAwaiting)
}

func (s *Service) openPage(ctx context.Context, p *hub.Payment, c *hub.Charge) (hub.Session, error) {
	psp := s.psp(c.PSP)
	if psp == nil {
		return hub.Session{}, hub.NotDone(hub.Errorf(hub.CodeUnavailable, "The payment provider is not configured any more."))
	}
	ctx, cancel := context.WithTimeout(ctx, s.conf.CallFor)
	defer cancel()
	return psp.Charger.Start(ctx, hub.ChargeOrder{
		Order: c.Order, Merchant: c.Merchant, Amount: c.Amount, Splits: splits(psp, p, c),
		Description: "Plata " + c.Order, ReturnURL: returnTo(p), NotifyURL: s.conf.NotifyURL + "/" + psp.Name,
		Manifest: manifest(p, c), ExpiresAt: p.ExpiresAt, Language: p.Language,
	})
}

// PaymentInURL stands for the payment's id in an Order's ReturnURL: the id is made
// after the portal has said where the payer's browser goes.
const PaymentInURL = "{payment}"

func returnTo(p *hub.Payment) string {
	return strings.ReplaceAll(p.ReturnURL, PaymentInURL, string(p.ID))
}

// mostTries is how many providers a payment is started at in all, and mostLost how
// often the hub may die over its pages.
const (
	mostTries = 3
	mostLost  = 10
)

// reroute puts a new charge in the place of one that could not be started, at a
// provider that has not failed yet, and starts that.
func (s *Service) reroute(ctx context.Context, p *hub.Payment, no int, failed error) (*hub.Payment, error) {
	fresh := 0
	p, err := s.alter(ctx, p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) (err error) {
		fresh, err = s.replace(ctx, tx, p, p.Charge(no), failed)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case fresh > 0:
		return s.start(ctx, p.ID, fresh)
	case p.State() == hub.PaymentFailed:
		return nil, hub.Wrap(hub.CodeUnavailable, errors.Join(ErrNotStarted, failed), ErrNotStarted.Message)
	case p.Charge(no).State == hub.ChargeFailed:
		return nil, hub.Wrap(hub.CodeUnavailable, failed, "The payment provider does not answer. Nothing was taken; try again in a moment.")
	}
	return p, nil
}

// replace ends a charge that could not be started and gives the number of the
// one made in its place, 0 when there is none.
func (s *Service) replace(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, failed error) (int, error) {
	if c.State != hub.ChargeStarting {
		return 0, nil
	}
	lines, tried, reason := c.Lines, c.No, reasonNotStarted
	if failed == errPageless {
		reason = reasonPageLost
	}
	if plan, ok := s.detour(p, c, reason); ok {
		if err := addCharge(ctx, tx, p, plan); err != nil {
			return 0, err
		}
		c = p.Charge(tried)
	}
	if err := s.end(tx, p, c, hub.ChargeFailed, reason); err != nil {
		return 0, err
	}
	if !hub.Certainly(failed) { // an order may have come to be that nobody has the page of
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: tried}, time.Minute)
	}
	if latest := p.ChargeOf(lines[0]); latest.No != tried {
		return latest.No, nil
	}
	return 0, nil
}

// detour plans the lines of a charge that ends for that reason once more, as one
// charge: at another provider, or at the same when it was not the provider that
// failed.
func (s *Service) detour(p *hub.Payment, c *hub.Charge, reason string) (plan, bool) {
	tried, lost := spent(p, c, reason)
	if len(tried) >= mostTries || lost >= mostLost {
		return plan{}, false
	}
	var lines []*hub.Line
	for _, no := range c.Lines {
		lines = append(lines, p.Line(no))
	}
	plans, err := s.route(p, lines, tried)
	if err != nil || len(plans) != 1 {
		return plan{}, false
	}
	return plans[0], true
}

// spent gives the providers that failed, and how often the hub died, with c ending
// for that reason.
func spent(p *hub.Payment, c *hub.Charge, reason string) (tried map[string]bool, lost int) {
	tried = map[string]bool{}
	for i := range p.Charges {
		old := &p.Charges[i]
		failed, why := old.State == hub.ChargeFailed, old.Reason
		if old.No == c.No {
			failed, why = true, reason
		}
		switch {
		case !failed:
		case why == reasonPageLost:
			lost++
		default:
			tried[old.PSP] = true
		}
	}
	return tried, lost
}
