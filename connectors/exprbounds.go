package connectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// The bounds of expressions. Companies write them, and neither their memory nor
// their time can be taken back from a machine that runs them.
const (
	maxExprNodes = 500        // of one expression
	maxExprText  = 64 << 10   // bytes of a text that is used
	maxExprWork  = 20_000_000 // of all expressions about one answer; see exprWeight and meterStep
)

// exprBuiltins are the functions of expr-lang that make nothing larger than what
// they are given: each other one can build texts or lists that grow with every use.
var exprBuiltins = []string{
	"all", "any", "none", "one", "filter", "find", "findIndex", "findLast", "findLastIndex", "count", "sum",
	"len", "first", "last", "abs", "ceil", "floor", "round", "int", "float", "string", "min", "max",
	"trim", "trimPrefix", "trimSuffix", "upper", "lower", "hasPrefix", "hasSuffix", "indexOf", "lastIndexOf", "split",
}

// exprOperators are the ones between two values. A pattern (matches) can ask for a
// thousand steps a letter, and a range (..) is a list out of nothing.
var exprOperators = []string{
	"+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "&&", "or", "||", "??",
	"in", "contains", "startsWith", "endsWith",
}

// exprOwn begins the names that meters use, and no expression.
const exprOwn = "_"

// checkExpression finds what an expression may not use.
func checkExpression(source string) error {
	tree, err := parser.Parse(source)
	if err != nil {
		return err
	}
	var rules exprRules
	ast.Walk(&tree.Node, &rules)
	return rules.broken
}

// exprRules remembers the first rule that is broken.
type exprRules struct{ broken error }

func (r *exprRules) refuse(format string, args ...any) {
	if r.broken == nil {
		r.broken = fmt.Errorf(format, args...)
	}
}

// Visit implements ast.Visitor.
func (r *exprRules) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BuiltinNode:
		if !slices.Contains(exprBuiltins, n.Name) {
			r.refuse("%s is not offered; %s", n.Name, oneOf(exprBuiltins))
		}
	case *ast.BinaryNode:
		if !slices.Contains(exprOperators, n.Operator) {
			r.refuse("%q is not offered; %s", n.Operator, oneOf(exprOperators))
		}
	case *ast.IdentifierNode:
		if strings.HasPrefix(n.Value, exprOwn) || strings.HasPrefix(n.Value, "$") {
			r.refuse("unknown name %s", n.Value)
		}
	case *ast.CallNode:
		if _, named := n.Callee.(*ast.IdentifierNode); !named {
			r.refuse("only functions can be called")
		}
	case *ast.ArrayNode:
		if slices.ContainsFunc(n.Nodes, func(n ast.Node) bool { return !exprLiteral(n) }) {
			r.refuse("a list in brackets holds texts and numbers as they are written")
		}
	case *ast.StringNode:
		if len(n.Value) > maxText {
			r.refuse("a text has at most %d bytes", maxText)
		}
	case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.UnaryNode, *ast.ChainNode, *ast.MemberNode, *ast.SliceNode,
		*ast.PredicateNode, *ast.PointerNode, *ast.ConditionalNode, *ast.VariableDeclaratorNode:
	default: // what is built by hand or run in sequence
		r.refuse("neither maps nor sequences are offered")
	}
}

// exprLiteral tells whether a part stands in the manifest as it is.
func exprLiteral(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode:
		return true
	case *ast.UnaryNode:
		return exprLiteral(n.Node)
	case *ast.ArrayNode:
		return true // of literals, see exprRules
	}
	return false
}

// exprMeter puts a meter in front of all that takes time with the size of what the
// creditor sent: operands, arguments and the steps through a list.
type exprMeter struct{}

// Visit implements ast.Visitor.
func (exprMeter) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		meterOperands(n)
	case *ast.BuiltinNode:
		meterArguments(n)
	case *ast.CallNode:
		for i := range n.Arguments {
			meter(&n.Arguments[i], "_reads")
		}
	case *ast.SliceNode:
		meter(&n.Node, "_reads")
	case *ast.MemberNode:
		meter(&n.Property, "_reads")
	case *ast.PredicateNode:
		meterStep(&n.Node)
	}
}

