package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"racord/connectors"
	"racord/hub"
)

const payable = `kind: rest
creditor: gaz
name: Gaz
category: gas
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Gaz}]
traits: {fetch: [by_account], paying: {class: A, partial: true, allocation: creditor_order}}
settings: {base_url: "BASE", auth: {type: none}}
calls:
  obligations:
    read: true
    request: {method: GET, path: "/bills/{{ account }}"}
    items: bills
    map: {external_id: id, kind: ="gas.bill", outstanding: due | bani}
  quote:
    read: true
    request:
      method: POST
      path: /quotes
      body: {account: "{{ account }}", bill: "{{ external_id }}", amount: "{{ amount? }}"}
    errors:
      - {status: 409, at: code, is: paid, code: not_payable}
    subject: {account: account}
    as_of: as_of | datetime_iso
    valid_until: until | datetime_iso
    map: {external_id: id, kind: ="gas.bill", outstanding: due | bani}
    extinguishes:
      - {each: parts, external_id: bill, label: name, amount: bani | bani}
  post:
    request:
      method: POST
      path: /payments
      headers: {X-Request: "{{ posting.id }}"}
      body:
        id: "{{ posting.id }}"
        bill: "{{ external_id }}"
        account: "{{ account? }}"
        bani: "{{ amount }}"
        lei: "{{ amount | money_ro }}"
        decimal: "{{ amount | money_decimal }}"
        paid_at: "{{ paid_at }}"
        paid_on: "{{ paid_at | date_ro }}"
        iban: "{{ iban? }}"
        option: "{{ option? }}"
        reference: "{{ reference? }}"
    errors:
      - {status: 409, at: code, is: booked, done: true}
      - {status: 409, at: code, is: paid, code: not_payable, certain: true}
      - {status: 409, at: code, is: other_amount, code: amount_changed, certain: true}
      - {status: 503, at: code, is: closed, code: maintenance, retry_after: 10m, certain: true}
      - {status: 503, at: code, is: moody, code: busy, certain: false}
    booking:
      posting: id
      number: receipt
      booked_at: at | datetime_iso
      amount: bani | bani
      pending: {at: state, is: queued}
      refused: {at: state, is: refused}
  find:
    read: true
    request: {method: GET, path: "/payments/{{ posting.id }}"}
    errors:
      - {status: 404, at: code, is: unknown, found: absent}
      - {status: 425, found: not_visible}
    booking:
      posting: id
      number: receipt
      amount: bani | bani
      pending: {at: state, is: queued}
      refused: {at: state, is: refused}
      reversed: {at: state, is: reversed}
  reverse:
    request: {method: POST, path: "/payments/{{ receipt }}/reversal", body: {id: "{{ posting.id }}"}}
    errors:
      - {status: 409, at: code, is: reversed, done: true}
      - {status: 410, done: true}
      - {status: 409, at: code, is: too_late, code: not_payable, certain: true}
  statement:
    read: true
    request:
      method: GET
      path: /payments
      query: {day: "{{ day | date_compact }}", page: "{{ page }}"}
      paging: {pages: pages, max_pages: 3}
    items: payments
    booking: {posting: id, external_id: bill, number: receipt, amount: bani | bani, reversed: {at: state, is: reversed}}
`

// payee opens a creditor that takes payments and answers as the handler says.
func payee(t testing.TB, answer http.HandlerFunc) *hub.Connector {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return payeeAt(t, server.URL, newWire(t))
}

func payeeAt(t testing.TB, base string, way connectors.Doer) *hub.Connector {
	t.Helper()
	return payeeOf(t, payable, base, way)
}

