package hub

import (
	"fmt"
	"log/slog"
	"time"
)

// redacted is what every formatter prints instead of a secret.
const redacted = "<secret>"

// Secret is a credential. However it is printed, logged or encoded it shows
// "<secret>"; only Reveal gives the value.
type Secret struct {
	value string
	setAt time.Time
}

// NewSecret wraps a credential.
func NewSecret(value string) Secret { return Secret{value: value} }

// Since is the credential as it was set at a moment.
func (s Secret) Since(at time.Time) Secret { return Secret{s.value, at} }

// SetAt tells when the credential was set; zero = not known.
func (s Secret) SetAt() time.Time { return s.setAt }

// Reveal gives the credential, for the call that needs it.
func (s Secret) Reveal() string { return s.value }

// Empty tells whether there is no credential.
func (s Secret) Empty() bool { return s.value == "" }

// String gives "<secret>".
func (s Secret) String() string { return redacted }

// GoString gives "<secret>".
func (s Secret) GoString() string { return redacted }

// Format prints "<secret>" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText gives "<secret>".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue gives "<secret>".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
