// Package grpc speaks gRPC to a service that its company's own .proto describes:
// the manifest carries the text, names methods, writes requests in their JSON
// form and reads answers field by field. A method that streams its answer gives a
// list of records; a stream that does not end with the status OK is no answer.
// google.type.Money, google.type.Date and google.protobuf.Timestamp are read and
// written as other kinds spell them: 12.50, 2026-03-31, RFC 3339.
package grpc

import (
	"context"
	"strings"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

// Kind declares the protocol.
var Kind = connectors.Define("grpc", "gRPC, described by the company's own .proto. In error rules `grpc.status` is the name of the status (`UNAVAILABLE`), `grpc.reason` and `grpc.domain` are those of its google.rpc.ErrorInfo, and `status` is the HTTP status that google/rpc/code.proto gives it (`DEADLINE_EXCEEDED` is 408 here).",
	Settings{}, open, connectors.Agree(agree),
	connectors.Calls[Request](append([]string{connectors.CallObligations, connectors.CallPing, connectors.CallProve}, connectors.PayingCalls()...)...))

// Settings is what all calls of a creditor share.
type Settings struct {
	BaseURL string    `json:"base_url" doc:"Address of the service, without a path: https://host:port; http:// for one without TLS." required:"true"`
	Proto   string    `json:"proto" doc:"The company's .proto, as it is. It may import google/protobuf/*, google/type/date.proto and google/type/money.proto." required:"true"`
	Service string    `json:"service" doc:"Full name of the service in the .proto, such as company.billing.v1.Billing." required:"true"`
	Auth    wire.Auth `json:"auth" doc:"How the hub shows who it is; a header is sent as metadata." required:"true"`
	TLS     *wire.TLS `json:"tls" doc:"A certificate of ours (mTLS), or roots of the creditor's own."`
}

// Check finds what cannot be an address or a .proto.
func (s Settings) Check(report func(field, problem string)) {
	if problem := connectors.CheckURL(s.BaseURL); problem != "" {
		report("base_url", problem)
	} else if to, err := serverOf(s.BaseURL); err != nil {
		report("base_url", err.Error())
	} else if s.TLS != nil && !to.secure {
		report("tls", "belongs to an address that begins with https://")
	}
	if _, err := compile(s.Proto, s.Service); err != nil {
		report(err.field, err.Error())
	}
	if header := s.Auth.Header; header != "" && !validKey(header) {
		report("auth.header", "not a key of metadata: lower-case letters, digits, - and _, without grpc- before or -bin behind")
	}
}

// Request is what one call sends.
type Request struct {
	Method  string           `json:"method" doc:"Name of a method of the service that takes one request; it may answer with a stream." required:"true"`
	Message *connectors.Body `json:"message" doc:"The request in the JSON form of its message (protobuf.dev/programming-guides/json). Nothing else that is sent may hold a personal code."`
}

// agree finds calls that the .proto does not have.
func agree(s Settings, m *connectors.Manifest, report func(field, problem string)) {
	service, err := compile(s.Proto, s.Service)
	if err != nil {
		return // Check has said so
	}
	for name, call := range m.Calls {
		request := connectors.RequestOf[Request](call)
		if _, problem := service.method(request.Method); problem != "" {
			report("calls."+name+".request.method", problem)
		}
	}
}

// open makes the connector of a manifest.
func open(_ context.Context, env connectors.Env, m *connectors.Manifest, s Settings) (*hub.Connector, error) {
	cl, err := newClient(env, m, s)
	if err != nil {
		return nil, err
	}
	c := m.Connector()
	c.Source = source{cl, m.Calls[connectors.CallObligations]}
	if ping := m.Calls[connectors.CallPing]; ping != nil {
		c.Probe = probe{cl, ping}
	}
	if prove := m.Calls[connectors.CallProve]; prove != nil {
		c.Linker = linker{cl, prove}
	}
	m.Pay(c, env, cl.exchange)
	return c, nil
}

// validKey tells whether gRPC takes a key for metadata that is text.
func validKey(key string) bool {
	return key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" &&
		!strings.HasPrefix(key, "grpc-") && !strings.HasSuffix(key, "-bin")
}
