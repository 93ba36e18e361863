package connectors

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// errAmount is returned for text that is not an amount of the expected form. It
// never repeats the text.
var errAmount = errors.New("not an amount of the expected form")

// MoneyRO reads an amount as Romanian systems write it and gives bani: dots
// between thousands and a decimal comma ("1.234,56"), no dots ("1234,5"), a
// decimal point with one or two digits ("12.00"), with or without LEI or RON
// behind. A point before three digits stands between thousands: "1.234" is 1234
// lei, so it must not be given decimal numbers of a machine. What it cannot read
// exactly it refuses.
func MoneyRO(s string) (int64, error) {
	s = strings.Trim(s, " \t\u00a0")
	s = strings.TrimRight(withoutUnit(s), " \t\u00a0")
	negative, s := sign(s)
	whole, cents, hasComma := strings.Cut(s, ",")
	if !hasComma {
		if dot := strings.LastIndexByte(s, '.'); dot >= 0 && len(s)-dot <= 3 {
			whole, cents, hasComma = s[:dot], s[dot+1:], true
			if strings.IndexByte(whole, '.') >= 0 {
				return 0, errAmount
			}
		}
	}
	if hasComma && (cents == "" || len(cents) > 2) {
		return 0, errAmount
	}
	lei, ok := grouped(whole)
	if !ok {
		return 0, errAmount
	}
	return bani(negative, lei, cents)
}

// withoutUnit cuts LEI, RON and the like from the end.
func withoutUnit(s string) string {
	for _, unit := range [...]string{"LEI", "RON", "lei", "ron", "Lei"} {
		if cut, ok := strings.CutSuffix(s, unit); ok {
			return cut
		}
	}
	return s
}

func sign(s string) (negative bool, rest string) {
	if s == "" {
		return false, s
	}
	if s[0] == '-' || s[0] == '+' {
		return s[0] == '-', s[1:]
	}
	return false, s
}

// grouped reads digits, with dots before every third from the right or with
// none.
func grouped(s string) (uint64, bool) {
	dot := strings.IndexByte(s, '.')
	if dot < 0 {
		return number(s)
	}
	if dot == 0 || dot > 3 || s[0] == '0' {
		return 0, false
	}
	n, ok := number(s[:dot])
	for s = s[dot:]; ok && s != ""; s = s[4:] {
		if len(s) < 4 || s[0] != '.' {
			return 0, false
		}
		var part uint64
		part, ok = number(s[1:4])
		if n > math.MaxInt64/1000 {
			return 0, false
		}
		n = n*1000 + part
	}
	return n, ok
}

// number reads digits that fit in 63 bits.
func number(s string) (n uint64, ok bool) {
	if s == "" {
		return 0, false
	}
	for i := range len(s) {
		digit := uint64(s[i] - '0')
		if digit > 9 || n > (math.MaxInt64-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, true
}

// bani puts lei and up to two decimals together.
func bani(negative bool, lei uint64, cents string) (int64, error) {
	rest := uint64(0)
	if cents != "" {
		var ok bool
		if rest, ok = number(cents); !ok {
			return 0, errAmount
		}
		if len(cents) == 1 {
			rest *= 10
		}
	}
	if lei > (math.MaxInt64-rest)/100 {
		return 0, errAmount
	}
	sum := int64(lei*100 + rest)
	if negative {
		return -sum, nil
	}
	return sum, nil
}

// MoneyDecimal reads a decimal amount with a point ("70.15", "-3", "70.1500")
// and gives bani. Digits beyond the second decimal must be zeros.
func MoneyDecimal(s string) (int64, error) {
	negative, s := sign(strings.Trim(s, " "))
	whole, cents, hasPoint := strings.Cut(s, ".")
	if hasPoint && cents == "" {
		return 0, errAmount
	}
	if len(cents) > 2 {
		if strings.Trim(cents[2:], "0") != "" {
			return 0, errAmount
		}
		cents = cents[:2]
	}
	lei, ok := number(whole)
	if !ok {
		return 0, errAmount
	}
	return bani(negative, lei, cents)
}

// Bani reads a whole number of bani ("40000", "-1").
func Bani(s string) (int64, error) {
	negative, s := sign(strings.Trim(s, " "))
	n, ok := number(s)
	if !ok {
		return 0, errAmount
	}
	if negative {
		return -int64(n), nil
	}
	return int64(n), nil
}

// appendLei writes bani as lei with two decimals: "-1234.50".
func appendLei(dst []byte, minor int64) []byte {
	if minor < 0 {
		dst = append(dst, '-')
	}
	rest := minor % 100
	if rest < 0 {
		rest = -rest
	}
	lei := minor / 100
	if lei < 0 {
		lei = -lei
	}
	dst = strconv.AppendInt(dst, lei, 10)
	return append(dst, '.', byte('0'+rest/10), byte('0'+rest%10))
}

// appendBani writes whole bani: "-123450".
func appendBani(dst []byte, minor int64) []byte { return strconv.AppendInt(dst, minor, 10) }

// appendMoneyRO writes an amount as MoneyRO reads it: "-1.234,50".
func appendMoneyRO(dst []byte, minor int64) []byte {
	plain := appendLei(nil, minor)
	whole, cents := plain[:len(plain)-3], plain[len(plain)-2:]
	if minor < 0 {
		dst, whole = append(dst, '-'), whole[1:]
	}
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			dst = append(dst, '.')
		}
		dst = append(dst, digit)
	}
	return append(append(dst, ','), cents...)
}
