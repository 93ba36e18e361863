package pspwire

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"racord/hub"
)

// errAmount says what an amount is not.
var errAmount = errors.New("not an amount")

// Lei writes an amount of RON as providers want it, exactly: 20.50. The amount
// must be positive (CodeInvalid).
func Lei(m hub.Money) (string, error) {
	if m.Currency != hub.RON || m.Minor <= 0 {
		return "", Unable("%s is not a positive amount in lei", m)
	}
	return fmt.Sprintf("%d.%02d", m.Minor/100, m.Minor%100), nil
}

// maxAmount bounds the text of an amount and its exponent: providers that count
// in floats write at most 17 digits.
const (
	maxAmount   = 40
	maxExponent = 3 // characters
)

// Bani reads an amount in lei, a decimal number as JSON writes it (RFC 8259 §6),
// and rounds it to bani, halves up: a provider that counts in floats may write
// 20.499999999999996 for 20.50. Negative amounts, and those that do not fit, are
// errors.
func Bani(lei string) (int64, error) {
	if !decimal(lei) {
		return 0, errAmount
	}
	exact, ok := new(big.Rat).SetString(lei)
	if !ok {
		return 0, errAmount
	}
	// floor((200·x + 1) / 2) rounds 100·x to the nearest whole, halves up.
	exact.Mul(exact, big.NewRat(200, 1)).Add(exact, big.NewRat(1, 1)).Quo(exact, big.NewRat(2, 1))
	bani := new(big.Int).Quo(exact.Num(), exact.Denom())
	if !bani.IsInt64() {
		return 0, errAmount
	}
	return bani.Int64(), nil
}

// decimal tells whether a text is a number of JSON that is not negative, and
// small enough to be worked out.
func decimal(text string) bool {
	if len(text) > maxAmount {
		return false
	}
	mantissa, exponent, scaled := cutAny(text, "eE")
	whole, fraction, pointed := strings.Cut(mantissa, ".")
	switch {
	case !digits(whole), len(whole) > 1 && whole[0] == '0', pointed && !digits(fraction):
		return false
	case scaled:
		return len(exponent) <= maxExponent && digits(unsigned(exponent))
	default:
		return true
	}
}

func cutAny(text, chars string) (before, after string, found bool) {
	if i := strings.IndexAny(text, chars); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

func unsigned(text string) string {
	if text != "" && (text[0] == '+' || text[0] == '-') {
		return text[1:]
	}
	return text
}

func digits(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}

// Latin tells whether a text may be shown by every provider: printable ASCII,
// not empty and at most so many bytes.
func Latin(text string, most int) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return text != "" && len(text) <= most
}
