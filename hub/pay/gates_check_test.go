package pay_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"racord/hub"
	"racord/hub/pay"
)

// notForeign are calls that reach nobody outside, and why.
var notForeign = map[string]string{
	"Clock.Now":      "tells the time",
	"PaymentTx.Now":  "tells the time",
	"Roster.OnDuty":  "lists what is in memory",
	"Notifier.Reply": "is the answer itself: the provider repeats what was not acknowledged",
}

// TestEveryForeignCallHasCrashPoints calls every method that pay calls of any
// port it is given, and wants to see it stopped at its gate. A port that is
// added to pay.Parts, hub.PSP or hub.Connector is found by itself.
func TestEveryForeignCallHasCrashPoints(t *testing.T) {
	called := calledMethods(t)
	seen := map[string]bool{}
	g := newGate(func(p point) harm { seen[p.method] = true; return failure }, func() {})
	s := newScene(1, 0, pay.Conf{})
	parts := gated(s.parts(), g)
	for name, port := range ports(parts, g) {
		for i := range port.NumMethod() {
			method := name + "." + port.Type().Method(i).Name
			if notForeign[method] != "" || !called[port.Type().Method(i).Name] {
				continue
			}
			if port.Kind() == reflect.Interface && port.IsNil() || !stopsAt(port.Method(i), seen, method) {
				t.Errorf("pay may call %s, and there is no crash point at it", method)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d calls were found: %v", len(seen), slices.Sorted(maps.Keys(seen)))
	}
}

// calledMethods are the names of all methods that the package calls.
func calledMethods(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if selected, ok := n.(*ast.SelectorExpr); ok {
				names[selected.Sel.Name] = true
			}
			return true
		})
	}
	return names
}

// ports finds every port that pay is given, by the name of its interface.
func ports(parts pay.Parts, g *gate) map[string]reflect.Value {
	found := map[string]reflect.Value{"PaymentTx": reflect.ValueOf(gatedTx{nil, g})}
	holders := []reflect.Value{reflect.ValueOf(parts)}
	for _, c := range parts.Roster.OnDuty() {
		holders = append(holders, reflect.ValueOf(*c))
	}
	for _, p := range parts.PSPs {
		holders = append(holders, reflect.ValueOf(*p))
	}
	for _, holder := range holders {
		for i := range holder.NumField() {
			field := holder.Type().Field(i)
			if field.Type.Kind() != reflect.Interface || field.Name == "Meter" {
				continue // a meter counts: it has no effect and no answer
			}
			name := field.Type.Name()
			if _, ok := found[name]; !ok || !holder.Field(i).IsNil() {
				found[name] = holder.Field(i)
			}
		}
	}
	return found
}

// stopsAt calls a method with nothing in its hands.
func stopsAt(method reflect.Value, seen map[string]bool, name string) bool {
	delete(seen, name)
	var args []reflect.Value
	for i := range method.Type().NumIn() {
		in := method.Type().In(i)
		switch {
		case in == reflect.TypeFor[context.Context]():
			args = append(args, reflect.ValueOf(context.Background()))
		case method.Type().IsVariadic() && i == method.Type().NumIn()-1:
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	func() {
		defer func() { _ = recover() }() // without a gate, the call gets as far as it gets
		method.Call(args)
	}()
	return seen[name]
}

var _ hub.PaymentTx = gatedTx{}
