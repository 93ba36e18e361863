package hub

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"sync"
)

// Keys seals values and makes pseudonyms for one purpose ("store", "cache",
// "log"). Keys of different purposes cannot be joined: what one sealed the
// other cannot open, and the same number has another pseudonym.
type Keys struct {
	seal cipher.AEAD
	macs sync.Pool // of hash.Hash keyed with the purpose's own key
}

// ErrSealed is returned when a sealed value was altered, or belongs elsewhere.
var ErrSealed = errors.New("sealed value does not open under this key and name")

// ErrOtherMaster is returned when a database is opened with another master key
// than the one it was made with. Nothing in it could be read or found.
var ErrOtherMaster = errors.New("the master key is not the one this database was made with")

// MasterKeyBytes is the length of a master key.
const MasterKeyBytes = 32

// NewKeys derives the keys of a purpose from the master key (HKDF-SHA-256).
func NewKeys(master []byte, purpose string) (*Keys, error) {
	if len(master) != MasterKeyBytes {
		return nil, Errorf(CodeInvalid, "a master key has %d bytes, got %d", MasterKeyBytes, len(master))
	}
	sealKey, err := hkdf.Key(sha256.New, master, nil, "racord seal "+purpose, 32)
	if err != nil {
		return nil, err
	}
	macKey, err := hkdf.Key(sha256.New, master, nil, "racord mac "+purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	k := &Keys{seal: aead}
	k.macs.New = func() any { return hmac.New(sha256.New, macKey) }
	return k, nil
}

// Seal encrypts a value and binds it to its name (AES-256-GCM, random nonce,
// the name as additional data): it opens only under the same name.
func (k *Keys) Seal(name string, value []byte) []byte {
	return k.seal.Seal(nil, nil, value, []byte(name))
}

// Open decrypts what Seal made under the same name, or returns ErrSealed.
func (k *Keys) Open(name string, sealed []byte) ([]byte, error) {
	value, err := k.seal.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return nil, ErrSealed
	}
	return value, nil
}

// OpenInPlace is Open that decrypts where the value stands: nothing else may be read
// there any more, also after ErrSealed.
func (k *Keys) OpenInPlace(name, sealed []byte) ([]byte, error) {
	value, err := k.seal.Open(sealed[:0], nil, sealed, name)
	if err != nil {
		return nil, ErrSealed
	}
	return value, nil
}

// MAC gives the 16-byte keyed pseudonym of the parts (HMAC-SHA-256, cut). Parts
// are length-separated: ("ab","c") and ("a","bc") differ.
func (k *Keys) MAC(parts ...string) [16]byte {
	mac := k.macs.Get().(hash.Hash)
	mac.Reset()
	for _, part := range parts {
		n := len(part)
		_, _ = mac.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		_, _ = mac.Write([]byte(part))
	}
	var sum [sha256.Size]byte
	mac.Sum(sum[:0])
	k.macs.Put(mac)
	return [16]byte(sum[:16])
}

// Pseudonym gives MAC as 22 URL-safe characters.
func (k *Keys) Pseudonym(parts ...string) string {
	sum := k.MAC(parts...)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// NewID gives an opaque random name of 26 characters.
func NewID() string { return rand.Text() }
