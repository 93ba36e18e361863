package hub

import (
	"log/slog"
	"strings"
	"time"
	"unicode"
)

// Scheme says what kind of number an identifier is: "ro:cnp", "ro:cui",
// "ro:nif", or "<creditor>:client" and the like for a creditor's own numbers.
type Scheme string

// Schemes of persons and companies.
const (
	SchemeCNP Scheme = "ro:cnp"
	SchemeCUI Scheme = "ro:cui"
	SchemeNIF Scheme = "ro:nif"
)

// Identifier is a number by which a party is known. It prints masked: the value
// is for the call that needs it and for sealed columns only.
type Identifier struct {
	Scheme Scheme
	Value  string
}

// String gives the scheme and the last three characters: "ro:cnp:***007".
func (i Identifier) String() string { return string(i.Scheme) + ":" + Mask(i.Value) }

// GoString gives the same as String.
func (i Identifier) GoString() string { return i.String() }

// LogValue gives the same as String.
func (i Identifier) LogValue() slog.Value { return slog.StringValue(i.String()) }

// MarshalText gives the same as String, so that no encoder lets the value out.
func (i Identifier) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// Mask hides all but the last three characters of a code.
func Mask(value string) string {
	if len(value) <= 3 {
		return "***"
	}
	return "***" + value[len(value)-3:]
}

// cnpWeights and cuiWeights are the published check-digit keys.
const (
	cnpWeights = "279146358279"
	cuiWeights = "753217532"
)

// ValidCNP checks the form, the date and the 13th digit of a CNP or NIF
// (weights 2 7 9 1 4 6 3 5 8 2 7 9, mod 11, 10 → 1). For a first digit of 7, 8
// or 9 the century is unknown and either is accepted.
func ValidCNP(s string) bool {
	if len(s) != 13 || !digits(s) || s[0] == '0' {
		return false
	}
	sum := 0
	for i := range 12 {
		sum += int(s[i]-'0') * int(cnpWeights[i]-'0')
	}
	check := sum % 11
	if check == 10 {
		check = 1
	}
	return check == int(s[12]-'0') && validBirth(s)
}

func validBirth(cnp string) bool {
	for _, century := range centuries(cnp[0]) {
		if _, err := time.Parse("20060102", century+cnp[1:7]); err == nil {
			return true
		}
	}
	return false
}

func centuries(first byte) []string {
	switch first {
	case '1', '2':
		return []string{"19"}
	case '3', '4':
		return []string{"18"}
	case '5', '6':
		return []string{"20"}
	default:
		return []string{"19", "20"}
	}
}

// TypedCNP tells whether a text is a CNP or NIF as people type it, with blanks,
// dashes or dots between its digits.
func TypedCNP(s string) bool {
	return ValidCNP(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s))
}

// NormalCUI strips the RO prefix of a VAT-registered company. Compare company
// codes by what it returns.
func NormalCUI(s string) string {
	if len(s) > 2 && (s[0] == 'R' || s[0] == 'r') && (s[1] == 'O' || s[1] == 'o') {
		return s[2:]
	}
	return s
}

// ValidCUI checks a company code of 2 to 10 digits, with or without RO (weights
// 7 5 3 2 1 7 5 3 2, ×10 mod 11, 10 → 0).
func ValidCUI(s string) bool {
	s = NormalCUI(s)
	if len(s) < 2 || len(s) > 10 || !digits(s) || s[0] == '0' {
		return false
	}
	body, sum := s[:len(s)-1], 0
	for i := range len(body) {
		weight := cuiWeights[len(cuiWeights)-len(body)+i]
		sum += int(body[i]-'0') * int(weight-'0')
	}
	return sum*10%11%10 == int(s[len(s)-1]-'0')
}

// ValidIBAN checks a Romanian IBAN of 24 characters by mod 97 (ISO 13616).
// Treasury accounts hold literal X letters, which count as 33 like any other.
func ValidIBAN(s string) bool {
	if len(s) != 24 || s[:2] != "RO" {
		return false
	}
	remainder := 0
	for _, c := range []byte(s[4:] + s[:4]) {
		switch {
		case c >= '0' && c <= '9':
			remainder = (remainder*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			remainder = (remainder*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return remainder == 1
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
