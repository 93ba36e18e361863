package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"racord/hub"
)

// Audit judges some payments by what the hub's own books say of them. Each thing
// it finds has the payment as its scope; one that cannot be read is such a thing.
// broken says why the journal cannot be trusted any more, "" = it can. With an error
// come those found before.
type Audit func(ctx context.Context, some []hub.PaymentID) (found []hub.Difference, broken string, err error)

const (
	auditPage    = 1000      // payments that are judged at once
	journalScope = "journal" // what the journal as a whole is compared as
)

// audit looks at our own books: at the journal as a whole first, so that whatever
// keeps payments from being read does not keep money from being stopped.
func (s *Service) audit(ctx context.Context, t *turn) error {
	if s.Audit == nil {
		return nil
	}
	return errors.Join(about(journalScope, s.journal(ctx)), s.judged(ctx, t))
}

// journal adds all of the journal up.
func (s *Service) journal(ctx context.Context) error {
	off, err := s.Store.JournalOff(ctx)
	if err != nil {
		return err
	}
	if off == 0 {
		return s.Store.Compared(ctx, hub.JobAudit, journalScope, nil)
	}
	d := hub.Difference{Kind: "I5", Name: "journal", Amount: off, Detail: "the journal is off by " + hub.Bani(off).String()}
	return errors.Join(s.halt(ctx, d.Detail), s.Store.Compared(ctx, hub.JobAudit, journalScope, []hub.Difference{d}))
}

// halt: no money is taken any more, until a person has looked. A turn that is over
// has time for that.
func (s *Service) halt(ctx context.Context, why string) error {
	if err := s.Store.RaiseBarrier(context.WithoutCancel(ctx), hub.BarrierCapture, why); err != nil {
		return err
	}
	s.Log.Error("the journal contradicts itself: no money is taken any more", "operation", "reconcile", "job", string(hub.JobAudit), "reason", why)
	return nil
}

// judged judges the payments that changed since the last turn, and then those of
// which something is open, together: two of them may have paid one debt.
func (s *Service) judged(ctx context.Context, t *turn) error {
	open, err := s.open(ctx, hub.JobAudit)
	if err != nil {
		return err
	}
	delete(open, journalScope)
	failed := s.judgedSince(ctx, t, open)
	for some := range slices.Chunk(slices.Sorted(maps.Keys(open)), auditPage) {
		if err := s.judge(ctx, idsOf(some), open); err != nil {
			return errors.Join(failed, err)
		}
	}
	return failed
}

// judgedSince goes through what changed, up to now, and notes page by page how far it
// has come: the next turn goes on there.
func (s *Service) judgedSince(ctx context.Context, t *turn, open map[string][]hub.Difference) error {
	pulse, err := s.Store.Pulse(ctx)
	if err != nil {
		return err
	}
	for place, more := placeOf(t.run.Cursor), true; more; {
		var ids []hub.PaymentID
		if ids, place, more, err = s.changedIDs(ctx, place); err != nil {
			return err
		}
		ids = slices.DeleteFunc(ids, func(id hub.PaymentID) bool { return len(open[string(id)]) > 0 })
		if err := s.judge(ctx, ids, open); err != nil {
			return err
		}
		t.note(placed(place, pulse.At))
		more = more && !place.At.After(pulse.At)
	}
	return nil
}

// changedIDs gives a page of what changed after a place. One that cannot be opened
// ends its page, and is on it.
func (s *Service) changedIDs(ctx context.Context, from hub.Changed) (ids []hub.PaymentID, next hub.Changed, more bool, err error) {
	page, next, err := s.Store.ChangedSince(ctx, from, auditPage)
	for _, p := range page {
		ids = append(ids, p.ID)
	}
	if errors.Is(err, hub.ErrSealed) {
		return append(ids, next.ID), next, true, nil
	}
	return ids, next, len(page) == auditPage, err
}

// judge judges some payments and stores what is found of each, and of which nothing
// is any more. What was found before an error counts.
func (s *Service) judge(ctx context.Context, some []hub.PaymentID, open map[string][]hub.Difference) error {
	if len(some) == 0 {
		return nil
	}
	found, broken, failed := s.Audit(ctx, some)
	if broken != "" {
		failed = errors.Join(s.halt(ctx, broken), failed)
	}
	of := map[string][]hub.Difference{}
	for _, d := range found {
		of[d.Scope] = append(of[d.Scope], d)
	}
	for _, id := range some {
		scope := string(id)
		if len(of[scope]) == 0 && (failed != nil || len(open[scope]) == 0) {
			continue
		}
		if err := s.Store.Compared(ctx, hub.JobAudit, scope, of[scope]); err != nil {
			return errors.Join(err, failed)
		}
	}
	return failed
}

func idsOf(scopes []string) (ids []hub.PaymentID) {
	for _, scope := range scopes {
		ids = append(ids, hub.PaymentID(scope))
	}
	return ids
}

// placeOf takes a job's cursor for the place to go on at; any other word is the
// beginning.
func placeOf(cursor string) (place hub.Changed) {
	if json.Unmarshal([]byte(cursor), &place) != nil {
		return hub.Changed{}
	}
	return place
}

// placed is the cursor for a place, before the changes that may still be under way.
func placed(place hub.Changed, now time.Time) string {
	if last := now.Add(-underWay); place.At.After(last) {
		place = hub.Changed{At: last}
	}
	text, _ := json.Marshal(place) // a name and a moment
	return string(text)
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
