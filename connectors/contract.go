package connectors

import (
	"reflect"
	"slices"

	"racord/hub"
)

// contract is what a kind's calls are, when they are not the manifest's.
type contract struct {
	calls   string // YAML, as it would stand under calls
	offered func(settings reflect.Value, t hub.Traits) []string
}

// Contract says that the kind's calls are its own, because both sides agreed on
// them: manifests describe none. calls is the YAML that would stand under
// `calls:` of a manifest; offered names those that a creditor with these
// settings and traits has.
func Contract[S any](calls string, offered func(S, hub.Traits) []string) Option {
	return func(k *Kind) {
		k.contract = &contract{calls, func(settings reflect.Value, t hub.Traits) []string {
			return offered(settings.Interface().(S), t)
		}}
	}
}

// contracted gives the calls of the kind that the creditor has. What contradicts
// the traits is a problem of the traits: the contract stands as it is.
func (in *inspection) contracted(kind Kind, m *Manifest) map[string]*Call {
	own := inspect("contract of kind " + kind.name)
	own.names = in.names
	calls, offered := map[string]*Call{}, kind.contract.offered(m.settings, m.Traits)
	for _, e := range own.document([]byte(kind.contract.calls)) {
		if slices.Contains(offered, e.key) {
			calls[e.key] = own.oneCall(e, kind, e.key)
			own.callAgrees(calls[e.key], kind, m.Traits, e.key)
		}
	}
	for _, p := range own.found {
		in.at("traits", "%s", p)
	}
	m.Calls = calls
	in.payingFits(m, kind)
	return calls
}
