package pay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"racord/hub"
)

// A creditor of class F is told in files. The lines that are due are put into a
// lot, which is stored before anything of it is sent; a lot is one file, for ever
// the same, so that putting it there again books nothing twice. A line stays in
// its lot: whatever becomes of the file, the line is in no other.

const (
	// mostInLot bounds a file by what can be written down under one lease.
	mostInLot = 200
	// lotEvery is how long lines are gathered.
	lotEvery = time.Second
	// lotWait is how long a lot waits for those of its lines that another has.
	lotWait = 2 * time.Second
)

// drainLots brings one lot after the other on, until ctx ends. While lines are
// gathered for a new one, those that are there have their turn: at least one of them.
func (s *Service) drainLots(ctx context.Context, q hub.WorkQuery) {
	var gathered time.Time
	for ctx.Err() == nil {
		leases, err := s.lease(ctx, q, min(s.may(q), 1)*q.Most)
		if !q.Older {
			gathered = time.Now().Add(lotEvery)
		}
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("work cannot be leased", "kind", q.Kind, "code", hub.CodeOf(err))
		}
		if len(leases) == 0 {
			hub.Sleep(ctx, time.Until(gathered))
			q.Older = false
			continue
		}
		s.oneOf(ctx, &leases[0], func(ctx context.Context, _ *hub.Lease) error { return s.lot(ctx, leases) })
		q.Older = !q.Older || time.Now().Before(gathered)
	}
}

// member is a line that was leased with others, and its payment.
type member struct {
	lease *hub.Lease
	p     *hub.Payment
}

func (m member) line() *hub.Line { return m.p.Line(m.lease.No) }

func (m member) posting() hub.Posting { return m.p.Posting(m.line()) }

// lot brings lines that were leased together one step on: those that are due are
// sent, and those that were sent are looked up. What is neither goes its own way.
func (s *Service) lot(ctx context.Context, leases []hub.Lease) error {
	c := s.connector(leases[0].Creditor)
	members := make([]member, len(leases))
	err := s.atOnce(ctx, len(leases), func(i int) error {
		m, lease := &members[i], &leases[i]
		p, err := s.Store.Payment(ctx, lease.Payment)
		if err != nil {
			return err
		}
		l := p.Line(lease.No)
		switch {
		case c == nil || c.Sink == nil || l == nil || !undecided(l) || c.Traits.Paying.Class != hub.ClassF:
			return s.post(ctx, lease)
		case l.State == hub.LineDue && lease.Lot == "": // since just now
			return s.later(ctx, lease, 0)
		}
		m.lease, m.p = lease, p
		return nil
	})
	if err != nil {
		return err
	}
	members = slices.DeleteFunc(members, func(m member) bool { return m.p == nil })
	sent := slices.DeleteFunc(slices.Clone(members), func(m member) bool { return m.line().State == hub.LineDue })
	due := slices.DeleteFunc(members, func(m member) bool { return m.line().State != hub.LineDue })
	return errors.Join(s.sendLot(ctx, due, c), s.findLot(ctx, sent, c))
}

// sendLot stores for each line that it is about to be sent, and then puts the
// whole lot.
func (s *Service) sendLot(ctx context.Context, due []member, c *hub.Connector) error {
	if len(due) == 0 {
		return nil
	}
	err := s.atOnce(ctx, len(due), func(i int) error {
		lease := due[i].lease
		return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
			l := p.Line(lease.No)
			l.Lot = lease.Lot
			return s.sending(tx, lease, l, c)
		})
	})
	if err != nil {
		return err
	}
	postings, whole, err := s.wholeLot(ctx, due[0].lease.Lot)
	switch {
	case err != nil:
		return err
	case !whole:
		return s.atOnce(ctx, len(due), func(i int) error { return s.change(ctx, due[i].lease, s.hold(due[i].lease)) })
	}
	receipts, err := c.Sink.Post(ctx, postings)
	return s.toldAll(context.WithoutCancel(ctx), due, c, receipts, err)
}

