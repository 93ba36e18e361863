package view

import (
	"context"
	"sync"
	"time"

	"racord/hub"
)

// Conf sets the limits of a view. The zero value of a field takes its default.
type Conf struct {
	Deadline time.Duration // of a whole view; default 1.5 s
	Reserve  time.Duration // kept back from the deadline for putting the pages together; default 50 ms
	FetchFor time.Duration // how long a question may go on after its first caller left; default 8 s
	Nearby   int           // pages that L1 has room for, about; default 32,768
}

func (c Conf) withDefaults() Conf {
	if c.Deadline == 0 {
		c.Deadline = 1500 * time.Millisecond
	}
	if c.Reserve == 0 {
		c.Reserve = 50 * time.Millisecond
	}
	if c.FetchFor == 0 {
		c.FetchFor = 8 * time.Second
	}
	if c.Nearby <= 0 {
		c.Nearby = 32 << 10
	}
	return c
}

// Parts are what a view is made from. L2 may be nil.
type Parts struct {
	Roster  hub.Roster
	Folders hub.Folders
	L1, L2  hub.PageCache
	Keys    *hub.Keys // makes cache keys that hold no personal code
	Clock   hub.Clock // business time
	Meter   Meter
}

// Views answers questions about what parties owe.
type Views struct {
	Parts
	conf     Conf
	flights  flights
	crew     crew
	spells   hub.Spells
	regulars regulars
	names    names
	agendas  agendas
	outages  sync.Map // hub.Name → time.Time: since when the creditor gives no answer
	stop     context.CancelFunc
	base     context.Context
}

// New makes Views. Close ends the questions that are still under way.
func New(parts Parts, conf Conf) *Views {
	v := &Views{Parts: parts, conf: conf.withDefaults()}
	v.base, v.stop = context.WithCancel(context.Background())
	v.names.keys, v.regulars = parts.Keys, newRegulars(v.conf.Nearby)
	v.flights.open = map[hub.PageKey]*flight{}
	if v.Meter == nil {
		v.Meter = silent{}
	}
	return v
}

// Close cancels the questions under way and waits for them to end.
func (v *Views) Close() {
	v.stop()
	v.flights.wait.Wait()
	v.crew.close()
}

// Of gives the whole view of the party behind a login, at the latest at the
// deadline. It fails with CodeNotFound for a login the hub never admitted,
// CodeInvalid for an unknown creditor, and what the store fails with: a creditor
// that fails is a page, not an error.
func (v *Views) Of(ctx context.Context, who hub.Login, ask Ask) (*View, error) {
	return v.Stream(ctx, who, ask, nil)
}

// Stream gives the view like Of and calls each with every page as soon as it is
// decided, first those that are remembered. An error of each ends the view.
func (v *Views) Stream(ctx context.Context, who hub.Login, ask Ask, each func(*Page) error) (*View, error) {
	began := time.Now()
	folder, err := v.Folders.Folder(ctx, who)
	if err != nil {
		return nil, err
	}
	agenda, err := v.plan(folder, ask)
	if err != nil {
		return nil, err
	}
	work := agenda.begin()
	v.recall(ctx, work, agenda.terms, ask)
	out, sheets := work.blank(), work.sheets
	out.AsOf = v.Clock.Now()
	waits := !ready(sheets)
	if waits || each != nil { // for a creditor, or for who listens
		work.keep()
	}
	if waits {
		var cancel context.CancelFunc
		ctx, cancel = v.within(ctx, began)
		defer cancel()
	}
	if err := v.settle(ctx, out, sheets, folder.Marks, each); err != nil {
		return nil, err
	}
	out.sum(folder.Party.ID)
	took := time.Since(began)
	v.Meter.Viewed(out.Complete, took > v.conf.Deadline, took)
	return out, nil
}

// within gives the waiting its deadline, less what is needed to put the view
// together. A view that waits for nobody needs none.
func (v *Views) within(ctx context.Context, began time.Time) (context.Context, context.CancelFunc) {
	last := began.Add(v.conf.Deadline)
	if own, ok := ctx.Deadline(); ok && own.Before(last) {
		last = own
	}
	return context.WithDeadline(ctx, last.Add(-v.conf.Reserve))
}

// settle decides every page, in the order of the roster when nobody listens,
// as they arrive when somebody does.
func (v *Views) settle(ctx context.Context, out *View, sheets []sheet, marks []hub.Mark, each func(*Page) error) error {
	if each == nil {
		for i := len(sheets) - 1; i >= 0; i-- { // the last one asked is mostly the last to answer: few wake-ups
			v.wait(ctx, &sheets[i])
		}
		now := v.Clock.Now()
		for i := range sheets {
			out.Pages[i] = v.judge(&sheets[i], marks, now)
		}
		return nil
	}
	for i := range v.arrivals(ctx, sheets) {
		out.Pages[i] = v.judge(&sheets[i], marks, v.Clock.Now())
		if err := each(&out.Pages[i]); err != nil {
			return err
		}
	}
	return nil
}
