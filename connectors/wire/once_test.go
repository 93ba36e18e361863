package wire_test

import (
	"net/http"
	"strings"
	"testing"

	"racord/connectors/wire"
	"racord/hub"
)

func sendOnce(t *testing.T, c *wire.Caller, url string) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/payments", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := c.SendOnce(t.Context(), r)
	if err != nil {
		return 0, err
	}
	defer reply.Release()
	return reply.Status, nil
}

func TestARefusedTokenIsNotTriedTwiceOnAPayment(t *testing.T) {
	i := &issuer{life: 300}
	c, url := caller(t, i, "p@ss:word")
	if status, err := sendOnce(t, c, url); status != http.StatusOK || err != nil {
		t.Fatalf("got %d, %v, want an answer", status, err)
	}
	i.revoked.Store(true)
	if status, err := sendOnce(t, c, url); status != http.StatusUnauthorized || err != nil || i.called.Load() != 2 {
		t.Errorf("got %d, %v after %d calls, want the refusal after one more", status, err, i.called.Load())
	}
	if status, err := sendOnce(t, c, url); status != http.StatusOK || err != nil || i.asked.Load() != 2 {
		t.Errorf("got %d, %v with %d tokens, want an answer with a second", status, err, i.asked.Load())
	}
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	i := &issuer{life: 300}
	c, url := caller(t, i, "wrong")
	if _, err := sendOnce(t, c, url); hub.CodeOf(err) != hub.CodeAuth || !hub.Certainly(err) || i.called.Load() != 0 {
		t.Errorf("got %v (certain %t) after %d calls, want auth for certain", err, hub.Certainly(err), i.called.Load())
	}
}
