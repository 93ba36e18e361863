package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// ErrWall is the cause of a refusal to dial.
var ErrWall = errors.New("address not allowed")

// special are the addresses that no creditor's system has, from the IANA special
// purpose registries for IPv4 and IPv6 (RFC 6890 and its updates), multicast,
// class E, and the host services of clouds. Of IPv6 only 2000::/3 is looked at:
// nothing outside is public.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32", // Azure's host service

	"2001::/23",         // Teredo, benchmarking, ORCHID, port control
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4: any IPv4 address inside
	"2620:4f:8000::/48", // AS112
	"3ffe::/16",         // 6bone, given back
	"3fff::/20",         // documentation
)

var global6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

// Wall decides which addresses may be dialled: public ones, and those the
// operator allowed for the creditor. It looks at the address a connection is
// about to be made to, after the look-up, so that a name which changes its
// address between check and use gains nothing.
type Wall struct {
	allow, deny, special []netip.Prefix
}

// NewWall makes a wall with the operator's exceptions; deny wins over allow.
func NewWall(allow, deny []netip.Prefix) *Wall {
	return &Wall{allow: allow, deny: deny, special: special}
}

// Own gives the addresses of this machine, which the hub itself may answer at:
// they belong on the list of those that are denied. Those of the loopback, which
// are closed until the operator opens them, are not among them.
func Own() (all []netip.Prefix, err error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		network, err := netip.ParsePrefix(a.String())
		if addr := network.Addr().Unmap().WithZone(""); err == nil && !addr.IsLoopback() {
			all = append(all, netip.PrefixFrom(addr, addr.BitLen()))
		}
	}
	return all, nil
}

// Permits tells whether the address may be dialled. An address with a zone is in
// no prefix, and so not public.
func (w *Wall) Permits(addr netip.Addr) bool {
	addr = addr.Unmap()
	switch {
	case !addr.IsValid() || within(w.deny, addr):
		return false
	case within(w.allow, addr):
		return true
	case addr.Is6() && !global6.Contains(addr):
		return false
	default:
		return !within(w.special, addr)
	}
}

func within(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Control is for net.Dialer.ControlContext. Whatever is not TCP to a permitted
// address fails with ErrWall.
func (w *Wall) Control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: not TCP", ErrWall)
	}
	target, err := netip.ParseAddrPort(address)
	if err != nil || target.Port() == 0 || !w.Permits(target.Addr()) {
		return ErrWall
	}
	return nil
}
