package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/adapters/webhook"
	"racord/hub"
	"racord/hub/hubtest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	portal = hub.PortalReceiver("portal")
	water  = hub.CreditorReceiver("water")
)

const secretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

func secret(t testing.TB, text string) hub.Secret {
	t.Helper()
	s, err := webhook.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func opened(t testing.TB) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// paid stores a payment of two lines, one of water's and one of heat's, and emits
// so many rounds of three events: of the payment, of water's line, of heat's.
func paid(t testing.TB, store hub.Store, rounds int) hub.PaymentID {
	t.Helper()
	id := hub.NewID()
	basket := hubtest.Basket("party", hub.ObligationID("a"+id), hub.ObligationID("b"+id))
	basket.Lines[1].Creditor = "heat"
	key := hub.RequestKey{Portal: "portal", Party: "party", Route: "r", Key: id}
	p, _, err := store.OpenPayment(t.Context(), key, func(tx hub.PaymentTx) (*hub.Payment, error) { return basket, nil })
	if err != nil {
		t.Fatal(err)
	}
	for range rounds {
		if _, err := store.ChangePayment(t.Context(), p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
			tx.Emit(hub.Event{Type: "payment.captured"}, hub.Event{Type: "line.posted", Line: 1, Creditor: "water"},
				hub.Event{Type: "line.posted", Line: 2, Creditor: "heat"})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return p.ID
}

// receiver is somebody who listens and keeps a book.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    map[string]int // ids that were taken, and how often
	bodies []string
	seen   []http.Header
	answer func(w http.ResponseWriter) int // status; 0 = taken
}

func listening(t testing.TB, answer func(http.ResponseWriter) int) *receiver {
	t.Helper()
	r := &receiver{got: map[string]int{}, answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen = append(r.seen, q.Header.Clone())
		if status := r.answer(w); status != 0 {
			w.WriteHeader(status)
			return
		}
		r.got[q.Header.Get("Webhook-Id")]++
		r.bodies = append(r.bodies, string(body))
		if !verified(q.Header, body, secretText) {
			t.Errorf("a message is not signed: %v", q.Header)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func takes(http.ResponseWriter) int { return 0 }

// verified is the receiver's half of the scheme, written from its text.
func verified(h http.Header, body []byte, secret string) bool {
	at, err := strconv.ParseInt(h.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", h.Get("Webhook-Id"), at, body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return slices.Contains(strings.Fields(h.Get("Webhook-Signature")), want)
}

func (r *receiver) taken() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

func (r *receiver) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

func (r *receiver) endpoint(t testing.TB, to hub.Receiver, events ...string) webhook.Endpoint {
	client := r.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return webhook.Endpoint{Receiver: to, URL: r.URL + "/hook", Secrets: []hub.Secret{secret(t, secretText)}, Events: events, HTTP: client}
}

// telling runs a teller until the test ends or stop is called.
func telling(t testing.TB, store hub.Store, conf webhook.Conf, log *slog.Logger, endpoints ...webhook.Endpoint) (stop func()) {
	t.Helper()
	if conf.Idle == 0 {
		conf.Idle = 5 * time.Millisecond
	}
	teller, err := webhook.New(webhook.Parts{Outbox: store, Payments: store, Endpoints: endpoints, Log: log}, conf)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); teller.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 6000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("waited in vain until %s", what)
}

func settledFor(t testing.TB, store hub.Store, to hub.Receiver) func() bool {
	return func() bool {
		waiting, err := store.Waiting(t.Context())
		return err == nil && waiting[to] == 0
	}
}

// quick waits make the days of a schedule a moment.
func quick(n int) []time.Duration { return slices.Repeat([]time.Duration{time.Millisecond}, n) }

// TestEveryEventArrivesThoughReceiversFail tells two receivers of 60 events from
// two replicas while three answers of ten are failures.
func TestEveryEventArrivesThoughReceiversFail(t *testing.T) {
	store := opened(t)
	var mu sync.Mutex
	luck := rand.New(rand.NewPCG(1, 2))
	unreliable := func(w http.ResponseWriter) int {
		mu.Lock()
		defer mu.Unlock()
		if luck.IntN(10) >= 3 {
			return 0
		}
		if luck.IntN(3) == 0 {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		return []int{500, 503, 302, 404, 429}[luck.IntN(5)]
	}
	city, company := listening(t, unreliable), listening(t, unreliable)
	id := paid(t, store, 20)
	conf := webhook.Conf{Waits: quick(40)}
	telling(t, store, conf, nil, city.endpoint(t, portal), company.endpoint(t, water))
	telling(t, store, conf, nil, city.endpoint(t, portal), company.endpoint(t, water))
	until(t, "all is told", func() bool { return settledFor(t, store, portal)() && settledFor(t, store, water)() })
	want := map[string]bool{}
	for seq := 1; seq <= 60; seq++ {
		want[fmt.Sprintf("%s_%d", id, seq)] = true
	}
	for got := range city.got {
		if !want[got] {
			t.Errorf("the portal was told of %s, which is no event", got)
		}
	}
	if len(city.got) != 60 || len(company.got) != 20 {
		t.Errorf("the portal took %d events, the company %d; want 60 and 20", len(city.got), len(company.got))
	}
	if city.asked() <= 60 {
		t.Errorf("there were %d attempts: nothing failed", city.asked())
	}
}

func TestAMessageSaysWhatHappenedAndToWhatAlone(t *testing.T) {
	store := opened(t)
	city, company := listening(t, takes), listening(t, takes)
	id := paid(t, store, 1)
	telling(t, store, webhook.Conf{}, nil, city.endpoint(t, portal), company.endpoint(t, water))
	until(t, "all is told", func() bool { return city.taken() == 3 && company.taken() == 1 })
	var got struct {
		Type      string
		Timestamp time.Time
		Data      map[string]any
	}
	if err := json.Unmarshal([]byte(company.bodies[0]), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"payment": string(id), "seq": 2.0, "line": 1.0, "creditor": "water", "state": "held"}
	if fmt.Sprint(got.Data) != fmt.Sprint(want) || got.Type != "line.posted" || time.Since(got.Timestamp).Abs() > time.Hour {
		t.Errorf("the company heard %s, want %v", company.bodies[0], want)
	}
	all := strings.Join(append(city.bodies, company.bodies...), "")
	for _, personal := range []string{hubtest.CNP, "party", "FACT-", "RON", "netopia"} {
		if strings.Contains(all, personal) {
			t.Errorf("a message holds %q", personal)
		}
	}
	if strings.Contains(strings.Join(company.bodies, ""), "heat") {
		t.Errorf("the company hears of another's line")
	}
}

func TestAReceiverChoosesItsEvents(t *testing.T) {
	for name, tc := range map[string]struct {
		events []string
		want   int
	}{
		"all":                {nil, 3},
		"of one type":        {[]string{"payment.captured"}, 1},
		"of one kind":        {[]string{"line.*"}, 2},
		"of none there are":  {[]string{"line"}, 0},
		"of several":         {[]string{"line.posted", "payment.*"}, 3},
		"of a longer family": {[]string{"lin.*"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			store := opened(t)
			city := listening(t, takes)
			paid(t, store, 1)
			telling(t, store, webhook.Conf{}, nil, city.endpoint(t, portal, tc.events...))
			until(t, "all is settled", settledFor(t, store, portal))
			if city.taken() != tc.want {
				t.Errorf("got %d events, want %d", city.taken(), tc.want)
			}
		})
	}
}

func TestASecretIsChangedWithoutLosingAMessage(t *testing.T) {
	store := opened(t)
	city := listening(t, takes) // knows the old secret alone
	paid(t, store, 1)
	e := city.endpoint(t, portal)
	e.Secrets = append([]hub.Secret{secret(t, "whsec_"+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32)))}, e.Secrets...)
	telling(t, store, webhook.Conf{}, nil, e)
	until(t, "all is told", func() bool { return city.taken() == 3 })
}

func TestAScheduleEnds(t *testing.T) {
	store := opened(t)
	var log bytes.Buffer
	city := listening(t, func(http.ResponseWriter) int { return 500 })
	paid(t, store, 1)
	telling(t, store, webhook.Conf{Waits: quick(3)}, slog.New(slog.NewJSONHandler(&safe{w: &log}, nil)), city.endpoint(t, portal))
	until(t, "all is given up", settledFor(t, store, portal))
	if city.asked() != 3*4 {
		t.Errorf("got %d attempts at 3 events, want four each", city.asked())
	}
	tries, err := store.Tries(t.Context(), portal, 100)
	if err != nil || len(tries) != 12 || tries[0].Status != 500 || tries[0].Code != hub.CodeUnavailable {
		t.Errorf("the log holds %d attempts, the last %+v (%v)", len(tries), tries[0], err)
	}
	if lost, err := store.GivenUp(t.Context(), time.Now().Add(-time.Hour)); err != nil || lost[portal] != 3 || len(lost) != 1 {
		t.Errorf("got %v given up (%v), want 3 of the portal", lost, err)
	}
	city.mu.Lock()
	city.answer = takes
	city.mu.Unlock()
	if n, err := store.Replay(t.Context(), portal, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)); n != 3 || err != nil {
		t.Fatalf("replayed %d (%v), want 3", n, err)
	}
	until(t, "all is told", func() bool { return city.taken() == 3 })
}

// TestAReplayBeginsAnew replays what arrived with the last attempt, to a receiver that
// fails as often again.
func TestAReplayBeginsAnew(t *testing.T) {
	store := opened(t)
	asked, city := map[string]int{}, (*receiver)(nil)
	city = listening(t, func(http.ResponseWriter) int {
		id := city.seen[len(city.seen)-1].Get("Webhook-Id")
		if asked[id]++; asked[id]%4 == 0 {
			return 0
		}
		return 500
	})
	paid(t, store, 1)
	telling(t, store, webhook.Conf{Waits: quick(3)}, nil, city.endpoint(t, portal))
	until(t, "all is settled", settledFor(t, store, portal))
	for range 2 {
		if n, err := store.Replay(t.Context(), portal, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)); n != 3 || err != nil {
			t.Fatalf("replayed %d (%v), want 3", n, err)
		}
		until(t, "all is settled", settledFor(t, store, portal))
		if lost, err := store.GivenUp(t.Context(), time.Now().Add(-time.Hour)); err != nil || len(lost) != 0 {
			t.Fatalf("got %v given up (%v), want all told again", lost, err)
		}
	}
	if city.asked() != 3*3*4 {
		t.Errorf("got %d attempts at 3 events that were told three times, want four each time", city.asked())
	}
}

// safe is a writer for many.
type safe struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

func TestWhoeverIsGoneIsNotAskedAgain(t *testing.T) {
	store := opened(t)
	city := listening(t, func(http.ResponseWriter) int { return http.StatusGone })
	paid(t, store, 1)
	telling(t, store, webhook.Conf{Waits: quick(3)}, nil, city.endpoint(t, portal))
	until(t, "all is settled", settledFor(t, store, portal))
	if city.asked() != 3 {
		t.Errorf("got %d attempts at 3 events, want one each", city.asked())
	}
}

func TestAReceiverIsLeftAloneAsLongAsItAsks(t *testing.T) {
	store := opened(t)
	city := listening(t, func(w http.ResponseWriter) int { w.Header().Set("Retry-After", "3600"); return 503 })
	paid(t, store, 1)
	stop := telling(t, store, webhook.Conf{Waits: quick(9)}, nil, city.endpoint(t, portal))
	until(t, "every event was tried", func() bool { tries, _ := store.Tries(t.Context(), portal, 10); return len(tries) == 3 })
	stop()
	due, err := store.LeaseNotices(t.Context(), hub.NoticeQuery{Receiver: portal, Most: 10, TTL: time.Minute})
	if err != nil || len(due) != 0 || settledFor(t, store, portal)() {
		t.Errorf("%d are due again (%v), want them to wait an hour", len(due), err)
	}
	if city.asked() != 3 {
		t.Errorf("got %d attempts, want 3", city.asked())
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	store := opened(t)
	elsewhere := listening(t, takes)
	city := listening(t, func(w http.ResponseWriter) int { w.Header().Set("Location", elsewhere.URL); return 307 })
	paid(t, store, 1)
	telling(t, store, webhook.Conf{Waits: quick(2)}, nil, city.endpoint(t, portal))
	until(t, "all is given up", settledFor(t, store, portal))
	if elsewhere.asked() != 0 {
		t.Errorf("a message went elsewhere")
	}
}

func TestOneThatHangsHoldsNobodyElseUp(t *testing.T) {
	store := opened(t)
	hold := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer slow.Close()
	defer close(hold)
	company := listening(t, takes)
	paid(t, store, 10)
	hanging := webhook.Endpoint{Receiver: portal, URL: slow.URL, Secrets: []hub.Secret{secret(t, secretText)}, HTTP: slow.Client()}
	stop := telling(t, store, webhook.Conf{}, nil, hanging, company.endpoint(t, water))
	until(t, "the company heard all", func() bool { return company.taken() == 10 })
	stop()
}

func TestWhatNobodyListensToWaitsForAReplica(t *testing.T) {
	store := opened(t)
	city := listening(t, takes)
	paid(t, store, 1)
	telling(t, store, webhook.Conf{}, nil, city.endpoint(t, portal))
	until(t, "the portal heard all", func() bool { return city.taken() == 3 })
	if waiting, err := store.Waiting(t.Context()); err != nil || waiting[water] != 1 {
		t.Errorf("got %v (%v): the creditor's is settled before a new endpoint could be rolled out", waiting, err)
	}
}

func TestWhatNobodyListensToIsNotKeptForEver(t *testing.T) {
	store := opened(t)
	for range 3 {
		paid(t, store, 300)
	}
	telling(t, store, webhook.Conf{Rollout: time.Nanosecond, KeepUnheard: time.Hour}, nil)
	for _, to := range []hub.Receiver{portal, water, hub.CreditorReceiver("heat")} {
		until(t, "nothing waits", settledFor(t, store, to))
	}
	if tries, err := store.Tries(t.Context(), water, 10); err != nil || len(tries) != 0 {
		t.Errorf("got %v (%v), want no attempt", tries, err)
	}
	if n, err := store.Replay(t.Context(), water, time.Now().Add(-time.Hour), time.Now()); err != nil || n != 900 {
		t.Errorf("got %d replayed (%v), want all 900", n, err)
	}
}

func TestASecretHasAForm(t *testing.T) {
	for name, text := range map[string]string{
		"no mark":     "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
		"not base64":  "whsec_!!!",
		"too short":   "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)),
		"too long":    "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)),
		"empty":       "",
		"another key": "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
	} {
		if _, err := webhook.ParseSecret(text); err == nil {
			t.Errorf("%s: it was accepted", name)
		} else if text != "" && strings.Contains(err.Error(), text[len(text)/2:]) {
			t.Errorf("%s: the error repeats it", name)
		}
	}
}

func TestEndpointsThatCannotWorkAreRefused(t *testing.T) {
	good := listening(t, takes).endpoint(t, portal)
	for name, change := range map[string]func(*webhook.Endpoint){
		"no receiver":     func(e *webhook.Endpoint) { e.Receiver = "" },
		"a relative URL":  func(e *webhook.Endpoint) { e.URL = "/hook" },
		"a password":      func(e *webhook.Endpoint) { e.URL = "https://a:b@c/" },
		"another scheme":  func(e *webhook.Endpoint) { e.URL = "ftp://c/" },
		"no secret":       func(e *webhook.Endpoint) { e.Secrets = nil },
		"no way out":      func(e *webhook.Endpoint) { e.HTTP = nil },
		"a second of one": func(*webhook.Endpoint) {},
	} {
		bad := good
		change(&bad)
		list := []webhook.Endpoint{bad}
		if name == "a second of one" {
			list = append(list, bad)
		}
		if _, err := webhook.New(webhook.Parts{Endpoints: list}, webhook.Conf{}); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
}

func TestTheUsualScheduleTakesThreeDays(t *testing.T) {
	// 10 attempts over 75 h 35 min 5 s (Standard Webhooks 1.0.0, example schedule)
	if got := webhook.Schedule(); got != 75*time.Hour+35*time.Minute+5*time.Second {
		t.Errorf("got %s", got)
	}
}

// mistaken is an outbox that gives everybody everything.
type mistaken struct{ hub.Store }

func (m mistaken) LeaseNotices(ctx context.Context, q hub.NoticeQuery) ([]hub.Notice, error) {
	notices, err := m.Store.LeaseNotices(ctx, q)
	for i := range notices {
		notices[i].Creditor = map[int]hub.Name{0: "heat", 1: ""}[i%2]
	}
	return notices, err
}

func TestACreditorNeverHearsOfAnother(t *testing.T) {
	store := opened(t)
	company := listening(t, takes)
	paid(t, store, 4)
	telling(t, mistaken{store}, webhook.Conf{}, nil, company.endpoint(t, water))
	until(t, "all is settled", settledFor(t, store, water))
	if company.asked() != 0 {
		t.Errorf("it heard %v", company.bodies)
	}
	if tries, err := store.Tries(t.Context(), water, 10); err != nil || len(tries) != 4 || tries[0].Code != "not_its_own" {
		t.Errorf("got %+v (%v), want it noted", tries, err)
	}
}
