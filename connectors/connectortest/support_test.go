package connectortest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"racord/connectors"
	"racord/connectors/connectortest"
	"racord/hub"
)

// Three people, none of whom can exist.
const (
	ana = "2850415120006"
	ion = "1850415120007"
	zoe = "6010203120008"
	eva = "2920229120001" // owes nothing
)

const iban = "RO49AAAA1B31007593840000"

var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, hub.Bucharest)

// defect is one thing a connector does wrong.
type defect string

// gazAnswer is what the gas company of these tests says.
type gazAnswer struct {
	Who   string    `json:"who"`
	AsOf  time.Time `json:"as_of"`
	Bills []gazBill `json:"bills"`
	Next  int       `json:"next,omitempty"` // page; 0 after the last
	More  *bool     `json:"more"`
}

type gazBill struct {
	Number string `json:"number"`
	Due    int64  `json:"due"`
	Day    string `json:"day"`
	Holder string `json:"holder"`
}

// company answers POST /bills {"code": …}.
func company(t testing.TB) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Code string
			Page int // 0 for everything at once
		}
		if r.Header.Get("X-Key") != "sesame-of-gaz" || json.NewDecoder(r.Body).Decode(&asked) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		if asked.Code == eva {
			_ = json.NewEncoder(w).Encode(gazAnswer{asked.Code, noon.Add(-time.Minute), []gazBill{}, 0, new(bool)})
			return
		}
		if asked.Code != ana && asked.Code != ion && asked.Code != "0004411" && asked.Code != "0004412" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":"stranger"}`)
			return
		}
		bills, next := []gazBill{{"G1", 12_345, "2026-03-31", "MUREȘAN ANA"}, {"G2", 100, "2026-04-30", "MUREȘAN ANA"}}, 0
		if asked.Page > 0 {
			bills, next = bills[asked.Page-1:asked.Page], asked.Page+1
		}
		if asked.Page == 2 {
			next = 0
		}
		more := next > 0
		_ = json.NewEncoder(w).Encode(gazAnswer{asked.Code, noon.Add(-time.Minute), bills, next, &more})
	}))
	t.Cleanup(server.Close)
	return server
}

// gaz is a connector written by hand, good but for its defect.
type gaz struct {
	env    connectors.Env
	base   string
	defect defect
	calls  *atomic.Int32
	key    *atomic.Value // of the first call, where it is remembered
}

func (g *gaz) is(d defect) bool { return g.defect == d }

// suite judges gaz, asked by person.
func suite(t testing.TB, d defect) connectortest.Suite {
	t.Helper()
	server := company(t)
	env := world(t)
	person := func(code string) hub.Asked {
		return hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: code}}
	}
	creditor := hub.Creditor{Name: "gaz", Title: "Gaz", Category: "gas", Accounts: []hub.CreditorAccount{{ID: "main", IBAN: iban, Beneficiary: "Gaz"}}}
	traits := hub.Traits{Fetch: []hub.Fetch{hub.FetchByParty}, Identifiers: []hub.Scheme{hub.SchemeCNP}, MaxInflight: 4, RPS: 100, Timeout: time.Second, ProofDoc: "On the bill."}
	return connectortest.Suite{
		Creditor: creditor, Traits: traits, Known: person(ana), Other: person(ion), Unknown: person(zoe), Settled: person(eva), Owes: hub.Bani(12_445),
		Expected: map[string]int64{"G1": 12_345, "G2": 100}, Patience: 2 * time.Second, Follows: "more",
		Open: func(_ context.Context, wrap func(connectors.Env) connectors.Env) (*hub.Connector, error) {
			g := &gaz{wrap(env), server.URL, d, &atomic.Int32{}, &atomic.Value{}}
			c := &hub.Connector{Creditor: creditor, Traits: traits, Source: g, Probe: g}
			if g.is("does not open") {
				return nil, errors.New("no")
			}
			return c, nil
		},
	}
}

// world is a plain environment.
func world(t testing.TB) connectors.Env {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return connectors.Env{
		Read: client, Write: client, Clock: hub.ClockFunc(func() time.Time { return noon }),
		Turn:   func(context.Context) error { return nil },
		Secret: func(context.Context, string) (hub.Secret, error) { return hub.NewSecret("sesame-of-gaz"), nil },
	}
}

// Ping asks about nobody.
func (g *gaz) Ping(ctx context.Context) error {
	if g.is("does not ping") {
		return connectors.Failure(hub.CodeUnavailable, nil)
	}
	_, err := g.ask(ctx, "0", 0)
	if hub.CodeOf(err) == hub.CodeNotFound {
		return nil
	}
	return err
}

