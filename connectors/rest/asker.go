package rest

import (
	"context"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

// Asker sends the call obligations of a manifest for a kind that speaks REST
// among other things. The kind's calls have a Request.
type Asker struct{ source source }

// NewAsker makes an asker. It sends nothing yet.
func NewAsker(env connectors.Env, m *connectors.Manifest, s Settings, caller *wire.Caller) *Asker {
	cl := newClient(env, m, s, caller)
	return &Asker{source{cl, cl.prepare(connectors.CallObligations)}}
}

// Ask asks as a Source does, and calls each with the root of every page after
// its records were read; the root is valid during the call. An error of each
// ends the question.
func (a *Asker) Ask(ctx context.Context, who hub.Asked, each func(root connectors.Value) error) (hub.Answer, error) {
	return a.source.ask(ctx, who, each)
}
