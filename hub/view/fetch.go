package view

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"sync"
	"time"

	"racord/hub"
)

// fetch joins the call under way for the question or starts one. The call goes
// on when its callers leave, so that the answer is there for the next.
func (v *Views) fetch(c *hub.Connector, q *question, notBefore time.Time) *flight {
	f, mine := v.flights.join(q.key, q.landings)
	v.Meter.Fetched(c.Creditor.Name, !mine)
	if mine {
		f.trip = trip{v, c, q.asked, notBefore}
		v.crew.do(f)
	}
	return f
}

// trip is what a flight is for.
type trip struct {
	views     *Views
	connector *hub.Connector
	asked     hub.Asked
	notBefore time.Time // of an answer that another flight just brought
}

func (f *flight) run() { f.trip.views.fly(f) }

// spellFor is how far apart questions that share their time may begin.
const spellFor = 50 * time.Millisecond

func (v *Views) fly(f *flight) {
	c, key := f.trip.connector, f.keys[0]
	ctx := v.spells.Begin(v.base, v.conf.FetchFor, spellFor)
	if page := v.justFetched(ctx, f); page != nil {
		f.page = page
		v.flights.land(key, f, 0)
		return
	}
	f.page, f.err = v.call(ctx, c, f.trip.asked)
	if f.err == nil {
		_ = v.L1.Put(ctx, key, f.page) // a cache that cannot write is only slow
	}
	v.noteOutage(c.Creditor.Name, f.err)
	v.flights.land(key, f, rememberFailure(f.err))
	if f.err == nil && v.L2 != nil {
		_ = v.L2.Put(ctx, key, f.page)
	}
}

// justFetched finds the answer that another flight brought between this
// caller's look-up and its turn.
func (v *Views) justFetched(ctx context.Context, f *flight) *hub.Page {
	if !f.late {
		return nil
	}
	_, _ = v.L1.Get(ctx, f.keys[:], f.seen[:])
	p := f.seen[0]
	if p == nil || p.FetchedAt.Before(f.trip.notBefore) || !time.Now().Before(p.FreshUntil) {
		return nil
	}
	if expired(p, v.Clock.Now()) {
		return nil
	}
	return p
}

// call asks the creditor and makes a page of what it says. "Not known here" is
// an answer too.
func (v *Views) call(ctx context.Context, c *hub.Connector, asked hub.Asked) (*hub.Page, error) {
	answer, err := c.Source.Obligations(ctx, asked)
	if hub.CodeOf(err) == hub.CodeNotFound {
		return v.unknownPage(c), nil
	}
	if err != nil {
		return nil, err
	}
	for i := range answer.Refused {
		v.Meter.Refused(c.Creditor.Name, answer.Refused[i].Code)
	}
	for i := range answer.Obligations {
		for _, remark := range answer.Obligations[i].Quality {
			v.Meter.Remarked(c.Creditor.Name, remark.Code)
		}
	}
	page := v.page(c, answer) // encoded: it holds nothing of the answer
	if answer.Loan != nil {
		answer.Loan.Return()
	}
	return page, nil
}

// page encodes an answer, once.
func (v *Views) page(c *hub.Connector, a hub.Answer) *hub.Page {
	now := time.Now()
	fresh := c.Traits.Freshness
	p := &hub.Page{
		Creditor: c.Creditor.Name, State: stateOf(a), AsOf: a.AsOf, ValidUntil: validUntil(a),
		FetchedAt: now, FreshUntil: now.Add(jitter(fresh.TTL)),
		Due:         hub.Due(a.Obligations),
		Obligations: encoded(a.Obligations),
	}
	p.ServeUntil = p.FreshUntil.Add(max(fresh.StaleIfError, fresh.StaleWhileRevalidate))
	if len(a.Refused) > 0 {
		p.Quality = appendRemarks(nil, a.Refused)
	}
	p.Version = versionOf(p)
	return p
}

// drafts are the buffers in which obligations are encoded before it is known how
// long they get.
var drafts = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// encoded gives obligations as a page keeps them, in memory that fits.
func encoded(list []hub.Obligation) []byte {
	draft := drafts.Get().(*[]byte)
	*draft = appendObligations((*draft)[:0], list)
	kept := bytes.Clone(*draft)
	if cap(*draft) <= largestDraft {
		drafts.Put(draft)
	}
	return kept
}

// largestDraft in bytes is a buffer that is used again; a rare giant is not.
const largestDraft = 64 << 10

func (v *Views) unknownPage(c *hub.Connector) *hub.Page {
	now := time.Now()
	p := &hub.Page{Creditor: c.Creditor.Name, State: hub.PageNotKnownHere, AsOf: v.Clock.Now(), FetchedAt: now}
	p.FreshUntil = now.Add(jitter(c.Traits.Freshness.Negative))
	p.ServeUntil = p.FreshUntil // "not known" is not repeated once it is old
	p.Version = versionOf(p)
	return p
}

func stateOf(a hub.Answer) hub.PageState {
	switch {
	case a.Provisional:
		return hub.PageProvisional
	case len(a.Refused) > 0:
		return hub.PagePartial
	default:
		return hub.PageFresh
	}
}

// validUntil is the first moment at which an amount of the answer may change. It is
// past where the creditor announced a change and has said nothing since.
func validUntil(a hub.Answer) time.Time {
	until := a.ValidUntil
	for i := range a.Obligations {
		change := a.Obligations[i].NextChange
		if change != nil && (until.IsZero() || change.At.Before(until)) {
			until = change.At
		}
	}
	return until
}

// jitter spreads expiries by ±10 %.
func jitter(d time.Duration) time.Duration {
	if d < 10 {
		return d
	}
	return d - d/10 + rand.N(d/5)
}

// versionOf is a checksum of 64 bits: of two polynomials that processors know, at a
// sixth of the cost of a hash. Who made two contents of one version would only have
// the second taken for the first, and it is the creditor who makes both.
func versionOf(p *hub.Page) uint64 {
	var stamp [16]byte
	binary.BigEndian.PutUint64(stamp[:8], uint64(p.AsOf.UnixNano()))
	binary.BigEndian.PutUint64(stamp[8:], uint64(p.ValidUntil.Unix()))
	var one, other uint32
	for _, part := range [][]byte{stamp[:], []byte(p.State), p.Obligations, p.Quality} {
		one, other = crc32.Update(one, castagnoli, part), crc32.Update(other, crc32.IEEETable, part)
	}
	return uint64(one)<<32 | uint64(other)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// noteOutage remembers since when a creditor gives no answer.
func (v *Views) noteOutage(name hub.Name, err error) {
	switch hub.CodeOf(err) {
	case "", hub.CodeNotFound:
		v.outages.Delete(name)
	case hub.CodeCancelled:
	default:
		v.outages.LoadOrStore(name, v.Clock.Now())
	}
}
