package hub_test

import (
	"bytes"
	"errors"
	"testing"

	"racord/hub"
	"racord/hub/hubtest"
)

// opened opens a value in both ways, which must agree.
func opened(t *testing.T, keys *hub.Keys, name string, sealed []byte) ([]byte, error) {
	t.Helper()
	apart, err := keys.Open(name, sealed)
	inPlace, same := keys.OpenInPlace([]byte(name), bytes.Clone(sealed))
	if !errors.Is(err, same) || !bytes.Equal(apart, inPlace) {
		t.Errorf("got %q (%v) apart and %q (%v) in place", apart, err, inPlace, same)
	}
	return apart, err
}

func TestASealedValueOpensUnderItsKeyAndName(t *testing.T) {
	keys, err := hub.NewKeys(hubtest.Master(), "cache")
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"", "x", "a page of a few words", string(make([]byte, 4000))} {
		if got, err := opened(t, keys, "water", keys.Seal("water", []byte(value))); err != nil || string(got) != value {
			t.Errorf("got %q (%v), want %q", got, err, value)
		}
	}
}

func TestWhatWasNotSealedUnderKeyAndNameDoesNotOpen(t *testing.T) {
	keys, _ := hub.NewKeys(hubtest.Master(), "cache")
	other, _ := hub.NewKeys(hubtest.Master(), "store")
	sealed := keys.Seal("water", []byte("value"))
	for name, bad := range map[string][]byte{
		"nothing":            nil,
		"less than a nonce":  sealed[:11],
		"only a nonce":       sealed[:12],
		"cut off":            sealed[:len(sealed)-1],
		"longer":             append(bytes.Clone(sealed), 0),
		"of another purpose": other.Seal("water", []byte("value")),
		"under another name": keys.Seal("heat", []byte("value")),
	} {
		if got, err := opened(t, keys, "water", bad); !errors.Is(err, hub.ErrSealed) {
			t.Errorf("%s: got %q (%v), want it closed", name, got, err)
		}
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if got, err := opened(t, keys, "water", altered); !errors.Is(err, hub.ErrSealed) {
			t.Errorf("byte %d altered: got %q (%v), want it closed", i, got, err)
		}
	}
}
