// Package vault keeps companies' secrets. What is put into it is given to the
// company's own connector and to nobody else: whoever put it sees a fingerprint
// and dates. Each secret has a data key of its own, and that key rests wrapped
// under a key-encryption key, so that changing the latter touches no secret.
package vault

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"racord/hub"
)

// Vault is a hub.SecretStore over rows that cannot be read without it.
type Vault struct {
	rows   hub.SealedSecrets
	kek    hub.KeyWrapper
	keys   *hub.Keys // for fingerprints
	memory memory
}

var (
	_ hub.SecretStore  = (*Vault)(nil)
	_ hub.SecretKeeper = (*Vault)(nil)
)

// Purpose is what the vault's own keys are derived for.
const Purpose = "vault"

// New makes a vault. The keys are derived for Purpose.
func New(rows hub.SealedSecrets, kek hub.KeyWrapper, keys *hub.Keys) *Vault {
	return &Vault{rows: rows, kek: kek, keys: keys, memory: memory{now: time.Now}}
}

// The bounds of a secret.
const (
	longestName  = 64
	longestValue = 16 << 10
	nameForm     = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	mostNames    = 64 // of one creditor
)

// Put makes a value the newest of a name. The one before it stays until it is
// replaced in turn or dropped: for as long as the creditor may still want it. It
// fails with CodeInvalid for a name or a value that cannot be one.
func (v *Vault) Put(ctx context.Context, creditor hub.Name, name string, value hub.Secret, by hub.Login) (hub.SecretCard, error) {
	if err := v.check(ctx, creditor, name, value); err != nil {
		return hub.SecretCard{}, err
	}
	_, err := v.rows.PutSecret(ctx, creditor, name, func(version int64) (hub.SealedSecret, error) {
		return v.seal(ctx, creditor, name, version, value, by)
	})
	if err != nil {
		return hub.SecretCard{}, err
	}
	v.memory.forget(creditor, name)
	cards, err := v.cards(ctx, creditor, name)
	if err != nil || len(cards) == 0 {
		return hub.SecretCard{}, err
	}
	return cards[0], nil
}

func (v *Vault) check(ctx context.Context, creditor hub.Name, name string, value hub.Secret) error {
	prefix := string(creditor) + "-"
	switch {
	case !creditor.Valid() || !strings.HasPrefix(name, prefix) || len(name) == len(prefix) || len(name) > longestName || strings.Trim(name, nameForm) != "":
		return invalid("name", "must be "+prefix+" and then lower-case letters, digits, - or _; "+strconv.Itoa(longestName)+" characters at most")
	case value.Empty():
		return invalid("value", "is empty")
	case len(value.Reveal()) > longestValue:
		return invalid("value", "is longer than 16 KiB")
	}
	known, err := v.rows.SealedSecrets(ctx, creditor, "")
	if err != nil {
		return err
	}
	names := map[string]bool{name: true}
	for _, one := range known {
		names[one.Name] = true
	}
	if len(names) > mostNames {
		return invalid("name", "is one too many: a creditor has "+strconv.Itoa(mostNames)+" secrets at most")
	}
	return nil
}

func invalid(pointer, detail string) error {
	err := hub.Errorf(hub.CodeInvalid, "The secret cannot be kept; errors says why.")
	err.Fields = []hub.Field{{Pointer: pointer, Code: hub.CodeInvalid, Detail: detail}}
	return err
}

// Drop removes a secret, or only the value before the newest. It returns
// CodeNotFound when there is nothing to remove.
func (v *Vault) Drop(ctx context.Context, creditor hub.Name, name string, previous bool) error {
	err := v.rows.DropSecret(ctx, creditor, name, previous)
	v.memory.forget(creditor, name)
	return err
}

// Cards lists a creditor's secrets, by name.
func (v *Vault) Cards(ctx context.Context, creditor hub.Name) ([]hub.SecretCard, error) {
	return v.cards(ctx, creditor, "")
}

func (v *Vault) cards(ctx context.Context, creditor hub.Name, name string) (list []hub.SecretCard, err error) {
	rows, err := v.rows.SealedSecrets(ctx, creditor, name)
	for _, row := range rows {
		card := hub.SecretCard{Name: row.Name, Fingerprint: row.Fingerprint, SetAt: row.SetAt, By: row.By}
		if last := len(list) - 1; last >= 0 && list[last].Name == row.Name {
			list[last].Previous = &card
			continue
		}
		list = append(list, card)
	}
	return list, err
}

