package einvoice

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"time"

	"racord/connectors"
	"racord/hub"
)

// batch reads messages in the order of the list, downloading some ahead.
type batch struct {
	feed   *feed
	ctx    context.Context
	cancel context.CancelFunc
	lanes  *lanes
	page   listing
	asOf   time.Time
	next   hub.Cursor
	read   int
}

var _ hub.Batch = (*batch)(nil)

// Extent is what changed: messages add to those before.
func (b *batch) Extent() hub.Extent { return hub.ExtentChanges }

// AsOf is the moment the list was asked for.
func (b *batch) AsOf() time.Time { return b.asOf }

// Control says nothing: lists have no totals.
func (b *batch) Control() hub.Control { return hub.Control{Rows: -1} }

// Next is the index of the last message that was read.
func (b *batch) Next() hub.Cursor { return b.next }

// Close ends the downloads that are under way.
func (b *batch) Close() error {
	b.cancel()
	return nil
}

// Records gives a record for every message. When the supplier fails after some
// were read, the batch ends there, and the next one goes on with the rest; it is
// an error only when none was read.
func (b *batch) Records() iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		r := b.feed.newMapper()
		for {
			for m, got := range b.settled(b.page.Messages[:min(len(b.page.Messages), b.feed.settings.Batch-b.read)]) {
				if got.failed() {
					if b.read == 0 {
						yield(hub.Record{}, got.err)
					}
					return
				}
				b.read++
				b.next = hub.Cursor(m.Index)
				if !yield(r.record(m, got), nil) {
					return
				}
			}
			if !b.more() {
				return
			}
		}
	}
}

// more asks for the next page of the list, if there is room for it. That it
// cannot be had is no failure: the next batch asks again.
func (b *batch) more() bool {
	if !b.page.More || b.read >= b.feed.settings.Batch {
		return false
	}
	page, err := b.feed.list(b.ctx, string(b.next), b.feed.settings.Page)
	if err != nil || len(page.Messages) == 0 {
		return false
	}
	b.page = page
	return true
}

// download is what became of one message.
type download struct {
	bill *bill
	err  error
}

// failed tells a supplier that cannot be asked from a message that is damaged.
func (d download) failed() bool {
	switch hub.CodeOf(d.err) {
	case "", hub.CodeBadData, hub.CodeNotFound:
		return false
	default:
		return true
	}
}

// settled gives what became of messages once it is known whose fault it is that one
// brought no archive. A gateway's login page and a message that cannot be had any
// more look alike, but the first passes and its bills must not be lost, and the
// second stays and the bills after it must not wait. The next message that is had,
// or known to be gone, decides: the supplier is well then, so what brought no archive
// is asked for once more, and refused when it still brings none. Without such a
// message the batch ends before the first that brought none, and the next begins
// with it. A feed that gets none at all fails at every look, until its age rings.
func (b *batch) settled(messages []message) iter.Seq2[message, download] {
	return func(yield func(message, download) bool) {
		var doubtful []message
		for m, got := range b.downloads(messages) {
			if errors.Is(got.err, errNoArchive) {
				doubtful = append(doubtful, m)
				continue
			}
			if !got.failed() && !b.again(doubtful, yield) || !yield(m, got) {
				return
			}
			doubtful = nil
		}
		if len(doubtful) > 0 {
			yield(doubtful[0], download{err: noneSince(doubtful[0])})
		}
	}
}

// noneSince is the failure of a supplier whose downloads bring no archive any more.
// The message is named for whoever must ask the supplier, should that stay so.
func noneSince(m message) error {
	return hub.Wrap(hub.CodeUnavailable, errNoArchive, "Downloads bring no archive, from message "+m.Index+" on.")
}

// again gives what messages bring when they are asked for once more. It is false
// when nobody wants the rest.
func (b *batch) again(messages []message, yield func(message, download) bool) bool {
	for _, m := range messages {
		leave, ok := b.lanes.enter(b.ctx)
		if !ok {
			return yield(m, ended(b.ctx))
		}
		got := b.download(b.ctx, m)
		leave()
		if !yield(m, got) {
			return false
		}
	}
	return true
}

// downloads fetches messages, several at a time as far as there are slots, and
// gives them in order.
func (b *batch) downloads(messages []message) iter.Seq2[message, download] {
	return func(yield func(message, download) bool) {
		ctx, cancel := context.WithCancel(b.ctx)
		defer cancel()
		ahead := make(chan chan download, b.lanes.most())
		go b.send(ctx, messages, ahead)
		wanted, i := true, 0
		for result := range ahead { // to the end: those that nobody wants any more are waited for
			got := <-result
			if wanted && !yield(messages[i], got) {
				wanted = false
				cancel()
			}
			i++
		}
	}
}

