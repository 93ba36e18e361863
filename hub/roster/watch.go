package roster

import (
	"context"
	"time"

	"racord/hub"
)

// tooMany is why a canary leaves that was asked in vain too often.
const tooMany = "Too many of its calls failed."

// watched counts what a version on its way answers, and takes it out of service at
// the first answer about somebody else, or when too many calls fail.
type watched struct {
	r      *Roster
	next   hub.Source
	at     post
	canary bool
	budget budget // of a canary
}

func (w *watched) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	answer, err := w.next.Obligations(ctx, who)
	code := hub.CodeOf(err)
	failed := fault(code)
	w.r.tally.called(w.at, failed, code == hub.CodeForeignData)
	switch {
	case code == hub.CodeForeignData:
		w.r.demote(w.at, hub.StageQuarantined, "It answered about somebody else.")
	case w.canary && failed && w.overdrawn():
		w.r.demote(w.at, hub.StageSuspended, tooMany)
	}
	return answer, err
}

// fault tells whether a call failed through the creditor or its manifest.
func fault(code hub.Code) bool {
	switch code {
	case "", hub.CodeNotFound, hub.CodeBusy, hub.CodeMaintenance, hub.CodeCancelled:
		return false
	}
	return true
}

// demote takes a version out of service: here at once, and in the store as soon
// as it can be told.
func (r *Roster) demote(at post, to hub.Stage, reason string) {
	if r.ban(at, func() { r.tell(at, to, reason) }) {
		r.Log.Error("a connector is taken out of service", "connector", at.creditor, "version", at.version, "stage", to, "reason", reason)
	}
}

// tell tells the store, again and again until it knows or the roster stops.
func (r *Roster) tell(at post, to hub.Stage, reason string) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := r.Store.Demote(ctx, at.creditor, at.version, to, reason)
		cancel()
		switch hub.CodeOf(err) {
		case "", hub.CodeConflict, hub.CodeNotFound:
			r.forgive(at)
			return
		}
		if !r.wait(r.conf.Every) {
			return
		}
	}
}

// forgive lets a version come back once the store knows that it left: should it
// serve again, a person said so.
func (r *Roster) forgive(at post) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.banned, at)
	r.forgiven++
	r.epoch = -1
}

// wait waits a little, or says that the roster stops.
func (r *Roster) wait(d time.Duration) bool {
	return hub.SleepOr(context.Background(), d, r.stopping)
}