// Obligations asks and maps.
func (g *gaz) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	code := who.Identifier.Value + who.Account.Code
	if g.calls.Add(1) > 12 && g.is("tires of calls") {
		return hub.Answer{}, connectors.Failure(hub.CodeBusy, nil)
	}
	told, err := g.told(ctx, code)
	if err != nil {
		if g.is("an empty list for strangers") && hub.CodeOf(err) == hub.CodeNotFound {
			return hub.Answer{AsOf: noon}, nil
		}
		return hub.Answer{}, err
	}
	if g.is("settled like strangers") && len(told.Bills) == 0 && told.Bills != nil {
		return hub.Answer{}, connectors.Failure(hub.CodeNotFound, nil)
	}
	if told.Who == "" || told.Bills == nil && !g.is("takes no list for an empty one") {
		return hub.Answer{}, connectors.BadData("nobody, or no list")
	}
	if told.Who != code && !g.is("believes anybody's data") {
		return hub.Answer{}, connectors.Failure(hub.CodeForeignData, nil)
	}
	return g.answer(told), nil
}

// told asks for everything at once, or page after page.
func (g *gaz) told(ctx context.Context, code string) (all gazAnswer, err error) {
	for page := g.firstPage(); ; page = all.Next {
		body, err := g.ask(ctx, code, page)
		if err != nil {
			return all, err
		}
		bills := all.Bills
		all = gazAnswer{}
		if err := g.parse(body, &all); err != nil {
			return all, err
		}
		if page > 1 {
			all.Bills = append(bills, all.Bills...)
		}
		switch {
		case all.More == nil && !g.is("takes silence for the last page"):
			return all, connectors.BadData("nobody says whether more follows")
		case all.Next == 0 || g.is("takes the first pages for all") && page > 1:
			return all, nil
		case all.Next <= page && page > 0:
			return all, connectors.BadData("a page that came before")
		}
	}
}

// firstPage is 0 where nothing has pages.
func (g *gaz) firstPage() int {
	if g.is("reads pages") || g.is("takes the first pages for all") {
		return 1
	}
	return 0
}

