package connectors

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"racord/hub"
)

// shape is what a piece of data is, once read.
type shape string

const (
	text    shape = "text"
	amount  shape = "an amount"
	day     shape = "a date"
	instant shape = "a moment"
	whole   shape = "a whole number"
	truth   shape = "true or false"
	month   shape = "a month"
	detail  shape = "a detail" // text, an amount or a date: kept as text
)

// transform is a named step from what a creditor sends to what we mean. Exactly
// one of its functions is set.
type transform struct {
	name, doc string
	gives     shape
	parameter string // "" = none; else what stands in parentheses
	words     func(argument string) (func(s *scope, in string) string, error)
	amount    func(string) (int64, error)
	number    func(string) (int64, error) // amount, of a Number; nil = likewise
	day       func(string) (civil, error)
	instant   func(string) (time.Time, error)
	month     func(string) (hub.Period, error)
}

// plain makes a text step that needs no argument.
func plain(f func(string) string) func(string) (func(*scope, string) string, error) {
	return func(string) (func(*scope, string) string, error) {
		return func(_ *scope, in string) string { return f(in) }, nil
	}
}

// transforms are all named transforms, in the order of the reference page.
var transforms = []transform{
	{name: "money_ro", gives: amount, amount: MoneyRO, number: MoneyDecimal, doc: "Amount in lei as Romanian systems write it: `1.234,56`, `1234,5`, `12.00 LEI`, `-0,01`. In text a point before three digits stands between thousands: `1.234` is 1234 lei, so what writes decimals with a point (XML, a database) needs `money_decimal`. A number of JSON or gRPC that is no text is read like `money_decimal`."},
	{name: "money_decimal", gives: amount, amount: MoneyDecimal, doc: "Amount in lei with a decimal point: `70.15`, `-3`."},
	{name: "bani", gives: amount, amount: Bani, doc: "Amount in whole bani: `40000`."},
	{name: "date_ro", gives: day, day: civilRO, doc: "Day first: `31.03.2026`, `31/03/26`. `00.00.0000`, `01.01.1900` and `31.12.9999` mean nothing."},
	{name: "date_iso", gives: day, day: civilISO, doc: "`2026-03-31`, or the day of `2026-03-31T00:00:00` in Europe/Bucharest."},
	{name: "datetime_ro", gives: instant, instant: DateTimeRO, doc: "`15.02.2026 02:14:09` in Europe/Bucharest."},
	{name: "datetime_iso", gives: instant, instant: DateTimeISO, doc: "RFC 3339; without a zone Europe/Bucharest."},
	{name: "month_ro", gives: month, month: MonthRO, doc: "`02.2026`: the period from its first to its last day."},
	{name: "trim", gives: text, words: plain(strings.TrimSpace), doc: "Without blanks at both ends."},
	{name: "squeeze", gives: text, words: plain(squeeze), doc: "Without blanks at both ends, and with single ones inside."},
	{name: "cedilla", gives: text, words: plain(CommaBelow), doc: "`ş ţ` with a cedilla become `ș ț` with a comma below."},
	{name: "fold", gives: text, words: plain(Fold), doc: "Upper case without marks, for comparing: `Mureșan` becomes `MURESAN`."},
	{name: "upper", gives: text, words: plain(strings.ToUpper), doc: "Upper case."},
	{name: "lower", gives: text, words: plain(strings.ToLower), doc: "Lower case."},
	{name: "digits", gives: text, words: plain(Digits), doc: "The digits only."},
	{name: "cui", gives: text, words: plain(normalCUI), doc: "A fiscal code without RO in front."},
	{name: "pad_zeros", gives: text, words: padZeros, parameter: "width", doc: "Leading zeros that were lost, up to the width: `pad_zeros(7)` of `4411` is `0004411`."},
	{name: "empty_if", gives: text, words: emptyIf, parameter: "text", doc: "Nothing when it is exactly this text: `empty_if(NULL)`."},
	{name: "plate", gives: text, words: plates, doc: "A number plate as `CJ 01 ABC`; letters O and I among its digits, or digits 0 and 1 among its letters, are put right and noted in the record's quality. What is no Romanian plate stays as it is."},
	{name: "mojibake", gives: text, words: mojibake, doc: "Repairs letters read with the wrong code page (`MureČ™an`, `Þarã`) and says so in the record's quality."},
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func padZeros(argument string) (func(*scope, string) string, error) {
	width, err := strconv.Atoi(argument)
	if err != nil || width < 1 || width > 40 {
		return nil, fmt.Errorf("pad_zeros needs a width from 1 to 40")
	}
	return func(_ *scope, in string) string { return PadZeros(strings.TrimSpace(in), width) }, nil
}

func emptyIf(argument string) (func(*scope, string) string, error) {
	return func(_ *scope, in string) string {
		if in == argument {
			return ""
		}
		return in
	}, nil
}

func mojibake(string) (func(*scope, string) string, error) {
	return func(s *scope, in string) string {
		repaired, changed := RepairMojibake(in)
		if changed {
			s.remark("mojibake_repaired", "letters were read with the wrong code page")
		}
		return repaired
	}, nil
}

func transformNames() []string {
	names := make([]string, len(transforms))
	for i, t := range transforms {
		names[i] = t.name
	}
	return names
}

// findTransform reads "pad_zeros(7)".
func findTransform(written string) (t transform, argument string, err error) {
	name, rest, open := strings.Cut(written, "(")
	i := slices.IndexFunc(transforms, func(t transform) bool { return t.name == name })
	if i < 0 {
		return t, "", fmt.Errorf("unknown transform %q; %s", name, oneOf(transformNames()))
	}
	t = transforms[i]
	switch {
	case t.parameter == "" && open:
		return t, "", fmt.Errorf("%s takes nothing in parentheses", name)
	case t.parameter != "" && (!open || !strings.HasSuffix(rest, ")")):
		return t, "", fmt.Errorf("%s needs (%s)", name, t.parameter)
	}
	return t, strings.TrimSuffix(rest, ")"), nil
}