func payeeOf(t testing.TB, manifest, base string, way connectors.Doer) *hub.Connector {
	t.Helper()
	m, err := catalog.Parse("gaz.yaml", []byte(strings.Replace(manifest, "BASE", base, 1)))
	if err != nil {
		t.Fatal(err)
	}
	env := newWire(t).env(hub.ClockFunc(func() time.Time { return paidAt }), nil)
	env.Write = way
	c, err := catalog.Open(t.Context(), env, m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var paidAt = time.Date(2026, 3, 15, 9, 5, 0, 0, time.UTC)

func posted() hub.Posting {
	return hub.Posting{
		ID: "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1", Creditor: "gaz", ExternalID: `G"1`, Account: "0004411", Option: "full",
		Amount: hub.Bani(123456), PaidAt: paidAt, Transfers: []hub.Transfer{{Seq: 1, IBAN: "RO49AAAA1B31007593840000", Amount: hub.Bani(123456)}},
	}
}

const booked = `{"id":"hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1","receipt":"R-7","at":"2026-03-15T11:06:00+02:00","bani":123456}`

func TestAPostingSaysWhatWasPaid(t *testing.T) {
	var got, header string
	c := payee(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, header = r.Method+" "+r.URL.Path+" "+string(body), r.Header.Get("X-Request")
		say(201, nil, booked)(w, r)
	})
	receipts, err := c.Sink.Post(t.Context(), []hub.Posting{posted()})
	if err != nil {
		t.Fatal(err)
	}
	want := `POST /payments {"id":"hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1","bill":"G\"1","account":"0004411","bani":123456,"lei":"1.234,56","decimal":"1234.56",` +
		`"paid_at":"2026-03-15T11:05:00+02:00","paid_on":"15.03.2026","iban":"RO49AAAA1B31007593840000","option":"full"}`
	if got != want || header != "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1" {
		t.Errorf("got %s (%s)\nwant %s", got, header, want)
	}
	if r := receipts[0]; r.ID != posted().ID || r.Number != "R-7" || !r.BookedAt.Equal(paidAt.Add(time.Minute)) || r.Pending {
		t.Errorf("got %+v, want receipt R-7", r)
	}
}

func TestEveryAnswerToAPostingIsJudged(t *testing.T) {
	html := map[string]string{"Content-Type": "text/html"}
	for name, tc := range map[string]struct {
		answer  http.HandlerFunc
		code    hub.Code
		certain bool
		wait    time.Duration
	}{
		"booked":                        {say(201, nil, booked), "", false, 0},
		"booked before":                 {say(409, nil, strings.Replace(booked, "{", `{"code":"booked",`, 1)), "", false, 0},
		"queued, without a number":      {say(202, nil, `{"state":"queued"}`), "", false, 0},
		"taken before and refused":      {say(200, nil, `{"state":"refused"}`), hub.CodeNotPayable, true, 0},
		"paid elsewhere":                {say(409, nil, `{"code":"paid"}`), hub.CodeNotPayable, true, 0},
		"another amount is due":         {say(409, nil, `{"code":"other_amount"}`), hub.CodeAmountChanged, true, 0},
		"closed":                        {say(503, nil, `{"code":"closed"}`), hub.CodeMaintenance, true, 10 * time.Minute},
		"a rule that is not certain":    {say(503, nil, `{"code":"moody"}`), hub.CodeBusy, false, 0},
		"a conflict no rule knows":      {say(409, nil, `{"code":"what"}`), hub.CodeBadData, false, 0},
		"broken":                        {say(500, nil, `oops`), hub.CodeUnavailable, false, 0},
		"not found":                     {say(404, nil, ``), hub.CodeBadData, false, 0},
		"credentials refused":           {say(401, nil, ``), hub.CodeAuth, false, 0},
		"too many":                      {say(429, map[string]string{"Retry-After": "7"}, ``), hub.CodeBusy, false, 7 * time.Second},
		"a login page":                  {say(200, html, `<html>`), hub.CodeBadData, false, 0},
		"a page called JSON":            {say(200, nil, `<html>`), hub.CodeBadData, false, 0},
		"a redirect":                    {say(307, map[string]string{"Location": "/elsewhere"}, ``), hub.CodeBadData, false, 0},
		"half an answer":                {say(201, nil, booked[:40]), hub.CodeBadData, false, 0},
		"nothing":                       {say(201, nil, ``), hub.CodeBadData, false, 0},
		"no number":                     {say(201, nil, `{"state":"done"}`), hub.CodeBadData, false, 0},
		"about another posting":         {say(201, nil, strings.Replace(booked, "GG:1", "GG:2", 1)), hub.CodeBadData, false, 0},
		"another amount was booked":     {say(201, nil, strings.Replace(booked, "123456", "123457", 1)), hub.CodeBadData, false, 0},
		"booked before, another amount": {say(409, nil, `{"code":"booked","receipt":"R-7","bani":1}`), hub.CodeBadData, false, 0},
		"an amount that is none":        {say(201, nil, strings.Replace(booked, "123456", `"lots"`, 1)), hub.CodeBadData, false, 0},
		"cut off":                       {cut, hub.CodeUnavailable, false, 0},
		"cut off in the answer":         {cutAnswer, hub.CodeUnavailable, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			calls := atomic.Int32{}
			c := payee(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				tc.answer(w, r)
			})
			_, err := c.Sink.Post(t.Context(), []hub.Posting{posted()})
			if hub.CodeOf(err) != tc.code {
				t.Errorf("got %v, want code %q", err, tc.code)
			}
			if hub.Certainly(err) != tc.certain || hub.RetryAfterOf(err) != tc.wait {
				t.Errorf("got certain %t, wait %s, want %t, %s", hub.Certainly(err), hub.RetryAfterOf(err), tc.certain, tc.wait)
			}
			if calls.Load() != 1 {
				t.Errorf("got %d calls, want one", calls.Load())
			}
		})
	}
}

