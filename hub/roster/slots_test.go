package roster_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"racord/hub"
	"racord/hub/roster"
)

// twoSlots holds what a company put last, and what it put before.
type twoSlots struct {
	mu   sync.Mutex
	list []hub.Secret
}

func (s *twoSlots) put(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append([]hub.Secret{hub.NewSecret(value)}, s.list...)
	s.list = s.list[:min(2, len(s.list))]
}

func (s *twoSlots) SecretsOf(context.Context, hub.Name, string) ([]hub.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list, nil
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
	vault.put("a")
	set("a")
	for _, step := range []struct {
		name  string
		do    func()
		code  hub.Code
		calls int64
	}{
		{"one secret", func() {}, "", 1},
		{"the hub has the new one first", func() { vault.put("b") }, "", 2},
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

func TestNoSecretIsNoCall(t *testing.T) {
	creditor := &locked{secret: roster.Secrets(&twoSlots{}, "water")}
	if _, err := creditor.Obligations(t.Context(), hub.Asked{}); hub.CodeOf(err) != hub.CodeAuth {
		t.Errorf("got %v, want auth", err)
	}
}
