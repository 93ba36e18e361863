// Package soap speaks SOAP 1.1 over HTTP (document/literal) with WS-Security
// user names, in the character sets that Romanian systems really send. Paths
// begin at the one element inside soap:Body and know local names only; of a
// Fault, faultcode stands without its prefix. A document type, an entity of its
// own or a body that is not one element ends the reading.
package soap

import (
	"context"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

// Kind declares the protocol.
var Kind = connectors.Define("soap", "SOAP 1.1 over HTTP.", Settings{Charset: "utf-8"}, open,
	connectors.Calls[Request](append([]string{connectors.CallObligations, connectors.CallPing}, connectors.PayingCalls()...)...))

// Settings is what all calls of a creditor share.
type Settings struct {
	Endpoint string         `json:"endpoint" doc:"Address of the service." required:"true"`
	Charset  string         `json:"charset" doc:"Character set of requests. Letters with a comma below become those with a cedilla where the set has only these." enum:"utf-8|windows-1250|iso-8859-2"`
	Security *UsernameToken `json:"security" doc:"WS-Security user name and password (UsernameToken profile 1.0, PasswordText)."`
}

// UsernameToken names the secrets of a WS-Security header.
type UsernameToken struct {
	Username connectors.SecretName `json:"username" doc:"Secret that holds the user name." required:"true"`
	Password connectors.SecretName `json:"password" doc:"Secret that holds the password." required:"true"`
}

// Check finds what cannot be an address.
func (s Settings) Check(report func(field, problem string)) {
	if problem := connectors.CheckURL(s.Endpoint); problem != "" {
		report("endpoint", problem)
	}
}

// Request is what one call sends.
type Request struct {
	Action string           `json:"action" doc:"Value of the SOAPAction header."`
	Body   *connectors.Body `json:"body" doc:"The one element inside soap:Body; its @xmlns is the service's namespace. Elements whose optional hole has no value are left out." required:"true"`
}

// Check finds keys that XML cannot have as names.
func (r Request) Check(report func(field, problem string)) {
	if r.Body != nil {
		r.Body.CheckXML(func(field, problem string) { report("body."+field, problem) })
	}
}

// open makes the connector of a manifest.
func open(_ context.Context, env connectors.Env, m *connectors.Manifest, s Settings) (*hub.Connector, error) {
	cl := &client{manifest: m, env: env, settings: s, caller: wire.NewCaller(env, wire.Auth{Type: "none"})}
	c := m.Connector()
	c.Source = source{cl, m.Calls[connectors.CallObligations]}
	if ping := m.Calls[connectors.CallPing]; ping != nil {
		c.Probe = probe{cl, ping}
	}
	m.Pay(c, env, cl.exchange)
	return c, nil
}
