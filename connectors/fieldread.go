package connectors

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"racord/hub"
)

// refusal says why a value cannot be used. It never repeats the value.
type refusal struct{ code, where, detail string }

func (r *refusal) Error() string { return r.code + " " + r.where + ": " + r.detail }

// raw gives the text after path, text transforms and table; "" when there is
// nothing. The text is valid until the next call.
func (f *Field) raw(s *scope) (string, *refusal) {
	if f.constant {
		return f.written, nil
	}
	var got string
	if f.pick == nil {
		got, _ = s.text(f.path.find(s))
	} else {
		got = f.picked(s)
	}
	for _, step := range f.words {
		got = step(s, got)
	}
	if f.table == nil || got == "" {
		return got, nil
	}
	ours, known := f.table[got]
	if !known {
		return "", f.refuse("unknown_value", "a value that the manifest's table does not list")
	}
	return ours, nil
}

// picked reads the path at the first element that fits.
func (f *Field) picked(s *scope) (got string) {
	at := f.pick.seats(s)
	if at.next(s) {
		got, _ = s.text(f.path.find(s))
		at.end(s)
	}
	return got
}

func (f *Field) refuse(code, detail string) *refusal {
	where := f.path.text
	if where == "" {
		where = f.written
	}
	return &refusal{code, where, detail}
}

// maxText is the most bytes a text field has.
const maxText = 1000

// Text reads a text or a detail, "" when there is nothing.
func (f *Field) readText(s *scope) (string, *refusal) {
	if f == nil {
		return "", nil
	}
	if f.constant {
		return f.written, nil // lives as long as the manifest
	}
	got, refused := f.rawOrExpr(s)
	if refused != nil {
		return "", refused
	}
	if f.as == detail && f.last.name != "" && got != "" {
		return f.detail(s, got)
	}
	if len(got) > maxText {
		return "", f.refuse("too_long", "more text than fits")
	}
	if strings.Contains(got, "\uFFFD") {
		s.remark("replacement_character", f.path.text+" lost letters before it came here")
	}
	return s.keep(got), nil
}

func (f *Field) rawOrExpr(s *scope) (string, *refusal) {
	if f.program == nil {
		return f.raw(s)
	}
	got, err := f.program.run(s)
	switch {
	case errors.Is(err, errExprWork):
		return "", f.refuse("bad_expression", "the expressions ask for more work than one answer may take, or for a text over 64 KiB")
	case err != nil:
		return "", f.refuse("bad_expression", "the expression has no value for this record")
	}
	switch v := got.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case int:
		return strconv.Itoa(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	default:
		return "", f.refuse("bad_expression", "the expression gave neither text nor a whole number")
	}
}

// detail reads an amount or a date and writes it the same way for everybody:
// "1234.50", "2026-03-31".
func (f *Field) detail(s *scope, got string) (string, *refusal) {
	switch {
	case f.last.amount != nil:
		minor, err := f.amountOf(s, got)
		if err != nil {
			return "", f.refuse("bad_amount", err.Error())
		}
		s.other = appendLei(s.other[:0], minor)
	case f.last.day != nil:
		c, err := f.last.day(got)
		if err != nil {
			return "", f.refuse("bad_date", err.Error())
		}
		s.other = c.append(s.other[:0])
	}
	return s.keepBytes(s.other), nil
}

// readAmount reads bani; present is false when there is nothing.
func (f *Field) readAmount(s *scope) (minor int64, present bool, refused *refusal) {
	switch {
	case f == nil:
		return 0, false, nil
	case f.terms != nil:
		return f.addTerms(s)
	}
	got, refused := f.rawOrExpr(s)
	if refused != nil || got == "" {
		return 0, false, refused
	}
	minor, err := f.amountOf(s, got)
	if err != nil {
		return 0, false, f.refuse("bad_amount", err.Error())
	}
	return minor, true, nil
}

// amountOf reads the text that was just found.
func (f *Field) amountOf(s *scope, got string) (int64, error) {
	switch {
	case f.last.amount == nil:
		return Bani(got) // constants and expressions
	case f.last.number != nil && isNumber(s.read):
		return f.last.number(got)
	}
	return f.last.amount(got)
}

