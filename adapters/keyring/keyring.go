// Package keyring holds the key-encryption keys of a hub in files beside its
// master key: the key-management service of those who have none. The first key
// is derived from the master key; every file added makes a newer one, and what an
// older one wrapped opens as long as that is there.
package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"racord/hub"
)

// first names the key that is derived from the master key.
const first = "master"

// fileForm is the name of a key's file: kek-0001.key names the key kek-0001.
var fileForm = regexp.MustCompile(`^kek-[0-9]{4}\.key$`)

// Keyring is a hub.KeyWrapper over a directory of key files.
type Keyring struct {
	dir  string
	mu   sync.Mutex
	keys map[string]*hub.Keys
}

var _ hub.KeyWrapper = (*Keyring)(nil)

// Open makes a keyring over a directory, which may not exist yet.
func Open(dir string, master []byte) (*Keyring, error) {
	keys, err := hub.NewKeys(master, "kek")
	if err != nil {
		return nil, err
	}
	k := &Keyring{dir: dir, keys: map[string]*hub.Keys{first: keys}}
	_, err = k.find(k.Current())
	return k, err
}

// Current names the newest key: a file that was added counts at once.
func (k *Keyring) Current() string {
	files, err := os.ReadDir(k.dir)
	if err != nil {
		return first
	}
	newest := first
	for _, f := range files { // in order of name
		if fileForm.MatchString(f.Name()) {
			newest = f.Name()[:len("kek-0000")]
		}
	}
	return newest
}

// find gives a key by name. It returns CodeUnavailable for one that is not here:
// its file may not have come to this machine yet.
func (k *Keyring) find(name string) (*hub.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if keys := k.keys[name]; keys != nil {
		return keys, nil
	}
	if !fileForm.MatchString(name + ".key") {
		return nil, hub.Errorf(hub.CodeUnavailable, "No key-encryption key has this name.")
	}
	file := filepath.Join(k.dir, name+".key")
	key, err := os.ReadFile(file)
	if err != nil {
		return nil, hub.Wrap(hub.CodeUnavailable, err, "A key-encryption key is not here.")
	}
	defer clear(key)
	keys, err := hub.NewKeys(key, "kek")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	k.keys[name] = keys
	return keys, nil
}

// Wrap seals a data key under the newest key.
func (k *Keyring) Wrap(_ context.Context, name string, key []byte) (kek string, wrapped []byte, err error) {
	kek = k.Current()
	keys, err := k.find(kek)
	if err != nil {
		return "", nil, err
	}
	return kek, keys.Seal(name, key), nil
}

// Unwrap opens what Wrap sealed.
func (k *Keyring) Unwrap(_ context.Context, kek, name string, wrapped []byte) ([]byte, error) {
	keys, err := k.find(kek)
	if err != nil {
		return nil, err
	}
	return keys.Open(name, wrapped)
}

// Add makes a new key and names it. On several machines its file must be on all
// of them before anything is wrapped with it.
func (k *Keyring) Add() (string, error) {
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return "", err
	}
	key := make([]byte, hub.MasterKeyBytes)
	defer clear(key)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	for n := 1; n < 10_000; n++ {
		name := fmt.Sprintf("kek-%04d", n)
		if _, err := os.Stat(filepath.Join(k.dir, name+".key")); err == nil {
			continue
		}
		return name, k.write(name, key)
	}
	return "", errors.New("there are 9,999 key-encryption keys")
}

// write makes a key's file: whole or not at all, and never over another.
func (k *Keyring) write(name string, key []byte) error {
	fresh, err := os.CreateTemp(k.dir, ".new-*") // readable by its owner only
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(fresh.Name()) }()
	_, err = fresh.Write(key)
	if err = errors.Join(err, fresh.Sync(), fresh.Close()); err != nil {
		return err
	}
	if err := os.Link(fresh.Name(), filepath.Join(k.dir, name+".key")); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("somebody else has just made %s", name)
		}
		return err
	}
	return nil
}
