package grpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"racord/connectors"
	"racord/hub"
)

const bill = `{"id":"G-1","left":{"currencyCode":"RON","units":"12","nanos":340000000},"due":{"year":2026,"month":3,"day":31},"state":"OPEN","code":"7",
"notes":{"a":"first"},"meters":["x","y"],"read":"2026-03-01T00:00:00.5Z"}`

func TestAStreamIsAListOfDebts(t *testing.T) {
	c := startCompany(t, says(bill, strings.Replace(bill, "G-1", "G-2", 1)))
	a, err := ask(t, connect(t, c))
	if err != nil || len(a.Obligations) != 2 || len(a.Refused) != 0 {
		t.Fatalf("got %+v, %v, want two debts", a, err)
	}
	o := a.Obligations[0]
	want := map[string]string{"note": "first", "meter": "y", "read": "2026-03-01T00:00:00.5Z"}
	if o.ExternalID != "G-1" || o.Outstanding != hub.Bani(1234) || o.Installments[0].DueOn != "2026-03-31" || fmt.Sprint(o.Details) != fmt.Sprint(want) {
		t.Errorf("got %+v", o)
	}
	const question = `{"code":"7","until":{"year":2026,"month":3,"day":15},"limits":[{"currencyCode":"RON","units":"12","nanos":500000000},{"currencyCode":"RON","nanos":-50000000}]}`
	if got := c.asked().question; got != question {
		t.Errorf("got the question %s, want %s", got, question)
	}
}