// hold takes back that a line was about to be sent: nothing was.
func (s *Service) hold(lease *hub.Lease) func(hub.PaymentTx, *hub.Payment) error {
	return func(tx hub.PaymentTx, p *hub.Payment) error {
		p.Line(lease.No).Tries--
		tx.Schedule(lease.Work, lotWait)
		return p.Line(lease.No).Move(hub.LineDue)
	}
}

// wholeLot gives all that is sent in a lot, in its order: also what was booked or
// refused since, because the file stays as it was. It is not whole while another
// replica has a line of which it is not stored yet that it is sent; a line that
// was given back before that is not in the file, and never will be.
func (s *Service) wholeLot(ctx context.Context, lot hub.LotID) (postings []hub.Posting, whole bool, err error) {
	works, err := s.Store.Lot(ctx, lot)
	if err != nil {
		return nil, false, err
	}
	members := make([]*hub.Payment, len(works))
	err = s.atOnce(ctx, len(works), func(i int) (err error) {
		members[i], err = s.Store.Payment(ctx, works[i].Payment)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	for i, p := range members {
		l := p.Line(works[i].No)
		switch {
		case l.Lot == lot:
			postings = append(postings, p.Posting(l))
		case l.State != hub.LineRejected && !l.State.Final():
			return nil, false, nil
		}
	}
	return postings, true, nil
}

// toldAll stores what the creditor answered to a lot, for each of the lines that
// this replica has.
func (s *Service) toldAll(ctx context.Context, due []member, c *hub.Connector, receipts []hub.Receipt, err error) error {
	said := make(map[hub.PostingID]hub.Receipt, len(receipts))
	for _, r := range receipts {
		said[r.ID] = r
	}
	return s.atOnce(ctx, len(due), func(i int) error {
		receipt, err := said[due[i].posting().ID], err
		switch {
		case err != nil:
		case receipt.ID == "":
			err = hub.Errorf(hub.CodeBadData, "The creditor gave no receipt.")
		default:
			err = receipt.Err
		}
		return s.told(ctx, due[i].lease, c, receipt, err)
	})
}

// findLot learns what became of lines that were sent, with one question where the
// creditor can be asked about several.
func (s *Service) findLot(ctx context.Context, sent []member, c *hub.Connector) error {
	if c.LotFinder == nil || len(sent) == 0 {
		return s.atOnce(ctx, len(sent), func(i int) error { return s.findOut(ctx, sent[i].lease, sent[i].p, sent[i].line(), c) })
	}
	postings := make([]hub.Posting, len(sent))
	for i := range sent {
		postings[i] = sent[i].posting()
	}
	found, err := c.LotFinder.FindLot(ctx, postings)
	if err == nil && len(found) != len(sent) {
		err = hub.Errorf(hub.CodeBadData, "The creditor's answer is not about what it was asked.")
	}
	return s.atOnce(ctx, len(sent), func(i int) error {
		switch {
		case err != nil:
			return s.found(ctx, sent[i].lease, c, hub.Finding{Err: err})
		case hub.CodeOf(found[i].Err) == hub.CodeBadData:
			return s.unclearly(ctx, sent[i].lease, c, found[i].Err)
		}
		return s.found(ctx, sent[i].lease, c, found[i])
	})
}

// atOnce does something for each of so many, several at once.
func (s *Service) atOnce(ctx context.Context, count int, do func(i int) error) error {
	var under sync.WaitGroup
	errs, free := make([]error, count), make(chan struct{}, s.conf.Workers)
	for i := range count {
		free <- struct{}{}
		under.Go(func() {
			defer func() { <-free }()
			errs[i] = safely(ctx, nil, func(context.Context, *hub.Lease) error { return do(i) })
		})
	}
	under.Wait()
	return errors.Join(errs...)
}
