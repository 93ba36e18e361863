package rest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

// open makes the connector of a manifest.
func open(_ context.Context, env connectors.Env, m *connectors.Manifest, s Settings) (*hub.Connector, error) {
	env, err := secured(env, s)
	if err != nil {
		return nil, err
	}
	return New(env, m, s), nil
}

// New makes the connector of a manifest whose calls have a Request, for kinds
// that are REST with calls of their own. It sends nothing yet.
func New(env connectors.Env, m *connectors.Manifest, s Settings) *hub.Connector {
	cl := newClient(env, m, s, wire.NewCaller(env, s.Auth).Reading(s.Answers))
	c := m.Connector()
	if m.Calls[connectors.CallObligations] != nil {
		c.Source = &source{cl, cl.prepare(connectors.CallObligations)}
	}
	if m.Calls[connectors.CallPing] != nil {
		c.Probe = probe{cl, cl.prepare(connectors.CallPing)}
	}
	if m.Calls[connectors.CallProve] != nil {
		c.Linker = linker{cl, cl.prepare(connectors.CallProve)}
	}
	cl.pay(c)
	return c
}

// secured gives the environment the TLS of the settings.
func secured(env connectors.Env, s Settings) (connectors.Env, error) {
	if s.TLS == nil {
		return env, nil
	}
	to, err := url.Parse(s.BaseURL)
	if err != nil || env.Secure == nil {
		return env, hub.Errorf(hub.CodeUnsupported, "no TLS of its own is possible here")
	}
	env.Read, env.Write = env.Secure(s.TLS.Config(env, to.Hostname()))
	return env, nil
}

// client sends the calls of one creditor.
type client struct {
	manifest   *connectors.Manifest
	env        connectors.Env
	base       string
	caller     *wire.Caller
	signatures *wire.Signatures
}

func newClient(env connectors.Env, m *connectors.Manifest, s Settings, caller *wire.Caller) *client {
	return &client{manifest: m, env: env, base: strings.TrimSuffix(s.BaseURL, "/"), caller: caller, signatures: wire.NewSignatures(env, s.JWS)}
}

// prepared is a call with its request, the parameters in a fixed order.
type prepared struct {
	*connectors.Call
	Request
	query, headers []string
	always         *url.URL         // where it goes to, if that is always the same
	letterhead     *wire.Letterhead // what questions say in their header, if that is always the same
}

func (cl *client) prepare(name string) prepared {
	c := cl.manifest.Calls[name]
	p := prepared{Call: c, Request: connectors.RequestOf[Request](c)}
	for name := range p.Query {
		p.query = append(p.query, name)
	}
	for name := range p.Headers {
		p.headers = append(p.headers, name)
	}
	slices.Sort(p.query)
	slices.Sort(p.headers)
	if p.constant() {
		p.always, _ = cl.target(context.Background(), &p, nil) // a call that cannot be sent says so when it is
	}
	if len(p.headers) == 0 && !c.Writes() {
		p.letterhead = wire.NewLetterhead(cl.usual(&p))
	}
	return p
}

// usual is what requests of a call say without being told.
func (cl *client) usual(p *prepared) http.Header {
	header := http.Header{"Accept": {cl.signatures.Accept()}}
	if !p.Body.IsZero() {
		header.Set("Content-Type", cl.signatures.Kind())
	}
	return header
}

// constant tells whether every call goes to the same address.
func (p *prepared) constant() bool {
	return p.Path.Constant() && !slices.ContainsFunc(p.query, func(name string) bool {
		template := p.Query[name]
		return !template.Constant()
	})
}

func (cl *client) vars(asked hub.Asked) *connectors.Vars {
	v := new(connectors.Vars)
	cl.begin(v, asked)
	return v
}

// begin sets what every question begins with.
func (cl *client) begin(v *connectors.Vars, asked hub.Asked) {
	v.Asked, v.Page, v.Now, v.Secret = asked, 1, cl.env.Clock.Now(), cl.env.Secret
}

// send fills the templates and sends the request. It fails like Caller.Call.
func (cl *client) send(ctx context.Context, p *prepared, v *connectors.Vars) (*wire.Reply, error) {
	request, err := cl.request(ctx, p, v)
	if err != nil {
		return nil, hub.Undone(err)
	}
	if p.letterhead != nil {
		return cl.caller.Ask(ctx, p.Call, p.letterhead, request)
	}
	return cl.caller.Call(ctx, p.Call, request)
}

func (cl *client) request(ctx context.Context, p *prepared, v *connectors.Vars) (*http.Request, error) {
	to, err := cl.target(ctx, p, v)
	if err != nil {
		return nil, err
	}
	body, err := cl.body(ctx, p, v)
	if err != nil {
		return nil, err
	}
	header, err := cl.header(ctx, p, v)
	if err != nil {
		return nil, err
	}
	return wire.NewRequest(ctx, p.Method, to, header, body), nil
}