func TestOneMessageIsAnAnswerToo(t *testing.T) {
	c := startCompany(t, says(`{"bills":[`+bill+`]}`))
	a, err := ask(t, connect(t, c, "METHOD", "Whole", "SUBJECT", "{record: code}", "ITEMS", "bills"))
	if err != nil || len(a.Obligations) != 1 {
		t.Errorf("got %+v, %v, want a debt", a, err)
	}
	for name, answer := range map[string]func(*incoming) error{"none": says(), "two": says(`{}`, `{}`)} {
		c.answer = answer
		if _, err := ask(t, connect(t, c, "METHOD", "Whole", "SUBJECT", "{record: code}", "ITEMS", "bills")); hub.CodeOf(err) != hub.CodeBadData && hub.CodeOf(err) != hub.CodeUnavailable {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
}

func TestAnEmptyStreamSaysThatNothingIsDue(t *testing.T) {
	a, err := ask(t, connect(t, startCompany(t, says())))
	if err != nil || len(a.Obligations) != 0 {
		t.Errorf("got %+v, %v, want nothing due", a, err)
	}
}

func TestSomebodyElsesBillsAreRefused(t *testing.T) {
	c := startCompany(t, says(bill, strings.Replace(bill, `"7"`, `"8"`, 1)))
	a, err := ask(t, connect(t, c))
	if hub.CodeOf(err) != hub.CodeForeignData || len(a.Obligations) != 0 {
		t.Errorf("got %+v, %v, want foreign data", a, err)
	}
}

// google/type/money.proto: nanos below a unit, both of one sign.
func TestMoneyIsReadToTheBan(t *testing.T) {
	for money, want := range map[string]int64{
		`{"currencyCode":"RON","units":"12","nanos":340000000}`:    1234,
		`{"currencyCode":"RON","units":"0","nanos":10000000}`:      1,
		`{"currencyCode":"RON"}`:                                   0,
		`{"currencyCode":"RON","units":"-1","nanos":-750000000}`:   -175,
		`{"currencyCode":"RON","nanos":-750000000}`:                -75,
		`{"currencyCode":"RON","units":"92233720368547758"}`:       9223372036854775800,
		`{"currencyCode":"RON","nanos":1}`:                         refused, // less than a ban
		`{"currencyCode":"RON","units":"12","nanos":345000000}`:    refused,
		`{"currencyCode":"RON","units":"1","nanos":-750000000}`:    refused, // two signs
		`{"currencyCode":"RON","nanos":1000000000}`:                refused,
		`{"currencyCode":"RON","nanos":-2000000000}`:               refused,
		`{"currencyCode":"RON","units":"9223372036854775807"}`:     refused, // more bani than there are
		`{"currencyCode":"RON","units":"-9223372036854775808"}`:    refused,
		`{"currencyCode":"EUR","units":"12"}`:                      refused,
		`{"units":"12"}`:                                           refused,
		`{"currencyCode":"ron","units":"12"}`:                      refused,
		`null`:                                                     refused, // nothing is not zero
		`{"currencyCode":"RON","units":"12","nanos":99999999}`:     refused,
		`{"currencyCode":"RON","units":"0","nanos":-10000000}`:     -1,
		`{"currencyCode":"RON","units":"-92233720368547758"}`:      -9223372036854775800,
		`{"currencyCode":"RON ","units":"12"}`:                     refused,
		`{"currencyCode":"RON","units":"1000000","nanos":5000000}`: refused,
	} {
		c := startCompany(t, says(strings.Replace(bill, `{"currencyCode":"RON","units":"12","nanos":340000000}`, money, 1)))
		a, err := ask(t, connect(t, c))
		switch {
		case err != nil || len(a.Obligations)+len(a.Refused) != 1:
			t.Errorf("%s: got %+v, %v, want a debt or a refusal", money, a, err)
		case want == refused && (len(a.Refused) != 1 || a.Refused[0].Code != "bad_amount" && a.Refused[0].Code != "missing_field"):
			t.Errorf("%s: got %+v, want it refused", money, a)
		case want != refused && (len(a.Obligations) != 1 || a.Obligations[0].Outstanding != hub.Bani(want)):
			t.Errorf("%s: got %+v, want %d", money, a, want)
		}
	}
}

const refused = -1 << 63

// A double with three decimals is no grouped thousands.
func TestADoubleIsADecimalNumber(t *testing.T) {
	for rest, want := range map[string]int64{`70.15`: 7015, `1234.5`: 123450, `70.125`: refused, `1234`: 123400, `"NaN"`: refused} {
		for _, field := range []string{"rest | money_ro", `{expr: "money_ro(record.rest)"}`} {
			c := startCompany(t, says(`{"id":"G-1","code":"7","state":"OPEN","rest":`+rest+`}`))
			a, err := ask(t, connect(t, c, "left | money_decimal", field))
			if err != nil || len(a.Obligations)+len(a.Refused) != 1 {
				t.Errorf("%s of %s: got %+v, %v, want a debt or a refusal", field, rest, a, err)
				continue
			}
			if want == refused != (len(a.Refused) == 1) || want != refused && a.Obligations[0].Outstanding != hub.Bani(want) {
				t.Errorf("%s of %s: got %+v, want %d", field, rest, a, want)
			}
		}
	}
}

func TestDamageRefusesARecordAndNotTheOthers(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, code string }{
		"a state that is new":            {`"state":"OPEN"`, `"state":9`, "unknown_value"},
		"a state the table leaves out":   {`"state":"OPEN"`, `"state":"UNKNOWN"`, "unknown_value"},
		"a bill without an id":           {`"G-1"`, `""`, "missing_field"},
		"a bill that stands there twice": {`"G-1"`, `"G-2"`, "duplicate_record"},
	} {
		c := startCompany(t, says(strings.Replace(bill, "G-1", "G-2", 1), strings.Replace(bill, tc.from, tc.to, 1)))
		a, err := ask(t, connect(t, c))
		if err != nil || len(a.Obligations) != 1 || len(a.Refused) != 1 || a.Refused[0].Code != tc.code {
			t.Errorf("%s: got %+v, %v, want %s", name, a, err, tc.code)
		}
	}
	for name, due := range map[string]string{"30 February": `{"year":2026,"month":2,"day":30}`, "a month": `{"year":2026,"month":3}`, "no date": `{"month":99}`} {
		c := startCompany(t, says(strings.Replace(bill, `{"year":2026,"month":3,"day":31}`, due, 1)))
		a, err := ask(t, connect(t, c))
		if err != nil || len(a.Obligations) != 1 || len(a.Obligations[0].Installments) != 0 || len(a.Obligations[0].Quality) != 1 {
			t.Errorf("%s: got %+v, %v, want it left out with a remark", name, a, err)
		}
	}
}

// said makes a status with a reason.
func said(code codes.Code, reason string, more ...protoadapt.MessageV1) error {
	s, err := status.New(code, "unul dintre noi").WithDetails(append(more, &errdetails.ErrorInfo{Reason: reason, Domain: "gaz"})...)
	if err != nil {
		return err
	}
	return s.Err()
}

func TestRefusalsAreTyped(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want hub.Code
		wait time.Duration
	}{
		"a reason of its own":     {said(codes.NotFound, "UNKNOWN_CODE"), hub.CodeNotFound, 0},
		"not found of any sort":   {said(codes.NotFound, "NO_TABLE"), hub.CodeBadData, 0},
		"busy":                    {said(codes.ResourceExhausted, "SLOW_DOWN", &errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)}), hub.CodeBusy, 7 * time.Second},
		"busy for days":           {said(codes.ResourceExhausted, "SLOW_DOWN", &errdetails.RetryInfo{RetryDelay: durationpb.New(70 * time.Hour)}), hub.CodeBusy, time.Hour},
		"unavailable":             {status.Error(codes.Unavailable, ""), hub.CodeUnavailable, 0},
		"wrong credentials":       {status.Error(codes.Unauthenticated, ""), hub.CodeAuth, 0},
		"no permission":           {status.Error(codes.PermissionDenied, ""), hub.CodeAuth, 0},
		"a deadline behind":       {status.Error(codes.DeadlineExceeded, ""), hub.CodeTimeout, 0},
		"a wrong question":        {status.Error(codes.InvalidArgument, ""), hub.CodeBadData, 0},
		"something broke":         {status.Error(codes.Internal, ""), hub.CodeUnavailable, 0},
		"a method that is gone":   {status.Error(codes.Unimplemented, ""), hub.CodeUnavailable, 0},
		"a status nobody defined": {status.Error(99, ""), hub.CodeUnavailable, 0},
	} {
		c := startCompany(t, func(*incoming) error { return tc.err })
		a, err := ask(t, connect(t, c))
		if hub.CodeOf(err) != tc.want || hub.RetryAfterOf(err) != tc.wait || len(a.Obligations) != 0 {
			t.Errorf("%s: got %v, %v, want %s and a wait of %v", name, a, err, tc.want, tc.wait)
		}
		if err != nil && strings.Contains(err.Error(), "unul dintre noi") {
			t.Errorf("%s: the company's words stand in %v", name, err)
		}
	}
}

func TestAStreamThatIsCutIsNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(*incoming) error
		want   hub.Code
	}{
		"by a status": {func(c *incoming) error { return errors.Join(c.say(bill), status.Error(codes.Unavailable, "")) }, hub.CodeUnavailable},
		"by a deadline": {func(c *incoming) error {
			_ = c.say(bill)
			<-c.Context().Done()
			return nil
		}, hub.CodeTimeout},
	} {
		c := startCompany(t, tc.answer)
		connector := connect(t, c)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		a, err := connector.Source.Obligations(ctx, seven)
		cancel()
		if hub.CodeOf(err) != tc.want || len(a.Obligations) != 0 {
			t.Errorf("%s: got %+v, %v, want %s", name, a, err, tc.want)
		}
	}
}

func TestAnAnswerHasItsLimits(t *testing.T) {
	long := strings.Replace(bill, `"first"`, `"`+strings.Repeat("x", connectors.MaxAnswer/2)+`"`, 1)
	for name, answer := range map[string]func(*incoming) error{
		"too many messages": func(c *incoming) error {
			for c.say(bill) == nil {
			}
			return nil
		},
		"too much in a few": says(long, long, long),
		"one too large":     says(strings.Replace(long, "xx", strings.Repeat("x", connectors.MaxAnswer), 1)),
	} {
		if _, err := ask(t, connect(t, startCompany(t, answer))); hub.CodeOf(err) != hub.CodeBadData {
			t.Errorf("%s: got %v, want bad data", name, err)
		}
	}
}

// TestAStatementHoldsAllWhoPaidOnADay reads, in one message, as many payments as a
// statement may hold, and one more.
func TestAStatementHoldsAllWhoPaidOnADay(t *testing.T) {
	const row = `{"key":"hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1","number":"R-2026-00012345","amount":{"currencyCode":"RON","units":"1257","nanos":500000000}}`
	for rows, want := range map[int]hub.Code{connectors.MaxBooked: "", connectors.MaxBooked + 1: hub.CodeBadData} {
		c := connect(t, startCompany(t, says(`{"receipts":[`+strings.Repeat(row+",", rows-1)+row+`]}`)), "timeout: 2s", "timeout: 30s")
		booked, err := c.Statement.Statement(t.Context(), "2026-03-31")
		if hub.CodeOf(err) != want || want == "" && len(booked) != rows {
			t.Errorf("%d rows: got %d (%v), want code %q", rows, len(booked), err, want)
		}
	}
}

