// Package httpapi is the hub's JSON door, described by openapi.yaml: portals ask
// for their citizens' views, links, payments and receipts here, companies bring
// their connectors and send their debts, and payment providers tell what became
// of a charge. Whose data it is comes from the caller's token alone; what fails is
// a problem document (RFC 9457); nothing personal stands in a URL.
package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"net/http"
	"sync"
	"time"

	"racord/hub"
	"racord/hub/view"
)

// Views answers what a party owes; view.Views is one.
type Views interface {
	Of(ctx context.Context, who hub.Login, ask view.Ask) (*view.View, error)
	Stream(ctx context.Context, who hub.Login, ask view.Ask, each func(*view.Page) error) (*view.View, error)
}

// Links keeps a party's accounts; link.Service is one.
type Links interface {
	Link(ctx context.Context, who hub.Login, account hub.AccountRef, proof hub.Proof) (hub.Link, error)
	List(ctx context.Context, who hub.Login) ([]hub.Link, error)
	Unlink(ctx context.Context, who hub.Login, id hub.LinkID) error
}

// Meter counts requests. Operations and codes are closed sets.
type Meter interface {
	Began(operation string)
	Ended(operation string, code hub.Code, took time.Duration) // code "" for success
	Shed(operation string)
}

// Parts are what the API is made from. Meter and Log may be nil.
type Parts struct {
	Doorman hub.Doorman
	Views   Views
	Links   Links
	Paying  Paying
	Sending Sending // nil = no creditor sends by itself
	Roster  hub.Roster
	Meter   Meter
	Log     *slog.Logger

	Connectors Connectors // nil = companies cannot register here

	Ready func(context.Context) error // whether balancers should send requests here; nil = always
}

// Conf sets the API's limits. The zero value of a field takes its default.
type Conf struct {
	CitizenPerMinute int // views of one citizen; default 30
	CallsPerMinute   int // other requests of one citizen or portal client; default 60
	PortalPerMinute  int // requests that one portal carries; default 60,000
	InFlight         int // requests at once; default 256, and half as many more for payments

	PublicURL string // where people outside reach the hub, for receipts; "" = receipts have no link

	StartsPerMinute     int // quotes and payments that one citizen asks for; default 20
	PaymentsPerMinute   int // other requests of one citizen about payments; default 120
	ReferencesPerMinute int // requests of one portal for payers who did not sign in; default 1,200
	SendsPerMinute      int // obligations or deliveries that one creditor sends; default 3,000
}

func (c Conf) withDefaults() Conf {
	c.CitizenPerMinute = cmp.Or(c.CitizenPerMinute, 30)
	c.CallsPerMinute = cmp.Or(c.CallsPerMinute, 60)
	c.PortalPerMinute = cmp.Or(c.PortalPerMinute, 60_000)
	c.InFlight = cmp.Or(c.InFlight, 256)
	c.StartsPerMinute = cmp.Or(c.StartsPerMinute, 20)
	c.PaymentsPerMinute = cmp.Or(c.PaymentsPerMinute, 120)
	c.ReferencesPerMinute = cmp.Or(c.ReferencesPerMinute, 1200)
	c.SendsPerMinute = cmp.Or(c.SendsPerMinute, 3000)
	c.InFlight = min(c.InFlight, math.MaxInt32/2)
	return c
}

// API is the http.Handler of the JSON door.
type API struct {
	Parts
	conf   Conf
	mux    *http.ServeMux
	crowd  crowd
	limits limits
	docs   func() (file, error) // made when somebody wants to read it

	followers *followers
}

// New makes the API.
func New(parts Parts, conf Conf) *API {
	a := &API{Parts: parts, conf: conf.withDefaults(), mux: http.NewServeMux(), followers: newFollowers(), docs: sync.OnceValues(docsPage)}
	if a.Meter == nil {
		a.Meter = silent{}
	}
	if a.Log == nil {
		a.Log = slog.New(slog.DiscardHandler)
	}
	a.crowd.most = int32(a.conf.InFlight)
	a.limits = newLimits(a.conf)
	for _, r := range a.routes() {
		a.mux.Handle(r.pattern, r.handler)
	}
	a.mux.Handle("/", a.elsewhere())
	return a
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guarded(w.Header())
	a.mux.ServeHTTP(w, r)
}

// Header values are shared by all answers, so that setting one costs nothing.
// Nobody may change them.
var (
	noSniffing  = []string{"nosniff"}
	noContent   = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer  = []string{"no-referrer"}
	private     = []string{"private, no-cache"}
	perPerson   = []string{"Authorization, Accept"}
	typeJSON    = []string{"application/json"}
	typeProblem = []string{"application/problem+json"}
)

// guarded sets what every answer carries. Personal answers may be kept by the
// browser alone, and only to be checked again (RFC 9111 §5.2.2.4).
func guarded(h http.Header) {
	h["X-Content-Type-Options"] = noSniffing
	h["Content-Security-Policy"] = noContent
	h["Referrer-Policy"] = noReferrer
	h["Cache-Control"] = private
	h["Vary"] = perPerson
}

type silent struct{}

func (silent) Began(string)                          {}
func (silent) Ended(string, hub.Code, time.Duration) {}
func (silent) Shed(string)                           {}
