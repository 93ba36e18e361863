package main_test

import (
	"path/filepath"
	"strings"
	"testing"

	"racord/adapters/sqlite"
	"racord/cmd/city/town"
	"racord/hub"
	"racord/hub/hubtest"
)

// registers makes a version live that companies registered, with a text.
func (s *site) registers(creditor hub.Name, text string) {
	s.t.Helper()
	data := filepath.Dir(s.write("data/master.key", string(hubtest.Master())))
	store, err := sqlite.Open(s.t.Context(), data, hubtest.Master())
	if err != nil {
		s.t.Fatal(err)
	}
	now := hubtest.Now()
	_, err = store.ChangeRegistration(s.t.Context(), creditor, func(r *hub.Registration) error {
		r.Versions = append(r.Versions, hub.Version{
			No: 1, Stage: hub.StageLive, Pays: true, Since: now, CreatedAt: now, Digest: text, Text: &hub.ManifestText{YAML: []byte(text)},
			Moves: []hub.Move{{At: now, To: hub.StageDraft}, {At: now, From: hub.StageDraft, To: hub.StageLive}},
		})
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// TestACommandGoesOnWithoutWhatItCannotOpen gives a company's connector a text that
// this release cannot read: all others are asked, and that one is named.
func TestACommandGoesOnWithoutWhatItCannotOpen(t *testing.T) {
	s := newSite(t, startTown(t, town.Config{Size: "S"}), plan{})
	s.registers("water", "kind: of-another-release\n")
	for _, tc := range []struct {
		command, says string
		fails         bool
	}{
		{"verify", "0 payments, 0 orders at providers and 0 postings", false},
		{"reconcile", "0 differences", true}, // not all books were compared
		{"recover", "payments are taken again", false},
	} {
		out, err := racord(t, tc.command, "--config", s.file)
		if (err != nil) != tc.fails || !strings.Contains(out, tc.says) || !strings.Contains(out, "version 1 of water cannot be opened, and is not asked") {
			t.Errorf("%s: got %v\n%s", tc.command, err, out)
		}
	}
	r := s.start()
	if metrics, err := get(t.Context(), r.ops+"/metrics"); err != nil || !strings.Contains(metrics, `racord_connectors_unopened{connector="water"} 1`) {
		t.Errorf("a hub that runs does not count it (%v)", err)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}
