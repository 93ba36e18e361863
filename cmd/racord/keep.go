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

// secretsOf reads a creditor's secrets from its own directory and no other:
// <dir>/<creditor>/<name>.
func secretsOf(dir string, creditor hub.Name) func(context.Context, string) (hub.Secret, error) {
	return func(_ context.Context, name string) (hub.Secret, error) {
		if !hub.Name(name).Valid() {
			return hub.Secret{}, hub.Errorf(hub.CodeAuth, "a secret of %s has a name that is not allowed", creditor)
		}
		value, err := os.ReadFile(filepath.Join(dir, string(creditor), name))
		if err != nil {
			return hub.Secret{}, hub.Wrap(hub.CodeAuth, err, fmt.Sprintf("The secret %s of %s is missing.", name, creditor))
		}
		return hub.NewSecret(strings.TrimRight(string(value), "\r\n")), nil
	}
}
