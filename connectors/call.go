package connectors

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"racord/hub"
)

// Call is one call of a manifest: what is sent, and how the answer is read.
type Call struct {
	Name string
	Safe bool // `read: true`: repeating it does no harm, so it may go through Env.Read

	request reflect.Value // of the kind's own type
	answer  answerPart
	vars    map[string]string // variables of the request, and the field each stands in
}

// Writes tells whether the call changes the creditor's books.
func (c *Call) Writes() bool { return writes(c.Name) }

// Repeats tells whether the manifest says that the answer ends by repeating its
// last page.
func (c *Call) Repeats() bool {
	r, ok := requestAs[interface{ Repeats() bool }](c)
	return ok && r.Repeats()
}

// Pages tells whether the manifest says how the answer goes on.
func (c *Call) Pages() bool {
	r, ok := requestAs[interface{ Pages() bool }](c)
	return ok && r.Pages()
}

// Follows is the name by which every page of the answer says whether another one
// follows, "" where the manifest names none.
func (c *Call) Follows() string {
	r, ok := requestAs[interface{ Follows() string }](c)
	if !ok {
		return ""
	}
	return r.Follows()
}

// requestAs gives the request of a call if it can tell what is asked of it.
func requestAs[T any](c *Call) (r T, ok bool) {
	if c.request.IsValid() {
		r, ok = c.request.Interface().(T)
	}
	return r, ok
}

// answerPart is how the answer to a call is read.
type answerPart struct {
	Read        bool           `json:"read" doc:"Repeating the call does no harm."`
	Errors      []errorRule    `json:"errors" doc:"Their refusals in our words. The first rule that fits counts."`
	Known       *condition     `json:"known" doc:"What an answer about a known subject fulfils; any other says not known here."`
	Subject     *subjectPart   `json:"subject" doc:"Where the answer repeats whom it is about. What differs from the question is somebody else's data."`
	AsOf        *Field         `json:"as_of" doc:"The moment the amounts speak about." as:"instant"`
	ValidUntil  *Field         `json:"valid_until" doc:"The moment the amounts may change." as:"instant"`
	Provisional *condition     `json:"provisional" doc:"When the creditor says that the amounts are not final."`
	Items       Path           `json:"items" doc:"The list of records in the answer; $ is the answer itself. An answer without it is refused: only the creditor may say that nothing is due."`
	MayOmit     bool           `json:"items_may_be_omitted" doc:"The creditor leaves the list out when nothing is due."`
	Map         *obligationMap `json:"map" doc:"Our fields from theirs."`
	Booking     *bookingMap    `json:"booking" doc:"What the creditor says it booked: the answer to post; in answers to find and statement, every record under items."`
	Extinguish  []shareMap     `json:"extinguishes" doc:"Of a quote: what a part payment is booked to, where the creditor says so."`
}

func (in *inspection) calls(node ast.Node, kind Kind, m *Manifest) map[string]*Call {
	calls := map[string]*Call{}
	for _, e := range in.mapping(node, "calls", 1) {
		field := join("calls", e.key)
		switch {
		case !slices.Contains(kind.calls, e.key):
			in.at(field, "kind %s has no such call; %s", kind.name, oneOf(kind.calls))
		default:
			calls[e.key] = in.oneCall(e, kind, field)
		}
	}
	if first := kind.calls[0]; calls[first] == nil {
		in.at("calls", "%s is missing", first)
	}
	for name, c := range calls {
		in.callAgrees(c, kind, m.Traits, join("calls", name))
	}
	return calls
}

func (in *inspection) oneCall(e entry, kind Kind, field string) *Call {
	c := &Call{Name: e.key, vars: map[string]string{}}
	in.call = c
	defer func() { in.call = nil }()
	request := kind.requests[e.key]
	if request != nil {
		c.request = reflect.New(request).Elem()
	}
	rest := []entry{}
	for _, part := range in.mapping(e.value, field, 2) {
		if part.key == "request" && request != nil {
			in.into(part.value, c.request, join(field, "request"), "", 3)
			continue
		}
		rest = append(rest, part)
	}
	in.answerParts(rest, c, field, kind)
	c.Safe = c.answer.Read
	return c
}

func (in *inspection) answerParts(parts []entry, c *Call, field string, kind Kind) {
	v := reflect.ValueOf(&c.answer).Elem()
	fields := in.fieldsOf(v.Type())
	for _, e := range parts {
		f, known := fields.find(e.key)
		if !known {
			names := fields.names()
			if kind.requests[c.Name] != nil {
				names = append([]string{"request"}, names...)
			}
			in.at(join(field, e.key), "unknown key; %s", oneOf(names))
			continue
		}
		in.into(e.value, v.FieldByIndex(f.Index), join(field, e.key), f.Tag, 3)
	}
}

// callAgrees finds what is missing or contradicts the traits.
func (in *inspection) callAgrees(c *Call, kind Kind, t hub.Traits, field string) {
	if slices.Contains([]string{CallObligations, CallPull, CallQuote}, c.Name) && c.answer.Map == nil {
		in.at(field, "map is missing")
	}
	in.payingAgrees(c, kind, field)
	request := kind.requests[c.Name]
	if c.Name != CallObligations && c.Name != CallQuote || request == nil || !holdsTemplates(request, 0) {
		return
	}
	if t.Can(hub.FetchByAccount) && c.vars["account"] == "" {
		in.at(join(field, "request"), "fetch says by_account, but the request says no {{ account }}")
	}
	if !t.Can(hub.FetchByParty) {
		return
	}
	for _, scheme := range t.Identifiers {
		name := strings.TrimPrefix(string(scheme), "ro:")
		if scheme != "" && c.vars["identifier"] == "" && c.vars[name] == "" { // an unknown one was told of already
			in.at(join(field, "request"), "identifiers lists %s, but the request says neither {{ %s }} nor {{ identifier }}", scheme, name)
		}
	}
}

