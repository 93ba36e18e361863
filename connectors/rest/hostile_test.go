package rest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/hub"
)

func say(status int, headers map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestEveryRefusalHasACode(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   hub.Code
		wait   time.Duration
	}{
		"a good answer":                  {say(200, nil, `{"bills":[]}`), "", 0},
		"unknown here":                   {say(404, nil, `{"code":"unknown"}`), hub.CodeNotFound, 0},
		"a 404 of somebody else":         {say(404, nil, `{"code":"no_route"}`), hub.CodeBadData, 0},
		"a 404 that is a page":           {say(404, map[string]string{"Content-Type": "text/html"}, `<html>`), hub.CodeBadData, 0},
		"credentials refused":            {say(401, nil, `{}`), hub.CodeAuth, 0},
		"not allowed":                    {say(403, nil, ``), hub.CodeAuth, 0},
		"too many, with a wait":          {say(429, map[string]string{"Retry-After": "7"}, ``), hub.CodeBusy, 7 * time.Second},
		"too many, with a short wait":    {say(429, map[string]string{"Retry-After": "0"}, ``), hub.CodeBusy, time.Second},
		"too many, with an endless wait": {say(429, map[string]string{"Retry-After": "999999999999"}, ``), hub.CodeBusy, time.Hour},
		"too many, with no number":       {say(429, map[string]string{"Retry-After": "99999999999999999999"}, ``), hub.CodeBusy, time.Hour},
		"too many, with nonsense":        {say(429, map[string]string{"Retry-After": "soon"}, ``), hub.CodeBusy, 0},
		"overloaded":                     {say(503, map[string]string{"Retry-After": "30"}, ``), hub.CodeUnavailable, 30 * time.Second},
		"closed, says the rule":          {say(503, nil, `{"code":"closed"}`), hub.CodeMaintenance, 10 * time.Minute},
		"broken":                         {say(500, nil, `oops`), hub.CodeUnavailable, 0},
		"our request is wrong":           {say(400, nil, `{}`), hub.CodeBadData, 0},
		"a redirect":                     {say(302, map[string]string{"Location": "http://169.254.169.254/"}, ``), hub.CodeBadData, 0},
		"a login page":                   {say(200, map[string]string{"Content-Type": "text/html; charset=utf-8"}, `<html>`), hub.CodeBadData, 0},
		"a login page called JSON":       {say(200, nil, `<html>`), hub.CodeBadData, 0},
		"XML":                            {say(200, map[string]string{"Content-Type": "application/xml"}, `{"bills":[]}`), hub.CodeBadData, 0},
		"JSON called text":               {say(200, map[string]string{"Content-Type": "text/plain"}, `{"bills":[]}`), "", 0},
		"JSON of a kind":                 {say(200, map[string]string{"Content-Type": "application/problem+json"}, `{"bills":[]}`), "", 0},
		"UTF-8 as PHP has it":            {say(200, map[string]string{"Content-Type": "application/json; charset=UTF8"}, `{"bills":[]}`), "", 0},
		"a charset nobody knows":         {say(200, map[string]string{"Content-Type": "application/json; charset=klingon"}, `{"bills":[]}`), hub.CodeBadData, 0},
		"a charset that is not said":     {say(200, nil, "{\"bills\":[],\"x\":\"\xe3\"}"), hub.CodeBadData, 0},
		"nothing":                        {say(200, nil, ``), hub.CodeBadData, 0},
		"half an answer":                 {say(200, nil, `{"bills":[`), hub.CodeBadData, 0},
		"one megabyte and more":          {say(200, nil, `{"bills":["`+strings.Repeat("x", 1<<20)+`"]}`), hub.CodeBadData, 0},
		"a list that is none":            {say(200, nil, `{"bills":7}`), hub.CodeBadData, 0},
	} {
		source, _ := hostile(t, "", tc.answer)
		_, err := ask(t, source, account("0004411"))
		if got := hub.CodeOf(err); got != tc.want || hub.RetryAfterOf(err) != tc.wait {
			t.Errorf("%s: got %v, retry after %s; want code %q, %s", name, err, hub.RetryAfterOf(err), tc.want, tc.wait)
		}
	}
}