// body is what a call sends, signed where that is agreed on; nil for one without.
func (cl *client) body(ctx context.Context, p *prepared, v *connectors.Vars) ([]byte, error) {
	if p.Body.IsZero() {
		return nil, nil
	}
	filled, err := p.Body.AppendJSON(ctx, make([]byte, 0, 64), v)
	if err != nil {
		return nil, err
	}
	return cl.signatures.Sign(ctx, filled)
}

// target is where a call goes to. What it gives may be shared and is not to be
// changed.
func (cl *client) target(ctx context.Context, p *prepared, v *connectors.Vars) (*url.URL, error) {
	if p.always != nil {
		return p.always, nil
	}
	address, err := cl.address(ctx, p, v)
	if err != nil {
		return nil, err
	}
	to, err := url.Parse(string(address))
	if err != nil {
		return nil, connectors.Failure(hub.CodeInternal, errors.New("the request cannot be made")) // the cause repeats the address
	}
	to.Host = strings.TrimSuffix(to.Host, ":") // as http.NewRequest does
	return to, nil
}

func (cl *client) address(ctx context.Context, p *prepared, v *connectors.Vars) ([]byte, error) {
	text := append(make([]byte, 0, 128), cl.base...)
	text, _, err := p.Path.Append(ctx, text, v, connectors.InPath)
	if err != nil {
		return nil, err
	}
	separator := byte('?')
	for _, name := range p.query {
		before := len(text)
		text = append(append(append(text, separator), name...), '=')
		template := p.Query[name]
		var present bool
		if text, present, err = template.Append(ctx, text, v, connectors.InQuery); err != nil {
			return nil, err
		}
		if !present {
			text = text[:before]
			continue
		}
		separator = '&'
	}
	return text, nil
}

// header is what a request says, nil under a letterhead.
func (cl *client) header(ctx context.Context, p *prepared, v *connectors.Vars) (http.Header, error) {
	if p.letterhead != nil {
		return nil, nil
	}
	header := cl.usual(p)
	for _, name := range p.headers {
		template := p.Headers[name]
		value, present, err := template.Append(ctx, nil, v, connectors.InHeader)
		if err != nil {
			return nil, err
		}
		if present {
			header.Set(name, string(value))
		}
	}
	return header, nil
}

// decode reads a reply and finds refusals. A good reply that is not JSON is
// CodeBadData; a refusal need not be JSON. One that is not signed where answers are
// may be anybody's: no rule of the manifest counts.
func (cl *client) decode(ctx context.Context, reply *wire.Reply, r *connectors.Reading) (*connectors.JSON, error) {
	answer, proven, broken := cl.open(ctx, reply, connectors.AnswerBounds())
	if !proven {
		return nil, cmp.Or(connectors.OfStatus(reply.Status, reply.RetryAfter), broken)
	}
	var root connectors.Value
	if broken == nil {
		root = answer.Root()
	}
	if err := r.Classify(reply.Status, root, reply.RetryAfter); err != nil {
		if answer != nil {
			answer.Release()
		}
		return nil, err
	}
	return answer, broken
}

// open verifies a reply and reads its JSON. proven is false for one without a good
// signature where answers are signed.
func (cl *client) open(ctx context.Context, reply *wire.Reply, most connectors.Bounds) (answer *connectors.JSON, proven bool, err error) {
	body, err := cl.signatures.Open(ctx, reply)
	if err != nil {
		return nil, !cl.signatures.Needed(), err
	}
	answer, err = connectors.ParseJSONWithin(body, most)
	if err != nil {
		return nil, true, connectors.BadData("the answer: %w", err)
	}
	return answer, true, nil
}

// probe asks whether the creditor is there.
type probe struct {
	*client
	call prepared
}

// Ping sends the call ping. That something is not known is an answer too.
func (p probe) Ping(ctx context.Context) error {
	reply, err := p.send(ctx, &p.call, p.vars(hub.Asked{}))
	if err != nil {
		return err
	}
	defer reply.Release()
	answer, err := p.decode(ctx, reply, p.manifest.Reading(p.call.Call, hub.Asked{}, p.env.Clock.Now()))
	switch {
	case err == nil:
		answer.Release()
		return nil
	case hub.CodeOf(err) == hub.CodeNotFound:
		return nil
	}
	return err
}

// linker proves accounts.
type linker struct {
	*client
	call prepared
}

// Prove sends the call prove. What known does not confirm is CodeNotFound.
func (l linker) Prove(ctx context.Context, account hub.AccountRef, proof hub.Proof) error {
	asked := hub.Asked{Account: account}
	vars := l.vars(asked)
	vars.Proof = proof
	reply, err := l.send(ctx, &l.call, vars)
	if err != nil {
		return err
	}
	defer reply.Release()
	r := l.manifest.Reading(l.call.Call, asked, l.env.Clock.Now())
	answer, err := l.decode(ctx, reply, r)
	if err != nil {
		return err
	}
	defer answer.Release()
	return r.Confirm(answer.Root())
}

var (
	_ hub.Probe  = probe{}
	_ hub.Linker = linker{}
	_ hub.Source = (*source)(nil)
)
