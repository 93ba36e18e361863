package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"racord/adapters/httpapi"
	"racord/adapters/sqlite"
	"racord/connectors"
	kind "racord/connectors/push"
	"racord/hub"
	"racord/hub/feed"
	"racord/hub/push"
)

const sender = `kind: push
creditor: salub
name: Salubritate
category: waste
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Salubritate}]
traits: {fetch: [by_account]}
`

// sending gives the scene a creditor that sends, over a real store and its gate.
func sending(t testing.TB, parts *httpapi.Parts) *hub.Connector {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), make([]byte, hub.MasterKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	catalog, clock := connectors.NewCatalog(kind.Kind), hub.ClockFunc(func() time.Time { return noon })
	m, err := catalog.Parse("salub.yaml", []byte(sender))
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), connectors.Env{Clock: clock}, m)
	if err != nil {
		t.Fatal(err)
	}
	served := feed.Serve(c, store, clock)
	fleet := hub.Fleet{served}
	runner := feed.New(feed.Parts{Roster: fleet, Store: store, Log: slog.New(slog.DiscardHandler)}, feed.Conf{})
	parts.Sending = &push.Service{Roster: fleet, Store: store, Intake: runner, Clock: clock}
	parts.Doorman.(*doorman).callers["salub"] = hub.Caller{Login: hub.Login{Issuer: issuer, Subject: "salub"}, Portal: "desk", Company: "salub"}
	parts.Doorman.(*doorman).callers["apa"] = hub.Caller{Login: hub.Login{Issuer: issuer, Subject: "apa"}, Portal: "desk", Company: "apa"}
	return served
}

const (
	many = "/v1/creditors/salub/obligations"
	one  = many + "/F1"
	bill = `{"id":"F1","account":"A","kind":"waste.bill","outstanding":100}`
)

func TestACreditorSendsItsObligations(t *testing.T) {
	var served *hub.Connector
	s := newScene(t, func(parts *httpapi.Parts, _ *httpapi.Conf) { served = sending(t, parts) })
	for _, step := range []struct {
		name, method, target, kind, body string
		status                           int
		says                             string
		owes                             string
	}{
		{"one", "PUT", one, "application/json", bill, 200, `"outcome":"published"`, "F1=100"},
		{"a row and a wrong one", "POST", many, "application/x-ndjson", `{"id":"F2","account":"A","kind":"waste.bill","outstanding":5}` + "\n" + `{"id":"F3"}`, 200,
			`{"row":2,"field":"kind","code":"missing_field","problem":"there is nothing"}` + "\n" + `{"summary":{"rows":2,"taken":1,"refused":1,"superseded":0,"outcome":"published","as_of":"2026-03-15T10:00:00Z"}}`, "F1=100 F2=5"},
		{"a table", "POST", many + "?rows=1", "text/csv; charset=utf-8", "id,account,kind,outstanding\nF2,A,waste.bill,6\n", 200, `"taken":1`, "F1=100 F2=6"},
		{"cancelled", "POST", one + "/cancel", "application/json", `{"account":"A"}`, 200, `published`, "F2=6"},
		{"restored", "POST", one + "/restore", "application/json", `{"account":"A"}`, 200, `published`, "F1=100 F2=6"},
		{"another number of rows", "POST", many + "?rows=2", "text/csv", "id,account,kind,outstanding\nF2,A,waste.bill,7\n", 400, `"code":"malformed"`, "F1=100 F2=6"},
		{"everything again", "POST", many + "?mode=full", "application/x-ndjson", bill, 200, `published`, "F1=100"},
		{"yesterday's", "POST", many + "?mode=full&as_of=2026-03-14T10:00:00Z", "application/x-ndjson", bill, 409, `"code":"conflict"`, "F1=100"},
		{"a wrong one alone", "PUT", one, "application/json", `{"id":"F1","account":"A","kind":"waste.bill","outstanding":1.5}`, 400, `"pointer":"/outstanding"`, "F1=100"},
		{"under another id", "PUT", many + "/F9", "application/json", bill, 400, `"pointer":"/id"`, "F1=100"},
		{"a personal code for an id", "PUT", many + "/1850415120007", "application/json", bill, 400, `"pointer":"id"`, "F1=100"},
		{"of another account", "POST", one + "/cancel", "application/json", `{"account":"B"}`, 404, `"code":"not_found"`, "F1=100"},
		{"as a form", "POST", many, "text/xml", bill, 415, `"code":"unsupported_media_type"`, "F1=100"},
		{"one for many", "POST", many, "application/json", bill, 415, `"code":"unsupported_media_type"`, "F1=100"},
		{"an unknown column", "POST", many, "text/csv", "id,sold\n", 400, `"pointer":"header"`, "F1=100"},
		{"an unknown mode", "POST", many + "?mode=all", "text/csv", "", 400, `"pointer":"mode"`, "F1=100"},
		{"nothing about rows", "POST", many + "?rows=x", "text/csv", "", 400, `"pointer":"rows"`, "F1=100"},
	} {
		w := s.ask(step.method, step.target, step.body, "Authorization", "Bearer salub", "Content-Type", step.kind)
		if w.Code != step.status || !strings.Contains(w.Body.String(), step.says) {
			t.Errorf("%s: got %d %s, want %d with %s", step.name, w.Code, w.Body, step.status, step.says)
		}
		if got := owesNow(t, served, "A"); got != step.owes {
			t.Errorf("%s: got %q owed, want %q", step.name, got, step.owes)
		}
	}
}

