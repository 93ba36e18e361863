package hub_test

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"racord/hub"
)

func checkpointKey(t testing.TB, first byte) ed25519.PrivateKey {
	t.Helper()
	key, err := hub.SigningKey(bytes.Repeat([]byte{first}, hub.MasterKeyBytes), hub.CheckpointKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestACheckpointIsOneLine(t *testing.T) {
	key := checkpointKey(t, 1)
	end := hub.Chained{}.Follow(hub.Recorded{Booking: hub.TransferBooking("b", "settled", "p", "x", "y", hub.Bani(5)), At: time.UnixMicro(1)})
	c := hub.SignCheckpoint(key, end, time.Date(2026, 3, 15, 8, 0, 0, 123, time.UTC))
	line := c.String()
	again, err := hub.ParseCheckpoint(line)
	if err != nil || again.String() != line || !again.Verify(key.Public().(ed25519.PublicKey)) || again.No != 1 || again.Hash != end.Hash {
		t.Errorf("got %+v (%v) for %q, want the checkpoint", again, err, line)
	}
	if again.Verify(checkpointKey(t, 2).Public().(ed25519.PublicKey)) {
		t.Error("another key verifies it")
	}
	words := strings.Split(line, " ")
	for i := range words {
		bent := append([]string{}, words...)
		bent[i] = map[int]string{0: "2", 1: "2026-03-15T08:00:01Z", 2: "A" + words[2][1:], 3: "k", 4: "A" + words[4][1:]}[i]
		if bent[i] == words[i] {
			bent[i] = "B" + words[i][1:]
		}
		if c, err := hub.ParseCheckpoint(strings.Join(bent, " ")); err == nil && c.Verify(key.Public().(ed25519.PublicKey)) {
			t.Errorf("word %d may be changed", i+1)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	key := checkpointKey(f, 1)
	f.Add(hub.SignCheckpoint(key, hub.Chained{No: 12}, time.Unix(1, 0)).String())
	for _, bad := range []string{"", "1", "1 2 3 4 5", "01 2026-03-15T08:00:00Z AA k AA", "{}"} {
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := hub.ParseCheckpoint(line)
		if err != nil && hub.CodeOf(err) != hub.CodeBadData {
			t.Fatalf("got %v, want bad data", err)
		}
		if err == nil && c.String() != line {
			t.Fatalf("got %q for %q", c, line)
		}
	})
}

func TestNoTwoBookingsHaveOneHash(t *testing.T) {
	good := hub.Recorded{Booking: hub.TransferBooking("b", "settled", "p", "x", "y", hub.Bani(5)), At: time.UnixMicro(1000), Version: 2, Place: 1}
	seen := map[hub.ChainHash]string{hub.Chained{}.Follow(good).Hash: "good"}
	for what, bend := range map[string]func(*hub.Recorded){
		"id":            func(r *hub.Recorded) { r.ID = "bs" },
		"kind":          func(r *hub.Recorded) { r.ID, r.Kind = "bs", "ettled" }, // the same letters
		"payment":       func(r *hub.Recorded) { r.Payment = "" },
		"moment":        func(r *hub.Recorded) { r.At = time.UnixMicro(1001) },
		"version":       func(r *hub.Recorded) { r.Version = 1 },
		"place":         func(r *hub.Recorded) { r.Place = 2 },
		"account":       func(r *hub.Recorded) { r.Legs[0].Account = "z" },
		"amount":        func(r *hub.Recorded) { r.Legs[0].Debit = 6 },
		"side":          func(r *hub.Recorded) { r.Legs[0].Debit, r.Legs[0].Credit = 0, 5 },
		"order of legs": func(r *hub.Recorded) { r.Legs[0], r.Legs[1] = r.Legs[1], r.Legs[0] },
		"a leg less":    func(r *hub.Recorded) { r.Legs = r.Legs[:1] },
	} {
		r := good
		r.Legs = append([]hub.Leg{}, good.Legs...)
		bend(&r)
		hash := hub.Chained{}.Follow(r).Hash
		if other := seen[hash]; other != "" {
			t.Errorf("%s: the hash is that of %s", what, other)
		}
		seen[hash] = what
	}
	behind := hub.Chained{No: 1, Hash: hub.ChainHash{1}}.Follow(good)
	if seen[behind.Hash] != "" || behind.No != 2 {
		t.Errorf("got %+v, want another hash at another place", behind)
	}
}
