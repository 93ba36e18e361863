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

// masterKeyIn is where the master key of a data directory lies.
func masterKeyIn(dir string) string { return filepath.Join(dir, "master.key") }

// readMasterKey reads the master key of a data directory.
func readMasterKey(dir string) ([]byte, error) {
	file := masterKeyIn(dir)
	key, err := os.ReadFile(file)
	if err == nil && len(key) != hub.MasterKeyBytes {
		return nil, fmt.Errorf("%s: a master key has %d bytes, this file has %d", file, hub.MasterKeyBytes, len(key))
	}
	return key, err
}

// masterKey reads the master key of a data directory, or makes one when there is
// no database yet: one that was made opens with its own key only. fresh says that
// the key was made now.
func masterKey(dir string, made func() (bool, error)) (key []byte, fresh bool, err error) {
	if key, err = readMasterKey(dir); !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	if there, err := made(); err != nil {
		return nil, false, err
	} else if there {
		return nil, false, fmt.Errorf("%s is missing, and there is a database already: %s", masterKeyIn(dir), bringMasterKey)
	}
	err = makeMasterKey(dir)
	fresh = err == nil
	if fresh || errors.Is(err, fs.ErrExist) { // another process has just made it
		key, err = readMasterKey(dir)
	}
	return key, fresh, err
}

// bringMasterKey says what to do about a database of another master key.
const bringMasterKey = "bring the file of the hub that made the database, from another replica's data directory or from beside the backup"

// otherMaster names the file when it is not the one of the database.
func otherMaster(dir string, err error) error {
	if errors.Is(err, hub.ErrOtherMaster) {
		return fmt.Errorf("%s: %w: %s", masterKeyIn(dir), err, bringMasterKey)
	}
	return err
}

// makeMasterKey writes a new master key, readable by its owner only: whole, on the
// disk before anything is sealed under it, and never over another (fs.ErrExist).
func makeMasterKey(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key := make([]byte, hub.MasterKeyBytes)
	_, _ = rand.Read(key)                        // never fails (crypto/rand)
	file, err := os.CreateTemp(dir, ".master-*") // readable by its owner only
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(key)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), masterKeyIn(dir)); err != nil {
		return err
	}
	return syncFolder(dir)
}

// syncFolder puts the names in a folder on the disk.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
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
