package hub

import "fmt"

// RON is the ISO 4217 code of the Romanian leu.
const RON = "RON"

// Money is an amount in minor units (bani for RON) with its ISO 4217 currency.
// It is never a float.
type Money struct {
	Minor    int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Bani makes an amount of RON from bani.
func Bani(minor int64) Money { return Money{Minor: minor, Currency: RON} }

// Add gives the sum. It fails with CodeBadData when the currencies differ or
// the sum does not fit in 64 bits.
func (m Money) Add(other Money) (Money, error) {
	if m.Currency != other.Currency {
		return Money{}, Errorf(CodeBadData, "cannot add %s to %s", other.Currency, m.Currency)
	}
	sum := m.Minor + other.Minor
	if (sum > m.Minor) != (other.Minor > 0) {
		return Money{}, Errorf(CodeBadData, "sum of amounts does not fit")
	}
	return Money{Minor: sum, Currency: m.Currency}, nil
}

// String writes the amount with two decimals and the currency: "257.50 RON".
func (m Money) String() string {
	sign, minor := "", m.Minor
	if minor < 0 {
		sign = "-"
	}
	whole, rest := minor/100, minor%100
	if minor < 0 {
		whole, rest = -whole, -rest
	}
	return fmt.Sprintf("%s%d.%02d %s", sign, whole, rest, m.Currency)
}
