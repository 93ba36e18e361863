package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"racord/hub"
)

// masterKey reads the master key of a data directory, or makes one at the first
// start. It is readable by its owner only.
func masterKey(dir string) ([]byte, error) {
	file := filepath.Join(dir, "master.key")
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeMasterKey(dir, file)
	}
	if err != nil {
		return nil, err
	}
	if len(key) != hub.MasterKeyBytes {
		return nil, fmt.Errorf("%s: a master key has %d bytes, this file has %d", file, hub.MasterKeyBytes, len(key))
	}
	return key, nil
}

func makeMasterKey(dir, file string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key := make([]byte, hub.MasterKeyBytes)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	return key, os.WriteFile(file, key, 0o600)
}

// secretFor is how long a secret that was read is used: a file that was replaced
// counts within a second.
const secretFor = time.Second

// secretsOf reads a creditor's secrets from its own directory and no other:
// <dir>/<creditor>/<name>.
func secretsOf(dir string, creditor hub.Name) func(context.Context, string) (hub.Secret, error) {
	s := &secrets{dir: filepath.Join(dir, string(creditor)), creditor: creditor}
	return func(_ context.Context, name string) (hub.Secret, error) { return s.get(name) }
}

// secrets are one creditor's, with those read lately.
type secrets struct {
	dir      string
	creditor hub.Name
	read     sync.Map // name → secretRead
}

type secretRead struct {
	value hub.Secret
	at    time.Time
}

func (s *secrets) get(name string) (hub.Secret, error) {
	if known, ok := s.read.Load(name); ok && time.Since(known.(secretRead).at) < secretFor {
		return known.(secretRead).value, nil
	}
	if !hub.Name(name).Valid() {
		return hub.Secret{}, hub.Errorf(hub.CodeAuth, "a secret of %s has a name that is not allowed", s.creditor)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		return hub.Secret{}, hub.Wrap(hub.CodeAuth, err, fmt.Sprintf("The secret %s of %s is missing.", name, s.creditor))
	}
	value := hub.NewSecret(strings.TrimRight(string(text), "\r\n"))
	s.read.Store(name, secretRead{value, time.Now()})
	return value, nil
}
