package pspbook

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
)

// Secret returns an unguessable text of n random bytes.
func Secret(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Hex returns n random bytes in upper-case hexadecimal.
func Hex(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	return strings.ToUpper(hex.EncodeToString(raw))
}

// errAmount is told for what is not an amount.
var errAmount = errors.New("pspbook: not an amount")

// maxLei is what no card payment exceeds.
const maxLei = 10_000_000

// Bani reads an amount in lei, such as 10, 10.5 or 10.50, as JSON numbers and
// form fields hold it. More than two decimals, signs and exponents are refused.
func Bani(lei string) (int64, error) {
	whole, part, dotted := strings.Cut(lei, ".")
	if len(part) > 2 || dotted && part == "" || whole == "" || strings.Trim(whole+part, "0123456789") != "" {
		return 0, errAmount
	}
	l, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || l > maxLei {
		return 0, errAmount
	}
	b, _ := strconv.ParseInt((part + "00")[:2], 10, 64) // two digits, looked at above
	return l*100 + b, nil
}

// Shown writes bani as a Romanian reads lei: 1.234,56.
func Shown(bani int64) string {
	whole, cents, _ := strings.Cut(Lei(bani), ".")
	for at := len(whole) - 3; at > 0 && whole[at-1] != '-'; at -= 3 {
		whole = whole[:at] + "." + whole[at:]
	}
	return whole + "," + cents
}

// Lei writes bani as lei with two decimals.
func Lei(bani int64) string {
	sign := ""
	if bani < 0 {
		sign, bani = "-", -bani
	}
	cents := strconv.FormatInt(100+bani%100, 10)[1:]
	return sign + strconv.FormatInt(bani/100, 10) + "." + cents
}
