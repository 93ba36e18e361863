// Package opsapi holds the operators' buttons: deliveries that wait for a
// person, connectors in quarantine, what two books do not agree about, and what
// stops paying. It belongs on the operations listener,
// which is never on the internet.
package opsapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"racord/hub"
)

// Store is what the buttons act on.
type Store interface {
	hub.Snapshots
	hub.Quarantines
	hub.Outbox
	hub.Barriers
	Differences(ctx context.Context, q hub.DifferenceQuery) ([]hub.Difference, error)
	Runs(ctx context.Context) ([]hub.Run, error)
	Anomalies(ctx context.Context, most int) ([]hub.Anomaly, error)
}

// Handler serves
//
//	GET    /feeds/held                   deliveries that wait, oldest first
//	POST   /feeds/held/{stage}/release   publish one
//	POST   /feeds/held/{stage}/discard   drop one
//	GET    /quarantine                   connectors that answered about somebody else
//	DELETE /quarantine/{creditor}        ask it again
//	GET    /differences                  what two books differ in; ?job= ?explained=true
//	GET    /jobs                         when each comparison was last done
//	POST   /jobs/{job}                   compare now; ?day=YYYY-MM-DD
//	GET    /anomalies                    what a person should look at, newest first
//	GET    /barriers                     what is stopped, and why
//	DELETE /barriers/{barrier}           let it go on
//	GET    /webhooks                     what receivers are still to be told
//	GET    /webhooks/{receiver}/attempts how telling one went, newest first; ?most=100
//	POST   /webhooks/{receiver}/replay   tell it again; ?from=2026-03-15T10:00:00Z&until=…
//	POST   /keys/rewrap                  wrap all secrets under the current key-encryption key
//
// A receiver is written portal:<client id> or creditor:<name>. Every change is
// logged.
func Handler(store Store, compare Compare, rewrap Rewrap, log *slog.Logger) http.Handler {
	b := &buttons{store, compare, rewrap, log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /feeds/held", b.held)
	mux.HandleFunc("POST /feeds/held/{stage}/release", b.release)
	mux.HandleFunc("POST /feeds/held/{stage}/discard", b.discard)
	mux.HandleFunc("GET /quarantine", b.quarantined)
	mux.HandleFunc("DELETE /quarantine/{creditor}", b.lift)
	mux.HandleFunc("GET /differences", b.differences)
	mux.HandleFunc("GET /jobs", b.jobs)
	mux.HandleFunc("POST /jobs/{job}", b.do)
	mux.HandleFunc("GET /anomalies", b.anomalies)
	mux.HandleFunc("GET /barriers", b.barriers)
	mux.HandleFunc("DELETE /barriers/{barrier}", b.lower)
	mux.HandleFunc("GET /webhooks", b.unheard)
	mux.HandleFunc("GET /webhooks/{receiver}/attempts", b.attempts)
	mux.HandleFunc("POST /webhooks/{receiver}/replay", b.replay)
	mux.HandleFunc("POST /keys/rewrap", b.wrapAnew)
	return mux
}

// Compare does one comparison of books now. It returns CodeConflict when somebody
// is at it, and CodeNotFound for none that there is.
type Compare func(ctx context.Context, job hub.Job, day hub.Date) error

// Rewrap wraps the data keys of all secrets anew and counts them.
type Rewrap func(ctx context.Context, progress func(done int)) (done int, err error)

type buttons struct {
	store   Store
	compare Compare
	rewrap  Rewrap
	log     *slog.Logger
}

// waiting is a held delivery as operators see it.
type waiting struct {
	Stage    hub.StageID `json:"stage"`
	Creditor hub.Name    `json:"creditor"`
	AsOf     time.Time   `json:"as_of"`
	HeldAt   time.Time   `json:"held_at"`
	Reason   string      `json:"reason"`
}

func (b *buttons) held(w http.ResponseWriter, r *http.Request) {
	held, err := b.store.Held(r.Context())
	list := make([]waiting, len(held))
	for i, d := range held {
		list[i] = waiting{d.Stage, d.Creditor, d.AsOf, d.HeldAt, d.Reason}
	}
	answer(w, map[string]any{"held": list}, err)
}

func (b *buttons) release(w http.ResponseWriter, r *http.Request) {
	stage := hub.StageID(r.PathValue("stage"))
	err := b.store.Release(r.Context(), stage)
	b.log.Info("delivery released by an operator", "operation", "feed_release", "stage", string(stage), "code", string(hub.CodeOf(err)))
	answer(w, map[string]string{"released": string(stage)}, err)
}

func (b *buttons) discard(w http.ResponseWriter, r *http.Request) {
	stage := hub.StageID(r.PathValue("stage"))
	err := b.store.Discard(r.Context(), stage)
	b.log.Info("delivery discarded by an operator", "operation", "feed_discard", "stage", string(stage), "code", string(hub.CodeOf(err)))
	answer(w, map[string]string{"discarded": string(stage)}, err)
}

func (b *buttons) quarantined(w http.ResponseWriter, r *http.Request) {
	since, err := b.store.Quarantined(r.Context())
	answer(w, map[string]any{"quarantined": since}, err)
}

func (b *buttons) lift(w http.ResponseWriter, r *http.Request) {
	creditor := hub.Name(r.PathValue("creditor"))
	err := b.store.Lift(r.Context(), creditor)
	b.log.Info("quarantine lifted by an operator", "operation", "quarantine_lift", "connector", string(creditor), "code", string(hub.CodeOf(err)))
	answer(w, map[string]string{"lifted": string(creditor)}, err)
}

func (b *buttons) wrapAnew(w http.ResponseWriter, r *http.Request) {
	done, err := b.rewrap(r.Context(), nil)
	b.log.Info("secrets wrapped anew by an operator", "operation", "keys_rewrap", "secrets", done, "code", string(hub.CodeOf(err)))
	answer(w, map[string]int{"rewrapped": done}, err)
}

func answer(w http.ResponseWriter, body any, err error) {
	w.Header().Set("Content-Type", "application/json")
	status := http.StatusOK
	switch hub.CodeOf(err) {
	case "":
	case hub.CodeNotFound:
		status = http.StatusNotFound
	case hub.CodeInvalid:
		status = http.StatusBadRequest
	case hub.CodeConflict:
		status = http.StatusConflict
	default:
		status = http.StatusInternalServerError
	}
	if err != nil {
		body = map[string]string{"code": string(hub.CodeOf(err)), "detail": hub.MessageOf(err)}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the operator's own connection
}