// SecretsOf gives the values of a secret with when they were set, the newest first. What was read within
// the last second is not read again, and while the store does not answer what was
// read before is used a little longer, which nobody waits for longer than half a
// second. Without such values each caller waits for as long as its ctx lasts.
func (v *Vault) SecretsOf(ctx context.Context, creditor hub.Name, name string) ([]hub.Secret, error) {
	return v.memory.get(ctx, creditor, name, func(ctx context.Context) ([]hub.Secret, error) { return v.read(ctx, creditor, name) })
}

func (v *Vault) read(ctx context.Context, creditor hub.Name, name string) (values []hub.Secret, err error) {
	if name == "" { // would be all of them
		return nil, missing(creditor, name)
	}
	rows, err := v.rows.SealedSecrets(ctx, creditor, name)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		value, err := v.open(ctx, &rows[i])
		if err != nil {
			return nil, err
		}
		values = append(values, value.Since(rows[i].SetAt))
	}
	if len(values) == 0 {
		return nil, missing(creditor, name)
	}
	return values, nil
}

func missing(creditor hub.Name, name string) error {
	return hub.Errorf(hub.CodeAuth, "The secret %s of %s is missing.", name, creditor)
}

// place binds a value, and the key it is sealed with, to company, connector, field
// and version: a row that was moved does not open. A company has one connector.
func place(creditor hub.Name, name string, version int64) string {
	return string(creditor) + "|" + string(creditor) + "|" + name + "|" + strconv.FormatInt(version, 10)
}

func (v *Vault) seal(ctx context.Context, creditor hub.Name, name string, version int64, value hub.Secret, by hub.Login) (hub.SealedSecret, error) {
	key := make([]byte, hub.MasterKeyBytes)
	defer clear(key)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	at := place(creditor, name, version)
	keys, err := hub.NewKeys(key, "secret")
	if err != nil {
		return hub.SealedSecret{}, err
	}
	kek, wrapped, err := v.kek.Wrap(ctx, at, key)
	if err != nil {
		return hub.SealedSecret{}, err
	}
	return hub.SealedSecret{
		Version: version, KEK: kek, Key: wrapped, Value: keys.Seal(at, []byte(value.Reveal())), By: by,
		Fingerprint: v.keys.Pseudonym("secret", string(creditor), name, value.Reveal()),
	}, nil
}

func (v *Vault) open(ctx context.Context, row *hub.SealedSecret) (hub.Secret, error) {
	at := place(row.Creditor, row.Name, row.Version)
	key, err := v.kek.Unwrap(ctx, row.KEK, at, row.Key)
	if err != nil {
		return hub.Secret{}, unreadable(row, err)
	}
	defer clear(key)
	keys, err := hub.NewKeys(key, "secret")
	if err != nil {
		return hub.Secret{}, unreadable(row, err)
	}
	value, err := keys.Open(at, row.Value)
	if err != nil {
		return hub.Secret{}, unreadable(row, err)
	}
	return hub.NewSecret(string(value)), nil
}

// unreadable says which secret it was, and keeps the code of a key that cannot be
// reached now.
func unreadable(row *hub.SealedSecret, err error) error {
	code := hub.CodeOf(err)
	if code != hub.CodeUnavailable && code != hub.CodeTimeout && code != hub.CodeCancelled {
		code = hub.CodeInternal
	}
	return hub.Wrap(code, err, "The secret "+row.Name+" of "+string(row.Creditor)+" cannot be opened.")
}

// rewrapAtOnce is how many secrets are wrapped anew with one reading.
const rewrapAtOnce = 200

// Rewrap wraps the data keys of all secrets under the current key-encryption key
// and counts them; progress, which may be nil, hears the count as it grows. Values
// are not touched, and calls that use them go on. It may be stopped and begun
// again.
func (v *Vault) Rewrap(ctx context.Context, progress func(done int)) (done int, err error) {
	for {
		// The current key is asked for anew: one that was added meanwhile would
		// otherwise be taken for an old one for ever.
		rows, err := v.rows.WrappedElsewhere(ctx, v.kek.Current(), rewrapAtOnce)
		if err != nil || len(rows) == 0 {
			return done, err
		}
		for i := range rows {
			if err := v.rewrap(ctx, &rows[i]); err != nil {
				return done, err
			}
			done++
		}
		if progress != nil {
			progress(done)
		}
	}
}

func (v *Vault) rewrap(ctx context.Context, row *hub.SealedSecret) error {
	at := place(row.Creditor, row.Name, row.Version)
	key, err := v.kek.Unwrap(ctx, row.KEK, at, row.Key)
	if err != nil {
		return unreadable(row, err)
	}
	defer clear(key)
	kek, wrapped, err := v.kek.Wrap(ctx, at, key)
	if err != nil {
		return err
	}
	return v.rows.Rewrap(ctx, *row, kek, wrapped)
}
