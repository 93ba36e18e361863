package opsapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

// most is how many rows a list has.
const most = 1000

// difference is what two books do not agree about, as operators see it.
type difference struct {
	Job       hub.Job   `json:"job"`
	Scope     string    `json:"scope"`
	Kind      string    `json:"kind"`
	Name      string    `json:"name"`
	Amount    int64     `json:"amount_bani"`
	Detail    string    `json:"detail"`
	Since     time.Time `json:"since"`
	State     string    `json:"state"` // open or explained
	Explained time.Time `json:"explained_at,omitzero"`
}

func (b *buttons) differences(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	found, err := b.store.Differences(r.Context(), hub.DifferenceQuery{
		Job: hub.Job(asked.Get("job")), Explained: asked.Get("explained") == "true", Most: most,
	})
	list := make([]difference, len(found))
	for i, d := range found {
		list[i] = difference{d.Job, d.Scope, d.Kind, d.Name, d.Amount, d.Detail, d.Since, "open", d.Explained}
		if !d.Explained.IsZero() {
			list[i].State = "explained"
		}
	}
	answer(w, map[string]any{"differences": list}, err)
}

// job is how a comparison stands.
type job struct {
	Job       hub.Job   `json:"job"`
	Running   bool      `json:"running"`
	Due       time.Time `json:"due_at"`
	Succeeded time.Time `json:"succeeded_at,omitzero"`
}

func (b *buttons) jobs(w http.ResponseWriter, r *http.Request) {
	runs, err := b.store.Runs(r.Context())
	list := make([]job, len(runs))
	for i, run := range runs {
		list[i] = job{run.Job, run.Holder != "", run.Due, run.Succeeded}
	}
	answer(w, map[string]any{"jobs": list}, err)
}

func (b *buttons) do(w http.ResponseWriter, r *http.Request) {
	job, day := hub.Job(r.PathValue("job")), hub.Date(r.URL.Query().Get("day"))
	if _, err := hub.ParseDate(string(day)); !slices.Contains(hub.Jobs, job) || day != "" && err != nil {
		answer(w, nil, hub.Errorf(hub.CodeNotFound, "There is no such job or day. Jobs are %v; a day is YYYY-MM-DD.", hub.Jobs))
		return
	}
	err := b.compare(r.Context(), job, day)
	if err == nil {
		b.log.Info("books compared by an operator", "operation", "reconcile", "job", string(job))
		answer(w, map[string]string{"done": string(job)}, nil)
		return
	}
	b.log.Warn("books could not be compared for an operator", "operation", "reconcile", "job", string(job), "code", string(hub.CodeOf(err)), "error", err)
	send(w, statusOf(err), wrong{hub.CodeOf(err), hub.MessageOf(err), strings.Split(err.Error(), "\n")})
}

// anomaly is something a person should look at.
type anomaly struct {
	At      time.Time     `json:"at"`
	Kind    string        `json:"kind"`
	Payment hub.PaymentID `json:"payment,omitempty"`
	Detail  string        `json:"detail"`
}

func (b *buttons) anomalies(w http.ResponseWriter, r *http.Request) {
	found, err := b.store.Anomalies(r.Context(), most)
	list := make([]anomaly, len(found))
	for i, a := range found {
		list[i] = anomaly(a)
	}
	answer(w, map[string]any{"anomalies": list}, err)
}

// raised is a barrier that is up.
type raised struct {
	Barrier hub.Barrier `json:"barrier"`
	Reason  string      `json:"reason"`
	Since   time.Time   `json:"since"`
}

func (b *buttons) barriers(w http.ResponseWriter, r *http.Request) {
	up, err := b.store.Barriers(r.Context())
	list := []raised{}
	for barrier, why := range up {
		list = append(list, raised{barrier, why.Reason, why.Since})
	}
	answer(w, map[string]any{"barriers": list}, err)
}

func (b *buttons) lower(w http.ResponseWriter, r *http.Request) {
	barrier := hub.Barrier(r.PathValue("barrier"))
	if barrier != hub.BarrierOpen && barrier != hub.BarrierCapture {
		answer(w, nil, hub.Errorf(hub.CodeNotFound, "There is no such barrier. There are open and capture."))
		return
	}
	err := b.store.LowerBarrier(r.Context(), barrier)
	b.log.Info("barrier lowered by an operator", "operation", "barrier_lower", "barrier", string(barrier), "code", string(hub.CodeOf(err)))
	answer(w, map[string]string{"lowered": string(barrier)}, err)
}
