package opsapi

import (
	"net/http"
	"strconv"
	"time"

	"racord/hub"
)

// attempt is one try at telling a receiver, as operators see it.
type attempt struct {
	Event  string    `json:"event"`
	No     int       `json:"no"`
	At     time.Time `json:"at"`
	TookMs int64     `json:"took_ms"`
	Status int       `json:"status,omitempty"`
	Code   hub.Code  `json:"code,omitempty"` // why it failed; absent = it arrived
}

// unheard counts what receivers are still to be told.
func (b *buttons) unheard(w http.ResponseWriter, r *http.Request) {
	waiting, err := b.store.Waiting(r.Context())
	answer(w, map[string]any{"waiting": waiting}, err)
}

const usualAttempts, mostAttempts = 100, 1000

// attempts lists how telling a receiver went, newest first.
func (b *buttons) attempts(w http.ResponseWriter, r *http.Request) {
	most, err := strconv.Atoi(r.URL.Query().Get("most"))
	if err != nil || most < 1 {
		most = usualAttempts
	}
	tries, err := b.store.Tries(r.Context(), hub.Receiver(r.PathValue("receiver")), min(most, mostAttempts))
	list := make([]attempt, len(tries))
	for i, t := range tries {
		event := hub.Notice{Event: hub.Event{Payment: t.Payment, Seq: t.Seq}}.ID()
		list[i] = attempt{event, t.No, t.At, t.Took.Milliseconds(), t.Status, t.Code}
	}
	answer(w, map[string]any{"attempts": list}, err)
}

// replay tells a receiver again of all that happened from one moment until before
// another. Receivers know what they had by its id.
func (b *buttons) replay(w http.ResponseWriter, r *http.Request) {
	to := hub.Receiver(r.PathValue("receiver"))
	from, until, err := span(r.URL.Query().Get("from"), r.URL.Query().Get("until"))
	n := 0
	if err == nil {
		n, err = b.store.Replay(r.Context(), to, from, until)
	}
	b.log.Info("webhooks replayed by an operator", "operation", "webhook_replay", "receiver", string(to), "events", n, "code", string(hub.CodeOf(err)))
	answer(w, map[string]int{"replayed": n}, err)
}

// span reads two moments of RFC 3339; until is now when it is not given.
func span(from, until string) (a, b time.Time, err error) {
	b = time.Now()
	if a, err = time.Parse(time.RFC3339, from); err == nil && until != "" {
		b, err = time.Parse(time.RFC3339, until)
	}
	if err != nil || !a.Before(b) {
		return a, b, hub.Errorf(hub.CodeInvalid, "from and until are moments such as 2026-03-15T10:00:00Z, the first before the second.")
	}
	return a, b, nil
}
