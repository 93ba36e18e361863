// Package rest speaks JSON over HTTP: API keys or OAuth 2.0 client credentials,
// request templates, cursors or page numbers that must end, refusals by status
// or by field. It sends nothing the manifest does not say and trusts nothing the
// answer does not prove.
package rest

import (
	"cmp"
	"strings"

	"racord/connectors"
	"racord/connectors/wire"
)

// Kind declares the protocol.
var Kind = connectors.Define("rest", "JSON over HTTP.", Settings{}, open,
	connectors.Calls[Request](append([]string{connectors.CallObligations, connectors.CallPing, connectors.CallProve}, connectors.PayingCalls()...)...))

// Settings is what all calls of a creditor share.
type Settings struct {
	BaseURL string       `json:"base_url" doc:"Root of the creditor's API, without user, query and fragment." required:"true"`
	Auth    wire.Auth    `json:"auth" doc:"How the hub shows who it is." required:"true"`
	TLS     *wire.TLS    `json:"tls" doc:"A certificate of ours (mTLS), or roots of the creditor's own."`
	JWS     *wire.JWS    `json:"jws" doc:"Signed JSON."`
	Answers wire.Answers `json:"answers" doc:"How answers differ from JSON as it should be."`
}

// Check finds what cannot be an address.
func (s Settings) Check(report func(field, problem string)) {
	if problem := connectors.CheckURL(s.BaseURL); problem != "" {
		report("base_url", problem)
	}
	if s.TLS != nil && !strings.HasPrefix(s.BaseURL, "https://") {
		report("tls", "belongs to an address that begins with https://")
	}
}

// Request is what one call sends.
type Request struct {
	Method  string                         `json:"method" doc:"HTTP method." required:"true" enum:"GET|POST|PUT"`
	Path    connectors.Template            `json:"path" doc:"Path below base_url; begins with /." required:"true" in:"path"`
	Query   map[string]connectors.Template `json:"query" doc:"Parameters; one whose optional hole has no value is left out." in:"query"`
	Headers map[string]connectors.Template `json:"headers" doc:"Headers besides Accept, Content-Type and the credentials." in:"header"`
	Body    *connectors.Body               `json:"body" doc:"JSON body. No other part of a request may hold a personal code."`
	Paging  *Paging                        `json:"paging" doc:"How the answer goes on."`
}

// Paging is how an answer goes on. Exactly one of cursor, pages, more and blind is
// set.
type Paging struct {
	Cursor   connectors.Path `json:"cursor" doc:"Where the next page starts; nothing or null after the last. The request says {{ cursor? }}."`
	Pages    connectors.Path `json:"pages" doc:"How many pages there are. The request says {{ page }}."`
	More     connectors.Path `json:"more" doc:"true while there are more pages, false after the last; an answer without it is refused. The request says {{ page }}."`
	Blind    bool            `json:"blind" doc:"The answer does not say where it ends: its last page is followed by an empty one, by not_found, or by itself again and again. The request says {{ page }}. Of obligations only."`
	Size     int             `json:"size" doc:"With blind: how many records a page holds; one with fewer is the last." min:"1" max:"1000"`
	MaxPages int             `json:"max_pages" doc:"An answer that has more is refused." required:"true" min:"1" max:"250"`
}

// Check finds contradictions within a request.
func (r Request) Check(report func(field, problem string)) {
	if !strings.HasPrefix(r.Path.String(), "/") {
		report("path", "must begin with /")
	}
	if strings.ContainsAny(r.Path.String(), "?#") {
		report("path", "must not hold ? or #: parameters stand in query")
	}
	if r.Method == "GET" && !r.Body.IsZero() {
		report("body", "GET has no body")
	}
	for name, value := range r.Headers {
		if problem := headerProblem(name, value); problem != "" {
			report("headers."+name, problem)
		}
	}
}

// Pages tells whether the answer may go on.
func (r Request) Pages() bool { return r.Paging != nil }

// Repeats tells whether the answer ends by repeating its last page.
func (r Request) Repeats() bool { return r.Paging != nil && r.Paging.Blind }

// Follows is the member by which every page says whether another one follows, ""
// where none does.
func (r Request) Follows() string {
	if r.Paging == nil {
		return ""
	}
	path := cmp.Or(r.Paging.More.String(), r.Paging.Pages.String())
	return path[strings.LastIndexByte(path, '.')+1:]
}

// credentials are headers whose literal value would be a secret in a file.
var credentials = []string{"authorization", "cookie", "proxy-authorization", "x-api-key", "api-key", "x-auth-token"}

func headerProblem(name string, value connectors.Template) string {
	if name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "not the name of a header"
	}
	for _, c := range credentials {
		if strings.EqualFold(name, c) && value.Constant() {
			return "a credential must be {{ secret … }}; the secret itself never stands in a manifest"
		}
	}
	return ""
}

// Check finds paging that cannot work.
func (p Paging) Check(report func(field, problem string)) {
	set := 0
	for _, path := range []connectors.Path{p.Cursor, p.Pages, p.More} {
		if !path.IsZero() {
			set++
		}
	}
	if p.Blind {
		set++
	}
	if set != 1 {
		report("", "needs exactly one of cursor, pages, more, blind")
	}
	if p.Size > 0 && !p.Blind {
		report("size", "belongs to blind")
	}
}
