package view

import (
	"context"
	"iter"
	"time"

	"racord/hub"
)

// recall fills in what the caches remember of the terms, L1 first, then L2 in one
// round trip, and starts a call for every question without a young answer.
func (v *Views) recall(ctx context.Context, w *work, terms []hub.Term, ask Ask) {
	v.recallL1(ctx, w)
	if len(w.missing) > 0 && v.L2 != nil {
		v.recallL2(ctx, w)
	}
	sheets := w.sheets
	now, business := time.Now(), v.Clock.Now()
	for i := range sheets {
		if c := sheets[i].connector; c.Quarantined() || c.Term() != terms[i] { // or it was until a moment ago
			v.withhold(&sheets[i])
			continue
		}
		for j := range sheets[i].questions {
			v.decide(sheets[i].connector, &sheets[i].questions[j], ask, now, business)
		}
	}
}

func (v *Views) recallL1(ctx context.Context, w *work) {
	keys, pages := w.lookUp(len(w.questions))
	for i := range w.questions {
		q := &w.questions[i]
		q.landings = v.flights.landings(q.key)
		keys = append(keys, q.key)
	}
	_, _ = v.L1.Get(ctx, keys, pages) // a cache out of reach is only slow
	w.missing = w.missing[:0]
	for i := range w.questions {
		q := &w.questions[i]
		if q.page = pages[i]; q.page == nil {
			w.missing = append(w.missing, q)
		}
	}
	v.Meter.Looked("l1", len(keys)-len(w.missing), len(w.missing))
}

func (v *Views) recallL2(ctx context.Context, w *work) {
	keys, pages := w.lookUp(len(w.missing))
	for _, q := range w.missing {
		keys = append(keys, q.key)
	}
	w.loan, _ = v.L2.Get(ctx, keys, pages) // likewise
	hits := 0
	for i, q := range w.missing {
		if pages[i] != nil {
			hits++
			q.page = pages[i]
			if v.regulars.again(q.key) {
				_ = v.L1.Put(ctx, q.key, pages[i].Clone())
				v.flights.turn(q.key)
			}
		}
	}
	v.Meter.Looked("l2", hits, len(keys)-hits)
}

var errHeld = hub.Errorf(hub.CodeForeignData, "The connector is in quarantine.")

// withhold leaves nothing of a connector in quarantine: what is remembered may be of
// the same mix-up, and nobody is asked.
func (v *Views) withhold(s *sheet) {
	for j := range s.questions {
		s.questions[j].page, s.questions[j].err = nil, errHeld
	}
	v.noteOutage(s.connector.Creditor.Name, errHeld)
}

// decide keeps a young answer, and starts a call otherwise: one that the view
// waits for, or one behind a page that may be shown meanwhile.
func (v *Views) decide(c *hub.Connector, q *question, ask Ask, now, business time.Time) {
	age := useless
	if q.page != nil {
		age = v.youth(q.page, c, ask, now, business)
	}
	q.stale = age != young
	switch age {
	case young:
	case ageing:
		v.fetch(c, q, oldest(ask, now))
	case useless:
		q.page = nil
		q.flight = v.fetch(c, q, oldest(ask, now))
	default:
		q.flight = v.fetch(c, q, oldest(ask, now))
	}
}

// oldest is how old an answer somebody else just got may be to serve this view.
func oldest(ask Ask, now time.Time) time.Time {
	if ask.MaxStaleness < 0 {
		return time.Time{}
	}
	return now.Add(-ask.MaxStaleness)
}

// wait ends with an answer to every question of the sheet, or the reason why
// there is none.
func (v *Views) wait(ctx context.Context, s *sheet) {
	for i := range s.questions {
		q := &s.questions[i]
		if q.flight == nil {
			continue
		}
		page, err := q.flight.landed(ctx)
		switch {
		case err == nil:
			q.page, q.stale = page, expired(page, v.Clock.Now())
		case hub.CodeOf(err) == hub.CodeForeignData, q.page != nil && q.page.State == hub.PageNotKnownHere:
			q.page, q.err = nil, err // nothing remembered may stand in
		default:
			q.err = err
		}
	}
}

// arrivals gives the index of every sheet as soon as it is answered.
func (v *Views) arrivals(ctx context.Context, sheets []sheet) iter.Seq[int] {
	done := make(chan int, len(sheets))
	for i := range sheets {
		if sheets[i].ready() {
			done <- i
			continue
		}
		go func() {
			v.wait(ctx, &sheets[i])
			done <- i
		}()
	}
	return func(yield func(int) bool) {
		for range sheets {
			if !yield(<-done) {
				return
			}
		}
	}
}

func ready(sheets []sheet) bool {
	for i := range sheets {
		if !sheets[i].ready() {
			return false
		}
	}
	return true
}

func (s *sheet) ready() bool {
	for i := range s.questions {
		if s.questions[i].flight != nil {
			return false
		}
	}
	return true
}