func owesNow(t *testing.T, c *hub.Connector, account string) string {
	t.Helper()
	a, err := c.Source.Obligations(t.Context(), hub.Asked{Account: hub.AccountRef{Creditor: "salub", Code: account}})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, o := range a.Obligations {
		list = append(list, fmt.Sprintf("%s=%d", o.ExternalID, o.Outstanding.Minor))
	}
	return strings.Join(list, " ")
}

func TestNobodyElseSendsForACreditor(t *testing.T) {
	s := newScene(t, func(parts *httpapi.Parts, _ *httpapi.Conf) { sending(t, parts) })
	for _, token := range []string{"ana", "portal", "apa"} {
		for _, target := range []string{"POST " + many, "PUT " + one, "POST " + one + "/cancel", "POST " + one + "/restore"} {
			method, path, _ := strings.Cut(target, " ")
			body, kind, want := bill, "application/json", 403
			if method == "POST" {
				body = `{"account":"A"}`
			}
			if path == many {
				body, kind = bill, "application/x-ndjson"
			}
			if token == "apa" {
				want = 404 // another company's looks like what is not there
			}
			if w := s.ask(method, path, body, "Authorization", "Bearer "+token, "Content-Type", kind); w.Code != want {
				t.Errorf("%s of %s: got %d, want %d", target, token, w.Code, want)
			}
		}
	}
}

// TestALongDeliveryIsNeverHeldInMemory sends rows over a real connection, as fast
// as they are taken, and every second one is wrong.
func TestALongDeliveryIsNeverHeldInMemory(t *testing.T) {
	const rows = 20_000
	s := newScene(t, func(parts *httpapi.Parts, _ *httpapi.Conf) { sending(t, parts) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := httpapi.NewServer(s.API, nil)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	body, end := io.Pipe()
	peaks := make(chan uint64, 1)
	go func() {
		peak := uint64(0)
		filler := strings.Repeat("x", 500)
		for i := range rows {
			outstanding := "100"
			if i%2 == 1 {
				outstanding = "1.5"
			}
			_, _ = fmt.Fprintf(end, `{"id":"F%d","account":"A%d","kind":"waste.bill","debtor":%q,"outstanding":%s}`+"\n", i, i, filler, outstanding)
			if i%2000 == 0 {
				peak = max(peak, inUse())
			}
		}
		_ = end.Close()
		peaks <- peak
	}()
	before := inUse()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+l.Addr().String()+many, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer salub")
	request.Header.Set("Content-Type", "application/x-ndjson")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	wrong, last := 0, ""
	for lines := bufio.NewScanner(response.Body); lines.Scan(); last = lines.Text() {
		wrong++
	}
	var summary struct{ Summary push.Summary }
	if err := json.Unmarshal([]byte(last), &summary); err != nil || wrong != rows/2+1 || summary.Summary.Taken != rows/2 || response.StatusCode != 202 {
		t.Errorf("got %d, %d lines, then %q (%v), want %d wrong rows named and the delivery held", response.StatusCode, wrong, last, err, rows/2)
	}
	if grown := int64(<-peaks) - int64(before); grown > 24<<20 { // the rows have 12 MB, as objects many times that
		t.Errorf("got %d MB more in use while %d rows arrived, want memory that does not grow with them", grown>>20, rows)
	}
}

// TestTheReportOfADeliveryIsBounded sends nothing but wrong rows: their report is
// many times as long as they are.
func TestTheReportOfADeliveryIsBounded(t *testing.T) {
	const rows, most = 400_000, 16 << 20
	s := newScene(t, func(parts *httpapi.Parts, _ *httpapi.Conf) { sending(t, parts) })
	w := s.ask("POST", many, strings.Repeat("x\n", rows), "Authorization", "Bearer salub", "Content-Type", "application/x-ndjson")
	length := w.Body.Len()
	listed, last := 0, ""
	for lines := bufio.NewScanner(w.Body); lines.Scan(); last = lines.Text() {
		if strings.HasPrefix(lines.Text(), `{"row":`) {
			listed++
		}
	}
	var said struct{ Summary push.Summary }
	if err := json.Unmarshal([]byte(last), &said); err != nil {
		t.Fatalf("got %q at the end: %v", last, err)
	}
	if length > most+1000 || listed < 100_000 {
		t.Errorf("got %d lines in %d bytes, want as many as %d bytes hold", listed, length, most)
	}
	if sum := said.Summary; sum.Refused != rows || listed+sum.Unlisted != rows {
		t.Errorf("got %d listed and %+v, want all %d refused and those counted that are not listed", listed, sum, rows)
	}
}

// inUse is what the heap holds once the garbage is gone.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
