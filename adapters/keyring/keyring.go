// Package keyring holds the key-encryption keys of a hub in files beside its
// master key: the key-management service of those who have none. The first key
// is derived from the master key; every file added makes a newer one, and what an
// older one wrapped opens as long as that is there. A key that waits opens and
// does not wrap yet, so that its file can come to every machine before it is used.
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
	"strings"
	"sync"

	"racord/hub"
)

// first names the key that is derived from the master key.
const first = "master"

// The ends of a key's file: kek-0001.key names the key kek-0001, and kek-0002.next
// one that waits.
const (
	usedEnd    = ".key"
	waitingEnd = ".next"
)

// nameForm is the name of a key that has a file.
var nameForm = regexp.MustCompile(`^kek-[0-9]{4}$`)

// State is what becomes of a key.
type State string

// The states of a key.
const (
	Waiting State = "waiting" // it opens, and wraps nothing yet
	Current State = "current" // it wraps
	Older   State = "older"   // it opens what it wrapped
)

// Key is one key of a ring.
type Key struct {
	Name  string
	State State
}

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

// Current names the newest key that does not wait: a file that was added counts
// at once.
func (k *Keyring) Current() string {
	used := k.files(usedEnd)
	return used[len(used)-1]
}

// files names the keys whose files have an end, the oldest first; the master key
// is the oldest of those that are used.
func (k *Keyring) files(end string) (names []string) {
	if end == usedEnd {
		names = []string{first}
	}
	files, err := os.ReadDir(k.dir)
	if err != nil {
		return names
	}
	for _, f := range files { // in order of name
		if name, ok := strings.CutSuffix(f.Name(), end); ok && nameForm.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

// List gives the keys that are here, the oldest first.
func (k *Keyring) List() (list []Key) {
	for _, name := range k.files(usedEnd) {
		list = append(list, Key{name, Older})
	}
	list[len(list)-1].State = Current
	for _, name := range k.files(waitingEnd) {
		list = append(list, Key{name, Waiting})
	}
	return list
}

// find gives a key by name. It returns CodeUnavailable for one that is not here:
// its file may not have come to this machine yet.
func (k *Keyring) find(name string) (*hub.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if keys := k.keys[name]; keys != nil {
		return keys, nil
	}
	if !nameForm.MatchString(name) {
		return nil, hub.Errorf(hub.CodeUnavailable, "No key-encryption key has this name.")
	}
	key, file, err := k.read(name)
	if err != nil {
		return nil, hub.Wrap(hub.CodeUnavailable, err, "The key-encryption key "+name+" is not here.")
	}
	defer clear(key)
	keys, err := hub.NewKeys(key, "kek")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	k.keys[name] = keys
	return keys, nil
}

// read reads a key's file. One that is being taken into use while it is looked for
// is found at the second look.
func (k *Keyring) read(name string) (key []byte, file string, err error) {
	for _, end := range []string{usedEnd, waitingEnd, usedEnd} {
		file = filepath.Join(k.dir, name+end)
		if key, err = os.ReadFile(file); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return key, file, err
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

// Add makes a new key, which waits, and names it. Its file has to come to all
// machines; then Use begins to wrap with it.
func (k *Keyring) Add() (string, error) {
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return "", err
	}
	if waiting := k.files(waitingEnd); len(waiting) > 0 {
		return "", hub.Errorf(hub.CodeConflict, "%s waits already: use it first, or remove %s.", waiting[0], k.File(waiting[0]))
	}
	key := make([]byte, hub.MasterKeyBytes)
	defer clear(key)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	name, err := k.free()
	if err != nil {
		return "", err
	}
	return name, k.write(name, key)
}

// free gives the name after the newest: a key whose file was taken away must not
// get a namesake.
func (k *Keyring) free() (string, error) {
	n := 0
	if current := k.Current(); current != first {
		if _, err := fmt.Sscanf(current, "kek-%d", &n); err != nil {
			return "", err
		}
	}
	if n >= 9999 {
		return "", errors.New("there are 9,999 key-encryption keys")
	}
	return fmt.Sprintf("kek-%04d", n+1), nil
}

// File is where a key that waits lies.
func (k *Keyring) File(name string) string { return filepath.Join(k.dir, name+waitingEnd) }

// Use wraps with the keys that wait from now on, and names the current one. To use
// a key twice is harmless.
func (k *Keyring) Use() (string, error) {
	for _, name := range k.files(waitingEnd) {
		if err := k.take(name); err != nil {
			return "", err
		}
	}
	return k.Current(), nil
}

// take gives a waiting key's file its name in use. A key whose file is damaged
// stays where it is.
func (k *Keyring) take(name string) error {
	if _, err := k.find(name); err != nil {
		return err
	}
	err := os.Rename(k.File(name), filepath.Join(k.dir, name+usedEnd))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // somebody else took it
	}
	return err
}

// write makes a waiting key's file: whole or not at all, and never over another.
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
	if err := os.Link(fresh.Name(), k.File(name)); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return hub.Errorf(hub.CodeConflict, "Somebody else has just made %s.", name)
		}
		return err
	}
	return nil
}