// holdsTemplates tells whether a request type has holes for subjects.
func holdsTemplates(t reflect.Type, depth int) bool {
	switch {
	case t == reflect.TypeFor[Template]() || t == reflect.TypeFor[Body]():
		return true
	case depth > 4:
		return false
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map:
		return holdsTemplates(t.Elem(), depth+1)
	case t.Kind() != reflect.Struct:
		return false
	}
	for _, f := range fieldsOf(t) {
		if holdsTemplates(f.Type, depth+1) {
			return true
		}
	}
	return false
}

// oneOrMore is a text or a list of texts.
type oneOrMore []string

func (w *oneOrMore) readNode(in *inspection, node ast.Node, field string, _ reflect.StructTag) {
	if _, list := node.(*ast.SequenceNode); !list {
		if s, ok := in.text(node, field); ok {
			*w = oneOrMore{s}
		}
		return
	}
	for i, n := range in.sequence(node, field) {
		if s, ok := in.text(n, fmt.Sprintf("%s[%d]", field, i)); ok {
			*w = append(*w, s)
		}
	}
}

// condition is something an answer or a record fulfils.
type condition struct {
	At     Path      `json:"at" doc:"Path of the value that decides."`
	Is     oneOrMore `json:"is" doc:"One of these texts."`
	Not    oneOrMore `json:"not" doc:"None of these texts; a value that is missing fulfils it."`
	Exists *bool     `json:"exists" doc:"Whether there is a value at all."`
}

func (c condition) Check(report func(field, problem string)) {
	if c.At.IsZero() && (c.Is != nil || c.Not != nil || c.Exists != nil) {
		report("", "at is missing: the path of the value that decides")
	}
	if !c.At.IsZero() && c.Is == nil && c.Not == nil && c.Exists == nil {
		report("", "needs is, not or exists")
	}
}

func (c *condition) holds(s *scope) bool {
	if c.At.IsZero() {
		return true
	}
	v := c.At.find(s)
	text, ok := s.text(v)
	text = strings.TrimSpace(text)
	switch {
	case c.Exists != nil && *c.Exists != (v != nil && (ok || hasParts(v))):
		return false
	case c.Is != nil && !slices.Contains(c.Is, text):
		return false
	case c.Not != nil && slices.Contains(c.Not, text):
		return false
	}
	return true
}

// hasParts tells an object or a list from null.
func hasParts(v Value) bool { return v.Any() != nil }

// errorRule turns a refusal of the creditor into a code of ours, or into what it
// really says about a posting.
type errorRule struct {
	condition
	Status     int           `json:"status" doc:"HTTP status of the answer." min:"100" max:"599"`
	Code       string        `json:"code" doc:"Our code. Required, unless done or found says what the answer means." enum:"not_found|ambiguous|not_payable|amount_changed|busy|maintenance|auth|bad_data|timeout|unsupported|unavailable"`
	RetryAfter time.Duration `json:"retry_after" doc:"How long to wait when the creditor does not say." max:"86400"`
	Certain    *bool         `json:"certain" doc:"Of post and reverse, required there: whether this answer says that nothing was booked. false: it may have been."`
	Done       bool          `json:"done" doc:"Of post and reverse: the answer says that it was done before, and is read like any other."`
	Under      Path          `json:"under" doc:"With done: where in this answer the booking stands, when not at its root."`
	Found      string        `json:"found" doc:"Of find: what the answer says about the posting." enum:"absent|not_visible|refused"`
}

func (r errorRule) Check(report func(field, problem string)) {
	r.condition.Check(report)
	if r.At.IsZero() && r.Status == 0 {
		report("", "needs at or status: what makes the answer a refusal")
	}
	given := 0
	for _, is := range []bool{r.Code != "", r.Done, r.Found != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		report("", "needs exactly one of code, done, found")
	}
	if !r.Under.IsZero() && !r.Done {
		report("under", "belongs to done")
	}
}

// sentences are what citizens read when a creditor refuses.
var sentences = map[hub.Code]string{
	hub.CodeNotFound:      "The creditor does not know this person or account.",
	hub.CodeAmbiguous:     "The creditor found several candidates.",
	hub.CodeNotPayable:    "The creditor does not take payments for this now.",
	hub.CodeAmountChanged: "The creditor takes another amount now.",
	hub.CodeBusy:          "The creditor's system is busy.",
	hub.CodeMaintenance:   "The creditor's system is closed for maintenance.",
	hub.CodeAuth:          "The creditor's system does not accept the hub's credentials.",
	hub.CodeBadData:       "The creditor's answer cannot be used.",
	hub.CodeTimeout:       "The creditor's system did not answer in time.",
	hub.CodeUnsupported:   "The creditor's system cannot do this.",
	hub.CodeUnavailable:   "The creditor's system does not answer.",
	hub.CodeForeignData:   "The creditor answered about somebody else.",
}

// Failure makes an error of the code with the sentence citizens read; cause is
// for us and must not repeat data.
func Failure(code hub.Code, cause error) *hub.Error { return hub.Wrap(code, cause, sentences[code]) }

// BadData is a Failure of CodeBadData.
func BadData(format string, args ...any) *hub.Error {
	return Failure(hub.CodeBadData, fmt.Errorf(format, args...))
}