func TestPagingEnds(t *testing.T) {
	bill := func(id any) string { return fmt.Sprintf(`{"id":"b%v","due":100}`, id) }
	const byPage = "query: {page: \"{{ page }}\"}\n      paging: {pages: pages, max_pages: 5}"
	const byMore = "query: {page: \"{{ page }}\"}\n      paging: {more: more, max_pages: 5}"
	const byCursor = "query: {c: \"{{ cursor? }}\"}\n      paging: {cursor: next, max_pages: 5}"
	for name, tc := range map[string]struct {
		query string
		page  func(n int, r *http.Request) string
		want  hub.Code
		bills int
		calls int
	}{
		"three pages": {byPage, func(_ int, r *http.Request) string {
			return `{"pages":3,"bills":[` + bill(r.FormValue("page")) + `]}`
		}, "", 3, 3},
		"an empty page between": {byPage, func(_ int, r *http.Request) string {
			if r.FormValue("page") == "2" {
				return `{"pages":3,"bills":[]}`
			}
			return `{"pages":3,"bills":[` + bill(r.FormValue("page")) + `]}`
		}, "", 2, 3},
		"page 2 for ever":    {byMore, func(int, *http.Request) string { return `{"more":true,"bills":[` + bill(2) + `]}` }, hub.CodeBadData, 0, 2},
		"new pages for ever": {byMore, func(n int, _ *http.Request) string { return `{"more":true,"bills":[` + bill(n) + `]}` }, hub.CodeBadData, 0, 5},
		"no number of pages": {byPage, func(int, *http.Request) string { return `{"pages":"many","bills":[]}` }, hub.CodeBadData, 0, 1},
		"no word about more": {byMore, func(int, *http.Request) string { return `{"bills":[` + bill(1) + `]}` }, hub.CodeBadData, 0, 1},
		"null about more":    {byMore, func(int, *http.Request) string { return `{"more":null,"bills":[` + bill(1) + `]}` }, hub.CodeBadData, 0, 1},
		"an empty last page": {byMore, func(n int, _ *http.Request) string {
			if n == 2 {
				return `{"more":false,"bills":[]}`
			}
			return `{"more":"1","bills":[` + bill(1) + `]}`
		}, "", 1, 2},
		"neither true nor false": {byMore, func(int, *http.Request) string { return `{"more":"maybe","bills":[]}` }, hub.CodeBadData, 0, 1},
		"cursors": {byCursor, func(n int, r *http.Request) string {
			if (r.FormValue("c") == "") != (n == 1) || n == 3 {
				return `{"next":null,"bills":[` + bill(n) + `]}`
			}
			return fmt.Sprintf(`{"next":"a b&%d","bills":[%s]}`, n, bill(n))
		}, "", 3, 3},
		"a cursor that stands": {byCursor, func(n int, _ *http.Request) string { return fmt.Sprintf(`{"next":"x","bills":[%s]}`, bill(n)) }, hub.CodeBadData, 0, 2},
	} {
		calls := atomic.Int64{}
		source, _ := hostile(t, tc.query, func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(tc.page(int(calls.Add(1)), r)))
		})
		a, err := ask(t, source, account("1"))
		if hub.CodeOf(err) != tc.want || len(a.Obligations) != tc.bills || int(calls.Load()) != tc.calls {
			t.Errorf("%s: got %d bills in %d calls, %v; want %d in %d, code %q", name, len(a.Obligations), calls.Load(), err, tc.bills, tc.calls, tc.want)
		}
	}
}

func TestAnAccountCodeCannotLeaveItsPlace(t *testing.T) {
	var path atomic.Value
	source, w := hostile(t, "", func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.EscapedPath() + "?" + r.URL.RawQuery)
		_, _ = w.Write([]byte(`{"bills":[]}`))
	})
	for code, want := range map[string]string{
		"a/../b":    "/bills/a%2F..%2Fb?",
		"x?y=1#z":   "/bills/x%3Fy=1%23z?",
		"12 34\r\n": "/bills/12%2034%0D%0A?",
	} {
		if _, err := ask(t, source, account(code)); err != nil || path.Load() != want {
			t.Errorf("%q: got %v, %v, want %s", code, path.Load(), err, want)
		}
	}
	before := len(w.urls)
	if _, err := ask(t, source, account("..")); hub.CodeOf(err) != hub.CodeInvalid || len(w.urls) != before {
		t.Errorf("..: got %v and %d calls, want a refusal without a call", err, len(w.urls)-before)
	}
	if _, err := ask(t, source, hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: "1850415120007"}}); hub.CodeOf(err) != hub.CodeUnsupported {
		t.Errorf("by CNP: got %v, want unsupported", err)
	}
}

