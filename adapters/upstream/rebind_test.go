package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"racord/adapters/upstream"
	"racord/hub"
)

// Two places at one port: one that stands for the public internet, because the
// wall lets it pass, and one that is forbidden. Both count who comes.
var (
	public    = netip.MustParseAddr("127.0.0.7")
	forbidden = netip.MustParseAddr("127.0.0.1")
)

type places struct {
	port               string
	public, forbidden  atomic.Int64 // connections
	answers            *http.Server
	forbiddenListeners []net.Listener
}

func twoPlaces(t *testing.T, answer http.HandlerFunc) *places {
	t.Helper()
	p := &places{answers: &http.Server{Handler: answer, ReadHeaderTimeout: time.Minute}}
	open := listen(t, net.JoinHostPort(public.String(), "0"))
	_, p.port, _ = net.SplitHostPort(open.Addr().String())
	go func() { _ = p.answers.Serve(counting{open, &p.public}) }()
	t.Cleanup(func() { _ = p.answers.Close() })
	p.forbiddenListeners = append(p.forbiddenListeners, listen(t, net.JoinHostPort(forbidden.String(), p.port)))
	if six, err := net.Listen("tcp6", net.JoinHostPort("::1", p.port)); err == nil {
		p.forbiddenListeners = append(p.forbiddenListeners, six)
	}
	for _, l := range p.forbiddenListeners {
		l := counting{l, &p.forbidden}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				_ = c.Close()
			}
		}()
	}
	return p
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

type counting struct {
	net.Listener
	n *atomic.Int64
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}

// nobodyCame goes to the forbidden places itself. Connections are accepted in the
// order in which they came, so what it counts then is all there ever were.
func (p *places) nobodyCame(t *testing.T) {
	t.Helper()
	for _, l := range p.forbiddenListeners {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Read(make([]byte, 1)) // it closes what it accepted
		_ = c.Close()
	}
	if got, own := p.forbidden.Load(), int64(len(p.forbiddenListeners)); got != own {
		t.Errorf("got %d connections to a forbidden address, want none", got-own)
	}
}

// dns answers every question, how often it was asked in mind.
type dns struct {
	conn   net.PacketConn
	answer func(name string, n int) []netip.Addr

	mu    sync.Mutex
	asked map[string]int
}

