package httpapi

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"racord/hub"
)

// following asks for a payment and everything that becomes of it.
type following struct {
	id hub.PaymentID
	to *events
}

func decodeFollowing(r *http.Request) (following, error) {
	id, err := decodePaymentID(r)
	w := r.Context().Value(writerKey{}).(http.ResponseWriter)
	return following{id, &events{w: w, flush: http.NewResponseController(w).Flush}}, err
}

const (
	firstLook = 250 * time.Millisecond // between two looks at a payment that just changed
	lastLook  = 2 * time.Second        // and at one that has not for a while
	heartbeat = 15 * time.Second       // a silent stream says that it lives
	longest   = 10 * time.Minute       // of a stream; its client asks again
	sendFor   = 10 * time.Second       // how long one event may take to leave
)

// follow sends the payment, and again whenever it has changed, until nothing more
// happens to it by itself.
func (a *API) follow(ctx context.Context, who hub.Login, f following) (none, error) {
	x := exchangeOf(ctx)
	p, err := a.payment(ctx, who, f.id)
	if err != nil {
		return none{}, err
	}
	if err := a.followers.enter(&x.caller); err != nil {
		return none{}, err
	}
	defer a.followers.leave(x.caller.Login)
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	return none{}, a.tell(ctx, x, who, f, p)
}

func (a *API) tell(ctx context.Context, x *exchange, who hub.Login, f following, p *hub.Payment) error {
	defer f.to.allow() // the end of the stream has to leave as well
	var last []byte
	wait, spoke := firstLook, time.Now()
	for {
		body, err := encode(a.shownPayment(p))
		switch {
		case err != nil:
			return err
		case !bytes.Equal(body, last):
			f.to.allow()
			if err := f.to.send(x, "payment", func(dst []byte) []byte { return append(dst, body...) }); err != nil {
				return err
			}
			last, wait, spoke = body, firstLook, time.Now()
		case time.Since(spoke) >= heartbeat:
			if err := f.to.beat(); err != nil {
				return err
			}
			spoke = time.Now()
		}
		if p.State().Final() || !a.followers.sleep(ctx, wait) {
			return nil
		}
		wait = min(wait*3/2, lastLook)
		p = a.lookAgain(ctx, who, f.id, p)
	}
}

// lookAgain gives the payment as it is now. While it cannot be read, it is as it
// was.
func (a *API) lookAgain(ctx context.Context, who hub.Login, id hub.PaymentID, was *hub.Payment) *hub.Payment {
	if p, err := a.payment(ctx, who, id); err == nil {
		return p
	}
	return was
}

// followers are the streams that are open. They end when the server does, so
// that nobody waits for them.
type followers struct {
	mu     sync.Mutex
	open   int
	of     map[hub.Login]int
	ending chan struct{}
	end    sync.Once
}

const (
	mostStreams       = 1000 // of a replica
	mostStreamsOne    = 4    // of a person
	mostStreamsPortal = 500  // of a portal, for payers who did not sign in
)

func newFollowers() *followers {
	return &followers{of: map[hub.Login]int{}, ending: make(chan struct{})}
}

// enter lets a stream in. Whoever holds as many as one may has himself asked for too
// many: that is no fault of the replica, which CodeOverloaded is.
func (f *followers) enter(caller *hub.Caller) error {
	most := mostStreamsOne
	if !caller.Citizen {
		most = mostStreamsPortal
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.of[caller.Login] >= most:
		return tooMany("You follow too many payments at a time. Close a stream first.", quota{again: inAMoment()})
	case f.open >= mostStreams:
		return overloaded()
	}
	f.open++
	f.of[caller.Login]++
	return nil
}

func (f *followers) leave(who hub.Login) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
	if f.of[who]--; f.of[who] == 0 {
		delete(f.of, who)
	}
}

// sleep waits and tells whether the stream goes on.
func (f *followers) sleep(ctx context.Context, wait time.Duration) bool {
	return hub.SleepOr(ctx, wait, f.ending)
}

// HangUp ends the streams that are open.
func (a *API) HangUp() { a.followers.end.Do(func() { close(a.followers.ending) }) }

// allow gives the next event its own time to leave.
func (e *events) allow() {
	_ = http.NewResponseController(e.w).SetWriteDeadline(time.Now().Add(sendFor))
}

// beat sends a comment, which clients skip.
func (e *events) beat() error {
	e.allow()
	if _, err := e.w.Write([]byte(": still here\n\n")); err != nil {
		return hub.Wrap(hub.CodeCancelled, err, "The client left.")
	}
	return e.flush()
}