// cut takes the request and hangs up.
func cut(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func cutAnswer(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
		_ = conn.Close()
	}
}

func TestNothingWasSentIsCertain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	several := posted()
	several.ExternalID = ""
	free := posted()
	free.Amount = hub.Bani(0)
	for name, tc := range map[string]struct {
		way      connectors.Doer
		postings []hub.Posting
		code     hub.Code
	}{
		"nobody listens":           {newWire(t), []hub.Posting{posted()}, hub.CodeUnavailable},
		"no turn":                  {refusing{hub.NotDone(hub.Errorf(hub.CodeBusy, "later"))}, []hub.Posting{posted()}, hub.CodeBusy},
		"a request with a gap":     {newWire(t), []hub.Posting{several}, hub.CodeUnsupported},
		"an amount of nothing":     {newWire(t), []hub.Posting{free}, hub.CodeInvalid},
		"two postings at once":     {newWire(t), []hub.Posting{posted(), posted()}, hub.CodeInvalid},
		"an error nobody explains": {refusing{errors.New("what")}, []hub.Posting{posted()}, ""},
	} {
		_, err := payeeAt(t, "http://"+listener.Addr().String(), tc.way).Sink.Post(t.Context(), tc.postings)
		if want := tc.code != ""; hub.Certainly(err) != want || want && hub.CodeOf(err) != tc.code {
			t.Errorf("%s: got %v (certain %t), want %s for certain", name, err, hub.Certainly(err), tc.code)
		}
	}
}

// refusing sends nothing.
type refusing struct{ err error }

func (r refusing) Do(*http.Request) (*http.Response, error) { return nil, r.err }

func TestAPostingIsLookedUp(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   hub.Found
		number string
		code   hub.Code
	}{
		"booked":                        {say(200, nil, booked), hub.FoundBooked, "R-7", ""},
		"queued":                        {say(200, nil, `{"id":"hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1","state":"queued"}`), hub.FoundNotVisible, "", ""},
		"not there":                     {say(404, nil, `{"code":"unknown"}`), hub.FoundAbsent, "", ""},
		"not yet":                       {say(425, nil, ``), hub.FoundNotVisible, "", ""},
		"refused later":                 {say(200, nil, strings.Replace(booked, "{", `{"state":"refused",`, 1)), hub.FoundRefused, "", ""},
		"taken back":                    {say(200, nil, strings.Replace(booked, "{", `{"state":"reversed",`, 1)), hub.FoundAbsent, "", ""},
		"another one":                   {say(200, nil, strings.Replace(booked, "GG:1", "GG:2", 1)), hub.FoundAbsent, "", ""},
		"with another amount":           {say(200, nil, strings.Replace(booked, "123456", "1", 1)), "", "", hub.CodeBadData},
		"a 404 of somebody else":        {say(404, nil, `<html>`), "", "", hub.CodeBadData},
		"without a number":              {say(200, nil, `{"id":"hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1"}`), "", "", hub.CodeBadData},
		"an empty answer is not absent": {say(200, nil, ``), "", "", hub.CodeBadData},
		"broken":                        {say(500, nil, ``), "", "", hub.CodeUnavailable},
	} {
		found, receipt, err := payee(t, tc.answer).Finder.Find(t.Context(), posted())
		if found != tc.want || receipt.Number != tc.number || hub.CodeOf(err) != tc.code {
			t.Errorf("%s: got %q, %q, %v, want %q, %q, code %q", name, found, receipt.Number, err, tc.want, tc.number, tc.code)
		}
	}
}