// addTerms adds what the terms of a sum give.
func (f *Field) addTerms(s *scope) (sum int64, present bool, refused *refusal) {
	all := hub.Bani(0)
	for _, term := range f.terms {
		minor, given, refused := term.readAmount(s)
		if refused != nil {
			return 0, false, refused
		}
		var err error
		if all, err = all.Add(hub.Bani(minor)); err != nil {
			return 0, false, term.refuse("bad_amount", "amounts do not fit")
		}
		present = present || given
	}
	return all.Minor, present, nil
}

// readDay reads a date, "" when there is nothing.
func (f *Field) readDay(s *scope) (hub.Date, *refusal) {
	if f == nil {
		return "", nil
	}
	got, refused := f.rawOrExpr(s)
	if refused != nil || got == "" {
		return "", refused
	}
	read := f.last.day
	if read == nil {
		read = civilISO // expressions
	}
	c, err := read(got)
	if err != nil {
		return "", f.refuse("bad_date", err.Error())
	}
	s.other = c.append(s.other[:0])
	return hub.Date(s.keepBytes(s.other)), nil
}

// readInstant reads a moment, zero when there is nothing.
func (f *Field) readInstant(s *scope) (time.Time, *refusal) {
	if f == nil {
		return time.Time{}, nil
	}
	got, refused := f.rawOrExpr(s)
	if refused != nil || got == "" {
		return time.Time{}, refused
	}
	read := f.last.instant
	if read == nil {
		read = DateTimeISO // expressions
	}
	t, err := read(got)
	if err != nil {
		return time.Time{}, f.refuse("bad_date", err.Error())
	}
	return t, nil
}

// readMonth reads the period of a month, zero when there is nothing.
func (f *Field) readMonth(s *scope) (hub.Period, *refusal) {
	if f == nil {
		return hub.Period{}, nil
	}
	got, refused := f.rawOrExpr(s)
	if refused != nil || got == "" {
		return hub.Period{}, refused
	}
	p, err := MonthRO(got)
	if err != nil {
		return hub.Period{}, f.refuse("bad_date", err.Error())
	}
	p.Label = s.keep(p.Label)
	return p, nil
}

// readWhole reads a whole number, 0 when there is nothing.
func (f *Field) readWhole(s *scope) (int, *refusal) {
	if f == nil {
		return 0, nil
	}
	got, refused := f.rawOrExpr(s)
	if refused != nil || got == "" {
		return 0, refused
	}
	n, err := strconv.Atoi(strings.TrimSpace(got))
	if err != nil {
		return 0, f.refuse("bad_number", "not a whole number")
	}
	return n, nil
}

// readTruth reads true or false, false when there is nothing.
func (f *Field) readTruth(s *scope) (bool, *refusal) {
	if f == nil {
		return false, nil
	}
	got, refused := f.rawOrExpr(s)
	if refused != nil || got == "" {
		return false, refused
	}
	is, err := strconv.ParseBool(strings.TrimSpace(got))
	if err != nil {
		return false, f.refuse("bad_value", "neither true nor false")
	}
	return is, nil
}

// amongTexts looks through every text the field leads to, lists on the way
// entered, text transforms applied: how many there are, and how many of them
// are what is wanted. Empty ones do not count.
func (f *Field) amongTexts(s *scope, wanted func(string) bool) (all, fit int) {
	count := func(got string) {
		if got == "" {
			return
		}
		all++
		if wanted(got) {
			fit++
		}
	}
	if f.program != nil || f.constant {
		got, _ := f.rawOrExpr(s)
		count(got)
		return all, fit
	}
	leaves, mark := f.path.leaves(s)
	for _, leaf := range leaves {
		got, _ := s.text(leaf)
		for _, step := range f.words {
			got = step(s, got)
		}
		count(strings.TrimSpace(got))
	}
	s.stack = s.stack[:mark]
	return all, fit
}
