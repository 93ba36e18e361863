package connectors

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"racord/hub"
)

// Field says where one of our fields comes from. In a manifest it is a path
// with named transforms ("Sold | money_ro"), a constant (`="tax.building"` or
// const:), a path with a table of values, or an expression. It is compiled when
// the manifest is read; the tag `as` of the Go field says what it must give.
type Field struct {
	as       shape
	written  string
	constant bool
	path     Path
	pick     *selection // the first element that fits is where the path starts
	words    []func(*scope, string) string
	last     transform // what ends the chain when it gives no text
	table    map[string]string
	terms    []*Field // of a sum
	program  *expression
}

// refusal says why a value cannot be used. It never repeats the value.
type refusal struct{ code, where, detail string }

func (r *refusal) Error() string { return r.code + " " + r.where + ": " + r.detail }

// fieldParts is the long form of a field.
type fieldParts struct {
	selection
	Path  string            `json:"path" doc:"Path with named transforms."`
	Const *string           `json:"const" doc:"Always this value."`
	Table map[string]string `json:"table" doc:"Our value for each of theirs. A value that is not listed refuses the record."`
	Sum   []*Field          `json:"sum" doc:"Amounts that are added; one that is missing counts as nothing, but not all." as:"amount"`
	Expr  string            `json:"expr" doc:"Expression (expr-lang) over record, element and root, with the named transforms as functions; amounts are whole bani."`
}

func (f *Field) readNode(in *inspection, node ast.Node, field string, tag reflect.StructTag) {
	f.as = shapes[tag.Get("as")]
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		f.readParts(in, node, field)
	default:
		written, ok := in.text(node, field)
		if !ok {
			return
		}
		if quoted, isConst := strings.CutPrefix(written, "="); isConst {
			f.readConst(in, strings.Trim(quoted, `"`), field)
			return
		}
		f.readPath(in, written, field)
	}
}

// shapes are the values of the tag `as`.
var shapes = map[string]shape{
	"text": text, "amount": amount, "day": day, "instant": instant, "whole": whole, "truth": truth, "month": month, "detail": detail,
}

func (f *Field) readParts(in *inspection, node ast.Node, field string) {
	var parts fieldParts
	before := len(in.found)
	in.structure(node, reflect.ValueOf(&parts).Elem(), field, 8)
	if len(in.found) > before {
		return
	}
	given := 0
	for _, is := range []bool{parts.Path != "", parts.Const != nil, parts.Sum != nil, parts.Expr != ""} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		in.at(field, "needs exactly one of path, const, sum, expr")
	case parts.Sum != nil && f.as != amount:
		in.at(field, "a sum is an amount; %s is needed", f.as)
	case parts.Table != nil && parts.Path == "":
		in.at(join(field, "table"), "a table needs a path")
	case (!parts.Each.IsZero() || parts.When != nil) && parts.Path == "":
		in.at(field, "each and when choose where a path starts, and there is no path")
	case parts.Const != nil:
		f.readConst(in, *parts.Const, field)
	case parts.Sum != nil:
		f.terms, f.written = parts.Sum, "sum"
	case parts.Expr != "":
		f.readExpr(in, parts.Expr, field)
	default:
		f.table = parts.Table
		if !parts.Each.IsZero() || parts.When != nil {
			f.pick = &parts.selection
		}
		f.readPath(in, parts.Path, field)
	}
}

func (f *Field) readConst(in *inspection, value, field string) {
	f.constant, f.written = true, value
	switch {
	case f.as == day || f.as == instant || f.as == month:
		in.at(field, "a constant cannot be %s", f.as)
	case !f.fits(value):
		in.at(field, "the constant is not %s", f.as)
	}
}

func (f *Field) readExpr(in *inspection, source, field string) {
	program, err := compileExpression(source)
	if err != nil {
		in.at(field, "expression: %s", firstLine(err.Error()))
		return
	}
	f.written, f.program = "expr", program
}

func (f *Field) readPath(in *inspection, written, field string) {
	f.written = written
	pieces := strings.Split(written, "|")
	path, wrong := ParsePath(strings.TrimSpace(pieces[0]))
	if wrong != "" {
		in.at(field, "%q is %s", strings.TrimSpace(pieces[0]), wrong)
		return
	}
	f.path = path
	for _, piece := range pieces[1:] {
		if !f.addTransform(in, strings.TrimSpace(piece), field) {
			return
		}
	}
	f.checkShape(in, field)
}

func (f *Field) addTransform(in *inspection, written, field string) bool {
	t, argument, err := findTransform(written)
	if err != nil {
		in.at(field, "%v", err)
		return false
	}
	if f.last.name != "" {
		in.at(field, "%s gives %s; %s takes text and must stand before it", f.last.name, f.last.gives, t.name)
		return false
	}
	if t.words == nil {
		f.last = t
		return true
	}
	step, err := t.words(argument)
	if err != nil {
		in.at(field, "%v", err)
		return false
	}
	f.words = append(f.words, step)
	return true
}

// checkShape finds chains that do not end in what our field needs.
func (f *Field) checkShape(in *inspection, field string) {
	gives := text
	if f.last.name != "" {
		gives = f.last.gives
	}
	switch {
	case f.table != nil && gives != text:
		in.at(field, "a table is looked up with text, not with %s", gives)
	case gives == f.as, f.as == detail && (gives == amount || gives == day || gives == text):
	case gives == text && (f.as == whole || f.as == truth):
	default:
		in.at(field, "needs %s; end with %s", f.as, oneOf(giving(f.as)))
	}
}

func giving(s shape) (names []string) {
	for _, t := range transforms {
		if t.gives == s {
			names = append(names, t.name)
		}
	}
	return names
}

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
	if err != nil {
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
		minor, err := f.last.amount(got)
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

// fits tells whether a text can stand for what the field needs.
func (f *Field) fits(constant string) bool {
	var err error
	switch f.as {
	case amount:
		_, err = Bani(constant)
	case whole:
		_, err = strconv.Atoi(constant)
	case truth:
		_, err = strconv.ParseBool(constant)
	}
	return err == nil
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
	read := f.last.amount
	if read == nil {
		read = Bani // constants and expressions
	}
	minor, err := read(got)
	if err != nil {
		return 0, false, f.refuse("bad_amount", err.Error())
	}
	return minor, true, nil
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

// String gives the field as it was written.
func (f *Field) String() string {
	if f == nil {
		return ""
	}
	if f.constant {
		return fmt.Sprintf("=%q", f.written)
	}
	return f.written
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
