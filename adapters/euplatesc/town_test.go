package euplatesc_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"racord/adapters/euplatesc"
	"racord/adapters/guard"
	"racord/adapters/pspwire"
	"racord/adapters/upstream"
	"racord/cmd/city/gate"
	"racord/cmd/city/pspbook"
	"racord/cmd/city/town"
	"racord/hub"
	"racord/hub/hubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const noFunds = "4444333322221111"

// scene is a city whose payment provider tells a merchant's server.
type scene struct {
	*town.Town
	psp       hub.PSP
	mailbox   *mailbox
	merchants []town.MerchantAccount
}

// startTown opens a city and the contract with its provider, behind its guard.
func startTown(t testing.TB, capture string, extras ...string) *scene {
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
	city.SetCapture(capture == euplatesc.Automatic)
	s := &scene{Town: city, mailbox: openMailbox(t), merchants: city.MerchantAccounts()}
	s.psp = guarded(t, s.conf(city.URL()+"/euplatesc", capture, extras...), s.Credentials())
	return s
}

func (s *scene) conf(base, capture string, extras ...string) euplatesc.Conf {
	return euplatesc.Conf{
		PageURL: base + "/tdsprocess/tranzactd.php", ManagerURL: base + "/manager/v3/index.php",
		Merchants: hub.Merchants{"ditl/buildings": s.merchants[1].EuPlatesc, "water/main": s.merchants[5].EuPlatesc},
		Key:       "euplatesc-key-" + s.merchants[1].Key,
		Keys:      map[string]string{s.merchants[5].EuPlatesc: "euplatesc-key-" + s.merchants[5].Key},
		UserKey:   "euplatesc-user-key", UserAPI: "euplatesc-user-api", Capture: capture, Extras: extras,
	}
}

// guarded opens a contract as the hub does: through the wall and the guard.
func guarded(t testing.TB, conf euplatesc.Conf, secrets map[string]string) hub.PSP {
	t.Helper()
	way := upstream.New(upstream.Conf{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	t.Cleanup(way.Close)
	p, err := euplatesc.New(conf, pspwire.Env{Read: way.Read, Write: way.Write, Secret: secretsOf(secrets), Now: time.Now})
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
			s.ClearFaults(town.EuPlatesc)
			return
		}
		if err := s.Fault(town.EuPlatesc, town.Fault{Kind: kind}); err != nil {
			t.Error(err)
		}
	}
}

// book is what the provider itself knows of an order.
func (s *scene) book(order string) (told hubtest.PSPBook) {
	all, _ := s.PSPBook(town.EuPlatesc)
	for _, o := range all {
		if o.OrderID != order {
			continue
		}
		told.Orders++
		told.Authorised += o.Authorised
		told.Captured += o.Captured
		told.Refunded += o.Refunded
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

func (s *scene) bench(t *testing.T, capture string, extras ...string) *hubtest.PSPBench {
	away := guarded(t, s.conf(nobody(t), capture, extras...), s.Credentials())
	return &hubtest.PSPBench{
		PSP: &s.psp, Unreachable: &away, Merchant: s.merchants[1].EuPlatesc, Other: s.merchants[5].EuPlatesc,
		NotifyURL: s.mailbox.URL, ReturnURL: s.mailbox.URL + "/back",
		Pay:     func(page string) error { return s.pay(page, "") },
		Decline: func(page string) error { return s.pay(page, noFunds) },
		Books:   s.book, Lose: s.fault(t, gate.LostAnswer), Break: s.fault(t, gate.Refuse503),
		Notices: s.mailbox.first, Settled: s.settled(t),
		Bank: func(order, what string) error { return s.PSPEvent(town.EuPlatesc, order, what, 0) },
	}
}

// pay goes where the signed address leads and pays there.
func (s *scene) pay(address, card string) error {
	page, err := follow(address)
	if err != nil {
		return err
	}
	_, err = s.PayCard(page, card)
	return err
}

// follow opens a signed address as a browser does, and tells where it leads.
func follow(address string) (string, error) {
	browser := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	answer, err := browser.Get(address)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	page, err := answer.Location()
	if err != nil {
		return "", fmt.Errorf("status %d: %w", answer.StatusCode, err)
	}
	return page.String(), nil
}

// settled waits until the bank has booked the first day: Monday's movements on
// Tuesday, Sunday's as well as Saturday's on Monday.
func (s *scene) settled(t *testing.T) func() hub.Date {
	return func() hub.Date {
		all, _ := s.PSPBook(town.EuPlatesc)
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

func TestTheContract(t *testing.T) {
	for name, tc := range map[string]struct {
		capture string
		extras  []string
	}{
		"by hand, as documented": {euplatesc.Manual, nil},
		"by hand, with amounts":  {euplatesc.Manual, euplatesc.Extras()},
		"at once, as documented": {euplatesc.Automatic, nil},
		"at once, with amounts":  {euplatesc.Automatic, euplatesc.Extras()},
	} {
		t.Run(name, func(t *testing.T) {
			hubtest.TestPSP(t, func(t *testing.T) *hubtest.PSPBench {
				return startTown(t, tc.capture, tc.extras...).bench(t, tc.capture, tc.extras...)
			})
		})
	}
}
