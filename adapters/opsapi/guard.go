package opsapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"racord/hub"
)

// Guard keeps web pages off the operations listener, which asks for no password:
// a browser on an operator's machine reaches it, and goes where any page sends it.
// What another origin's page sends is refused (the Fetch standard, Sec-Fetch-Site
// and Origin), and so is a host that is neither an IP address, nor localhost, nor
// the name in listen: a page can have its own name lead here (DNS rebinding), and
// would then read the answer. Metrics and health are read under any name.
func Guard(next http.Handler, listen string) http.Handler {
	origins := http.NewCrossOriginProtection()
	own, _, _ := net.SplitHostPort(listen) // config has seen it
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case origins.Check(r) != nil:
			answer(w, nil, hub.Errorf(hub.CodeForbidden, "This is a cross-origin request of a web page. Operators use curl, or a page of this listener itself."))
		case !forMachines(r) && !called(r.Host, own):
			answer(w, nil, hub.Errorf(hub.CodeForbidden, "The host of this request is not this listener's name. Use an IP address, localhost, or the name in ops_listen."))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// forMachines tells whether it is what probes and Prometheus read, by whatever
// name a cluster gives this hub. Nothing in it is secret.
func forMachines(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	return r.URL.Path == "/metrics" || r.URL.Path == "/livez" || r.URL.Path == "/readyz"
}

// called tells whether a host, with or without port, is a name that nobody else
// can have lead here.
func called(host, own string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return strings.EqualFold(host, "localhost") || own != "" && strings.EqualFold(host, own)
}
