package grpc

import (
	"context"

	"racord/connectors"
	"racord/hub"
)

// ask makes a call that is no payment and gives its answer. Refusals become
// errors by the rules of the call.
func (cl *client) ask(ctx context.Context, call *connectors.Call, vars *connectors.Vars, r *connectors.Reading) (connectors.Value, error) {
	answer, err := cl.send(ctx, call, vars)
	if err != nil {
		return nil, err
	}
	if err := r.Classify(answer.status, answer.root, answer.retryAfter); err != nil {
		return nil, err
	}
	return answer.root, nil
}

func (cl *client) vars(asked hub.Asked) *connectors.Vars {
	return &connectors.Vars{Asked: asked, Page: 1, Now: cl.env.Clock.Now(), Secret: cl.env.Secret}
}

// exchange makes a call of paying and gives what was said to use. An answer has
// one page.
func (cl *client) exchange(ctx context.Context, call *connectors.Call, v *connectors.Vars, use connectors.Use) error {
	answer, err := cl.send(ctx, call, v)
	if err != nil {
		return err
	}
	_, err = use(connectors.Reply{Status: answer.status, Root: answer.root, RetryAfter: answer.retryAfter})
	return err
}

// source answers live questions.
type source struct {
	*client
	call *connectors.Call
}

// Obligations makes the call obligations; the answer is one page.
func (s source) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	vars := s.vars(who)
	r := s.manifest.Reading(s.call, who, vars.Now)
	root, err := s.ask(ctx, s.call, vars, r)
	if err != nil {
		return hub.Answer{}, err
	}
	if _, err := r.Page(root); err != nil {
		return hub.Answer{}, err
	}
	return r.Lend(), nil
}

// probe asks whether the creditor is there.
type probe struct {
	*client
	call *connectors.Call
}

// Ping makes the call ping. That something is not known is an answer too.
func (p probe) Ping(ctx context.Context) error {
	vars := p.vars(hub.Asked{})
	_, err := p.ask(ctx, p.call, vars, p.manifest.Reading(p.call, hub.Asked{}, vars.Now))
	if hub.CodeOf(err) == hub.CodeNotFound {
		return nil
	}
	return err
}

// linker proves accounts.
type linker struct {
	*client
	call *connectors.Call
}

// Prove makes the call prove. What known does not confirm is CodeNotFound.
func (l linker) Prove(ctx context.Context, account hub.AccountRef, proof hub.Proof) error {
	asked := hub.Asked{Account: account}
	vars := l.vars(asked)
	vars.Proof = proof
	r := l.manifest.Reading(l.call, asked, vars.Now)
	root, err := l.ask(ctx, l.call, vars, r)
	if err != nil {
		return err
	}
	return r.Confirm(root)
}

var (
	_ hub.Source = source{}
	_ hub.Probe  = probe{}
	_ hub.Linker = linker{}
)
