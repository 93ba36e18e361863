package connectors_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"racord/connectors"
)

func TestAmountsAreReadToTheBanOrRefused(t *testing.T) {
	const refused = math.MinInt64
	for name, tc := range map[string]struct {
		read func(string) (int64, error)
		want map[string]int64
	}{
		"money_ro": {connectors.MoneyRO, map[string]int64{
			"1.234,56": 123456, "1234,56": 123456, "1234,5": 123450, "257,50": 25750, "0,00": 0, "-0,01": -1, "+3,10": 310,
			"12.00 LEI": 1200, "12.00": 1200, "1.5": 150, "7": 700, "1.234": 123400, "1.234.567,89": 123456789, "12 lei": 1200,
			" 000012,50 ": 1250, "-1.284,77": -128477, "12,00\u00a0RON": 1200, "92233720368547758,07": math.MaxInt64,
			"": refused, "-": refused, "abc": refused, "1,234.56": refused, "0.30000000000000004": refused, "0.123": refused,
			"1.23.456": refused, "1234.567": refused, ",50": refused, "5,": refused, "1,234": refused, "--1": refused, "1 2": refused,
			"1..234": refused, "1.2345": refused, "NaN": refused, "1e3": refused, "1,85E+12": refused, "92233720368547758,08": refused,
			"999.999.999.999.999.999,00": refused, "LEI": refused, "NULL": refused, "12-": refused, "1.234,5,6": refused, "١٢": refused,
		}},
		"money_decimal": {connectors.MoneyDecimal, map[string]int64{
			"70.15": 7015, "-3": -300, "70.1": 7010, "70.1500": 7015, "0.00": 0, "105": 10500, "-0.01": -1,
			"": refused, "70,15": refused, "70.155": refused, "70.": refused, ".5": refused, "1e2": refused, "1.234.56": refused, "0x10": refused,
		}},
		"bani": {connectors.Bani, map[string]int64{
			"40000": 40000, "-1": -1, "0": 0, "9223372036854775807": math.MaxInt64,
			"": refused, "400.00": refused, "400.0": refused, "4e4": refused, "9223372036854775808": refused, "12 ": 12,
		}},
	} {
		for text, want := range tc.want {
			got, err := tc.read(text)
			if want == refused && err == nil {
				t.Errorf("%s(%q): got %d, want a refusal", name, text, got)
			}
			if want != refused && (err != nil || got != want) {
				t.Errorf("%s(%q): got %d, %v, want %d", name, text, got, err, want)
			}
		}
	}
}

// FuzzMoneyRO writes what was read the Romanian way and reads it again; and it
// compares with exact arithmetic.
func FuzzMoneyRO(f *testing.F) {
	for _, seed := range []string{"1.234,56", "-0,01", "12.00 LEI", "0.30000000000000004", "1.234.567", "92233720368547758,07"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := connectors.MoneyRO(text)
		if err != nil {
			if got != 0 || strings.Contains(err.Error(), text) && len(text) > 3 {
				t.Fatalf("got %d, %v: a refusal gives nothing and repeats nothing", got, err)
			}
			return
		}
		digits := strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' {
				return c
			}
			return -1
		}, text)
		sum, _ := new(big.Int).SetString(digits, 10)
		for _, power := range []int64{100, 10, 1} { // whatever stood behind the comma
			scaled := new(big.Int).Mul(sum, big.NewInt(power))
			if new(big.Int).Abs(big.NewInt(got)).Cmp(scaled) == 0 {
				return
			}
		}
		t.Fatalf("MoneyRO(%q) = %d, which are not its digits", text, got)
	})
}
