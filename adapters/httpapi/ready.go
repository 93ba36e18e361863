package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"racord/hub"
)

// readyFor is how long an answer to "are you ready?" stays good: anybody may ask,
// and the hub looks once in that time.
const readyFor = time.Second

var errNotReady = hub.Errorf(hub.CodeUnavailable, "This hub is ending, or cannot reach its database. Another one answers.")

// ready is what balancers ask, a GET a second: it waits in no queue, counts
// against no limit and in no metric, for a hub that is busy is not one to take out
// of service.
func (a *API) ready() http.Handler {
	var look readiness
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := newExchange(r)
		neverKept(w)
		if a.Ready != nil && look.of(r.Context(), a.Ready) != nil {
			writeProblem(x, w, errNotReady)
			return
		}
		_ = x.send(w, http.StatusOK, typeText, []byte("ready\n"))
	})
}

// readiness is the last answer.
type readiness struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

// of looks, unless it has just been done. A client that leaves ends nobody else's
// look.
func (l *readiness) of(ctx context.Context, look func(context.Context) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) > readyFor {
		l.err = look(context.WithoutCancel(ctx))
		l.at = time.Now()
	}
	return l.err
}
