package upstream_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"racord/adapters/upstream"
	"racord/hub"
)

// hostile are addresses that no creditor may lead the hub to, as they are
// dialled: host and port.
var hostile = []string{
	// this host
	"127.0.0.1:80", "127.0.0.2:80", "127.1.2.3:443", "127.255.255.254:80", "0.0.0.0:80", "0.1.2.3:80", "[::1]:80", "[::]:80",
	// private networks
	"10.0.0.1:80", "10.255.255.255:80", "172.16.0.1:80", "172.31.255.255:80", "192.168.0.1:80", "192.168.255.254:443",
	"100.64.0.1:80", "100.100.100.200:80", "100.127.255.255:80",
	"[fc00::1]:80", "[fd00::1]:80", "[fd00:ec2::254]:80", "[fdff:ffff::1]:443",
	// link-local, cloud metadata, host services
	"169.254.169.254:80", "169.254.0.1:80", "169.254.170.2:80", "168.63.129.16:80", "168.63.129.16:32526", "192.0.0.192:80",
	"[fe80::1]:80", "[fe80::1%eth0]:80", "[fe80::a9fe:a9fe]:80", "[febf::1]:80",
	// special purpose, documentation, benchmarking
	"192.0.0.1:80", "192.0.0.9:80", "192.0.0.170:80", "192.0.2.1:80", "198.51.100.7:80", "203.0.113.9:80", "198.18.0.1:80", "198.19.255.255:80",
	"192.31.196.1:80", "192.52.193.1:80", "192.88.99.1:80", "192.175.48.1:80",
	"[2001:db8::1]:80", "[2001::1]:80", "[2001:0:7f00:1::]:80", "[2001:2::1]:80", "[2001:10::1]:80", "[2001:20::1]:80", "[2001:1ff::1]:80",
	"[3fff::1]:80", "[3fff:fff::1]:80", "[3ffe::1]:80", "[2620:4f:8000::1]:80", "[100::1]:80", "[100:0:0:1::1]:80", "[5f00::1]:80",
	// multicast, broadcast, reserved
	"224.0.0.1:80", "239.255.255.250:1900", "240.0.0.1:80", "255.255.255.255:80", "[ff02::1]:80", "[ff0e::1]:80",
	// IPv4 in IPv6 clothes
	"[::ffff:127.0.0.1]:80", "[::ffff:10.0.0.1]:80", "[::ffff:169.254.169.254]:80", "[::ffff:168.63.129.16]:80", "[::ffff:192.168.1.1]:80",
	"[::127.0.0.1]:80", "[::a00:1]:80", "[::ffff:0:127.0.0.1]:80",
	"[64:ff9b::7f00:1]:80", "[64:ff9b::a9fe:a9fe]:80", "[64:ff9b:1::1]:80",
	"[2002:7f00:1::1]:80", "[2002:a9fe:a9fe::1]:80", "[2002:c0a8:1::1]:80",
	"[fec0::1]:80", "[4000::1]:80", "[8000::1]:80",
	// not an address and a port
	"127.0.0.1", "localhost:80", "example.org:80", ":80", "8.8.8.8:0", "8.8.8.8:99999", "0x7f000001:80", "2130706433:80", "0177.0.0.1:80", "127.1:80", "/var/run/docker.sock", "",
}

func TestWallRefusesHostileAddresses(t *testing.T) {
	wall := upstream.NewWall(nil, nil)
	for _, address := range hostile {
		network := "tcp4"
		if strings.HasPrefix(address, "[") {
			network = "tcp6"
		}
		if err := wall.Control(context.Background(), network, address, nil); !errors.Is(err, upstream.ErrWall) {
			t.Errorf("%q: got %v, want a refusal", address, err)
		}
	}
	if len(hostile) < 60 {
		t.Errorf("got %d vectors, want at least 60", len(hostile))
	}
}

func TestWallLetsPublicAddressesPass(t *testing.T) {
	wall := upstream.NewWall(nil, nil)
	for _, address := range []string{
		"8.8.8.8:443", "1.1.1.1:80", "86.120.1.1:443", "172.15.255.255:80", "172.32.0.1:80", "100.63.255.255:80", "100.128.0.1:80",
		"168.63.129.15:443", "192.0.1.1:80", "198.17.255.255:80", "198.20.0.1:80", "223.255.255.255:80",
		"[2a02:2f00::1]:443", "[2001:4860:4860::8888]:443", "[2606:4700::1111]:80", "[::ffff:8.8.8.8]:80",
	} {
		if err := wall.Control(context.Background(), "tcp4", address, nil); err != nil {
			t.Errorf("%q: got %v, want no refusal", address, err)
		}
	}
}

func TestWallKnowsOnlyTCP(t *testing.T) {
	wall := upstream.NewWall(nil, nil)
	for _, network := range []string{"udp4", "udp6", "unix", "ip4:icmp", "tcp", ""} {
		if err := wall.Control(context.Background(), network, "8.8.8.8:53", nil); !errors.Is(err, upstream.ErrWall) {
			t.Errorf("%q: got %v, want a refusal", network, err)
		}
	}
}

func TestOperatorOpensTheWallForOnePrefix(t *testing.T) {
	wall := upstream.NewWall([]netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("127.0.0.1/32")},
		[]netip.Prefix{netip.MustParsePrefix("10.20.9.0/24"), netip.MustParsePrefix("86.120.1.1/32")})
	for address, want := range map[string]bool{
		"10.20.1.1": true, "10.21.1.1": false, "127.0.0.1": true, "127.0.0.2": false, "::ffff:127.0.0.1": true,
		"10.20.9.1": false, "86.120.1.1": false, "86.120.1.2": true, "::1": false,
	} {
		if got := wall.Permits(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: got %v, want %v", address, got, want)
		}
	}
}

func TestWallStandsBeforeHTTPAndDial(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	client := upstream.New(upstream.Conf{})
	defer client.Close()
	for name, do := range map[string]func(*http.Request) (*http.Response, error){"read": client.Read.Do, "write": client.Write.Do} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("x"))
		_, err := do(req)
		if !errors.Is(err, upstream.ErrWall) || hub.CodeOf(err) != hub.CodeUnavailable {
			t.Errorf("%s: got %v, want the wall's refusal", name, err)
		}
	}
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, address := range []string{server.Listener.Addr().String(), net.JoinHostPort("localhost", port)} {
		if conn, err := client.Dial(t.Context(), "tcp", address); !errors.Is(err, upstream.ErrWall) {
			t.Errorf("dial %s: got %v %v, want the wall's refusal", address, conn, err)
		}
	}
}

func FuzzWall(f *testing.F) {
	for _, address := range hostile {
		f.Add(address)
	}
	wall := upstream.NewWall(nil, nil)
	f.Fuzz(func(t *testing.T, address string) {
		if wall.Control(context.Background(), "tcp4", address, nil) != nil {
			return
		}
		addr := netip.MustParseAddrPort(address).Addr().Unmap()
		if addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() || addr.Zone() != "" {
			t.Errorf("%q passed", address)
		}
	})
}