func TestTheCompanyIsToldTheDeadlineAndTheKey(t *testing.T) {
	c := startCompany(t, says(bill))
	connector := connect(t, c)
	for name, limit := range map[string]time.Duration{"ours": 700 * time.Millisecond, "the creditor's": 0} {
		ctx, cancel := context.WithCancel(t.Context())
		if limit > 0 {
			ctx, cancel = context.WithTimeout(t.Context(), limit)
		} else {
			limit = 2 * time.Second // traits.timeout
		}
		if _, err := connector.Source.Obligations(ctx, seven); err != nil {
			t.Fatal(err)
		}
		cancel()
		deadline, told := c.asked().Context().Deadline()
		if left := time.Until(deadline); !told || left > limit {
			t.Errorf("%s: got %v (told: %t), want at most %v", name, left, told, limit)
		}
	}
	if got := metadata.ValueFromIncomingContext(c.asked().Context(), "x-api-key"); len(got) != 1 || got[0] != "open sesame" {
		t.Errorf("got the key %q", got)
	}
}

// What is certain is only what the company says itself: a rule about
// RESOURCE_EXHAUSTED must not take what this side makes of an answer that is too
// large for it.
func TestOnlyTheCompanyCanSayThatNothingWasBooked(t *testing.T) {
	huge := `{"number":"R-1","key":"` + strings.Repeat("x", connectors.MaxAnswer+1) + `"}`
	for name, tc := range map[string]struct {
		answer  func(*incoming) error
		want    hub.Code
		certain bool
	}{
		"it says so":                  {func(*incoming) error { return said(codes.FailedPrecondition, "PAID_BEFORE") }, hub.CodeNotPayable, true},
		"it is busy":                  {func(*incoming) error { return status.Error(codes.ResourceExhausted, "") }, hub.CodeBusy, true},
		"an answer that is too large": {says(huge), hub.CodeBadData, false},
		"it breaks":                   {func(*incoming) error { return status.Error(codes.Internal, "") }, hub.CodeUnavailable, false},
		"it is away":                  {func(*incoming) error { return status.Error(codes.Unavailable, "") }, hub.CodeUnavailable, false},
		"no receipt":                  {says(), hub.CodeBadData, false},
		"of another amount":           {says(`{"number":"R-1","amount":{"currencyCode":"RON","units":"1"}}`), hub.CodeBadData, false},
		"of another payment":          {says(`{"number":"R-1","key":"hub:other"}`), hub.CodeBadData, false},
	} {
		_, err := pay(t, connect(t, startCompany(t, tc.answer)))
		if hub.CodeOf(err) != tc.want || hub.Certainly(err) != tc.certain {
			t.Errorf("%s: got %v (certain %t), want %s (%t)", name, err, hub.Certainly(err), tc.want, tc.certain)
		}
	}
	c := startCompany(t, says(`{"number":"R-1","key":"`+string(posting.ID)+`","amount":{"currencyCode":"RON","units":"12","nanos":340000000}}`))
	receipt, err := pay(t, connect(t, c))
	const question = `{"key":"hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1","bill":"G-1","amount":{"currencyCode":"RON","units":"12","nanos":340000000},"paidAt":"2026-03-15T08:00:00Z"}`
	if err != nil || receipt.Number != "R-1" || c.asked().question != question {
		t.Errorf("got %+v, %v for %s", receipt, err, c.asked().question)
	}
}

func TestAPaymentThatWasNotSentIsCertainlyNotBooked(t *testing.T) {
	broken := env()
	broken.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no way") }
	busy := env()
	busy.Turn = func(context.Context) error { return hub.Errorf(hub.CodeBusy, "Not now.") }
	locked := env()
	locked.Secret = func(context.Context, string) (hub.Secret, error) {
		return hub.Secret{}, hub.Errorf(hub.CodeAuth, "no such secret")
	}
	for name, tc := range map[string]struct {
		env  connectors.Env
		want hub.Code
	}{"no connection": {broken, hub.CodeUnavailable}, "no turn": {busy, hub.CodeBusy}, "no key": {locked, hub.CodeAuth}} {
		_, err := pay(t, open(t, manifestText("http://127.0.0.1:1"), tc.env))
		if hub.CodeOf(err) != tc.want || !hub.Certainly(err) {
			t.Errorf("%s: got %v (certain %t), want %s for certain", name, err, hub.Certainly(err), tc.want)
		}
	}
}

