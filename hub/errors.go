package hub

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Code says what kind of failure an error is. Connectors classify, the guard
// and the view react, the HTTP door translates in one table.
type Code string

// The ten answers a creditor's system can fail with.
const (
	CodeNotFound      Code = "not_found"      // the creditor does not know this subject or account
	CodeAmbiguous     Code = "ambiguous"      // several candidates match
	CodeNotPayable    Code = "not_payable"    // known, but cannot be paid now
	CodeAmountChanged Code = "amount_changed" // the amount differs from the one quoted
	CodeBusy          Code = "busy"           // asks to come back later; nothing was done
	CodeMaintenance   Code = "maintenance"    // closed, usually with a known end
	CodeAuth          Code = "auth"           // our credentials were refused
	CodeBadData       Code = "bad_data"       // an answer that cannot be trusted
	CodeTimeout       Code = "timeout"        // no answer in time
	CodeUnsupported   Code = "unsupported"    // the creditor cannot do this
)

// Failures of the hub itself and of those who call it.
const (
	CodeUnavailable     Code = "unavailable"     // the other side cannot be reached, or its breaker is open
	CodeForeignData     Code = "foreign_data"    // an answer about somebody else: the connector is quarantined
	CodeInvalid         Code = "invalid"         // the caller's input is wrong; Fields say where
	CodeUnauthenticated Code = "unauthenticated" // no token, or not a good one
	CodeForbidden       Code = "forbidden"       // a good token without the right
	CodeConflict        Code = "conflict"        // the state does not allow it
	CodeTooMany         Code = "too_many"        // the caller's limit is used up
	CodeCancelled       Code = "cancelled"       // the caller went away
	CodeInternal        Code = "internal"        // our own fault
)

// Error is a failure with a code for the program, a sentence for the citizen
// and a cause for us. The sentence never holds personal data or an upstream's
// own words.
type Error struct {
	Code       Code
	Message    string
	Err        error         // the cause; may be nil
	RetryAfter time.Duration // how long the other side asked us to wait; 0 = it did not say
	Fields     []Field       // what is wrong with the input, for CodeInvalid
	Payment    PaymentID     // of the caller's own, that is in the way
	Certain    bool          // what was asked for was certainly not done; otherwise it may have been
}

// Field names one thing that is wrong with an input.
type Field struct {
	Pointer string `json:"pointer"` // JSON pointer, parameter or header name
	Code    Code   `json:"code"`
	Detail  string `json:"detail"`
	File    string `json:"file,omitempty"` // of a manifest, or beside it
	Line    int    `json:"line,omitempty"` // in that file, from 1
}

// Error gives the code and the sentence, followed by the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Code) + ": " + e.Message
	}
	return string(e.Code) + ": " + e.Message + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of the given code without a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap gives err a code and a sentence for the citizen.
func Wrap(code Code, err error, message string) *Error {
	return &Error{Code: code, Message: message, Err: err}
}

// CodeOf finds the code of an error. A context's own errors are CodeTimeout and
// CodeCancelled; what nobody classified is CodeInternal; nil is "".
func CodeOf(err error) Code {
	if err == nil {
		return "" // before e, which costs memory
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.Canceled):
		return CodeCancelled
	case errors.Is(err, context.DeadlineExceeded):
		return CodeTimeout
	default:
		return CodeInternal
	}
}

// MessageOf gives the sentence for the citizen, or a neutral one when the error
// has none.
func MessageOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "Something went wrong on our side."
}

// RetryAfterOf gives the wait the other side asked for, or 0.
func RetryAfterOf(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// PaymentOf gives the payment of the caller's own that is in the way, or "".
func PaymentOf(err error) PaymentID {
	var e *Error
	if errors.As(err, &e) {
		return e.Payment
	}
	return ""
}

// Certainly tells whether an error says that nothing was done. Without that
// word, what was asked for may have been done.
func Certainly(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Certain
}

// Undone gives an error with the word that nothing was done, and leaves err as
// it is.
func Undone(err error) error {
	var known *Error
	if !errors.As(err, &known) {
		return NotDone(Wrap(CodeOf(err), err, MessageOf(err)))
	}
	certain := *known
	return NotDone(&certain)
}

// NotDone marks an error as one after which nothing was done.
func NotDone(err *Error) *Error {
	err.Certain = true
	return err
}
