package vault_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"racord/adapters/keyring"
	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/vault"
)

var engineer = hub.Login{Issuer: "https://id.example", Subject: "company-water"}

// scene is a vault over a real store and key files.
type scene struct {
	*vault.Vault
	dir   string
	store *sqlite.Store
	ring  *keyring.Keyring
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{dir: t.TempDir()}
	var err error
	if s.store, err = sqlite.Open(t.Context(), s.dir, hubtest.Master()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	if s.ring, err = keyring.Open(filepath.Join(s.dir, "kek"), hubtest.Master()); err != nil {
		t.Fatal(err)
	}
	s.Vault = s.again(t)
	return s
}

// newKey makes a key-encryption key and wraps with it from now on.
func (s *scene) newKey(t *testing.T) string {
	t.Helper()
	name, err := s.ring.Add()
	if err != nil {
		t.Fatal(err)
	}
	if used, err := s.ring.Use(); err != nil || used != name {
		t.Fatalf("got %s in use (%v), want %s", used, err, name)
	}
	return name
}

// again is another replica's vault, which remembers nothing.
func (s *scene) again(t *testing.T) *vault.Vault {
	t.Helper()
	keys, err := hub.NewKeys(hubtest.Master(), vault.Purpose)
	if err != nil {
		t.Fatal(err)
	}
	return vault.New(s.store, s.ring, keys)
}

func (s *scene) put(t *testing.T, creditor hub.Name, name, value string) hub.SecretCard {
	t.Helper()
	card, err := s.Put(t.Context(), creditor, name, hub.NewSecret(value), engineer)
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func wantValues(t *testing.T, store hub.SecretStore, creditor hub.Name, name string, want ...string) {
	t.Helper()
	got, err := store.SecretsOf(t.Context(), creditor, name)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%s: got %d values (%v), want %d", name, len(got), err, len(want))
	}
	for i := range want {
		if got[i].Reveal() != want[i] {
			t.Errorf("%s: value %d is not the one expected", name, i)
		}
	}
}

func TestTheNewerValueComesFirstAndTheOlderStays(t *testing.T) {
	s := newScene(t)
	first := s.put(t, "water", "water-key", "one")
	second := s.put(t, "water", "water-key", "two")
	wantValues(t, s, "water", "water-key", "two", "one")
	if second.Previous == nil || second.Previous.Fingerprint != first.Fingerprint || second.Fingerprint == first.Fingerprint || second.By != engineer {
		t.Errorf("got card %+v", second)
	}
	if same := s.put(t, "water", "water-key", "one"); same.Fingerprint != first.Fingerprint {
		t.Error("the same value has another fingerprint")
	}
	wantValues(t, s.again(t), "water", "water-key", "one", "two")
	if err := s.Drop(t.Context(), "water", "water-key", true); err != nil {
		t.Fatal(err)
	}
	wantValues(t, s, "water", "water-key", "one")
	if err := s.Drop(t.Context(), "water", "water-key", false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SecretsOf(t.Context(), "water", "water-key"); hub.CodeOf(err) != hub.CodeAuth {
		t.Errorf("got %v, want the secret missing", err)
	}
}

func TestATenantReachesItsOwnSecretsOnly(t *testing.T) {
	s := newScene(t)
	s.put(t, "water", "water-key", "one")
	for what, ask := range map[string]struct {
		creditor hub.Name
		name     string
	}{"another's name": {"heat", "water-key"}, "no name": {"water", ""}, "no such name": {"water", "water-other"}} {
		if _, err := s.SecretsOf(t.Context(), ask.creditor, ask.name); hub.CodeOf(err) != hub.CodeAuth {
			t.Errorf("%s: got %v, want it missing", what, err)
		}
	}
	for what, name := range map[string]string{
		"another's prefix": "heat-key", "only the prefix": "water-", "a path": "water-../x", "capitals": "water-KEY",
		"too long": "water-" + strings.Repeat("x", 60), "nothing": "",
	} {
		if _, err := s.Put(t.Context(), "water", name, hub.NewSecret("x"), engineer); hub.CodeOf(err) != hub.CodeInvalid {
			t.Errorf("%s: got %v, want it refused", what, err)
		}
	}
	for what, value := range map[string]string{"nothing": "", "too much": strings.Repeat("x", 16<<10+1)} {
		if _, err := s.Put(t.Context(), "water", "water-key", hub.NewSecret(value), engineer); hub.CodeOf(err) != hub.CodeInvalid {
			t.Errorf("%s: got %v, want it refused", what, err)
		}
	}
}

func TestAStolenDatabaseTellsNothing(t *testing.T) {
	s := newScene(t)
	const canary = "Canary-in-the-Vault-77"
	s.put(t, "water", "water-key", canary)
	s.put(t, "water", "water-key", canary+"2")
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(s.dir, sqlite.DataFile))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(file, []byte("water-key")) {
		t.Fatal("the file does not hold the secret's name: it is not this store's")
	}
	if bytes.Contains(file, []byte("Canary")) {
		t.Error("the value rests in clear")
	}
}

func TestRowsThatWereMovedDoNotOpen(t *testing.T) {
	for what, statement := range map[string]string{
		"to another company": `UPDATE connector_secrets SET creditor = 'heat' WHERE creditor = 'water'`,
		"to another name":    `UPDATE connector_secrets SET name = 'heat-key' WHERE creditor = 'water'`,
		"to another version": `UPDATE connector_secrets SET version = version + 1 WHERE creditor = 'water'`,
		"the key alone":      `UPDATE connector_secrets SET wrapped = (SELECT wrapped FROM connector_secrets WHERE creditor = 'fines')`,
		"the value alone":    `UPDATE connector_secrets SET sealed = (SELECT sealed FROM connector_secrets WHERE creditor = 'fines')`,
	} {
		t.Run(what, func(t *testing.T) {
			s := newScene(t)
			s.put(t, "water", "water-key", "one")
			s.put(t, "fines", "fines-key", "two")
			db, err := sql.Open("sqlite", filepath.Join(s.dir, sqlite.DataFile))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
			opened := s.again(t)
			for _, creditor := range []hub.Name{"water", "heat"} {
				for _, name := range []string{"water-key", "heat-key"} {
					values, err := opened.SecretsOf(t.Context(), creditor, name)
					if len(values) > 0 || (hub.CodeOf(err) == hub.CodeInternal && !errors.Is(err, hub.ErrSealed)) {
						t.Errorf("%s of %s: got %d values (%v)", name, creditor, len(values), err)
					}
				}
			}
		})
	}
}

// TestKeysChangeUnderRunningCalls wraps a thousand connectors' secrets anew while
// others use them.
func TestKeysChangeUnderRunningCalls(t *testing.T) {
	const connectors = 1000
	s := newScene(t)
	for i := range connectors {
		creditor := hub.Name(fmt.Sprintf("hoa%03d", i))
		s.put(t, creditor, string(creditor)+"-key", fmt.Sprint("value ", i))
	}
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	var calls atomic.Int64
	for worker := range 4 {
		wait.Go(func() {
			for i := worker; ctx.Err() == nil; i = (i + 7) % connectors {
				creditor := hub.Name(fmt.Sprintf("hoa%03d", i))
				got, err := s.again(t).SecretsOf(t.Context(), creditor, string(creditor)+"-key")
				if err != nil || got[0].Reveal() != fmt.Sprint("value ", i) {
					t.Errorf("%s: %v", creditor, err)
					return
				}
				calls.Add(1)
			}
		})
	}
	name := s.newKey(t)
	told := 0
	done, err := s.Rewrap(t.Context(), func(done int) { told = done })
	stop()
	wait.Wait()
	if err != nil || done != connectors || told != connectors {
		t.Fatalf("got %d wrapped anew, told of %d (%v), want %d", done, told, err, connectors)
	}
	if calls.Load() == 0 {
		t.Fatal("nobody called meanwhile")
	}
	if left, err := s.store.WrappedElsewhere(t.Context(), name, 1); err != nil || len(left) != 0 {
		t.Errorf("got %d under the old key (%v)", len(left), err)
	}
	wantValues(t, s.again(t), "hoa999", "hoa999-key", "value 999")
}

func TestAKeyThatIsNotHereIsNotADamagedSecret(t *testing.T) {
	s := newScene(t)
	name := s.newKey(t)
	s.put(t, "water", "water-key", "one")
	file := filepath.Join(s.dir, "kek", name+".key")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.ring, err = keyring.Open(filepath.Join(s.dir, "kek"), hubtest.Master()); err != nil {
		t.Fatal(err)
	}
	other := s.again(t)
	if _, err := other.SecretsOf(t.Context(), "water", "water-key"); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("got %v, want it unavailable", err)
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	wantValues(t, other, "water", "water-key", "one")
}
