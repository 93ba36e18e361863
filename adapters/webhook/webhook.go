// Package webhook tells portals and creditors what happens to payments, signed as
// Standard Webhooks 1.0.0 say. An event leaves the outbox only when its receiver
// took it, or did not for three days; so it arrives at least once, under a name
// that never changes. A message holds ids and states and nothing about a person,
// and a creditor hears of its own lines alone.
package webhook

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

// Doer sends a request once, through the wall; upstream.Writer is one.
type Doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// Payments gives payments as they stand.
type Payments interface {
	Payment(ctx context.Context, id hub.PaymentID) (*hub.Payment, error)
}

// Meter counts attempts. Code is "" for one that arrived.
type Meter interface {
	Told(to hub.Receiver, code hub.Code, took time.Duration)
	Waiting(to hub.Receiver, n int) // what it is still to be told
}

// Endpoint is where a receiver listens.
type Endpoint struct {
	Receiver hub.Receiver
	URL      string
	Secrets  []hub.Secret // as ParseSecret gives them: the current one, and one more while it is being changed
	Events   []string     // types, such as line.posted, or line.* for all of a kind; none = all there are
	HTTP     Doer
}

// wants tells whether the receiver asked for events of the type.
func (e *Endpoint) wants(kind string) bool {
	return len(e.Events) == 0 || slices.ContainsFunc(e.Events, func(want string) bool {
		family, whole := strings.CutSuffix(want, ".*")
		return want == kind || whole && strings.HasPrefix(kind, family+".")
	})
}

func (e *Endpoint) check() error {
	u, err := url.Parse(e.URL)
	switch {
	case e.Receiver == "":
		return fmt.Errorf("webhook: an endpoint has no receiver")
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("webhook: the endpoint of %s is not an absolute URL without credentials", e.Receiver)
	case len(e.Secrets) == 0 || len(e.Secrets) > 2:
		return fmt.Errorf("webhook: the endpoint of %s needs one secret, or two while it is being changed", e.Receiver)
	case e.HTTP == nil:
		return fmt.Errorf("webhook: the endpoint of %s has no way out", e.Receiver)
	}
	return nil
}

// secretMark is what a serialised secret begins with.
const secretMark = "whsec_"

// ParseSecret reads a secret as it is given to receivers: whsec_ and 24 to 64
// bytes in base64.
func ParseSecret(text string) (hub.Secret, error) {
	encoded, marked := strings.CutPrefix(strings.TrimSpace(text), secretMark)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !marked || len(key) < 24 || len(key) > 64 {
		return hub.Secret{}, hub.Errorf(hub.CodeInvalid, "a webhook secret is whsec_ and 24 to 64 bytes in base64")
	}
	return hub.NewSecret(string(key)), nil
}

// Parts are what a Teller is made from. Meter and Log may be nil.
type Parts struct {
	Outbox    hub.Outbox
	Payments  Payments
	Endpoints []Endpoint // one for each receiver
	Meter     Meter
	Log       *slog.Logger
}

// Conf sets the limits of telling. The zero value of a field takes its default.
type Conf struct {
	Timeout     time.Duration   // of one attempt; default 15 s
	Lease       time.Duration   // how long a replica has a notice; default Timeout and 15 s
	Waits       []time.Duration // before the second attempt, the third and so on; default 5 s to 24 h, 75 h in all
	Idle        time.Duration   // how often the outbox is looked at; default 1 s
	AtOnce      int             // attempts to tell one receiver at once; default 4
	Keep        time.Duration   // how long what was told can be replayed; default 30 days
	KeepUnheard time.Duration   // likewise, of what a receiver without an endpoint was not told; default 3 days
	Rollout     time.Duration   // how long that waits, for replicas that know an endpoint already; default 10 min
}

func (c Conf) withDefaults() Conf {
	c.Timeout = cmp.Or(c.Timeout, 15*time.Second)
	c.Lease = cmp.Or(c.Lease, c.Timeout+15*time.Second)
	c.Idle = cmp.Or(c.Idle, time.Second)
	c.AtOnce = cmp.Or(c.AtOnce, 4)
	c.Keep = cmp.Or(c.Keep, 30*24*time.Hour)
	c.KeepUnheard = cmp.Or(c.KeepUnheard, 3*24*time.Hour)
	c.Rollout = cmp.Or(c.Rollout, 10*time.Minute)
	if c.Waits == nil {
		c.Waits = []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
			10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
		}
	}
	return c
}

// Teller tells receivers what the outbox holds for them.
type Teller struct {
	Parts
	conf Conf
}

// New makes a Teller. It fails for endpoints that cannot work, and for two of one
// receiver.
func New(parts Parts, conf Conf) (*Teller, error) {
	if parts.Meter == nil {
		parts.Meter = silent{}
	}
	if parts.Log == nil {
		parts.Log = slog.New(slog.DiscardHandler)
	}
	seen := map[hub.Receiver]bool{}
	for i := range parts.Endpoints {
		e := &parts.Endpoints[i]
		if err := e.check(); err != nil {
			return nil, err
		}
		if seen[e.Receiver] {
			return nil, fmt.Errorf("webhook: %s has two endpoints", e.Receiver)
		}
		seen[e.Receiver] = true
	}
	return &Teller{parts, conf.withDefaults()}, nil
}

type silent struct{}

func (silent) Told(hub.Receiver, hub.Code, time.Duration) {}
func (silent) Waiting(hub.Receiver, int)                  {}
