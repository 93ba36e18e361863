package guard

import (
	"context"
	"time"

	"racord/hub"
)

// PostLimitsOf gives the limits of postings among a creditor's traits. Postings
// are among the calls that LimitsOf counts.
func PostLimitsOf(t hub.Traits) Limits {
	return Limits{Inflight: max(1, t.Paying.MaxInflight), Timeout: postTimeout(t) + 2*byWaiting}
}

// byWaiting is how long a posting waits for a slot at most.
const byWaiting = 100 * time.Millisecond

func postTimeout(t hub.Traits) time.Duration {
	switch {
	case t.Paying.Timeout > 0:
		return t.Paying.Timeout
	case t.Timeout > 0:
		return t.Timeout
	default:
		return 1500 * time.Millisecond
	}
}

// payingParts guards the parts of paying: what asks goes through the gate of
// questions, what changes the creditor's books through one of its own.
func payingParts(guarded, c *hub.Connector, read *gate, parts Parts, conf Conf) {
	if c.Quoter != nil {
		guarded.Quoter = quoter{read, c.Quoter}
	}
	if c.Finder != nil {
		guarded.Finder = finder{read, c.Finder}
	}
	if c.LotFinder != nil {
		guarded.LotFinder = lotFinder{read, c.LotFinder}
	}
	if c.Statement != nil {
		guarded.Statement = statement{read, c.Statement}
	}
	if c.Sink == nil && c.Reverser == nil {
		return
	}
	post := newPostGate(c, read.share, parts, conf)
	guarded.Room = post.room
	if c.Sink != nil {
		guarded.Sink = sink{post, c.Sink}
	}
	if c.Reverser != nil {
		guarded.Reverser = reverser{post, c.Reverser}
	}
}

// postGate is the way of postings to one creditor: a breaker and slots of their
// own, within the creditor's slots. A posting that has begun has its whole time,
// whoever has stopped waiting for it: one that was cut off says nothing.
type postGate struct {
	*gate
	slots *share
}

func newPostGate(c *hub.Connector, mine *share, parts Parts, conf Conf) *postGate {
	slots := parts.Posting
	if slots == nil {
		slots = Fixed(c.Creditor.Name, PostLimitsOf(c.Traits))
	}
	g := &postGate{newGate(c, mine, parts, conf, ClassPost), newShare(slots)}
	g.traits.Timeout = postTimeout(c.Traits)
	return g
}

// pass lets one posting through. Its error is Certain when the attempt was not
// made, or says so itself.
func (g *postGate) pass(ctx context.Context, op Operation, call func(context.Context) error) error {
	if err := g.begins(ctx); err != nil {
		return hub.Undone(err)
	}
	undone := true
	err := g.breaker.do(func() error {
		if err := g.enter(ctx); err != nil {
			return notTheirs{err}
		}
		undone = false
		ctx, cancel := context.WithTimeout(hub.WithRetries(context.WithoutCancel(ctx), never), g.traits.Timeout)
		defer cancel()
		code, err := g.attempt(ctx, op, g.traits.Timeout, func(ctx context.Context) error {
			err := call(ctx)
			undone = hub.Certainly(err)
			return err
		})
		g.leave(code)
		g.slots.leaveAfter(code, g.conf.Linger)
		return err
	})
	err = g.explain(err)
	if err != nil && undone {
		return hub.Undone(err)
	}
	return err
}

// never is the retry budget of postings.
func never() bool { return false }

// begins refuses what is decided before anybody asks.
func (g *postGate) begins(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		g.meter.Shed(ShedLate)
		return hub.Wrap(hub.CodeOf(err), err, "There was no time left to tell the creditor.")
	}
	return g.standing()
}

// room tells how many postings may begin: none while other replicas hold the
// creditor's slots.
func (g *postGate) room() int {
	if g.share.Load().Held == 0 {
		return 0
	}
	posts := g.slots.Load()
	return max(0, posts.Held-posts.Inflight)
}

// enter takes one of the slots of postings and one of the creditor's.
func (g *postGate) enter(ctx context.Context) error {
	end := time.Now().Add(2*byWaiting + g.traits.Timeout + g.conf.Linger)
	if err := g.slots.enter(ctx, end, g.conf.Queue, byWaiting); err != nil {
		return err
	}
	err := g.share.enter(ctx, end, g.conf.Queue, byWaiting)
	if err != nil {
		g.slots.leave()
	}
	return err
}

type sink struct {
	gate *postGate
	next hub.Sink
}

func (s sink) Post(ctx context.Context, postings []hub.Posting) ([]hub.Receipt, error) {
	var receipts []hub.Receipt
	err := s.gate.pass(ctx, OpPost, func(ctx context.Context) (err error) {
		receipts, err = s.next.Post(ctx, postings)
		return err
	})
	if err != nil {
		return nil, err
	}
	return receipts, nil
}

type reverser struct {
	gate *postGate
	next hub.Reverser
}

func (r reverser) Reverse(ctx context.Context, p hub.Posting, receipt string) error {
	return r.gate.pass(ctx, OpReverse, func(ctx context.Context) error {
		return r.next.Reverse(ctx, p, receipt)
	})
}

type quoter struct {
	gate *gate
	next hub.Quoter
}

func (q quoter) Quote(ctx context.Context, who hub.Asked, wanted []hub.Wanted) ([]hub.Quoted, error) {
	var quoted []hub.Quoted
	err := q.gate.pass(ctx, OpQuote, func(ctx context.Context) (err error) {
		quoted, err = q.next.Quote(ctx, who, wanted)
		return err
	})
	if err != nil {
		return nil, err
	}
	return quoted, nil
}

type finder struct {
	gate *gate
	next hub.Finder
}

func (f finder) Find(ctx context.Context, p hub.Posting) (hub.Found, hub.Receipt, error) {
	var found hub.Found
	var receipt hub.Receipt
	err := f.gate.pass(ctx, OpFind, func(ctx context.Context) (err error) {
		found, receipt, err = f.next.Find(ctx, p)
		return err
	})
	if err != nil {
		return "", hub.Receipt{}, err
	}
	return found, receipt, nil
}

type lotFinder struct {
	gate *gate
	next hub.LotFinder
}

func (f lotFinder) FindLot(ctx context.Context, postings []hub.Posting) (found []hub.Finding, err error) {
	err = f.gate.pass(ctx, OpFind, func(ctx context.Context) (err error) {
		found, err = f.next.FindLot(ctx, postings)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

type statement struct {
	gate *gate
	next hub.Statement
}

func (s statement) Statement(ctx context.Context, day hub.Date) ([]hub.BookedPosting, error) {
	var rows []hub.BookedPosting
	err := s.gate.pass(ctx, OpStatement, func(ctx context.Context) (err error) {
		rows, err = s.next.Statement(ctx, day)
		return err
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

var (
	_ hub.Sink      = sink{}
	_ hub.Reverser  = reverser{}
	_ hub.Quoter    = quoter{}
	_ hub.Finder    = finder{}
	_ hub.LotFinder = lotFinder{}
	_ hub.Statement = statement{}
)
