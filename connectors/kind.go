package connectors

import (
	"context"
	"reflect"

	"racord/hub"
)

// The calls a manifest can describe.
const (
	CallObligations = "obligations" // what does one subject owe?
	CallPing        = "ping"        // are you there?
	CallProve       = "prove"       // does this proof fit this account?
	CallPull        = "pull"        // everything that is due, in bulk
	CallQuote       = "quote"       // what may be paid now?
	CallPost        = "post"        // this was paid: book it
	CallFind        = "find"        // did you book it?
	CallReverse     = "reverse"     // take a booking back
	CallStatement   = "statement"   // what did you book on that day?
)

// PayingCalls lists the calls of paying.
func PayingCalls() []string {
	return []string{CallQuote, CallPost, CallFind, CallReverse, CallStatement}
}

// Kind is a protocol that connectors speak. It is a value: a list of kinds makes
// a Catalog.
type Kind struct {
	name, doc string
	settings  reflect.Type
	defaults  reflect.Value
	calls     []string                // the calls it can make, the first is required
	requests  map[string]reflect.Type // the kind's own part of each call; nil when it has none
	files     bool                    // it pays by files: class F and no other
	listed    bool                    // what is owed is looked up in a list, which may be of debts only
	contract  *contract               // its calls, when manifests describe none
	agree     func(m *Manifest, report func(field, problem string))
	open      func(context.Context, Env, *Manifest) (*hub.Connector, error)
}

// Define declares a kind. S is its settings: exported fields with the tags
// `json` (name), `doc` (a sentence), `required:"true"`, `enum:"a|b"`; durations,
// nested structs, slices and maps work. A settings type, or one nested in it,
// that has a method Check(report func(field, problem string)) is asked after
// decoding. open makes the connector of a manifest; it does not dial.
//
// Without options the kind describes one call, obligations, with no request
// part of its own.
func Define[S any](name, doc string, defaults S, open func(context.Context, Env, *Manifest, S) (*hub.Connector, error), options ...Option) Kind {
	k := Kind{
		name: name, doc: doc, settings: reflect.TypeFor[S](), defaults: reflect.ValueOf(defaults),
		calls: []string{CallObligations},
	}
	k.open = func(ctx context.Context, env Env, m *Manifest) (*hub.Connector, error) {
		return open(ctx, env, m, m.settings.Interface().(S))
	}
	for _, option := range options {
		option(&k)
	}
	return k
}

// Option adds to the declaration of a kind.
type Option func(*Kind)

// Calls says which calls the kind can make; the first of all must be in every
// manifest. R is the `request` part of these calls, declared like settings; it
// may hold Templates. Read it with RequestOf. Calls that have another request
// part stand in a Calls of their own.
func Calls[R any](names ...string) Option {
	return func(k *Kind) {
		if k.requests == nil {
			k.calls, k.requests = nil, map[string]reflect.Type{}
		}
		k.calls = append(k.calls, names...)
		for _, name := range names {
			k.requests[name] = reflect.TypeFor[R]()
		}
	}
}

// PaysByFile says that the kind's postings are lines of a file: they are of class
// F, and those of other kinds never are.
func PaysByFile() Option { return func(k *Kind) { k.files = true } }

// LooksUp says that the kind looks up in a list what is owed: traits.lists says
// what it means not to be in it. Other kinds are told by the creditor.
func LooksUp() Option { return func(k *Kind) { k.listed = true } }

// Agree adds a check of what a manifest says in one place against what it says in
// another, such as calls against a setting. It is asked when everything was read
// and nothing was wrong; report names the field from the top of the manifest.
func Agree[S any](check func(s S, m *Manifest, report func(field, problem string))) Option {
	return func(k *Kind) {
		k.agree = func(m *Manifest, report func(field, problem string)) { check(m.settings.Interface().(S), m, report) }
	}
}

// RequestOf gives the request part of a call.
func RequestOf[R any](c *Call) R { return c.request.Interface().(R) }

// Name gives the name manifests use.
func (k Kind) Name() string { return k.name }
