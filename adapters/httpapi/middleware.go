package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"racord/hub"

	"github.com/go-kit/kit/endpoint"
)

// measured counts a request and logs it when the fault is on our side.
func (a *API) measured(op operation) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			a.Meter.Began(op.name)
			response, err := next(ctx, request)
			x, code := exchangeOf(ctx), hub.CodeOf(err)
			took := time.Since(x.begun)
			a.Meter.Ended(op.name, code, took)
			if err != nil && problemOf(code).ours {
				a.Log.LogAttrs(ctx, slog.LevelError, "request failed",
					slog.String("operation", op.name), slog.String("code", string(code)),
					slog.String("portal", x.caller.Portal), slog.String("trace_id", string(x.trace[:])),
					slog.Duration("took", took), slog.String("error", err.Error()))
			}
			return response, err
		}
	}
}

// rescued turns a panic into a problem. Its value is not logged, it could hold
// anything; where it happened is.
func (a *API) rescued(op operation) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (response any, err error) {
			defer func() {
				if value := recover(); value != nil {
					response, err = nil, hub.Wrap(hub.CodeInternal, panicked(value), hub.MessageOf(nil))
				}
			}()
			return next(ctx, request)
		}
	}
}

// panicked describes a panic by its type and its place.
func panicked(value any) error {
	var places []string
	callers := make([]uintptr, 24)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for more := true; more && len(places) < 8; {
		var frame runtime.Frame
		if frame, more = frames.Next(); strings.HasPrefix(frame.Function, "racord/") {
			places = append(places, frame.Function+":"+strconv.Itoa(frame.Line))
		}
	}
	var known runtime.Error
	if err, ok := value.(error); ok && errors.As(err, &known) {
		return fmt.Errorf("panic: %w at %s", known, strings.Join(places, " < "))
	}
	return fmt.Errorf("panic of type %T at %s", value, strings.Join(places, " < "))
}

// crowd counts the requests under way.
type crowd struct {
	now  atomic.Int32
	most int32
}

// counted refuses requests above what a replica can carry, so that those inside
// are answered in time.
func (a *API) counted(op operation) endpoint.Middleware {
	if op.long {
		return func(next endpoint.Endpoint) endpoint.Endpoint { return next }
	}
	most := a.crowd.most
	if op.paying {
		most += (most + 1) / 2 // room that only payments have
	}
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			defer a.crowd.now.Add(-1)
			if a.crowd.now.Add(1) > most {
				a.Meter.Shed(op.name)
				return nil, overloaded()
			}
			return next(ctx, request)
		}
	}
}

func overloaded() error {
	err := hub.Errorf(codeOverloaded, "Too many requests are under way. Try again in a moment.")
	err.RetryAfter = inAMoment()
	return err
}

// longestPatience is the most a client can ask for, in milliseconds.
const longestPatience = 10_000

// patient lowers the deadline to what the client says it will wait for, in
// Request-Timeout-Ms.
func patient(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		values := exchangeOf(ctx).request.Header["Request-Timeout-Ms"]
		if len(values) == 0 {
			return next(ctx, request)
		}
		wait, err := strconv.Atoi(values[0])
		if err != nil || wait < 1 || wait > longestPatience || len(values) > 1 {
			return nil, invalid("Request-Timeout-Ms", "must be a whole number of milliseconds from 1 to 10000")
		}
		ctx, cancel := context.WithTimeout(ctx, time.Duration(wait)*time.Millisecond)
		defer cancel()
		return next(ctx, request)
	}
}

// authorised lets in who brings the token the operation asks for.
func (a *API) authorised(op operation) endpoint.Middleware {
	if op.who == everybody {
		return func(next endpoint.Endpoint) endpoint.Endpoint { return next }
	}
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			x := exchangeOf(ctx)
			bearer, err := bearerOf(x.request.Header["Authorization"])
			if err != nil {
				return nil, err
			}
			if x.caller, err = a.Doorman.Admit(ctx, bearer); err != nil {
				return nil, err
			}
			if op.who == holders && !x.caller.Citizen {
				if err := asPortal(&x.caller); err != nil {
					return nil, err
				}
			}
			if op.who == registrars && !x.caller.Staffed() {
				return nil, hub.Errorf(hub.CodeForbidden, "Connectors are for companies and for the city's approvers.")
			}
			if op.who == persons && !x.caller.Citizen {
				return nil, hub.Errorf(hub.CodeForbidden, "This needs the citizen's own token; a portal's token shows no one's data.")
			}
			if op.who == refunders && !x.caller.Refunds {
				return nil, hub.Errorf(hub.CodeForbidden, "Having money given back is for the city's staff.")
			}
			if op.who == companyOnly && x.caller.Company == "" {
				return nil, hub.Errorf(hub.CodeForbidden, "This needs the creditor's own token.")
			}
			return next(ctx, request)
		}
	}
}

// asPortal keeps others from what a portal does for payers who did not sign in: its
// quotas are those of many.
func asPortal(caller *hub.Caller) error {
	switch {
	case caller.Staffed():
		return hub.Errorf(hub.CodeForbidden, "A company's or an approver's token is for connectors.")
	case caller.Refunds:
		return hub.Errorf(hub.CodeForbidden, "The staff's token is for having money given back.")
	case caller.Bare:
		return hub.Errorf(hub.CodeForbidden, "This token is a person's and does not say whose: ask for the scope openid.")
	}
	return nil
}

// bearerOf reads the token (RFC 6750 §2.1). Tokens in queries and bodies are not
// looked for.
func bearerOf(values []string) (string, error) {
	const scheme = "Bearer "
	if len(values) != 1 || len(values[0]) <= len(scheme) || !strings.EqualFold(values[0][:len(scheme)], scheme) {
		return "", errNoToken
	}
	return values[0][len(scheme):], nil
}

// limited counts the request against the citizen's and the portal's quotas.
func (a *API) limited(op operation) endpoint.Middleware {
	if op.rate == nil {
		return func(next endpoint.Endpoint) endpoint.Endpoint { return next }
	}
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			x, rate := exchangeOf(ctx), op.rate
			if op.portals != nil && !x.caller.Citizen {
				rate = op.portals
			}
			if err := a.limits.take(&x.tally, rate, &x.caller, x.begun); err != nil {
				return nil, err
			}
			return next(ctx, request)
		}
	}
}