// What page 1 knew is not unknown because page 2 is not there: a posting that is
// called absent is sent again.
func TestALookUpOfSeveralPages(t *testing.T) {
	paged := strings.NewReplacer(
		`path: "/payments/{{ posting.id }}"}`, `path: /payments, query: {id: "{{ posting.id }}", page: "{{ page }}"}, paging: {pages: pages, max_pages: 3}}
    items: payments`,
		`      body: {account: "{{ account }}", bill: "{{ external_id }}", amount: "{{ amount? }}"}
    errors:`, `      body: {account: "{{ account }}", page: "{{ page }}"}
      paging: {pages: pages, max_pages: 3}
    items: bills
    errors:
      - {status: 404, at: code, is: unknown, code: not_found}
      - {at: code, is: none, code: not_found}`,
		`      - {status: 425, found: not_visible}`, `      - {status: 425, found: not_visible}
      - {at: code, is: none, found: absent}`,
	).Replace(payable)
	absent := say(http.StatusNotFound, nil, `{"code":"unknown"}`)
	first := say(http.StatusOK, nil, `{"pages":2,"account":"1","bills":[],"payments":[`+booked+`]}`)
	for name, tc := range map[string]struct {
		pages  [2]http.HandlerFunc
		found  hub.Found
		code   hub.Code
		quoted hub.Code
	}{
		"page 2 is not there":               {[2]http.HandlerFunc{first, absent}, "", hub.CodeBadData, hub.CodeBadData},
		"nothing is there":                  {[2]http.HandlerFunc{absent, nil}, hub.FoundAbsent, "", hub.CodeNotFound},
		"nothing is there, says an answer":  {[2]http.HandlerFunc{say(200, nil, `{"code":"none"}`), nil}, hub.FoundAbsent, "", hub.CodeNotFound},
		"page 2 says that nothing is there": {[2]http.HandlerFunc{first, say(200, nil, `{"code":"none"}`)}, "", hub.CodeBadData, hub.CodeBadData},
		"not yet, without a body":           {[2]http.HandlerFunc{say(425, nil, ""), nil}, hub.FoundNotVisible, "", hub.CodeBadData},
	} {
		var calls atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tc.pages[calls.Add(1)-1](w, r) }))
		c := payeeOf(t, paged, server.URL, newWire(t))
		if found, _, err := c.Finder.Find(t.Context(), posted()); found != tc.found || hub.CodeOf(err) != tc.code {
			t.Errorf("%s: got %q, %v, want %q, code %q", name, found, err, tc.found, tc.code)
		}
		calls.Store(0)
		if _, err := c.Quoter.Quote(t.Context(), account("1"), []hub.Wanted{{}}); hub.CodeOf(err) != tc.quoted {
			t.Errorf("%s: got %v for a quote, want code %q", name, err, tc.quoted)
		}
		server.Close()
	}
}

func TestABookingIsTakenBack(t *testing.T) {
	for name, tc := range map[string]struct {
		answer  http.HandlerFunc
		code    hub.Code
		certain bool
	}{
		"taken back":   {say(200, nil, `{}`), "", false},
		"before":       {say(409, nil, `{"code":"reversed"}`), "", false},
		"too late":     {say(409, nil, `{"code":"too_late"}`), hub.CodeNotPayable, true},
		"broken":       {say(500, nil, ``), hub.CodeUnavailable, false},
		"a login page": {say(200, map[string]string{"Content-Type": "text/html"}, `<html>`), hub.CodeBadData, false},

		"taken back, and no more to say":  {say(204, nil, ``), "", false},
		"before, and no more to say":      {say(410, nil, ``), "", false},
		"before, in words":                {say(410, map[string]string{"Content-Type": "text/plain"}, `gone`), "", false},
		"nothing, where something is due": {say(200, nil, ``), hub.CodeBadData, false},
		"half an answer":                  {say(200, nil, `{"st`), hub.CodeBadData, false},
		"a conflict that is not JSON":     {say(409, nil, ``), hub.CodeBadData, false},
	} {
		path := ""
		c := payee(t, func(w http.ResponseWriter, r *http.Request) {
			path = r.Method + " " + r.URL.EscapedPath()
			tc.answer(w, r)
		})
		err := c.Reverser.Reverse(t.Context(), posted(), "R/7")
		if hub.CodeOf(err) != tc.code || hub.Certainly(err) != tc.certain || path != "POST /payments/R%2F7/reversal" {
			t.Errorf("%s: got %v (certain %t) of %s, want code %q, certain %t", name, err, hub.Certainly(err), path, tc.code, tc.certain)
		}
	}
}

