package connectors

import (
	"reflect"

	"racord/hub"
)

// Manifest is a creditor as its file describes it, checked. It is immutable but
// for Override and Rebase, which come before Open.
type Manifest struct {
	File     string
	Kind     string
	Creditor hub.Creditor
	Traits   hub.Traits
	Calls    map[string]*Call

	settings reflect.Value // of the kind's own type
}

// Call is one call of a manifest: what is sent, and how the answer is read.
type Call struct {
	Name string
	Safe bool // `read: true`: repeating it does no harm, so it may go through Env.Read

	request reflect.Value // of the kind's own type
}
