package reconcile

import (
	"context"
	"time"

	"racord/hub"
)

// audit looks at our own books. When the journal contradicts itself no money is
// taken any more, until a person has looked.
func (s *Service) audit(ctx context.Context, t *turn) error {
	if s.Audit == nil {
		return nil
	}
	from := hub.Changed{}
	if at, err := time.Parse(time.RFC3339Nano, t.run.Cursor); err == nil {
		from.At = at.Add(-overlap)
	}
	found, broken, next, err := s.Audit(ctx, from)
	if err != nil {
		return err
	}
	if broken != "" {
		if err := s.Store.RaiseBarrier(ctx, hub.BarrierCapture, broken); err != nil {
			return err
		}
		s.Log.Error("the journal contradicts itself: no money is taken any more", "operation", "reconcile", "job", string(hub.JobAudit), "reason", broken)
	}
	if len(found) > 0 { // looked at again from the beginning, until it is explained
		t.note("")
	} else if !next.At.IsZero() {
		t.note(next.At.Format(time.RFC3339Nano))
	}
	return s.Store.Compared(ctx, hub.JobAudit, "journal", found)
}

// aged is how long money may lie before a person looks.
const aged = 24 * time.Hour

// ageing lists money that has lain too long: that nobody knows, that payers are
// owed, and that is for lines nobody booked.
func (s *Service) ageing(ctx context.Context) error {
	pulse, err := s.Store.Pulse(ctx)
	if err != nil {
		return err
	}
	var found []hub.Difference
	for _, lying := range []struct{ prefix, kind string }{
		{hub.AccountSuspense(""), "suspense"}, {"refund_payable:", "refund_payable"}, {"held:", "held"}, {"line:", "line_waits"},
	} {
		err := s.Store.Residues(ctx, lying.prefix, pulse.At.Add(-aged), func(r hub.Residue) error {
			found = append(found, hub.Difference{Kind: lying.kind, Name: r.Account, Amount: -r.Balance, Detail: "since " + string(hub.DateOf(r.Since))})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.Store.Compared(ctx, hub.JobAgeing, "accounts", found)
}
