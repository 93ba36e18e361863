// Package push is for creditors that send their obligations to the hub and are
// not asked: one in JSON, many in NDJSON or CSV. An obligation has the fields of
// the native contract, and the account it is of; a manifest maps nothing.
package push

import (
	"context"
	"errors"
	"io"
	"iter"

	"racord/connectors"
	"racord/connectors/native"
	"racord/hub"
)

// Kind declares the protocol.
var Kind = connectors.Define("push", "The creditor sends its obligations to the hub, under /v1/creditors/{creditor}/obligations.",
	struct{}{}, open, connectors.Calls[struct{}](connectors.CallPull), connectors.LooksUp(), connectors.Contract("pull:\n  map:\n"+native.Obligation("    "), calls))

func calls(struct{}, hub.Traits) []string { return []string{connectors.CallPull} }

func open(_ context.Context, env connectors.Env, m *connectors.Manifest, _ struct{}) (*hub.Connector, error) {
	if !m.Traits.Can(hub.FetchByAccount) || m.Traits.Can(hub.FetchByParty) {
		return nil, errors.New("traits.fetch: what is sent is kept by account; write [by_account]")
	}
	c := m.Connector()
	c.Inbox = inbox{m, env}
	return c, nil
}

// inbox reads bodies.
type inbox struct {
	manifest *connectors.Manifest
	env      connectors.Env
}

var _ hub.Inbox = inbox{}

// Rows reads a body in one of the three forms.
func (in inbox) Rows(form hub.Form, body io.Reader) (iter.Seq2[hub.Record, error], error) {
	r := &rows{reading: in.manifest.Reading(in.manifest.Calls[connectors.CallPull], hub.Asked{}, in.env.Clock.Now())}
	switch form {
	case hub.FormJSON:
		return r.single(body), nil
	case hub.FormNDJSON:
		return r.lined(body), nil
	case hub.FormCSV:
		return r.table(body)
	}
	return nil, hub.Errorf(hub.CodeUnsupported, "Obligations come as %s, %s or %s.", hub.FormJSON, hub.FormNDJSON, hub.FormCSV)
}