func serveDNS(t *testing.T, answer func(name string, n int) []netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &dns{conn: conn, answer: answer, asked: map[string]int{}}
	ended := make(chan struct{})
	go func() { defer close(ended); d.serve() }()
	t.Cleanup(func() { _ = conn.Close(); <-ended })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (d *dns) serve() {
	packet := make([]byte, 1500)
	for {
		n, from, err := d.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		if reply, err := d.reply(m); err == nil {
			_, _ = d.conn.WriteTo(reply, from)
		}
	}
}

// reply answers A and AAAA with a life of 0 s.
func (d *dns) reply(m dnsmessage.Message) ([]byte, error) {
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	for _, addr := range d.addresses(q) {
		head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		switch {
		case addr.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	return m.Pack()
}

func (d *dns) addresses(q dnsmessage.Question) []netip.Addr {
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	d.mu.Lock()
	n := d.asked[name+q.Type.String()]
	d.asked[name+q.Type.String()]++
	d.mu.Unlock()
	return d.answer(name, n)
}

// rebinding are ways of a name to change its address between look-ups, or to have
// several at once.
var rebinding = map[string]func(n int) []netip.Addr{
	"first-public":    func(n int) []netip.Addr { return []netip.Addr{[]netip.Addr{public, forbidden}[n%2]} },
	"first-forbidden": func(n int) []netip.Addr { return []netip.Addr{[]netip.Addr{forbidden, public}[n%2]} },
	"both":            func(int) []netip.Addr { return []netip.Addr{public, forbidden} },
	"both-reversed":   func(int) []netip.Addr { return []netip.Addr{forbidden, public} },
	"six-forbidden":   func(int) []netip.Addr { return []netip.Addr{netip.IPv6Loopback(), public} },
	"mapped":          func(int) []netip.Addr { return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1"), forbidden} },
	"always":          func(int) []netip.Addr { return []netip.Addr{forbidden, netip.IPv6Loopback()} },
	"unspecified":     func(int) []netip.Addr { return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} },
}

// A name that is public when it is looked at and forbidden when it is dialled, or
// the other way round, leads nowhere: HTTP and everything else see the address
// that is dialled.
func TestTenThousandRebindingsReachNothingForbidden(t *testing.T) {
	p := twoPlaces(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	resolver := serveDNS(t, func(name string, n int) []netip.Addr {
		way, _, _ := strings.Cut(name, ".")
		return rebinding[way](n)
	})
	client := upstream.New(upstream.Conf{Resolver: resolver, Allow: []netip.Prefix{netip.PrefixFrom(public, 32)}, Connect: 30 * time.Second})
	defer client.Close()
	var reached, refused atomic.Int64
	var tasks sync.WaitGroup
	for way := range rebinding {
		tasks.Go(func() {
			for i := range 1250 {
				address := net.JoinHostPort(way+".rebind.furnizor.ro", p.port)
				switch err := visit(t.Context(), client, address, i%2 == 0); {
				case err == nil:
					reached.Add(1)
				case errors.Is(err, upstream.ErrWall):
					refused.Add(1)
				default:
					t.Errorf("%s: got %v, want an answer or the wall", way, err)
				}
			}
		})
	}
	tasks.Wait()
	p.nobodyCame(t)
	if n := p.public.Load(); reached.Load() < 4000 || refused.Load() < 4000 || reached.Load()+refused.Load() != 10_000 || n != reached.Load() {
		t.Errorf("got %d answers (%d connections) and %d refusals, want thousands of both and 10,000 together", reached.Load(), n, refused.Load())
	}
}

// visit looks the name up, as registration might, and goes there at once.
func visit(ctx context.Context, client *upstream.Client, address string, http bool) error {
	if http {
		return get(ctx, client, "http://"+address+"/")
	}
	conn, err := client.Dial(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err
}

func get(ctx context.Context, client *upstream.Client, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := client.Read.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return err
}

// Also an address that slipped through registration leads nowhere, whatever names
// it has, here all of them the forbidden place's.
func TestHostileAddressesAreNotDialled(t *testing.T) {
	p := twoPlaces(t, func(http.ResponseWriter, *http.Request) {})
	hostile := upstream.New(upstream.Conf{Resolver: serveDNS(t, func(string, int) []netip.Addr {
		return []netip.Addr{forbidden, netip.IPv6Loopback()}
	})})
	defer hostile.Close()
	for _, v := range vectors(t, "hostile-urls.txt") {
		u, err := url.Parse(v.text)
		if err != nil || u.Hostname() == "" {
			continue
		}
		u.Scheme, u.Host = "http", net.JoinHostPort(u.Hostname(), p.port)
		if err := get(t.Context(), hostile, u.String()); err == nil {
			t.Errorf("%q: got an answer, want none", v.text)
		}
		if conn, err := hostile.Dial(t.Context(), "tcp", u.Host); err == nil {
			_ = conn.Close()
			t.Errorf("%q: got a connection, want none", v.text)
		}
	}
	system := upstream.New(upstream.Conf{})
	defer system.Close()
	for _, host := range []string{"127.0.0.1", "localhost", "::1", "::ffff:7f00:1", "0.0.0.0"} {
		if err := get(t.Context(), system, "http://"+net.JoinHostPort(host, p.port)); err == nil {
			t.Errorf("%q: got an answer, want none", host)
		}
	}
	p.nobodyCame(t)
}

func TestRedirectsLeadNowhere(t *testing.T) {
	var asked atomic.Int64
	p := twoPlaces(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(status)
	})
	client := upstream.New(upstream.Conf{Allow: []netip.Prefix{netip.PrefixFrom(public, 32)}})
	defer client.Close()
	targets := []string{"http://" + net.JoinHostPort(public.String(), p.port) + "/200", "http://" + net.JoinHostPort(forbidden.String(), p.port), "/200", "//127.0.0.1:" + p.port, "file:///etc/passwd"}
	sent := 0
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, target := range targets {
			for name, do := range map[string]func(*http.Request) (*http.Response, error){"read": client.Read.Do, "write": client.Write.Do, "keys": client.HTTP().Do} {
				sent++
				from := fmt.Sprintf("http://%s/%d?to=%s", net.JoinHostPort(public.String(), p.port), status, url.QueryEscape(target))
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, from, strings.NewReader("x"))
				resp, err := do(req)
				if err != nil || resp.StatusCode != status {
					t.Fatalf("%s, %d to %s: got %v, want the redirect itself", name, status, target, err)
				}
				_ = resp.Body.Close()
			}
		}
	}
	p.nobodyCame(t)
	if got := asked.Load(); got != int64(sent) {
		t.Errorf("got %d requests, want %d: one each", got, sent)
	}
}

func TestNoProxyIsTakenFromTheEnvironment(t *testing.T) {
	p := twoPlaces(t, func(http.ResponseWriter, *http.Request) {})
	if os.Getenv("HTTP_PROXY") == "" {
		t.Fatal("there is no proxy in the environment")
	}
	client := upstream.New(upstream.Conf{
		Allow:    []netip.Prefix{netip.PrefixFrom(public, 32), netip.PrefixFrom(forbidden, 32)}, // the proxy could be dialled
		Resolver: serveDNS(t, func(string, int) []netip.Addr { return []netip.Addr{public} }),
	})
	defer client.Close()
	for name, body := range map[string]interface{ Read([]byte) (int, error) }{"small": strings.NewReader("x"), "of no known length": unsized{strings.NewReader("x")}} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://api.furnizor.ro:"+p.port, body)
		resp, err := client.Write.Do(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %v, want the answer of the creditor", name, err)
		}
		_ = resp.Body.Close()
	}
	p.nobodyCame(t)
}

type unsized struct{ *strings.Reader }

// A refusal looks like a place where nobody is: nothing of our network can be
// read off it.
func TestRefusalsLookLikeNobody(t *testing.T) {
	gone := listen(t, "127.0.0.7:0")
	address := gone.Addr().String()
	_ = gone.Close()
	client := upstream.New(upstream.Conf{Allow: []netip.Prefix{netip.PrefixFrom(public, 32)}})
	defer client.Close()
	nobody := get(t.Context(), client, "http://"+address)
	walled := get(t.Context(), client, "http://127.0.0.1:1")
	var one, other *hub.Error
	if !errors.As(nobody, &one) || !errors.As(walled, &other) || one.Code != other.Code || one.Message != other.Message {
		t.Errorf("got %v and %v, want one and the same for who registered it", nobody, walled)
	}
}

// Whoever takes a range off the list sees a hostile address pass.
func TestEveryRangeOfTheWallIsNeeded(t *testing.T) {
	for _, taken := range upstream.Specials() {
		wall := upstream.WallWithout(taken)
		if !slices.ContainsFunc(hostile, func(address string) bool {
			return wall.Control(context.Background(), "tcp4", address, nil) == nil
		}) {
			t.Errorf("without %s no vector passes, want one that only it refuses", taken)
		}
	}
}

func TestTheHubsOwnAddressesAreNotDialled(t *testing.T) {
	own, err := upstream.Own()
	if err != nil {
		t.Fatal(err)
	}
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	wall := upstream.NewWall(everything, own)
	found, _ := net.InterfaceAddrs()
	seen := 0
	for _, a := range found {
		ip := netip.MustParsePrefix(a.String()).Addr()
		if ip.IsLoopback() {
			continue
		}
		if seen++; wall.Permits(ip.WithZone("")) {
			t.Errorf("%s: got permission, want a refusal", ip)
		}
	}
	if len(own) != seen {
		t.Errorf("got %d addresses, want %d", len(own), seen)
	}
	if !wall.Permits(forbidden) {
		t.Error("the loopback is closed, want it open for who opened it")
	}
}
