package httpapi

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"racord/hub"
)

// Codes of failures that only HTTP knows.
const (
	codeOverloaded    hub.Code = "overloaded"
	codeNoRoute       hub.Code = "no_such_route"
	codeMethod        hub.Code = "method_not_allowed"
	codeNotAcceptable hub.Code = "not_acceptable"
	codeMediaType     hub.Code = "unsupported_media_type"
	codeTooLarge      hub.Code = "too_large"
	codeMalformed     hub.Code = "malformed"
	codeLinkRefused   hub.Code = "link_refused"
	codeKeyUsed       hub.Code = "key_reused"
	codeQuoteUsed     hub.Code = "quote_used"
	codeQuoteExpired  hub.Code = "quote_expired"
	codeNotStarted    hub.Code = "not_started"
	codeRefundable    hub.Code = "refundable_changed"
	codeNotFailed     hub.Code = "refund_not_failed"
	codeCardData      hub.Code = "card_data"
)

var (
	errNoToken = hub.Errorf(hub.CodeUnauthenticated, "This needs an access token, as Authorization: Bearer.")
	errNoRoute = hub.Errorf(codeNoRoute, "There is nothing at this address; /docs lists those there are.")
	errMethod  = hub.Errorf(codeMethod, "This address does not answer that method; Allow names those it does.")
)

// kind is a sort of problem: the one place where codes become statuses.
type kind struct {
	status int
	title  string
	ours   bool // worth a line in the log
}

var kinds = map[hub.Code]kind{
	codeMalformed:           {http.StatusBadRequest, "The request cannot be read", false},
	hub.CodeInvalid:         {http.StatusBadRequest, "The request is not valid", false},
	hub.CodeUnauthenticated: {http.StatusUnauthorized, "No good access token", false},
	hub.CodeForbidden:       {http.StatusForbidden, "Not allowed", false},
	hub.CodeNotFound:        {http.StatusNotFound, "Not found", false},
	codeNoRoute:             {http.StatusNotFound, "No such address", false},
	codeMethod:              {http.StatusMethodNotAllowed, "Method not allowed", false},
	codeNotAcceptable:       {http.StatusNotAcceptable, "Not available in an accepted format", false},
	hub.CodeConflict:        {http.StatusConflict, "Not possible in this state", false},
	hub.CodeAmbiguous:       {http.StatusConflict, "Several candidates", false},
	hub.CodeNotPayable:      {http.StatusUnprocessableEntity, "Cannot be paid now", false},
	hub.CodeAmountChanged:   {http.StatusConflict, "The amount has changed", false},
	codeTooLarge:            {http.StatusRequestEntityTooLarge, "The request is too large", false},
	codeMediaType:           {http.StatusUnsupportedMediaType, "Not in a format this reads", false},
	codeLinkRefused:         {http.StatusUnprocessableEntity, "The account cannot be linked", false},
	codeQuoteUsed:           {http.StatusConflict, "The quote was used already", false},
	codeQuoteExpired:        {http.StatusConflict, "The quote has run out", false},
	codeNotStarted:          {http.StatusConflict, "The payment was not started", true},
	codeRefundable:          {http.StatusPreconditionFailed, "Another amount can be refunded", false},
	codeNotFailed:           {http.StatusPreconditionFailed, "The refund is not one that failed so", false},
	codeKeyUsed:             {http.StatusUnprocessableEntity, "The key belongs to another request", false},
	codeCardData:            {http.StatusUnprocessableEntity, "No card data here", false},
	hub.CodeTooMany:         {http.StatusTooManyRequests, "Too many requests", false},
	hub.CodeCancelled:       {statusClientLeft, "The client left", false},
	hub.CodeUnsupported:     {http.StatusNotImplemented, "The creditor cannot do this", false},
	hub.CodeAuth:            {http.StatusBadGateway, "The creditor refuses the city's access", true},
	hub.CodeBadData:         {http.StatusBadGateway, "The creditor's answer cannot be trusted", true},
	hub.CodeForeignData:     {http.StatusBadGateway, "The creditor's answer cannot be trusted", true},
	hub.CodeUnavailable:     {http.StatusServiceUnavailable, "Not available now", true},
	hub.CodeBusy:            {http.StatusServiceUnavailable, "Busy", false},
	hub.CodeMaintenance:     {http.StatusServiceUnavailable, "Closed for maintenance", false},
	codeOverloaded:          {http.StatusServiceUnavailable, "Too many requests under way", false},
	hub.CodeTimeout:         {http.StatusGatewayTimeout, "No answer in time", true},
	hub.CodeInternal:        {http.StatusInternalServerError, "Something went wrong on our side", true},
}

// statusClientLeft is what nginx logs for a client that closed the connection;
// nobody reads it.
const statusClientLeft = 499

func problemOf(code hub.Code) kind {
	if k, ok := kinds[code]; ok {
		return k
	}
	return kinds[hub.CodeInternal]
}

// problem is an RFC 9457 document.
type problem struct {
	Type     string        `json:"type"`
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Detail   string        `json:"detail"`
	Instance string        `json:"instance"`
	Code     hub.Code      `json:"code"`
	TraceID  string        `json:"trace_id"`
	Payment  hub.PaymentID `json:"payment,omitempty"`
	Errors   []hub.Field   `json:"errors,omitempty"`
}

// describe says what went wrong as far as it concerns the client. The cause is
// ours alone.
func describe(x *exchange, err error) problem {
	code := hub.CodeOf(err)
	if _, known := kinds[code]; !known {
		code = hub.CodeInternal
	}
	trace := string(x.trace[:])
	return problem{
		Type: "/docs#problem-" + string(code), Title: kinds[code].title, Status: kinds[code].status,
		Detail: hub.MessageOf(err), Instance: "urn:racord:request:" + trace, Code: code, TraceID: trace,
		Payment: hub.PaymentOf(err), Errors: fieldsOf(err),
	}
}

// writeProblem answers with a problem document.
func writeProblem(x *exchange, w http.ResponseWriter, err error) {
	p := describe(x, err)
	h := w.Header()
	wait := hub.RetryAfterOf(err)
	if wait <= 0 && p.Status == http.StatusServiceUnavailable {
		wait = inAMoment()
	}
	if wait > 0 {
		h.Set("Retry-After", strconv.FormatInt(seconds(wait), 10))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge(x))
	}
	body, _ := encode(p) // strings and numbers always encode
	_ = x.send(w, p.Status, typeProblem, body)
}

// inAMoment is when to come back after what is over soon, such as a database that
// restarts: one to three seconds, spread, so that they do not all come at once.
func inAMoment() time.Duration { return time.Second * (1 + rand.N[time.Duration](3)) }

// challenge tells a client without a token what to bring, and one with a token
// that it is not good (RFC 6750 §3).
func challenge(x *exchange) string {
	if len(x.request.Header["Authorization"]) == 0 {
		return `Bearer realm="racord"`
	}
	return `Bearer realm="racord", error="invalid_token"`
}