func TestAStatementIsReadToItsEnd(t *testing.T) {
	pages := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			row := fmt.Sprintf(`{"pages":%d,"payments":[{"id":"p%s","bill":"G1","receipt":"R","bani":%s00,"state":"reversed"}]}`, n, r.URL.Query().Get("page"), r.URL.Query().Get("page"))
			if r.URL.Query().Get("day") != "20260315" {
				row = `{}`
			}
			say(200, nil, row)(w, r)
		}
	}
	rows, err := payee(t, pages(3)).Statement.Statement(t.Context(), "2026-03-15")
	if err != nil || len(rows) != 3 || rows[2] != (hub.BookedPosting{ID: "p3", ExternalID: "G1", Number: "R", Amount: hub.Bani(300), Reversed: true}) {
		t.Errorf("got %+v (%v), want three rows", rows, err)
	}
	many := func(rows int) http.HandlerFunc {
		const row = `{"id":"GZ3V6TQ2N5Y7A4KEXD2QJ4MWLU-12","bill":"GAZ-2026-00012345","receipt":"CH-2026-00067890","bani":123456,"at":"2026-03-31T21:59:59Z","channel":"online","state":"booked"}`
		return say(200, nil, `{"pages":1,"payments":[`+strings.Repeat(row+",", rows-1)+row+`]}`)
	}
	blanks := strings.Repeat(" ", connectors.StatementBounds().Bytes)
	if rows, err := payee(t, many(connectors.MaxBooked)).Statement.Statement(t.Context(), "2026-03-15"); err != nil || len(rows) != connectors.MaxBooked {
		t.Errorf("got %d rows (%v) of a day on which many pay", len(rows), err)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"without an end":       pages(4),
		"without a list":       say(200, nil, `{"pages":1}`),
		"without an amount":    say(200, nil, `{"pages":1,"payments":[{"id":"p1"}]}`),
		"with a damaged row":   say(200, nil, `{"pages":1,"payments":[{"id":"p1","bani":"x"}]}`),
		"that is cut off":      say(200, nil, `{"pages":1,"payments":[`),
		"with too many a page": many(connectors.MaxBooked + 1),
		"that is too large":    say(200, nil, blanks+`{"pages":1,"payments":[]}`),
	} {
		if rows, err := payee(t, answer).Statement.Statement(t.Context(), "2026-03-15"); hub.CodeOf(err) != hub.CodeBadData || rows != nil {
			t.Errorf("%s: got %d rows, %v, want bad data", name, len(rows), err)
		}
	}
}

// A page that comes again would make one payment look as if it were booked twice.
func TestPagesOfAStatementDoNotRepeat(t *testing.T) {
	row := func(id string) string { return `{"id":"` + id + `","bill":"G1","receipt":"R","bani":100}` }
	for name, tc := range map[string]struct {
		pages [2]string
		rows  int
		code  hub.Code
	}{
		"two pages":                      {[2]string{row("p1"), row("p2")}, 2, ""},
		"the page is not looked at":      {[2]string{row("p1") + "," + row("p2"), row("p1") + "," + row("p2")}, 0, hub.CodeBadData},
		"a row moved on meanwhile":       {[2]string{row("p2") + "," + row("p1"), row("p1") + "," + row("p0")}, 0, hub.CodeBadData},
		"booked twice, on one page":      {[2]string{row("p1") + "," + row("p1"), row("p2")}, 3, ""},
		"taken back on another page":     {[2]string{row("p1"), strings.Replace(row("p1"), "}", `,"state":"reversed"}`, 1)}, 2, ""},
		"twice, under another number":    {[2]string{row("p1"), strings.Replace(row("p1"), `"R"`, `"R2"`, 1)}, 2, ""},
		"others' payments without names": {[2]string{row(""), row("")}, 2, ""},
	} {
		c := payee(t, func(w http.ResponseWriter, r *http.Request) {
			page := tc.pages[0]
			if r.URL.Query().Get("page") == "2" {
				page = tc.pages[1]
			}
			say(200, nil, `{"pages":2,"payments":[`+page+`]}`)(w, r)
		})
		rows, err := c.Statement.Statement(t.Context(), "2026-03-15")
		if len(rows) != tc.rows || hub.CodeOf(err) != tc.code {
			t.Errorf("%s: got %d rows, %v, want %d, code %q", name, len(rows), err, tc.rows, tc.code)
		}
	}
}