func TestOneConnectorServesManyAtOnce(t *testing.T) {
	source, _ := hostile(t, "", func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimPrefix(r.URL.Path, "/bills/")
		_, _ = fmt.Fprintf(w, `{"bills":[{"id":%q,"due":%d}]}`, id, len(id))
	})
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			code := strings.Repeat("7", i+1)
			a, err := ask(t, source, account(code))
			if err != nil || len(a.Obligations) != 1 || a.Obligations[0].ExternalID != code || a.Obligations[0].Account != code {
				t.Errorf("got %v, %v, want the bill of %s", a.Obligations, err, code)
			}
		})
	}
	all.Wait()
}

func TestTextIsReadInTheCharsetItNames(t *testing.T) {
	source, _ := hostile(t, "", say(200, map[string]string{"Content-Type": `application/json; Charset="Windows-1250"`}, "{\"bills\":[{\"id\":\"TF \xe3\xba\",\"due\":1}]}"))
	a, err := ask(t, source, account("1"))
	if err != nil || len(a.Obligations) != 1 || a.Obligations[0].ExternalID != "TF ăş" {
		t.Errorf("got %v, %v, want the id in its letters", a.Obligations, err)
	}
}

func TestAProofFitsOrNot(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch string(body) {
		case `{"account":"0004411","invoice":"AP \"7\"","bani":9173}`:
			_, _ = w.Write([]byte(`{"account":"0004411","fits":true}`))
		case `{"account":"0004412","invoice":"AP 8","bani":1}`:
			_, _ = w.Write([]byte(`{"account":"0009999","fits":true}`))
		default:
			_, _ = w.Write([]byte(`{"account":"0004411","fits":false}`))
		}
	}))
	defer server.Close()
	text := strings.NewReplacer("BASE", server.URL, "QUERY", "").Replace(lonely) + `  prove:
    request:
      method: POST
      path: /prove
      body: {account: "{{ account }}", invoice: "{{ invoice }}", bani: "{{ amount }}"}
    known: {at: fits, is: "true"}
    subject: {account: account}
`
	m, err := catalog.Parse("gaz.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(context.Background(), newWire(t).env(hub.ClockFunc(time.Now), nil), m)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		account string
		proof   hub.Proof
		want    hub.Code
	}{
		"it fits":                  {"0004411", hub.Proof{Invoice: `AP "7"`, Amount: hub.Bani(9173)}, ""},
		"another amount":           {"0004411", hub.Proof{Invoice: `AP "7"`, Amount: hub.Bani(9174)}, hub.CodeNotFound},
		"an answer about another":  {"0004412", hub.Proof{Invoice: "AP 8", Amount: hub.Bani(1)}, hub.CodeForeignData},
		"a proof without a number": {"0004411", hub.Proof{Amount: hub.Bani(9173)}, hub.CodeUnsupported},
	} {
		err := c.Linker.Prove(context.Background(), hub.AccountRef{Creditor: "gaz", Code: tc.account}, tc.proof)
		if got := hub.CodeOf(err); got != tc.want {
			t.Errorf("%s: got %v, want code %q", name, err, tc.want)
		}
	}
}

