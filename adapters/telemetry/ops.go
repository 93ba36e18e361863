package telemetry

import (
	"context"
	"errors"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// OpsHandler serves
//
//	GET /metrics        in the OpenMetrics or the Prometheus text format
//	GET /livez          200 as long as the process answers; it depends on nothing
//	GET /readyz         200 as long as the store answers and the hub is not ending
//	GET /debug/pprof/   profiles
//
// and everything else from buttons, which may be nil. A creditor or Redis that
// is away never makes the hub unready.
func (t *Telemetry) OpsHandler(ready func(context.Context) error, buttons http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", t.readyz(ready))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	if buttons != nil {
		mux.Handle("/", buttons)
	}
	return mux
}

// patience is how long the store may take to say that it is ready, and to answer
// a question.
const patience = 2 * time.Second

var (
	errEnding = errors.New("ending")
	errStore  = errors.New("the store does not answer")
)

// Ready gives the question whether requests should be sent to this hub: as long
// as the store answers and the hub is not ending.
func (t *Telemetry) Ready(store func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		switch {
		case t.draining.Load():
			return errEnding
		case store(ctx) != nil:
			return errStore
		}
		return nil
	}
}

func (t *Telemetry) readyz(store func(context.Context) error) http.HandlerFunc {
	ready := t.Ready(store)
	return func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context()); err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		say(w, http.StatusOK, "ready")
	}
}

func say(w http.ResponseWriter, status int, word string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(word + "\n"))
}