// What one answer may hold is held by all of its pages together.
func TestAStatementHasItsBoundsOverAllPages(t *testing.T) {
	page := func(n, rows, blanks int) string {
		text := strings.Builder{}
		for i := range rows {
			_, _ = fmt.Fprintf(&text, `,{"id":"p%d-%d","bani":100}`, n, i)
		}
		return `{"pages":2,"payments":[` + strings.TrimPrefix(text.String(), ",") + `]}` + strings.Repeat(" ", blanks)
	}
	for name, tc := range map[string]struct {
		rows, blanks int
		code         hub.Code
	}{
		"as much as there may be": {connectors.MaxBooked / 2, 0, ""},
		"too many rows":           {connectors.MaxBooked/2 + 1, 0, hub.CodeBadData},
		"too many bytes":          {1, connectors.StatementBounds().Bytes / 2, hub.CodeBadData},
	} {
		n := 0
		c := payee(t, func(w http.ResponseWriter, r *http.Request) {
			n++
			say(200, nil, page(n, tc.rows, tc.blanks))(w, r)
		})
		rows, err := c.Statement.Statement(t.Context(), "2026-03-15")
		if hub.CodeOf(err) != tc.code || err == nil && len(rows) != 2*tc.rows {
			t.Errorf("%s: got %d rows, %v, want code %q", name, len(rows), err, tc.code)
		}
	}
}

func TestAQuoteIsTheCreditorsWord(t *testing.T) {
	var asked []string
	c := payee(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.URL.Path+" "+string(body))
		switch {
		case r.Method == http.MethodGet:
			say(200, nil, `{"bills":[{"id":"G1","due":500},{"id":"G2","due":900},{"id":"G3","due":1}]}`)(w, r)
		case strings.Contains(string(body), "G3"):
			say(409, nil, `{"code":"paid"}`)(w, r)
		default:
			say(200, nil, `{"account":"0004411","id":"G1","due":500,"as_of":"2026-03-15T11:00:00+02:00","until":"2026-03-15T12:00:00+02:00",`+
				`"parts":[{"bill":"G0","name":"Old","bani":100},{"bill":"G1","bani":200}]}`)(w, r)
		}
	})
	id := func(external string) hub.ObligationID { return hub.NewObligationID("gaz", external) }
	quoted, err := c.Quoter.Quote(context.Background(), account("0004411"), []hub.Wanted{
		{Obligation: id("G1"), Amount: hub.Bani(300)}, {Obligation: id("G3")}, {Obligation: id("G2")}, {Obligation: id("G9")},
	})
	if err != nil || len(quoted) != 4 {
		t.Fatalf("got %+v, %v, want four answers", quoted, err)
	}
	q := quoted[0]
	if q.Err != nil || q.Option.Amount != hub.Bani(300) || q.Option.Transfers[0].Amount != hub.Bani(300) || !q.ValidUntil.Equal(paidAt.Add(55*time.Minute)) {
		t.Errorf("got %+v, want 3 lei that may be paid until noon", q)
	}
	if len(q.Extinguishes) != 2 || q.Extinguishes[0] != (hub.Share{Obligation: id("G0"), Label: "Old", Amount: hub.Bani(100)}) {
		t.Errorf("got %+v, want the creditor's own division", q.Extinguishes)
	}
	for i, want := range []hub.Code{"", hub.CodeNotPayable, hub.CodeNotFound, hub.CodeNotFound} {
		if got := hub.CodeOf(quoted[i].Err); got != want {
			t.Errorf("wanted %d: got %v, want %q", i, quoted[i].Err, want)
		}
	}
	if len(asked) != 4 || asked[1] != `/quotes {"account":"0004411","bill":"G1","amount":300}` || asked[2] != `/quotes {"account":"0004411","bill":"G3"}` {
		t.Errorf("got %q, want the list and one question each", asked)
	}
}
