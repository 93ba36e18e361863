package pay

import (
	"context"
	"time"

	"racord/hub"
)

// firstLook is how soon after booking a creditor is asked whether it still shows
// the debt; later looks are further and further apart.
const (
	firstLook = 30 * time.Second
	lastLook  = time.Hour
)

// clear looks whether a creditor still shows a debt as due that it booked as
// paid. A debt that is gone is settled and free to come again; one that is there
// after its time is a zombie, and a person is called before the citizen calls.
func (s *Service) clear(ctx context.Context, lease *hub.Lease) error {
	p, err := s.Store.Payment(ctx, lease.Payment)
	if err != nil {
		return err
	}
	l := p.Line(lease.No)
	if l == nil || l.State != hub.LinePosted || !l.ClearedAt.IsZero() {
		return s.done(ctx, lease)
	}
	c := s.connector(l.Creditor)
	if c == nil {
		return s.later(ctx, lease, lastLook)
	}
	due, err := stillDue(ctx, c, l)
	if err == nil && s.Pages != nil {
		s.Pages.Forget(ctx, l.Creditor, hub.Asked(l.Asked))
	}
	return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		return s.looked(ctx, tx, lease, p, due, err)
	})
}

// stillDue tells whether the creditor shows as much of the debt as before. It
// fails while nobody can tell: what a damaged or unfinished list leaves out is not
// gone.
func stillDue(ctx context.Context, c *hub.Connector, l *hub.Line) (bool, error) {
	if l.Reference != "" {
		return false, nil // nothing was listed
	}
	answer, err := c.Source.Obligations(ctx, hub.Asked(l.Asked))
	if hub.CodeOf(err) == hub.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if answer.Published && answer.AsOf.Before(l.BookedAt) {
		return true, hub.Errorf(hub.CodeUnavailable, "The creditor has not delivered since.")
	}
	for i := range answer.Obligations {
		if o := &answer.Obligations[i]; o.ID == l.Obligation {
			due := !takenOff(o, l)
			if !due && answer.Provisional {
				return true, errUnfinished
			}
			return due, nil
		}
	}
	switch {
	case len(answer.Refused) > 0:
		return true, errDamaged
	case answer.Provisional:
		return true, errUnfinished
	}
	return false, nil
}

// takenOff tells whether a creditor shows its debt less a line. What it adds meanwhile,
// such as a day's interest, is owed anew and no doubt about that; but when half a fine
// leaves anything, the creditor did not take it for the whole.
func takenOff(o *hub.Obligation, l *hub.Line) bool {
	more := o.Outstanding.Minor - l.Leaves()
	switch {
	case more <= 0:
		return true
	case l.Whole:
		return false
	case l.PaidBefore.Currency != "" && o.Paid.Minor >= l.PaidBefore.Minor+l.Amount.Minor:
		return true
	}
	return o.Outstanding.Minor < l.Owed.Minor && more <= l.Owed.Minor/interest
}

// interest is what part of itself a debt can have grown by until it is looked at: some
// days' interest, where the creditor does not say what was paid.
const interest = 100

// Why nothing follows from what a creditor does not list.
var (
	errDamaged    = hub.Errorf(hub.CodeBadData, "Some of the creditor's records are damaged: this debt may be one of them.")
	errUnfinished = hub.Errorf(hub.CodeUnavailable, "The creditor says that its list is not final.")
)

func (s *Service) looked(ctx context.Context, tx hub.PaymentTx, lease *hub.Lease, p *hub.Payment, due bool, err error) error {
	l := p.Line(lease.No)
	now := s.Clock.Now()
	wait := min(max(firstLook, tx.Now().Sub(l.SentAt)), lastLook)
	switch {
	case err != nil:
		tx.Schedule(lease.Work, wait)
	case !due:
		l.ClearedAt, l.Zombie = now, false
		tx.Done(lease.Work)
		s.emit(tx, p, "line.cleared", l.No)
		return s.letGo(ctx, tx, p, l)
	default:
		tx.Schedule(lease.Work, wait)
		if now.After(l.ClearBy) && !l.Zombie {
			l.Zombie = true
			s.Meter.Zombie(l.Creditor)
			tx.Anomaly("zombie", string(p.PostingID(l.No))+" is booked and still shown as due at "+string(l.Creditor))
			s.emit(tx, p, "line.zombie", l.No)
		}
	}
	return nil
}

// letGo ends the claim on a debt that its creditor does not show any more. One
// that was paid whole stays claimed for as long as a quote lives: what others
// were quoted before must not pay it again, should its creditor be silent when
// it is asked once more.
func (s *Service) letGo(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, l *hub.Line) error {
	if l.Leaves() > 0 {
		tx.Release(l)
		return nil
	}
	_, _, _, err := tx.Hold(ctx, p.ID, l, tx.Now().Add(longestQuote))
	return err
}
