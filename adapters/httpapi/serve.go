package httpapi

import (
	"context"
	"net/http"

	"racord/hub"

	"github.com/go-kit/kit/endpoint"
	kit "github.com/go-kit/kit/transport/http"
)

// operation is what middleware knows about a route: its name, who may call it
// and how often.
type operation struct {
	name    string
	who     audience
	rate    *limiter // nil = no limit of its own
	portals *limiter // instead of rate, for a portal's own token; nil = the same
	paying  bool     // shed after everything else
	long    bool     // a stream or a dry run, counted apart
}

type audience int

const (
	everybody   audience = iota // without a token
	holders                     // with a citizen's own token or a portal's own
	persons                     // with a citizen's own token
	registrars                  // with a company's own token or an approver's
	refunders                   // with a token that has the right to have money given back
	companyOnly                 // with a company's token, for the creditor in the address
)

func public(name string) operation { return operation{name: name} }
func anyone(name string, rate *limiter) operation {
	return operation{name: name, who: holders, rate: rate}
}
func citizens(name string, rate *limiter) operation {
	return operation{name: name, who: persons, rate: rate}
}
func staff(name string, rate *limiter) operation {
	return operation{name: name, who: refunders, rate: rate}
}

func companies(name string, rate *limiter) operation {
	return operation{name: name, who: companyOnly, rate: rate}
}

// payer is an operation on a payment of the caller's own.
func (a *API) payer(name string) operation {
	return paying(anyone(name, a.limits.payments).apart(a.limits.references))
}

// paying marks an operation that carries a payment on: when too many requests
// are under way, all others are refused first.
func paying(op operation) operation { op.paying = true; return op }

// apart gives a portal's own token another quota than a person's.
func (op operation) apart(portals *limiter) operation { op.portals = portals; return op }

// streamed marks an operation that takes as long as its client stays, or the
// system of a company that is tried.
func streamed(op operation) operation { op.long = true; return op }

func (a *API) handled(op operation) endpoint.Middleware {
	return endpoint.Chain(a.measured(op), a.rescued(op), a.counted(op), patient, a.authorised(op), a.limited(op))
}

// serve turns a use case's method into a go-kit endpoint behind one handler:
// the method's own argument and result are request and response. The request is
// decoded behind the middleware, not before it as go-kit would: nobody's body is
// read who brings no good token, has used up a quota, or comes as one too many.
func serve[Req, Resp any](
	a *API, op operation,
	decode func(*http.Request) (Req, error),
	do func(context.Context, hub.Login, Req) (Resp, error),
	write func(*exchange, http.ResponseWriter, Resp) error,
) http.Handler {
	core := func(ctx context.Context, _ any) (any, error) {
		x := exchangeOf(ctx)
		request, err := decode(x.request)
		if err != nil {
			return nil, err
		}
		return do(ctx, x.caller.Login, request)
	}
	encoder := func(ctx context.Context, w http.ResponseWriter, response any) error {
		return write(exchangeOf(ctx), w, response.(Resp))
	}
	return kit.NewServer(a.handled(op)(core), kit.NopRequestDecoder, encoder, kit.ServerBefore(begin), kit.ServerErrorEncoder(fail))
}

// begin opens the exchange that accompanies a request.
func begin(_ context.Context, r *http.Request) context.Context { return newExchange(r) }

// fail writes an error as a problem document. A stream that has begun has had its
// status and its type: no document can follow.
func fail(ctx context.Context, err error, w http.ResponseWriter) {
	if x := exchangeOf(ctx); !x.streams {
		writeProblem(x, w, err)
	}
}
