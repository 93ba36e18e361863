package rest

import (
	"context"
	"slices"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

// Pay gives a connector the parts of paying that its manifest describes with a
// Request. It sends nothing yet.
func Pay(c *hub.Connector, env connectors.Env, m *connectors.Manifest, s Settings, caller *wire.Caller) {
	newClient(env, m, s, caller).pay(c)
}

func (cl *client) pay(c *hub.Connector) {
	calls := map[string]*prepared{}
	for name := range cl.manifest.Calls {
		if slices.Contains(connectors.PayingCalls(), name) {
			p := cl.prepare(name)
			calls[name] = &p
		}
	}
	cl.manifest.Pay(c, cl.env, func(ctx context.Context, call *connectors.Call, v *connectors.Vars, use connectors.Use) error {
		return cl.exchange(ctx, calls[call.Name], v, use)
	})
}

// exchange sends a call of paying and gives every page of the answer to use. All
// pages together are no larger than the largest answer of one page.
func (cl *client) exchange(ctx context.Context, p *prepared, v *connectors.Vars, use connectors.Use) error {
	for most, size := connectors.StatementBounds().Bytes, 0; ; {
		read, more, err := cl.onePage(ctx, p, v, use)
		if size += read; err == nil && size > most {
			err = connectors.BadData("%d pages of more than %d bytes together", v.Page, most)
		}
		if err != nil || !more {
			return err
		}
		if v.Page++; v.Page > p.Paging.MaxPages {
			return connectors.BadData("more than %d pages", p.Paging.MaxPages)
		}
	}
}

// onePage tells how many bytes the page had, and whether another one follows.
func (cl *client) onePage(ctx context.Context, p *prepared, v *connectors.Vars, use connectors.Use) (read int, more bool, err error) {
	reply, err := cl.send(ctx, p, v)
	if err != nil {
		return 0, false, err
	}
	defer reply.Release()
	read = len(reply.Body)
	answer, proven, broken := cl.open(ctx, reply, p.Bounds())
	said := connectors.Reply{Status: reply.Status, Broken: broken, Unproven: !proven, RetryAfter: reply.RetryAfter}
	if broken == nil {
		defer answer.Release()
		said.Root = answer.Root()
	}
	page, err := use(said)
	if page && err == nil && p.Paging != nil {
		more, err = p.Paging.next(said.Root, v)
	}
	return read, more, err
}
