package roster_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/roster"
)

// twoSlots holds what a company put last under each name, and what it put before.
type twoSlots struct {
	mu   sync.Mutex
	list map[string][]hub.Secret
}

func (s *twoSlots) put(name, value string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil {
		s.list = map[string][]hub.Secret{}
	}
	list := append([]hub.Secret{hub.NewSecret(value).Since(at)}, s.list[name]...)
	s.list[name] = list[:min(2, len(list))]
}

func (s *twoSlots) SecretsOf(_ context.Context, _ hub.Name, name string) ([]hub.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[name], nil
}

// locked is a creditor that takes one key.
type locked struct {
	key    atomic.Pointer[string]
	secret func(context.Context, string) (hub.Secret, error)
	calls  atomic.Int64
}

func (l *locked) Obligations(ctx context.Context, _ hub.Asked) (hub.Answer, error) {
	l.calls.Add(1)
	secret, err := l.secret(ctx, "api-key")
	if err != nil {
		return hub.Answer{}, err
	}
	if secret.Reveal() != *l.key.Load() {
		return hub.Answer{}, hub.Errorf(hub.CodeAuth, "refused")
	}
	return hub.Answer{}, nil
}

func TestAChangeOfSecretsLosesNoCall(t *testing.T) {
	vault := &twoSlots{}
	creditor := &locked{secret: roster.Secrets(vault, "water")}
	c := roster.TwoSlots(&hub.Connector{Source: creditor})
	set := func(key string) { creditor.key.Store(&key) }
	ask := func() error { _, err := c.Source.Obligations(t.Context(), hub.Asked{}); return err }
	vault.put("api-key", "a", january)
	set("a")
	for _, step := range []struct {
		name  string
		do    func()
		code  hub.Code
		calls int64
	}{
		{"one secret", func() {}, "", 1},
		{"the hub has the new one first", func() { vault.put("api-key", "b", june) }, "", 2},
		{"as long as it is refused", func() {}, "", 1},
		{"then the creditor", func() { set("b") }, "", 2},
		{"and it is taken", func() {}, "", 1},
		{"a stranger's key", func() { set("x") }, hub.CodeAuth, 2},
	} {
		step.do()
		before := creditor.calls.Load()
		if err := ask(); hub.CodeOf(err) != step.code || creditor.calls.Load()-before != step.calls {
			t.Errorf("%s: got %v after %d calls, want %q after %d", step.name, err, creditor.calls.Load()-before, step.code, step.calls)
		}
	}
}

var (
	january = time.Date(2026, 1, 12, 9, 0, 0, 0, hub.Bucharest)
	june    = time.Date(2026, 6, 1, 9, 0, 0, 0, hub.Bucharest)
)

// TestTheOlderSecretsAreThoseBeforeTheLatestChange has a creditor that wants a user
// name and a password, both in two slots.
func TestTheOlderSecretsAreThoseBeforeTheLatestChange(t *testing.T) {
	type put struct {
		name, value string
		at          time.Time
	}
	for name, tc := range map[string]struct {
		puts  []put
		takes string // user and password
	}{
		"a name that was mistyped long ago": {[]put{{"user", "wrong", january}, {"user", "u", january.Add(time.Minute)}, {"password", "p1", january}, {"password", "p2", june}}, "u p1"},
		"the other way round":               {[]put{{"password", "wrong", january}, {"password", "p", january.Add(time.Minute)}, {"user", "u1", january}, {"user", "u2", june}}, "u1 p"},
		"both at once":                      {[]put{{"user", "u1", january}, {"password", "p1", january}, {"user", "u2", june}, {"password", "p2", june.Add(time.Minute)}}, "u1 p1"},
		"when the system has it":            {[]put{{"user", "u", january}, {"password", "p1", january}, {"password", "p2", june}}, "u p2"},
	} {
		t.Run(name, func(t *testing.T) {
			vault := &twoSlots{}
			for _, p := range tc.puts {
				vault.put(p.name, p.value, p.at)
			}
			creditor := &gate{takes: tc.takes, secret: roster.Secrets(vault, "water")}
			c := roster.TwoSlots(&hub.Connector{Source: creditor, Sink: creditor})
			for range 3 {
				if _, err := c.Source.Obligations(t.Context(), hub.Asked{}); err != nil {
					t.Errorf("Obligations: got %v, want it taken", err)
				}
				if _, err := c.Sink.Post(t.Context(), nil); err != nil {
					t.Errorf("Post: got %v, want it to go with what was taken", err)
				}
			}
		})
	}
}

// gate is a creditor that takes one user name with one password.
type gate struct {
	takes  string
	secret func(context.Context, string) (hub.Secret, error)
}

func (g *gate) enter(ctx context.Context) error {
	user, err := g.secret(ctx, "user")
	if err != nil {
		return err
	}
	password, err := g.secret(ctx, "password")
	if err == nil && user.Reveal()+" "+password.Reveal() != g.takes {
		err = hub.Errorf(hub.CodeAuth, "refused")
	}
	return err
}

func (g *gate) Obligations(ctx context.Context, _ hub.Asked) (hub.Answer, error) {
	return hub.Answer{}, g.enter(ctx)
}

func (g *gate) Post(ctx context.Context, _ []hub.Posting) ([]hub.Receipt, error) {
	return nil, g.enter(ctx)
}

func TestNoSecretIsNoCall(t *testing.T) {
	creditor := &locked{secret: roster.Secrets(&twoSlots{}, "water")}
	if _, err := creditor.Obligations(t.Context(), hub.Asked{}); hub.CodeOf(err) != hub.CodeAuth {
		t.Errorf("got %v, want auth", err)
	}
}