func meterOperands(n *ast.BinaryNode) {
	switch n.Operator {
	case "and", "&&", "or", "||", "??": // give what they are given
	case "==", "!=", "in":
		left := "_compares"
		if exprLiteral(n.Right) {
			left = "_reads" // of the whole tree only what it is
		}
		right := left
		if n.Operator == "in" || exprLiteral(n.Left) {
			right = "_reads"
		}
		meter(&n.Left, left)
		meter(&n.Right, right)
	default:
		meter(&n.Left, "_reads")
		meter(&n.Right, "_reads")
	}
}

func meterArguments(n *ast.BuiltinNode) {
	last := len(n.Arguments) - 1
	if last < 0 {
		return
	}
	if _, steps := n.Arguments[last].(*ast.PredicateNode); steps {
		return // every step is metered
	}
	by := "_reads"
	if n.Name == "min" || n.Name == "max" || n.Name == "string" {
		by = "_compares" // they go through lists of lists
	}
	for i := range n.Arguments {
		meter(&n.Arguments[i], by)
	}
}

// meter has a value counted before it is used. Numbers cost nothing, and what is
// written in the manifest counts as parts.
func meter(at *ast.Node, by string) {
	switch (*at).Type().Kind() {
	case reflect.Int, reflect.Float64, reflect.Bool:
		return
	}
	if !exprLiteral(*at) {
		ast.Patch(at, exprCall(by, *at))
	}
}

// meterStep has one step through a list cost as much as it has parts.
func meterStep(at *ast.Node) {
	var parts exprParts
	ast.Walk(at, &parts)
	ast.Patch(at, exprCall("_steps", &ast.IntegerNode{Value: 1 + parts.n}, *at))
}

func exprCall(name string, arguments ...ast.Node) ast.Node {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: append([]ast.Node{&ast.IdentifierNode{Value: "_work"}}, arguments...)}
}

// exprParts counts the parts of an expression, a text by its length as exprWeight
// does.
type exprParts struct{ n int }

// Visit implements ast.Visitor.
func (p *exprParts) Visit(node *ast.Node) {
	p.n++
	if literal, is := (*node).(*ast.StringNode); is {
		p.n += len(literal.Value) / 64
	}
}

// exprMeters are the meters as functions. All give the value on.
func exprMeters() []expr.Option {
	return []expr.Option{
		expr.Function("_reads", func(params ...any) (any, error) {
			return params[1], exprRead(params[0], params[1])
		}, new(func(exprWork, any) any)),
		expr.Function("_compares", func(params ...any) (any, error) {
			switch params[1].(type) {
			case []any, map[string]any, []string:
				return nil, errExpression // as large as the answer, and nobody's amount
			}
			return params[1], exprRead(params[0], params[1])
		}, new(func(exprWork, any) any)),
		expr.Function("_steps", func(params ...any) (any, error) {
			return params[2], params[0].(exprWork)(params[1].(int))
		}, new(func(exprWork, int, any) any)),
		expr.Patch(exprMeter{}),
	}
}

// exprWork takes work from what is left for an answer, or fails.
type exprWork func(cost int) error

var errExprWork = errors.New("the expressions ask for too much work")

// newExprWork gives what all expressions about one answer may do.
func newExprWork() exprWork {
	left := maxExprWork
	return func(cost int) error {
		if left -= cost; left < 0 {
			return errExprWork
		}
		return nil
	}
}

func exprRead(work, v any) error {
	cost, err := exprWeight(v)
	if err != nil || cost == 0 {
		return err
	}
	return work.(exprWork)(cost)
}

// exprWeight is the work of using a value once: a unit is 64 bytes of a text or an
// element of a list.
func exprWeight(v any) (int, error) {
	size := 0
	switch v := v.(type) {
	case string:
		size = len(v)
	case json.Number:
		size = len(v)
	case []any:
		return len(v), nil
	case []string:
		return len(v), nil
	}
	if size > maxExprText {
		return 0, errExprWork
	}
	return size / 64, nil
}