// parse is strict about everything but new fields.
func (g *gaz) parse(body []byte, into *gazAnswer) error {
	if !json.Valid(body) && g.is("takes garbage for nothing") {
		into.Who, into.AsOf = ana, noon
		return nil
	}
	if g.is("repairs truncated answers") && bytes.HasPrefix(body, []byte("{")) && !json.Valid(body) {
		*into = gazAnswer{Who: ana, AsOf: noon, Bills: []gazBill{}, More: new(bool)}
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if g.is("knows all fields") {
		decoder.DisallowUnknownFields()
	}
	if !g.is("reads any character set") && strings.ContainsRune(strings.ToValidUTF8(string(body), "\uFFFD"), '\uFFFD') {
		return connectors.BadData("not UTF-8")
	}
	if err := decoder.Decode(into); err != nil {
		return connectors.BadData("not JSON")
	}
	return nil
}

// ask sends one request and reads the answer.
func (g *gaz) ask(ctx context.Context, code string, page int) ([]byte, error) {
	request, err := g.request(ctx, code, page)
	if err != nil {
		return nil, err
	}
	response, err := g.env.Read.Do(request)
	if err != nil {
		return nil, g.network(ctx, err, code)
	}
	if !g.is("leaves answers open") {
		defer func() { _ = response.Body.Close() }()
	}
	limit := int64(1 << 20)
	if g.is("reads without end") {
		limit = 1 << 30
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, g.network(ctx, err, code)
	}
	if int64(len(body)) > limit {
		return nil, connectors.BadData("too large")
	}
	return body, g.refusal(response, body, code)
}

func (g *gaz) request(ctx context.Context, code string, page int) (*http.Request, error) {
	if g.is("forgets the context") {
		ctx = context.WithoutCancel(ctx)
	}
	address := g.base + "/bills"
	if g.is("a code in the address") {
		address += "?for=" + url.QueryEscape(code)
	}
	if g.is("a secret in the address") {
		address += "?key=sesame-of-gaz"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(asking(code, page)))
	if err != nil {
		return nil, err
	}
	secret, err := g.env.Secret(ctx, "gaz-key")
	if err != nil {
		return nil, err
	}
	if g.is("remembers its first key") {
		g.key.CompareAndSwap(nil, secret.Reveal())
		secret = hub.NewSecret(g.key.Load().(string))
	}
	if g.is("a key of its own") {
		secret = hub.NewSecret("sesame-of-gaz")
	}
	request.Header.Set("X-Key", secret.Reveal())
	if g.is("a code in a header") {
		request.Header.Set("X-For", code)
	}
	if g.is("a code in the log") {
		g.env.Log.Info("asking", "who", code)
	}
	if g.is("two turns") {
		return request, g.env.Turn(ctx)
	}
	return request, g.second(request)
}

func asking(code string, page int) string {
	if page == 0 {
		return `{"code":"` + code + `"}`
	}
	return fmt.Sprintf(`{"code":%q,"page":%d}`, code, page)
}

// second is a request beside the real one.
func (g *gaz) second(request *http.Request) error {
	if !g.is("two calls at once") {
		return nil
	}
	beside, _ := http.NewRequestWithContext(request.Context(), http.MethodGet, g.base, nil)
	response, err := g.env.Read.Do(beside)
	if err == nil {
		context.AfterFunc(request.Context(), func() { _ = response.Body.Close() })
	}
	return nil
}

func (g *gaz) network(ctx context.Context, err error, code string) error {
	switch {
	case g.is("a code in errors") && ctx.Err() == nil:
		return connectors.Failure(hub.CodeUnavailable, fmt.Errorf("asking about %s", code))
	case ctx.Err() != nil:
		return connectors.Failure(hub.CodeOf(ctx.Err()), ctx.Err())
	default:
		return connectors.Failure(hub.CodeUnavailable, errors.New("the network failed"))
	}
}

// refusal says what a status means.
func (g *gaz) refusal(response *http.Response, body []byte, code string) error {
	unknown := response.StatusCode == http.StatusNotFound && (g.is("a bare 404 means not found") || bytes.Contains(body, []byte("stranger")))
	statuses := map[int]hub.Code{401: hub.CodeAuth, 403: hub.CodeAuth, 429: hub.CodeBusy, 302: hub.CodeBadData}
	refused := statuses[response.StatusCode]
	switch {
	case response.StatusCode == http.StatusOK && g.is("a login page is nothing due") && bytes.Contains(body, []byte("<form")):
		return nil
	case response.StatusCode == http.StatusOK:
		return nil
	case unknown:
		refused = hub.CodeNotFound
	case refused == "" && response.StatusCode >= 500:
		refused = hub.CodeUnavailable
	case refused == "":
		refused = hub.CodeBadData
	}
	switch {
	case g.is("401 is a broken server") && refused == hub.CodeAuth:
		refused = hub.CodeUnavailable
	case g.is("a broken server is bad data") && refused == hub.CodeUnavailable:
		refused = hub.CodeBadData
	case g.is("repeats their words") && response.StatusCode == http.StatusBadRequest:
		return hub.Wrap(refused, nil, string(body))
	}
	failure := connectors.Failure(refused, nil)
	forgets := refused == hub.CodeBusy && g.is("forgets Retry-After") || refused == hub.CodeUnavailable && g.is("forgets when it opens")
	if !forgets {
		failure.RetryAfter, _ = time.ParseDuration(response.Header.Get("Retry-After") + "s")
	}
	if g.is("a code in errors") {
		failure.Err = errors.New(code)
	}
	return failure
}

// answer maps the bills.
func (g *gaz) answer(told gazAnswer) hub.Answer {
	a := hub.Answer{AsOf: told.AsOf}
	if g.is("answers from the future") {
		a.AsOf = a.AsOf.AddDate(0, 0, 1)
	}
	if g.is("refuses a record") {
		told.Bills = slices.Clone(told.Bills)
		a.Refused = append(a.Refused, hub.QualityEvent{Code: "unknown_kind", Field: "bills[2].kind"})
	}
	for _, b := range told.Bills {
		a.Obligations = append(a.Obligations, g.obligation(b))
	}
	return a
}

func (g *gaz) obligation(b gazBill) hub.Obligation {
	due := hub.Bani(b.Due)
	o := hub.Obligation{
		ID: hub.NewObligationID("gaz", b.Number), ExternalID: b.Number, Kind: "gas.bill", Debtor: b.Holder,
		Reference: &hub.Reference{Invoice: b.Number}, Total: due, Outstanding: due, Paid: hub.Bani(0), Status: hub.StatusOpen, HubState: hub.HubNone,
		Components:   []hub.Component{{Type: "principal", Amount: due}},
		Installments: []hub.Installment{{No: 1, DueOn: hub.Date(b.Day), Amount: due, Outstanding: due}},
		Options: []hub.PaymentOption{{ID: "full", Kind: "full", Amount: due, Transfers: []hub.Transfer{
			{Seq: 1, AccountID: "main", IBAN: iban, Amount: due},
		}}},
	}
	switch g.defect {
	case "lei for bani":
		o.Total, o.Outstanding = hub.Bani(b.Due*100), hub.Bani(b.Due*100)
		o.Components, o.Options = nil, nil
	case "parts that do not add up":
		o.Components[0].Amount.Minor++
	case "one id for all":
		o.ExternalID, o.ID = "G", hub.NewObligationID("gaz", "G")
	case "ids of its own":
		o.ID = hub.ObligationID(b.Number)
	case "the 31st of February":
		o.Installments[0].DueOn = "2026-02-31"
	case "padded names":
		o.Debtor += "   "
	case "cedillas":
		o.Debtor = "MUREŞAN ANA"
	case "an account nobody approved":
		o.Options[0].Transfers[0].IBAN = "RO08TREZ99921A350102XXXX"
	case "transfers that do not add up":
		o.Options[0].Transfers[0].Amount.Minor--
	case "other words every time":
		o.Details = map[string]string{"at": time.Now().Format(time.RFC3339Nano)}
	}
	return o
}
