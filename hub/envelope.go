package hub

import (
	"context"
	"time"
)

// SealedSecret is a company's secret as it rests: its value is sealed under a data
// key of its own, and that key is wrapped under a key-encryption key. Nobody
// reads it without both.
type SealedSecret struct {
	Creditor    Name
	Name        string
	Version     int64  // never used twice for a name
	KEK         string // which key-encryption key wrapped the data key
	Key         []byte // the wrapped data key
	Value       []byte // sealed
	Fingerprint string // keyed: it tells two values apart and gives nothing away
	SetAt       time.Time
	By          Login
}

// SecretCard is what anybody sees of a secret.
type SecretCard struct {
	Name        string
	Fingerprint string
	SetAt       time.Time
	By          Login
	Previous    *SecretCard // the value before, as long as it is kept
}

// SecretKeeper takes secrets and never gives one back.
type SecretKeeper interface {
	// Put makes a value the newest of a name; the one before stays until it is
	// replaced in turn or dropped. It returns CodeInvalid for a name or a value
	// that cannot be one.
	Put(ctx context.Context, creditor Name, name string, value Secret, by Login) (SecretCard, error)
	// Drop removes a secret, or only the value before the newest. It returns
	// CodeNotFound when there is nothing to remove.
	Drop(ctx context.Context, creditor Name, name string, previous bool) error
	// Cards lists a creditor's secrets, by name.
	Cards(ctx context.Context, creditor Name) ([]SecretCard, error)
}

// SealedSecrets keeps secrets that it cannot read. Of each name there are at most
// two, the newer first: whoever uses one while it is being changed has both.
type SealedSecrets interface {
	// PutSecret stores what seal gives for the next version of a name. The newest
	// so far becomes the previous one, and what was previous is gone.
	PutSecret(ctx context.Context, creditor Name, name string, seal func(version int64) (SealedSecret, error)) (SealedSecret, error)
	// SealedSecrets gives the slots of a name, or of all names of a creditor when
	// it is "", by name and the newer first.
	SealedSecrets(ctx context.Context, creditor Name, name string) ([]SealedSecret, error)
	// DropSecret removes a name, or only its previous slot. It returns CodeNotFound
	// when there is nothing to remove.
	DropSecret(ctx context.Context, creditor Name, name string, previous bool) error
	// WrappedElsewhere gives secrets whose data key is not wrapped under a
	// key-encryption key, at most so many.
	WrappedElsewhere(ctx context.Context, kek string, most int) ([]SealedSecret, error)
	// WrappedBy counts the secrets by the key-encryption key that wrapped them.
	WrappedBy(ctx context.Context) (map[string]int, error)
	// Rewrap replaces the wrapped data key of a secret by another wrapping of the
	// same key. It does nothing when the secret is gone meanwhile.
	Rewrap(ctx context.Context, s SealedSecret, kek string, key []byte) error
}

// KeyWrapper wraps data keys under a key-encryption key that never leaves it: a
// file here, elsewhere a key management service or a hardware module. Name binds
// a wrapped key to its place. It fails with CodeUnavailable when it cannot be
// reached, and Unwrap with ErrSealed when what it is given is not its own.
type KeyWrapper interface {
	// Current names the key that Wrap uses.
	Current() string
	Wrap(ctx context.Context, name string, key []byte) (kek string, wrapped []byte, err error)
	Unwrap(ctx context.Context, kek, name string, wrapped []byte) ([]byte, error)
}