// What is no gRPC at all.
func TestOtherServersAreNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   hub.Code
	}{
		"a page for people": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Autentificare</html>") }, hub.CodeBadData},
		"HTTP 503":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, hub.CodeUnavailable},
		"HTTP 401":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, hub.CodeAuth},
		"HTTP 404":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, hub.CodeBadData},
		"a hang-up":         {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, hub.CodeUnavailable},
		"no status in the end": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			w.WriteHeader(200)
		}, hub.CodeUnavailable},
	} {
		connector := open(t, manifestText(overHTTP2(t, tc.answer)), env())
		a, err := ask(t, connector)
		if got := hub.CodeOf(err); got != tc.want && !(name == "no status in the end" && got == hub.CodeBadData) || len(a.Obligations) != 0 {
			t.Errorf("%s: got %+v, %v, want %s", name, a, err, tc.want)
		}
		if _, err := pay(t, connector); err == nil || hub.Certainly(err) {
			t.Errorf("%s: got %v (certain %t) for a payment, want an error that says nothing", name, err, hub.Certainly(err))
		}
	}
}

func overHTTP2(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: answer, Protocols: &protocols}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}

// A name is given to Env.Dial as it stands in the manifest: whoever looks it up
// elsewhere goes round the wall.
func TestNamesAreLookedUpByNobodyButTheWall(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:9")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:9")
	c := startCompany(t, says(bill))
	e := env()
	var dialled, turns atomic.Int64
	e.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialled.Add(1); network != "tcp" || address != "gaz.invalid:50051" {
			t.Errorf("got %s %s dialled, want the name of the manifest", network, address)
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", c.address)
	}
	e.Turn = func(context.Context) error { turns.Add(1); return nil }
	connector := open(t, manifestText("http://gaz.invalid:50051"), e)
	for range 3 {
		if _, err := ask(t, connector); err != nil {
			t.Fatal(err)
		}
	}
	if dialled.Load() != 1 || turns.Load() != 3 {
		t.Errorf("got %d connections and %d turns for 3 calls, want 1 and 3", dialled.Load(), turns.Load())
	}
}

func TestAReadIsRepeatedOnceWithinTheBudget(t *testing.T) {
	c := startCompany(t, says(bill))
	e := env()
	var dialled atomic.Int64
	e.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.address)
		if dialled.Add(1) == 1 && err == nil {
			return &cutting{Conn: conn}, nil
		}
		return conn, err
	}
	connector := open(t, manifestText("http://gaz.invalid"), e)
	ctx, cancel := context.WithTimeout(hub.WithRetries(t.Context(), func() bool { return true }), 5*time.Second)
	defer cancel()
	if _, err := connector.Source.Obligations(ctx, seven); err != nil {
		t.Errorf("got %v, want the answer of the second try", err)
	}
}

// cutting is a connection that breaks when its first answer comes.
type cutting struct {
	net.Conn
	read int
}

func (c *cutting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.read += n; c.read > 60 { // behind the settings
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// Connectors are not closed; what nobody holds ends by itself.
func TestALineEndsWithItsConnector(t *testing.T) {
	c := startCompany(t, says(bill))
	closed := make(chan struct{})
	func() {
		e := env()
		e.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return &told{Conn: conn, closed: closed}, err
		}
		if _, err := ask(t, open(t, manifestText("http://"+c.address), e)); err != nil {
			t.Fatal(err)
		}
	}()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		runtime.GC()
		select {
		case <-closed:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("the connection of a connector that nobody holds is still open")
}

// told tells when it is closed.
type told struct {
	net.Conn
	closed chan struct{}
	done   atomic.Bool
}

func (c *told) Close() error {
	if c.done.CompareAndSwap(false, true) {
		close(c.closed)
	}
	return c.Conn.Close()
}

func TestMistakesOfAManifestAreNamed(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want string }{
		"a path":               {"BASE", "http://gaz.invalid/v1", "settings.base_url: a service of gRPC has no path"},
		"no such service":      {"service: gaz.v1.Gaz", "service: gaz.v1.Gas", `settings.service: the .proto has no service "gaz.v1.Gas"; one of gaz.v1.Gaz`},
		"no such method":       {"METHOD", "Lst", `calls.obligations.request.method: the service has no method "Lst"; one of Booked, List, Pay, Upload, Whole`},
		"a stream of requests": {"METHOD", "Upload", "calls.obligations.request.method: a method that takes a stream of requests cannot be called"},
		"a damaged .proto":     {"rpc List(Question) returns", "rpc List(Question)", "settings.proto: 7:22: syntax error"},
		"an unknown import":    {"google/type/money.proto", "company/secret.proto", "settings.proto: 3:8: could not resolve"},
		"a binary key":         {"header: x-api-key", "header: key-bin", "settings.auth.header: not a key of metadata"},
	} {
		_, err := catalog.Parse("gaz.yaml", []byte(strings.Replace(manifestText("http://127.0.0.1:1", tc.from, tc.to), tc.from, tc.to, 1)))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}
