package soap

import (
	"context"

	"racord/connectors"
)

// exchange sends a call of paying and gives its answer to use. An answer has one
// page.
func (cl *client) exchange(ctx context.Context, call *connectors.Call, vars *connectors.Vars, use connectors.Use) error {
	reply, err := cl.send(ctx, call, vars)
	if err != nil {
		return err
	}
	defer reply.Release()
	said := connectors.Reply{Status: reply.Status, RetryAfter: reply.RetryAfter}
	payload, _, broken := decode(reply.Body, reply.Header.Get("Content-Type"), call.Bounds().Values)
	switch {
	case broken != nil:
		said.Broken = connectors.BadData("the answer: %w", broken)
	case payload.name == "Fault":
		said.Root, said.Broken = payload, unknownFault()
	default:
		said.Root = payload
	}
	_, err = use(said)
	return err
}
