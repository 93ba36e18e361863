// Package opsapi holds the operators' buttons: deliveries that wait for a
// person, connectors in quarantine, the jobs that compare books and what they
// found, anomalies, what stops paying, events that portals and creditors have not
// heard, and wrapping secrets under a new key. It belongs on the operations
// listener, which is never on the internet.
package opsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
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

// Handler serves the buttons, and at / a list of them. A receiver is written
// portal:<client id> or creditor:<name>. Every change is logged.
func Handler(store Store, compare Compare, rewrap Rewrap, log *slog.Logger) http.Handler {
	all := (&buttons{store, compare, rewrap, log}).all()
	mux := http.NewServeMux()
	for _, one := range all {
		mux.HandleFunc(one.pattern, one.press)
	}
	mux.HandleFunc("GET /{$}", list(all))
	return mux
}

// button is one thing an operator can look at or do.
type button struct {
	pattern, does string
	press         http.HandlerFunc
}

func (b *buttons) all() []button {
	return []button{
		{"GET /feeds/held", "deliveries that wait, oldest first", b.held},
		{"POST /feeds/held/{stage}/release", "publish one", b.release},
		{"POST /feeds/held/{stage}/discard", "drop one", b.discard},
		{"GET /quarantine", "live connectors that answered about somebody else", b.quarantined},
		{"DELETE /quarantine/{creditor}", "ask it again", b.lift},
		{"GET /differences", "what two books differ in; ?job= ?explained=true", b.differences},
		{"GET /jobs", "when each comparison was last done", b.jobs},
		{"POST /jobs/{job}", "compare now; ?day=YYYY-MM-DD", b.do},
		{"GET /anomalies", "what a person should look at, newest first", b.anomalies},
		{"GET /barriers", "what is stopped, and why", b.barriers},
		{"DELETE /barriers/{barrier}", "let it go on", b.lower},
		{"GET /webhooks", "how many events wait for each receiver", b.unheard},
		{"GET /webhooks/{receiver}/attempts", "how telling one went, newest first; ?most=100; one is portal:city-portal or creditor:water", b.attempts},
		{"POST /webhooks/{receiver}/replay", "tell it again; ?from=2026-03-15T10:00:00Z&until=…", b.replay},
		{"POST /keys/rewrap", "wrap all secrets under the current key-encryption key", b.wrapAnew},
	}
}

// others are what the operations listener serves beside the buttons.
const others = `GET     /metrics                           for Prometheus
GET     /livez                             200 as long as the process answers
GET     /readyz                            200 as long as the database answers and the hub is not ending
GET     /debug/pprof/                      profiles
`

// list shows what there is, for whoever finds this listener with curl.
func list(all []button) http.HandlerFunc {
	text := others
	for _, one := range all {
		method, path, _ := strings.Cut(one.pattern, " ")
		text += fmt.Sprintf("%-7s %-34s %s\n", method, path, one.does)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text) // the operator's own connection
	}
}

// Compare does one comparison of books now. It returns CodeConflict when somebody
// is at it, and CodeNotFound for an unknown job.
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
	since, err := b.store.Quarantined(r.Context())
	if _, in := since[creditor]; err == nil && !in {
		err = hub.Errorf(hub.CodeNotFound, "This connector is not in quarantine. GET /quarantine lists those that are.")
	}
	if err == nil {
		err = b.store.Lift(r.Context(), creditor)
	}
	b.log.Info("quarantine lifted by an operator", "operation", "quarantine_lift", "connector", string(creditor), "code", string(hub.CodeOf(err)))
	answer(w, map[string]string{"lifted": string(creditor)}, err)
}

func (b *buttons) wrapAnew(w http.ResponseWriter, r *http.Request) {
	done, err := b.rewrap(r.Context(), nil)
	b.log.Info("secrets wrapped anew by an operator", "operation", "keys_rewrap", "records", done, "code", string(hub.CodeOf(err)))
	answer(w, map[string]int{"rewrapped": done}, err)
}

// wrong is what an operator is told when something failed.
type wrong struct {
	Code   hub.Code `json:"code"`
	Detail string   `json:"detail"`
	Errors []string `json:"errors,omitempty"` // all there are, where one thing does not keep others from being done
}

func answer(w http.ResponseWriter, body any, err error) {
	if err != nil {
		body = wrong{Code: hub.CodeOf(err), Detail: hub.MessageOf(err)}
	}
	send(w, statusOf(err), body)
}

func statusOf(err error) int {
	switch hub.CodeOf(err) {
	case "":
		return http.StatusOK
	case hub.CodeNotFound:
		return http.StatusNotFound
	case hub.CodeInvalid:
		return http.StatusBadRequest
	case hub.CodeForbidden:
		return http.StatusForbidden
	case hub.CodeConflict:
		return http.StatusConflict
	default:
		return http.StatusInternalServerError
	}
}

func send(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the operator's own connection
}
