package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"racord/adapters/telemetry"
	"racord/hub"
	"racord/hub/chain"
	"racord/hub/hubtest"
)

// TestTheLogShowsThatTheJournalWasCut chains what was paid, keeps the hub's log,
// and verifies with it.
func TestTheLogShowsThatTheJournalWasCut(t *testing.T) {
	w := newWorks(t)
	w.pays(w.awaits("a").ID)
	key, err := hub.SigningKey(hubtest.Master(), hub.CheckpointKey)
	if err != nil {
		t.Fatal(err)
	}
	var written strings.Builder
	log, err := telemetry.NewLogger(&written, "info")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("the hub begins")
	s := chain.Service{Parts: chain.Parts{Store: w.store, Key: key, Tell: tellCheckpoint(log, slog.LevelInfo)}}
	if placed, err := s.Turn(t.Context(), time.Minute); placed == 0 || err != nil {
		t.Fatalf("got %d places (%v), want one for each booking", placed, err)
	}
	if out, err := w.verify(verifyCommand{Kept: file(t, written.String())}); err != nil || !strings.Contains(out, "signed; 0 wait for their place") {
		t.Fatalf("got %v, want a chain that holds\n%s", err, out)
	}
	tellCheckpoint(log, slog.LevelInfo)(hub.SignCheckpoint(key, hub.Chained{No: 99}, time.Now()))
	out, err := w.verify(verifyCommand{Kept: file(t, written.String())})
	if !errors.Is(err, errBroken) || !strings.Contains(out, "I12 place 99: the chain ends at place") {
		t.Errorf("got %v, want the end missed\n%s", err, out)
	}
}

// TestAHubsLogIsReadAsItWasKept reads what stands in it beside lines of the log.
func TestAHubsLogIsReadAsItWasKept(t *testing.T) {
	const journald = "Nov 27 03:00:01 hub1 racord[412]: "
	key, err := hub.SigningKey(hubtest.Master(), hub.CheckpointKey)
	if err != nil {
		t.Fatal(err)
	}
	signed := hub.SignCheckpoint(key, hub.Chained{No: 99}, time.Now())
	var written strings.Builder
	log, err := telemetry.NewLogger(&written, "info")
	if err != nil {
		t.Fatal(err)
	}
	tellCheckpoint(log, slog.LevelInfo)(signed)
	for name, tc := range map[string]struct {
		kept   string
		passed string
	}{
		"a log and nothing else":  {written.String(), ""},
		"a start":                 {"ready\n  API         http://127.0.0.1:8080\n" + written.String(), "checkpoints: 2\n"},
		"one that failed":         {"racord: listen: address in use {8080}\n{\"msg\":\"rea\n" + written.String(), "checkpoints: 2\n"},
		"of journald":             {journald + "ready\n\n" + journald + written.String(), "checkpoints: 1\n"},
		"of journald, told alone": {"Started racord.service - Racord.\n" + written.String(), "checkpoints: 1\n"},
		"a checkpoint a line":     {signed.String() + "\n", ""},
	} {
		out, err := newWorks(t).verify(verifyCommand{Kept: file(t, tc.kept)})
		if !errors.Is(err, errBroken) || !strings.Contains(out, "I12 place 99: the chain ends at place") {
			t.Errorf("%s: got %v, want the end missed\n%s", name, err, out)
		}
		if !strings.Contains(out, tc.passed) || (tc.passed == "") == strings.Contains(out, "passed over") {
			t.Errorf("%s: got\n%s\nwant %q passed over", name, out, tc.passed)
		}
	}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hub.log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsNoCheckpointIsSaid(t *testing.T) {
	line, err := json.Marshal(map[string]string{"msg": "the journal was signed", "checkpoint": "7 yesterday"})
	if err != nil {
		t.Fatal(err)
	}
	for what, tc := range map[string]struct{ path, says string }{
		"no file":             {filepath.Join(t.TempDir(), "none.log"), "none.log"},
		"a log without":       {file(t, "{\"msg\":\"ready\"}\n"), "holds none"},
		"a damaged one alone": {file(t, "hello\n7 yesterday\n"), "hub.log:2: "},
		"a damaged one":       {file(t, "{\"msg\":\"ready\"}\n"+string(line)+"\n"), "hub.log:2: "},
		"something else":      {file(t, "hello\n"), "hub.log:1: "},
		"a line without end":  {file(t, strings.Repeat("x", 2<<20)), "hub.log: "},
		"a line that is torn": {file(t, "{\"msg\":\"rea\n"), "holds none"},
	} {
		if _, err := keptCheckpoints(tc.path, io.Discard); err == nil || !strings.HasPrefix(err.Error(), "--checkpoints: ") || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v, want it to say %q", what, err, tc.says)
		}
	}
}

// TestAPersonalCodeInClearIsSaid notes one where none may be.
func TestAPersonalCodeInClearIsSaid(t *testing.T) {
	w := newWorks(t)
	w.pays(w.awaits("a").ID)
	for _, detail := range []string{"of 1234567890123", "order 18504151200070"} { // no code, and a longer number
		if err := w.store.Note(t.Context(), "test", detail); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := w.verify(verifyCommand{}); err != nil {
		t.Fatalf("got %v, want books in order\n%s", err, out)
	}
	if err := w.store.Note(t.Context(), "test", "of "+hubtest.CNP); err != nil {
		t.Fatal(err)
	}
	out, err := w.verify(verifyCommand{})
	if !errors.Is(err, errBroken) || !strings.Contains(out, "I14 anomalies.detail: 1 rows") || strings.Contains(out, hubtest.CNP) {
		t.Errorf("got %v, want the place named and not the code\n%s", err, out)
	}
}

func TestAQuarantineIsSaid(t *testing.T) {
	w := newWorks(t)
	if err := w.store.Quarantine(t.Context(), "water", "another's record", time.Now()); err != nil {
		t.Fatal(err)
	}
	if out, err := w.verify(verifyCommand{}); err != nil || !strings.Contains(out, "1 connectors are asked no more") {
		t.Errorf("got %v, want the quarantine told\n%s", err, out)
	}
}
