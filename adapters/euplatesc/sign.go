package euplatesc

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the provider's choice; HMAC-MD5 is not broken, but see the package's comment
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
)

// signer makes the hashes of one key.
type signer []byte

// newSigner reads a key in hexadecimal.
func newSigner(text string) (signer, bool) {
	key, err := hex.DecodeString(text)
	return key, err == nil && len(key) > 0
}

// field is one value of a message, in its place.
type field struct{ name, value string }

// message is a message's fields in the order in which they are signed.
type message []field

// signed writes what is signed: the length in bytes of every value and the value,
// or "-" for an empty one.
func (m message) signed() string {
	var b strings.Builder
	for _, f := range m {
		if f.value == "" {
			b.WriteByte('-')
			continue
		}
		b.WriteString(strconv.Itoa(len(f.value)))
		b.WriteString(f.value)
	}
	return b.String()
}

// hash is fp_hash of what is signed: HMAC-MD5 in upper-case hexadecimal.
func (s signer) hash(signed string) string {
	mac := hmac.New(md5.New, s)
	mac.Write([]byte(signed))
	return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
}

// made tells whether a hash, written as the provider writes it, is of this key.
// It takes the same time for all.
func (s signer) made(hash, signed string) bool {
	return hmac.Equal([]byte(hash), []byte(s.hash(signed)))
}

// form writes the message with its hash.
func (m message) form(key signer) url.Values {
	form := url.Values{"fp_hash": {key.hash(m.signed())}}
	for _, f := range m {
		form.Set(f.name, f.value)
	}
	return form
}