// An answer that does not tell where it ends is read until a page is empty, short
// or there was nothing new on it.
func TestPagesThatDoNotSayWhereTheyEnd(t *testing.T) {
	page := func(ids ...string) string {
		var rows []string
		for _, id := range ids {
			rows = append(rows, `{"id":"`+id+`","due":100}`)
		}
		return `{"bills":[` + strings.Join(rows, ",") + `]}`
	}
	const bad = `{"bills":[{"id":"x","due":"?"}]}`
	for name, tc := range map[string]struct {
		pages []string // the last comes again and again
		size  string
		bills int
		calls int64
		code  hub.Code
	}{
		"nothing":                  {[]string{page()}, "", 0, 1, ""},
		"one that repeats":         {[]string{page("a", "b")}, "", 2, 2, ""},
		"an infinite second":       {[]string{page("a", "b"), page("c", "d")}, "", 4, 3, ""},
		"an infinite second, size": {[]string{page("a", "b"), page("c", "d")}, "size: 2, ", 4, 3, ""},
		"a short second":           {[]string{page("a", "b"), page("c")}, "size: 2, ", 3, 2, ""},
		"a short first":            {[]string{page("a")}, "size: 2, ", 1, 1, ""},
		"an empty third":           {[]string{page("a"), page("b"), page()}, "", 2, 3, ""},
		"a list that moves":        {[]string{page("a", "b"), page("b", "c")}, "", 0, 2, hub.CodeBadData},
		"a damaged record":         {[]string{page("a"), bad}, "", 1, 2, ""},
		"pages without an end":     {nil, "", 0, 10, hub.CodeBadData},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			source, _ := hostile(t, `query: {p: "{{ page }}"}`+"\n      paging: {blind: true, "+tc.size+"max_pages: 10}", func(w http.ResponseWriter, r *http.Request) {
				n := calls.Add(1)
				body := page(fmt.Sprint("n", n))
				if tc.pages != nil {
					body = tc.pages[min(int(n), len(tc.pages))-1]
				}
				say(http.StatusOK, nil, body)(w, r)
			})
			got, err := ask(t, source, account("1"))
			if hub.CodeOf(err) != tc.code || len(got.Obligations) != tc.bills || calls.Load() != tc.calls {
				t.Errorf("got %v, %d bills after %d calls, want code %q, %d after %d", err, len(got.Obligations), calls.Load(), tc.code, tc.bills, tc.calls)
			}
			if want := min(1, strings.Count(strings.Join(tc.pages, ""), "?")); len(got.Refused) != want {
				t.Errorf("got refused %v, want %d", got.Refused, want)
			}
		})
	}
}

// Whoever was known on page 1 is not a stranger because page 2 is not there.
func TestAFurtherPageThatIsNotFound(t *testing.T) {
	const first = `{"whose":{},"more":true,"next":"x","pages":2,"bills":[{"id":"a","due":100},{"id":"b","due":100}]}`
	gone := map[string]http.HandlerFunc{
		"refused":          say(http.StatusNotFound, nil, `{"code":"unknown"}`),
		"empty, not known": say(http.StatusOK, nil, `{}`),
	}
	for paging, want := range map[string]hub.Code{
		"blind: true, size: 2": "",
		"blind: true":          "",
		"more: more":           hub.CodeBadData,
		"cursor: next":         hub.CodeBadData,
		"pages: pages":         hub.CodeBadData,
	} {
		for name, second := range gone {
			var calls atomic.Int64
			source, _ := hostile(t, `query: {p: "{{ page }}", c: "{{ cursor? }}"}`+"\n      paging: {"+paging+", max_pages: 5}\n    known: {at: whose, exists: true}",
				func(w http.ResponseWriter, r *http.Request) {
					if calls.Add(1) > 1 {
						second(w, r)
						return
					}
					say(http.StatusOK, nil, first)(w, r)
				})
			got, err := ask(t, source, account("1"))
			bills := 0
			if want == "" {
				bills = 2
			}
			if hub.CodeOf(err) != want || len(got.Obligations) != bills || calls.Load() != 2 {
				t.Errorf("%s, %s: got %v, %d bills after %d calls, want code %q, %d after 2", paging, name, err, len(got.Obligations), calls.Load(), want, bills)
			}
		}
	}
}

// The account's own page is not followed by that of another one which looks alike.
func TestAFurtherPageOfAnotherAccountIsForeign(t *testing.T) {
	var calls atomic.Int64
	source, _ := hostile(t, `query: {p: "{{ page }}"}`+"\n      paging: {blind: true, max_pages: 5}\n    subject: {account: whose}",
		func(w http.ResponseWriter, r *http.Request) {
			body := `{"whose":"7","bills":[{"id":"a","due":100}]}`
			if calls.Add(1) > 1 {
				body = `{"whose":"07","bills":[{"id":"b","due":100}]}`
			}
			say(http.StatusOK, nil, body)(w, r)
		})
	if got, err := ask(t, source, account("7")); hub.CodeOf(err) != hub.CodeForeignData || len(got.Obligations) != 0 {
		t.Errorf("got %v, %d bills, want foreign_data and none", err, len(got.Obligations))
	}
}
