package view

import (
	"context"
	"errors"
	"time"

	"racord/hub"
)

// judge makes a connector's page of the answers to its questions. Now is business
// time.
func (v *Views) judge(s *sheet, marks []hub.Mark, now time.Time) Page {
	p := Page{Creditor: s.connector.Creditor.Name, Title: s.connector.Creditor.Title, parts: s.room}
	silent := error(nil)
	for i := range s.questions {
		if q := &s.questions[i]; q.page != nil {
			p.add(q)
		} else {
			silent = worse(silent, q.err)
		}
	}
	switch {
	case len(s.questions) == 0:
		p.State, p.Reason = hub.PageNotLinked, unasked(s.connector)
		p.gap = p.Reason
	case silent != nil:
		p.fail(silent)
	}
	v.explain(&p, s, silent, now)
	p.rollOver(s.connector.Traits.Season, now)
	p.combine()
	p.overlay(marks)
	v.Meter.Paged(p.Creditor, p.State)
	return p
}

// unasked tells why there was nothing to ask a creditor about.
func unasked(c *hub.Connector) string {
	if c.Traits.Can(hub.FetchByParty) && !c.Traits.Can(hub.FetchByAccount) {
		return reasonNoCode
	}
	return reasonNotLinked
}

// add lays one answer onto the page.
func (p *Page) add(q *question) {
	state, part := q.page.State, q.page
	if q.stale {
		state = hub.PageStale
	}
	if len(part.Quality) > 0 {
		p.gap = reasonRefused
	}
	switch {
	case p.Reason != "":
	case q.err != nil:
		p.Reason = reasonOf(q.err)
	case q.stale && q.flight != nil:
		p.Reason = reasonOutdated
	case len(part.Quality) > 0:
		p.Reason = reasonRefused
	case state == hub.PageProvisional:
		p.Reason = reasonNotFinal
	}
	p.State = mixed(p.State, state)
	p.parts = append(p.parts, part)
	p.Due += part.Due
	p.version = p.version*31 + part.Version
	if p.AsOf.IsZero() || part.AsOf.Before(p.AsOf) {
		p.AsOf = part.AsOf
	}
	if !part.ValidUntil.IsZero() && (p.ValidUntil.IsZero() || part.ValidUntil.Before(p.ValidUntil)) {
		p.ValidUntil = part.ValidUntil
	}
}

// trust orders states from the one that says most to the one that says least.
func trust(state hub.PageState) int {
	switch state {
	case hub.PageNotKnownHere:
		return 1
	case hub.PageFresh:
		return 2
	case hub.PageProvisional:
		return 3
	case hub.PagePartial:
		return 4
	case hub.PageStale:
		return 5
	default:
		return 0
	}
}

// mixed gives the state of a page made of two answers: the less trusted one.
// "Not known here" yields to any other, because the other one knows.
func mixed(a, b hub.PageState) hub.PageState {
	if trust(b) > trust(a) {
		return b
	}
	return a
}

// fail marks a page of which a question got no answer at all. What other
// questions brought is kept, and said to be a part, but for what came from a
// connector that speaks of somebody else.
func (p *Page) fail(err error) {
	p.Reason = reasonOf(err)
	p.gap = p.Reason
	switch {
	case p.Reason == reasonForeign:
		p.State = hub.PageQuarantined
	case len(p.parts) > 0 && p.State != hub.PageNotKnownHere:
		p.State = mixed(p.State, hub.PagePartial)
	case p.Reason == reasonMaintenance:
		p.State = hub.PageMaintenance
	default:
		p.State = hub.PageMissing
	}
	if p.State == hub.PageMissing || p.State == hub.PageMaintenance || p.State == hub.PageQuarantined {
		p.parts, p.Due, p.AsOf, p.ValidUntil = nil, 0, time.Time{}, time.Time{}
	}
}

// explain adds what a person needs: the reason in words, since when, and when
// to look again.
func (v *Views) explain(p *Page, s *sheet, silent error, now time.Time) {
	p.Payable = (p.State == hub.PageFresh || p.State == hub.PagePartial) && s.paid.TakesPayments()
	if p.Reason == "" && p.State == hub.PageStale {
		p.Reason = reasonRefreshing
	}
	if p.Reason != "" {
		p.Message = messages[p.Reason]
	}
	if p.State == hub.PageFresh || p.State == hub.PageProvisional || p.Reason == "" || p.State == hub.PageNotLinked {
		return
	}
	if since, out := v.outages.Load(p.Creditor); out {
		p.Since = since.(time.Time)
	} else if silent != nil {
		p.Since = now
	}
	if p.State != hub.PageQuarantined {
		p.RetryAt = now.Add(v.retryIn(s, silent))
	}
}

// rollOver says that the creditor is loading the amounts of the new year: what it
// lists now, and what is remembered from before, is not what will be owed.
func (p *Page) rollOver(season hub.Season, now time.Time) {
	until, on := season.Contains(now)
	if !on || len(p.parts) == 0 || p.State == hub.PageNotKnownHere {
		return
	}
	p.Payable, p.RetryAt = false, until
	if p.State == hub.PageFresh || p.State == hub.PagePartial || p.State == hub.PageProvisional {
		p.State, p.Reason = hub.PageProvisional, reasonYearChange
		p.Message = "The creditor is loading the amounts of the new year; they are expected on " + until.Format("2 January 2006") + "."
	}
}

// retryIn is how long it makes no sense to ask again: what the creditor said,
// else a few seconds.
func (v *Views) retryIn(s *sheet, silent error) time.Duration {
	const soon = 5 * time.Second
	wait := hub.RetryAfterOf(silent)
	for i := range s.questions {
		wait = max(wait, hub.RetryAfterOf(s.questions[i].err))
	}
	return max(wait, soon)
}

// worse keeps the error that says more: foreign data before all others, a typed one
// before a timeout of ours.
func worse(a, b error) error {
	var typed *hub.Error
	switch {
	case a == nil && b == nil:
		return context.DeadlineExceeded
	case a == nil || hub.CodeOf(b) == hub.CodeForeignData || (!errors.As(a, &typed) && errors.As(b, &typed)):
		return b
	default:
		return a
	}
}
