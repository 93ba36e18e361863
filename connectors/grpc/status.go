package grpc

import (
	"context"
	"errors"
	"net/http"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"racord/connectors"
	"racord/hub"
)

// said is what the other side said: an answer, or a status it refused with.
type said struct {
	root       connectors.Value
	status     int // of HTTP, as google/rpc/code.proto has it; 0 of an answer
	retryAfter time.Duration
	token      string // that was refused
}

// statuses are the names of statuses, and the HTTP status that
// google/rpc/code.proto gives them. A deadline that passed over there is the
// caller's time running out, which HTTP calls 408.
var statuses = map[codes.Code]struct {
	name string
	http int
}{
	codes.Canceled:           {"CANCELLED", 499},
	codes.Unknown:            {"UNKNOWN", http.StatusInternalServerError},
	codes.InvalidArgument:    {"INVALID_ARGUMENT", http.StatusBadRequest},
	codes.DeadlineExceeded:   {"DEADLINE_EXCEEDED", http.StatusRequestTimeout},
	codes.NotFound:           {"NOT_FOUND", http.StatusNotFound},
	codes.AlreadyExists:      {"ALREADY_EXISTS", http.StatusConflict},
	codes.PermissionDenied:   {"PERMISSION_DENIED", http.StatusForbidden},
	codes.ResourceExhausted:  {"RESOURCE_EXHAUSTED", http.StatusTooManyRequests},
	codes.FailedPrecondition: {"FAILED_PRECONDITION", http.StatusBadRequest},
	codes.Aborted:            {"ABORTED", http.StatusConflict},
	codes.OutOfRange:         {"OUT_OF_RANGE", http.StatusBadRequest},
	codes.Unimplemented:      {"UNIMPLEMENTED", http.StatusNotImplemented},
	codes.Internal:           {"INTERNAL", http.StatusInternalServerError},
	codes.Unavailable:        {"UNAVAILABLE", http.StatusServiceUnavailable},
	codes.DataLoss:           {"DATA_LOSS", http.StatusInternalServerError},
	codes.Unauthenticated:    {"UNAUTHENTICATED", http.StatusUnauthorized},
}

// failed tells a status that the other side said from a failure on the way. Both
// come as an error with a status: a connection that breaks is UNAVAILABLE, and so
// is what a server calls itself; one of them proves that we were heard.
func (c *course) failed(ctx context.Context, err error) (said, error) {
	s := status.Convert(err)
	if c.ended.Load() && !errors.Is(err, errTooMuch) && !isOurs(s) {
		return refusalOf(s), nil
	}
	failure := onTheWay(ctx, s, err)
	if !c.begun.Load() {
		return said{}, hub.Undone(failure)
	}
	return said{}, failure
}

// isOurs tells whether a status that came with the end of an answer may be this
// side's, which found a message too long.
func isOurs(s *status.Status) bool {
	const tooLarge = "grpc: received message larger than max"
	return s.Code() == codes.ResourceExhausted && len(s.Message()) >= len(tooLarge) && s.Message()[:len(tooLarge)] == tooLarge
}

// onTheWay classifies what is not the other side's word. The status's text is
// left out: it may repeat what a stranger sent.
func onTheWay(ctx context.Context, s *status.Status, err error) error {
	cause := errors.New("gRPC: " + s.Code().String())
	var known *hub.Error
	switch {
	case errors.As(err, &known):
		return known
	case ctx.Err() != nil:
		return connectors.Failure(hub.CodeOf(ctx.Err()), cause)
	case errors.Is(err, errTooMuch):
		return connectors.BadData("%w", errTooMuch)
	}
	switch s.Code() {
	case codes.DeadlineExceeded:
		return connectors.Failure(hub.CodeTimeout, cause)
	case codes.Unauthenticated, codes.PermissionDenied: // HTTP 401 and 403 of something in between
		return connectors.Failure(hub.CodeAuth, cause)
	case codes.ResourceExhausted, codes.Unknown, codes.Unimplemented: // too long, no gRPC, an encoding that was not offered
		return connectors.Failure(hub.CodeBadData, cause)
	default:
		return connectors.Failure(hub.CodeUnavailable, cause)
	}
}

// refusalOf is a status as the rules of a manifest see it.
func refusalOf(s *status.Status) said {
	known, is := statuses[s.Code()]
	if !is {
		known = statuses[codes.Unknown]
	}
	told := refusal{"status": text(known.name)}
	answer := said{root: refusal{"grpc": told}, status: known.http}
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			told["reason"], told["domain"] = text(d.GetReason()), text(d.GetDomain())
		case *errdetails.RetryInfo:
			if wait := d.GetRetryDelay().AsDuration(); wait > 0 {
				answer.retryAfter = min(max(wait, time.Second), time.Hour)
			}
		}
	}
	return answer
}

// refusal is a status with its details.
type refusal map[string]connectors.Value

// Child gives a part.
func (r refusal) Child(name string) connectors.Value { return r[name] }

// Each is no list.
func (r refusal) Each(string, func(connectors.Value) bool) bool { return false }

// AppendText is never ok: a refusal has parts.
func (r refusal) AppendText(dst []byte) ([]byte, bool) { return dst, false }

// Any gives a map.
func (r refusal) Any() any {
	all := map[string]any{}
	for name, part := range r {
		all[name] = part.Any()
	}
	return all
}

// text is a value that is text.
type text string

// Child gives nothing.
func (t text) Child(string) connectors.Value { return nil }

// Each is no list.
func (t text) Each(string, func(connectors.Value) bool) bool { return false }

// AppendText appends the text.
func (t text) AppendText(dst []byte) ([]byte, bool) { return append(dst, t...), true }

// Any gives the text.
func (t text) Any() any { return string(t) }

var (
	_ connectors.Value = refusal(nil)
	_ connectors.Value = text("")
)
