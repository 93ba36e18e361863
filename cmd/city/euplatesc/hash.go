package euplatesc

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the provider's choice
	"encoding/hex"
	"strconv"
	"strings"

	"racord/cmd/city/dice"
)

// Hash computes fp_hash over values in their documented order, under a key in
// hexadecimal. A key that is not hexadecimal hashes to "", which never matches.
func Hash(key string, values ...string) string {
	raw, err := hex.DecodeString(key)
	if err != nil {
		return ""
	}
	mac := hmac.New(md5.New, raw)
	for _, v := range values {
		if v == "" {
			mac.Write([]byte("-"))
			continue
		}
		mac.Write([]byte(strconv.Itoa(len(v)) + v))
	}
	return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
}

// matches compares a hash as it came with the right one.
func matches(given, right string) bool {
	return right != "" && hmac.Equal([]byte(strings.ToUpper(given)), []byte(right))
}

// key is the secret of 20 bytes that belongs to a name, the same in every city.
func key(name string) string {
	d := dice.New(20, "euplatesc "+name)
	raw := make([]byte, 0, 24)
	for range 3 {
		n := d.Uint64()
		for i := range 8 {
			raw = append(raw, byte(n>>(8*i)))
		}
	}
	return strings.ToUpper(hex.EncodeToString(raw[:20]))
}
