package parking

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"racord/cmd/city/book"
	"racord/cmd/city/gate"
)

// refuse makes a status with a reason; wait is when to come back, 0 for never.
func refuse(code codes.Code, reason string, wait time.Duration) *status.Status {
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: reason, Domain: "parking.napoca-test.invalid"}}
	if wait > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	}
	s, err := status.New(code, reason).WithDetails(details...)
	if err != nil {
		panic(err) // the details are ours
	}
	return s
}

// refuseFor says why nothing was booked or undone.
func refuseFor(err error) error {
	for _, no := range []struct {
		cause  error
		code   codes.Code
		reason string
	}{
		{book.ErrUnknownDebt, codes.NotFound, "DUE_UNKNOWN"},
		{book.ErrNoReceipt, codes.NotFound, "PAYMENT_UNKNOWN"},
		{book.ErrAlreadyPaid, codes.FailedPrecondition, "ALREADY_PAID"},
		{book.ErrCancelled, codes.FailedPrecondition, "VOID"},
		{book.ErrAmountChanged, codes.FailedPrecondition, "AMOUNT_CHANGED"},
		{book.ErrReferenceTaken, codes.AlreadyExists, "KEY_TAKEN"},
		{book.ErrReversed, codes.FailedPrecondition, "ALREADY_CANCELLED"},
		{book.ErrClosed, codes.FailedPrecondition, "TOO_LATE"},
	} {
		if errors.Is(err, no.cause) {
			return refuse(no.code, no.reason, 0).Err()
		}
	}
	return badRequest()
}

func badRequest() error { return refuse(codes.InvalidArgument, "BAD_REQUEST", 0).Err() }

// Voice is how the company says no at its door.
func Voice() gate.Voice {
	say := func(code codes.Code, reason string, wait time.Duration) func(http.ResponseWriter) {
		s := refuse(code, reason, wait)
		return func(w http.ResponseWriter) { trailersOnly(w, s) }
	}
	closed := say(codes.Unavailable, "MAINTENANCE", 15*time.Minute)
	return gate.Voice{
		Busy:        say(codes.ResourceExhausted, "RATE_LIMITED", 2*time.Second),
		Maintenance: func(w http.ResponseWriter, _ *http.Request) { closed(w) },
		Refused:     say(codes.Unauthenticated, "BAD_KEY", 0),
		Garble:      garble,
	}
}

// trailersOnly is an answer of nothing but a status (gRPC over HTTP/2).
func trailersOnly(w http.ResponseWriter, s *status.Status) {
	details, err := proto.Marshal(s.Proto())
	if err != nil {
		panic(err) // the details are ours
	}
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(int(s.Code())))
	h.Set("Grpc-Message", s.Message())
	h.Set("Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(details))
	w.WriteHeader(http.StatusOK)
}

// garble breaks every letter, so that texts are not UTF-8 any more.
func garble(_ http.Header, body []byte) []byte {
	broken := make([]byte, len(body))
	for i, c := range body {
		if broken[i] = c; c >= 'A' && c <= 'Z' {
			broken[i] = c | 0x80
		}
	}
	return broken
}
