package pspbook

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

// Variant is what a notification is made into.
type Variant int

// Variants of a notification.
const (
	True    Variant = iota
	Forged          // says that the order is paid, under a key that is not the provider's
	Altered         // another amount where the signature does not reach
)

// Post is a notification about an order. Make builds it for one attempt, so
// that a signature carries the time it was sent at.
type Post struct {
	ID    string // the provider's number of the order
	What  string // "paid"
	URL   string
	Make  func(Variant) (header http.Header, body []byte, err error)
	Taken func(status int, body []byte) Verdict
}

// Verdict is what the merchant's answer means.
type Verdict int

// Verdicts.
const (
	Again   Verdict = iota // not taken: try later
	Taken                  // done
	Refused                // not taken, and never will be
)

// Retries is how long a provider waits after each attempt that was not taken.
// No provider publishes its schedule; this one begins fast and ends within a
// day, after nine attempts.
func Retries() []time.Duration {
	return []time.Duration{
		time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute,
		10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour,
	}
}

// Notifier sends notifications from goroutines of its own until Close.
type Notifier struct {
	book    *Book
	clock   *clock.Clock
	gate    *gate.Gate
	retries []time.Duration
	client  *http.Client
	lanes   chan struct{} // attempts at once

	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu     sync.Mutex
	closed bool
	moved  chan struct{} // closed when the virtual clock was set
}

// NewNotifier returns a notifier for the orders of a book; the gate says what
// goes wrong with its notifications.
func NewNotifier(b *Book, c *clock.Clock, g *gate.Gate, retries []time.Duration) *Notifier {
	ctx, stop := context.WithCancel(context.Background())
	return &Notifier{
		book: b, clock: c, gate: g, retries: retries, lanes: make(chan struct{}, 64),
		ctx: ctx, stop: stop, moved: make(chan struct{}),
		client: &http.Client{
			Timeout:       10 * time.Second,
			Transport:     &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close ends all waiting and all attempts under way.
func (n *Notifier) Close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.stop()
	n.work.Wait()
	n.client.CloseIdleConnections()
}

// ClockSet tells the notifier that the virtual clock was set.
func (n *Notifier) ClockSet() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.moved)
	n.moved = make(chan struct{})
}

// Tell sends a notification, or does to it what the gate's faults ask for. It
// returns at once, unless the fault is that the merchant hears of the event
// before whoever caused it.
func (n *Notifier) Tell(p Post) {
	if p.URL == "" {
		return
	}
	f, _ := n.gate.DrawFor("notify "+p.ID+" "+p.What, gate.NotifyLost, gate.NotifyTwice, gate.NotifyEarly,
		gate.NotifyLate, gate.NotifyForged, gate.NotifyReplayed, gate.NotifyAltered)
	i := n.book.note(p, f.Kind)
	switch f.Kind {
	case gate.NotifyLost:
	case gate.NotifyLate:
		n.Later(f.DelayOr(3*time.Hour), func() { n.deliver(p, i, 0) })
	case gate.NotifyEarly:
		if n.attempt(p, i, True) == Again {
			n.start(func() { n.wait(n.retry(0)); n.deliver(p, i, 1) })
		}
	case gate.NotifyTwice:
		n.start(func() { n.deliver(p, i, 0) })
		n.start(func() { n.deliver(p, n.book.note(p, f.Kind), 0) })
	default:
		n.start(func() { n.twisted(p, i, f) })
	}
}

// twisted delivers a notification with something before or after it.
func (n *Notifier) twisted(p Post, i int, f gate.Fault) {
	switch f.Kind {
	case gate.NotifyForged:
		n.attempt(p, n.book.note(p, f.Kind), Forged)
	case gate.NotifyAltered:
		n.attempt(p, n.book.note(p, f.Kind), Altered)
	case gate.NotifyReplayed:
		p = frozen(p)
		n.deliver(p, i, 0)
		if n.wait(f.DelayOr(time.Second)) {
			n.attempt(p, n.book.note(p, f.Kind), True)
		}
		return
	}
	n.deliver(p, i, 0)
}

// Forge sends a forged notification, once, if the gate asks for such.
func (n *Notifier) Forge(p Post) {
	if f, hit := n.gate.DrawFor("forge "+p.ID, gate.NotifyForged); hit && p.URL != "" {
		i := n.book.note(p, f.Kind)
		n.start(func() { n.attempt(p, i, Forged) })
	}
}

// Later does something after a virtual while, unless the notifier is closed.
func (n *Notifier) Later(after time.Duration, do func()) {
	due := n.clock.Now().Add(after)
	n.start(func() {
		if n.waitUntil(due) {
			do()
		}
	})
}

// frozen makes a notification the same, byte for byte, at every attempt.
func frozen(p Post) Post {
	header, body, err := p.Make(True)
	p.Make = func(Variant) (http.Header, []byte, error) { return header, body, err }
	return p
}

func (n *Notifier) start(do func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		n.work.Go(do)
	}
}

// deliver attempts until the merchant takes it or the schedule ends.
func (n *Notifier) deliver(p Post, i, done int) {
	for try := done; ; try++ {
		if n.attempt(p, i, True) != Again || try >= len(n.retries) || !n.wait(n.retries[try]) {
			return
		}
	}
}

func (n *Notifier) retry(i int) time.Duration {
	if i < len(n.retries) {
		return n.retries[i]
	}
	return 0
}

// attempt sends a notification once and writes down how it went.
func (n *Notifier) attempt(p Post, i int, v Variant) Verdict {
	select {
	case n.lanes <- struct{}{}:
		defer func() { <-n.lanes }()
	case <-n.ctx.Done():
		return Again
	}
	header, body, err := p.Make(v)
	if err != nil {
		return Refused
	}
	status, answer := n.post(p.URL, header, body)
	verdict := p.Taken(status, answer)
	n.book.attempted(p.ID, i, status, verdict == Taken)
	return verdict
}

const maxAnswer = 64 << 10

// post returns status 0 when there was no answer.
func (n *Notifier) post(url string, header http.Header, body []byte) (int, []byte) {
	request, err := http.NewRequestWithContext(n.ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	request.Header = header
	response, err := n.client.Do(request)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil
	}
	return response.StatusCode, answer
}

// wait sleeps in real time; it reports false when the notifier was closed.
func (n *Notifier) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-n.ctx.Done():
		return false
	}
}

// waitUntil sleeps until the virtual clock shows due.
func (n *Notifier) waitUntil(due time.Time) bool {
	for {
		n.mu.Lock()
		moved := n.moved
		n.mu.Unlock()
		left := due.Sub(n.clock.Now())
		if left <= 0 {
			return n.ctx.Err() == nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-moved:
		case <-n.ctx.Done():
		}
		timer.Stop()
		if n.ctx.Err() != nil {
			return false
		}
	}
}

// maxNotices bounds what is written down of one order's notifications.
const maxNotices = 50

// note writes down that a notification is due and returns its place.
func (b *Book) note(p Post, fault gate.Kind) int {
	e, err := b.find(p.ID)
	if err != nil {
		return -1
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.order.Notices) >= maxNotices {
		return -1
	}
	e.order.Notices = append(e.order.Notices, Notice{At: b.clock.Now(), What: p.What, Fault: string(fault)})
	return len(e.order.Notices) - 1
}

// attempted writes down how an attempt went.
func (b *Book) attempted(id string, i, status int, taken bool) {
	e, err := b.find(id)
	if err != nil || i < 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	notice := &e.order.Notices[i]
	notice.Attempts++
	notice.Answer, notice.Taken = status, taken
}
