package connectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// expression is a compiled operator of a manifest, in expr-lang. Only manifests
// that write expr: pay for it.
type expression struct {
	program  *vm.Program
	machines sync.Pool // of *vm.VM, which keep their stacks
}

// exprEnv is what an expression sees. Missing parts are nil.
type exprEnv struct {
	Record  any `expr:"record"`
	Element any `expr:"element"`
	Root    any `expr:"root"`

	Work exprWork `expr:"_work"` // what the meters count with
}

func compileExpression(source string) (*expression, error) {
	if err := checkExpression(source); err != nil {
		return nil, err
	}
	options := append([]expr.Option{
		expr.Env(exprEnv{}), expr.MaxNodes(maxExprNodes), expr.Function("list", exprList, new(func(any) []any)),
	}, exprMeters()...)
	for _, t := range transforms {
		if function := exprFunction(t); function != nil {
			options = append(options, function)
		}
	}
	program, err := expr.Compile(source, options...)
	if err != nil {
		return nil, err
	}
	return &expression{program: program}, nil
}

// exprFunction gives a named transform as a function of text. Amounts are whole
// bani, dates YYYY-MM-DD.
func exprFunction(t transform) expr.Option {
	switch {
	case t.amount != nil:
		return expr.Function(t.name, func(params ...any) (any, error) {
			read := t.amount
			if t.number != nil && exprNumber(params[0]) {
				read = t.number
			}
			minor, err := read(exprText(params[0]))
			return int(minor), err
		}, new(func(any) int))
	case t.day != nil:
		return expr.Function(t.name, func(params ...any) (any, error) {
			d, err := t.day(exprText(params[0]))
			return string(d.date()), err
		}, new(func(any) string))
	case t.words != nil && t.parameter == "" && t.name != "mojibake" && t.name != "trim" && t.name != "upper" && t.name != "lower":
		step, _ := t.words("") // only steps with a parameter can fail
		return expr.Function(t.name, func(params ...any) (any, error) {
			return step(nil, exprText(params[0])), nil
		}, new(func(any) string))
	default:
		return nil // what needs a parameter, and what expr-lang has itself
	}
}

func exprText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return string(v)
	case map[string]any:
		text, _ := v["#text"].(string) // an element that has attributes
		return text
	case []any, []string:
		return "" // a list is no text
	default:
		return fmt.Sprint(v)
	}
}

// exprNumber tells whether a value was no text before exprText made it one.
func exprNumber(v any) bool {
	switch v.(type) {
	case json.Number, int, float64:
		return true
	}
	return false
}

// exprList makes a list of what may be one element, several or none, as
// repeated XML elements are.
func exprList(params ...any) (any, error) {
	switch v := params[0].(type) {
	case nil:
		return []any{}, nil
	case []any:
		return v, nil
	default:
		return []any{v}, nil
	}
}

var errExpression = errors.New("the expression failed")

func (e *expression) run(s *scope) (any, error) {
	if s.work == nil {
		s.work = newExprWork()
	}
	env := exprEnv{Root: s.anyRoot(), Record: anyOf(s.record), Work: s.work}
	if s.here != s.record {
		env.Element = anyOf(s.here)
	}
	machine, ok := e.machines.Get().(*vm.VM)
	if !ok {
		machine = new(vm.VM)
	}
	got, err := machine.Run(e.program, env)
	e.machines.Put(machine)
	switch {
	case errors.Is(err, errExprWork):
		return nil, errExprWork
	case err != nil:
		return nil, errExpression // expr's own message may repeat data
	}
	if n, ok := got.(json.Number); ok {
		got = strings.TrimSpace(string(n))
	}
	return got, nil
}

func anyOf(v Value) any {
	if v == nil {
		return nil
	}
	return v.Any()
}
