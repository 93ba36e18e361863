package connectors

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
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

// fieldParts is the long form of a field.
type fieldParts struct {
	selection
	Path  string            `json:"path" doc:"Path with named transforms."`
	Const *string           `json:"const" doc:"Always this value."`
	Table map[string]string `json:"table" doc:"Our value for each of theirs. A value that is not listed refuses the record."`
	Sum   []*Field          `json:"sum" doc:"Amounts that are added; one that is missing counts as nothing, but not all." as:"amount"`
	Expr  string            `json:"expr" doc:"Expression (expr-lang) over record, element and root, with the named transforms as functions; amounts are whole bani. See Expressions in the reference."`
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
