package soap

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

// Namespaces of SOAP 1.1 and WS-Security 1.0.
const (
	envelopeSpace = "http://schemas.xmlsoap.org/soap/envelope/"
	securitySpace = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	passwordText  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
)

// client sends the calls of one creditor.
type client struct {
	manifest *connectors.Manifest
	env      connectors.Env
	settings Settings
	caller   *wire.Caller
}

// ask sends a call and gives what stands in the body of the answer. Refusals
// become errors by the rules of the call.
func (cl *client) ask(ctx context.Context, call *connectors.Call, vars *connectors.Vars, r *connectors.Reading) (*element, error) {
	reply, err := cl.send(ctx, call, vars)
	if err != nil {
		return nil, err
	}
	defer reply.Release()
	payload, guessed, broken := decode(reply.Body, reply.Header.Get("Content-Type"), call.Bounds().Values)
	var root connectors.Value
	if broken == nil {
		root = payload
	}
	if err := r.Classify(reply.Status, root, reply.RetryAfter); err != nil {
		return nil, err
	}
	if broken != nil {
		return nil, connectors.BadData("the answer: %w", broken)
	}
	if payload.name == "Fault" {
		return nil, unknownFault()
	}
	if guessed {
		r.Flag(hub.QualityEvent{Code: "encoding_guessed", Detail: "the answer is not in the character set it names"})
	}
	return payload, nil
}

func unknownFault() error {
	return connectors.Failure(hub.CodeUnavailable, errors.New("a fault that no rule of the manifest knows"))
}

// send sends the message. It fails like Caller.Call.
func (cl *client) send(ctx context.Context, call *connectors.Call, vars *connectors.Vars) (*wire.Reply, error) {
	request, err := cl.request(ctx, call, vars)
	if err != nil {
		return nil, hub.Undone(err)
	}
	return cl.caller.Call(ctx, call, request)
}

func (cl *client) request(ctx context.Context, call *connectors.Call, vars *connectors.Vars) (*http.Request, error) {
	what := connectors.RequestOf[Request](call)
	text, err := cl.envelope(ctx, what, vars)
	if err != nil {
		return nil, err
	}
	encoded, err := encode(text, cl.settings.Charset)
	if err != nil {
		return nil, hub.Wrap(hub.CodeInvalid, err, "A value holds a letter the creditor's system does not know.")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, cl.settings.Endpoint, bytes.NewReader(encoded))
	if err != nil {
		return nil, connectors.Failure(hub.CodeInternal, errors.New("the request cannot be made"))
	}
	request.Header.Set("Content-Type", "text/xml; charset="+cl.settings.Charset)
	request.Header.Set("SOAPAction", `"`+what.Action+`"`)
	return request, nil
}

// envelope writes the message in UTF-8.
func (cl *client) envelope(ctx context.Context, what Request, vars *connectors.Vars) ([]byte, error) {
	b := append(make([]byte, 0, 1024), `<?xml version="1.0" encoding="`+cl.settings.Charset+`"?><soap:Envelope xmlns:soap="`+envelopeSpace+`">`...)
	b, err := cl.security(ctx, b)
	if err != nil {
		return nil, err
	}
	if b, err = what.Body.AppendXML(ctx, append(b, "<soap:Body>"...), vars); err != nil {
		return nil, err
	}
	return append(b, "</soap:Body></soap:Envelope>"...), nil
}

func (cl *client) security(ctx context.Context, b []byte) ([]byte, error) {
	token := cl.settings.Security
	if token == nil {
		return b, nil
	}
	b = append(b, `<soap:Header><wsse:Security soap:mustUnderstand="1" xmlns:wsse="`+securitySpace+`"><wsse:UsernameToken><wsse:Username>`...)
	b, err := cl.secret(ctx, b, token.Username)
	if err != nil {
		return nil, err
	}
	b = append(b, `</wsse:Username><wsse:Password Type="`+passwordText+`">`...)
	if b, err = cl.secret(ctx, b, token.Password); err != nil {
		return nil, err
	}
	return append(b, "</wsse:Password></wsse:UsernameToken></wsse:Security></soap:Header>"...), nil
}

func (cl *client) secret(ctx context.Context, b []byte, name connectors.SecretName) ([]byte, error) {
	secret, err := cl.env.Secret(ctx, string(name))
	if err != nil {
		return nil, err
	}
	return connectors.AppendXMLText(b, secret.Reveal())
}

// source answers live questions.
type source struct {
	*client
	call *connectors.Call
}

// Obligations sends the call obligations; the answer is one page.
func (s source) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	vars := &connectors.Vars{Asked: who, Page: 1, Now: s.env.Clock.Now(), Secret: s.env.Secret}
	r := s.manifest.Reading(s.call, who, vars.Now)
	payload, err := s.ask(ctx, s.call, vars, r)
	if err != nil {
		return hub.Answer{}, err
	}
	if _, err := r.Page(payload); err != nil {
		return hub.Answer{}, err
	}
	return r.Lend(), nil
}

// probe asks whether the creditor is there.
type probe struct {
	*client
	call *connectors.Call
}

// Ping sends the call ping. That something is not known is an answer too.
func (p probe) Ping(ctx context.Context) error {
	vars := &connectors.Vars{Page: 1, Now: p.env.Clock.Now(), Secret: p.env.Secret}
	_, err := p.ask(ctx, p.call, vars, p.manifest.Reading(p.call, hub.Asked{}, vars.Now))
	if hub.CodeOf(err) == hub.CodeNotFound {
		return nil
	}
	return err
}

var (
	_ hub.Source = source{}
	_ hub.Probe  = probe{}
)