// send starts a download for every message, in order, as lanes become free.
func (b *batch) send(ctx context.Context, messages []message, ahead chan<- chan download) {
	defer close(ahead)
	for _, m := range messages {
		result := make(chan download, 1)
		ahead <- result
		leave, ok := b.lanes.enter(ctx)
		if !ok {
			result <- ended(ctx)
			return
		}
		go func() {
			defer leave()
			result <- b.download(ctx, m)
		}()
	}
}

// ended is what became of a message that was not asked for any more.
func ended(ctx context.Context) download {
	return download{err: connectors.Failure(hub.CodeOf(ctx.Err()), ctx.Err())}
}

// download fetches one message. It runs where nobody else would hear of a defect:
// that becomes its outcome. What it panicked with may name a person.
func (b *batch) download(ctx context.Context, m message) (got download) {
	defer func() {
		if broken := recover(); broken != nil {
			b.feed.env.Log.Error("connector panicked", "operation", "pull", "type", fmt.Sprintf("%T", broken), "stack", string(debug.Stack()))
			got = download{err: hub.Errorf(hub.CodeInternal, "Something went wrong on our side.")}
		}
	}()
	got.bill, got.err = b.feed.fetch(ctx, m.Index)
	return got
}

// lanes are how many downloads may be under way: the delivery's own, and more
// as long as the creditor has slots that nobody needs.
type lanes struct {
	own   chan struct{}
	extra chan struct{}
}

func newLanes(most int) *lanes {
	return &lanes{own: make(chan struct{}, 1), extra: make(chan struct{}, most-1)}
}

// most is how many downloads there are at once, at most.
func (l *lanes) most() int { return 1 + cap(l.extra) }

// enter waits for a lane. ok is false when ctx ended.
func (l *lanes) enter(ctx context.Context) (leave func(), ok bool) {
	select {
	case l.own <- struct{}{}:
		return func() { <-l.own }, true
	default:
	}
	select {
	case l.extra <- struct{}{}:
		if release, ok := hub.TakeSlot(ctx); ok {
			return func() { release(); <-l.extra }, true
		}
		<-l.extra
	default:
	}
	select {
	case l.own <- struct{}{}:
		return func() { <-l.own }, true
	case <-ctx.Done():
		return nil, false
	}
}

// mapper turns bills into records.
type mapper struct {
	feed    *feed
	reading *connectors.Reading
	row     *connectors.Row
}

func (f *feed) newMapper() *mapper {
	return &mapper{f, f.manifest.Reading(f.manifest.Calls[connectors.CallPull], hub.Asked{}, f.env.Clock.Now()), connectors.NewRow(columns)}
}

func (r *mapper) record(m message, got download) hub.Record {
	where := "message " + m.Index
	if got.err != nil {
		return refused(where, hub.Obligation{}, refuse("bad_message", "", hub.MessageOf(got.err)))
	}
	read, bad := r.feed.rules.check(got.bill)
	if bad != nil {
		r.row.Set(got.bill.names())
		return refused(where, r.owned(r.reading.Names(r.row), got.bill), bad)
	}
	r.row.Set(read.values)
	o, bad := r.reading.Record(r.row)
	o = r.owned(o, got.bill)
	if bad != nil {
		return refused(where, o, bad)
	}
	o.Replaces = got.bill.replaces
	o.Quality = append(o.Quality, read.remarks...)
	for i := range o.Quality {
		o.Quality[i].Field = where
	}
	return hub.Record{Account: o.Account, Obligation: o}
}

// owned gives an obligation whose account no map names that of the bill.
func (r *mapper) owned(o hub.Obligation, b *bill) hub.Obligation {
	if o.Account == "" && len(b.customerIDs) > 0 {
		o.Account = b.customerIDs[0]
	}
	return o
}

// refused leaves out a message. Whose it is stays known where it can be read.
func refused(where string, o hub.Obligation, e *hub.QualityEvent) hub.Record {
	if e.Field != "" {
		where += ", " + e.Field
	}
	return hub.Record{
		Account: o.Account, Obligation: hub.Obligation{ExternalID: o.ExternalID},
		Refused: &hub.QualityEvent{Code: e.Code, Field: where, Detail: e.Detail},
	}
}
