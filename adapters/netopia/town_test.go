package netopia_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"racord/adapters/guard"
	"racord/adapters/netopia"
	"racord/adapters/pspwire"
	"racord/adapters/upstream"
	"racord/cmd/city/gate"
	"racord/cmd/city/pspbook"
	"racord/cmd/city/town"
	"racord/hub"
	"racord/hub/hubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const noFunds = "9900518572831942"

// scene is a city whose payment provider tells a merchant's server.
type scene struct {
	*town.Town
	psp     hub.PSP
	mailbox *mailbox
	posIDs  []string
}

// startTown opens a city and the contract with its provider, behind its guard.
func startTown(t testing.TB, extras ...string) *scene {
	t.Helper()
	city, err := town.Start(context.Background(), town.Config{Size: "XS", PSPExtras: len(extras) > 0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := city.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &scene{Town: city, mailbox: openMailbox(t)}
	for _, a := range city.MerchantAccounts() {
		s.posIDs = append(s.posIDs, strconv.Itoa(a.PosID))
	}
	s.psp = guarded(t, s.conf(city.URL()+"/netopia", extras...), s.Credentials())
	return s
}

func (s *scene) conf(base string, extras ...string) netopia.Conf {
	credentials := s.Credentials()
	return netopia.Conf{
		BaseURL: base, Signature: credentials["netopia-pos-signature"], APIKey: "netopia-api-key",
		PublicKey: []byte(credentials["netopia-public-key"]), Extras: extras,
		Merchants: hub.Merchants{"ditl/buildings": s.posIDs[1], "water/main": s.posIDs[5]},
	}
}

// guarded opens a contract as the hub does: through the wall and the guard.
func guarded(t testing.TB, conf netopia.Conf, secrets map[string]string) hub.PSP {
	t.Helper()
	way := upstream.New(upstream.Conf{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	t.Cleanup(way.Close)
	p, err := netopia.New(conf, pspwire.Env{Read: way.Read, Write: way.Write, Secret: secretsOf(secrets), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return guard.GuardPSP(p, nil, nil, guard.PSPConf{}).PSP()
}

func secretsOf(all map[string]string) func(context.Context, string) (hub.Secret, error) {
	return func(_ context.Context, name string) (hub.Secret, error) {
		value, ok := all[name]
		if !ok {
			return hub.Secret{}, hub.Errorf(hub.CodeAuth, "no secret %s", name)
		}
		return hub.NewSecret(value), nil
	}
}

// mailbox is the merchant's server for notifications.
type mailbox struct {
	*httptest.Server
	mu      sync.Mutex
	notices []hubtest.PSPNotice
	arrived chan struct{}
}

func openMailbox(t testing.TB) *mailbox {
	m := &mailbox{arrived: make(chan struct{}, 1000)}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		m.notices = append(m.notices, hubtest.PSPNotice{Header: r.Header, Body: body})
		m.mu.Unlock()
		_, _ = io.WriteString(w, `{"errorType":0,"errorCode":0,"errorMessage":""}`)
		m.arrived <- struct{}{}
	}))
	t.Cleanup(m.Close)
	return m
}

// first waits for n notifications.
func (m *mailbox) first(t *testing.T, n int) []hubtest.PSPNotice {
	t.Helper()
	patience := time.After(20 * time.Second)
	for {
		m.mu.Lock()
		got := m.notices
		m.mu.Unlock()
		if len(got) >= n {
			return got[:n:n]
		}
		select {
		case <-m.arrived:
		case <-patience:
			t.Fatalf("got %d notifications, want %d", len(got), n)
		}
	}
}

// fault sets or ends a fault of the provider.
func (s *scene) fault(t testing.TB, kind gate.Kind) func(bool) {
	return func(on bool) {
		if !on {
			s.ClearFaults(town.Netopia)
			return
		}
		if err := s.Fault(town.Netopia, town.Fault{Kind: kind}); err != nil {
			t.Error(err)
		}
	}
}

// book is what the provider itself knows of an order.
func (s *scene) book(order string) (told hubtest.PSPBook) {
	all, _ := s.PSPBook(town.Netopia)
	for _, o := range all {
		if o.OrderID != order {
			continue
		}
		told.Orders++
		told.Authorised += o.Authorised
		told.Captured += o.Captured
		told.Refunded += o.Refunded
		told.Parts = map[string]int64{}
		for _, part := range o.Splits {
			told.Parts[strconv.Itoa(part.PosID)] += part.Amount
		}
	}
	return told
}

// nobody is an address where nobody listens.
func nobody(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func (s *scene) bench(t *testing.T) *hubtest.PSPBench {
	away := guarded(t, s.conf(nobody(t), netopia.Extras()...), s.Credentials())
	if s.psp.Refunder == nil {
		away.Refunder = nil
	}
	return &hubtest.PSPBench{
		PSP: &s.psp, Unreachable: &away, Merchant: s.posIDs[1], Other: s.posIDs[5],
		NotifyURL: s.mailbox.URL, ReturnURL: s.mailbox.URL + "/back",
		Pay:     func(page string) error { return s.pay(page, "") },
		Decline: func(page string) error { return s.pay(page, noFunds) },
		Books:   s.book, Lose: s.fault(t, gate.LostAnswer), Break: s.fault(t, gate.Refuse503),
		Notices: s.mailbox.first, Settled: s.settled(t),
		Bank: func(order, what string) error { return s.PSPEvent(town.Netopia, order, what, 0) },
	}
}

func (s *scene) pay(page, card string) error {
	_, err := s.PayCard(page, card)
	return err
}

// settled waits until the bank has booked the first day: Monday's movements on
// Tuesday, Sunday's as well as Saturday's on Monday.
func (s *scene) settled(t *testing.T) func() hub.Date {
	return func() hub.Date {
		all, _ := s.PSPBook(town.Netopia)
		if len(all) == 0 {
			t.Fatal("nobody paid")
		}
		if err := s.Advance(5 * 24 * time.Hour); err != nil {
			t.Fatal(err)
		}
		return payoutOf(all[0])
	}
}

// payoutOf is the working day after an order was captured.
func payoutOf(o pspbook.Order) hub.Date {
	day := o.CapturedAt.In(hub.Bucharest).AddDate(0, 0, 1)
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		day = day.AddDate(0, 0, 1)
	}
	return hub.DateOf(day)
}

func TestTheContractAsDocumented(t *testing.T) {
	hubtest.TestPSP(t, func(t *testing.T) *hubtest.PSPBench { return startTown(t).bench(t) })
}

func TestTheContractWithWhatIsNotDocumented(t *testing.T) {
	hubtest.TestPSP(t, func(t *testing.T) *hubtest.PSPBench { return startTown(t, netopia.Extras()...).bench(t) })
}
