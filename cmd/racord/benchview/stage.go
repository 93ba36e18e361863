package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// stage is everything that runs beside the measured servers, and the servers
// that more than one measurement needs.
type stage struct {
	*bench
	program   string // the hub
	issuer    *issuer
	asks      []string // addresses of the creditors
	upstreams remote
	yardstick contender
	peer      contender  // nginx, once it is needed
	hub       *hubServer // SQLite, in-process cache
	citizens  []citizen  // those the hub is asked about
	answers   []answer   // what it said to them
	stops     []func()
}

// open starts the issuer, the creditors, the yardstick and the hub.
func (s *stage) open(ctx context.Context, o options) (err error) {
	if s.issuer, err = openIssuer(max(o.citizens, o.redisCitizens)); err != nil {
		return err
	}
	s.stops = append(s.stops, s.issuer.close)
	s.citizens = s.issuer.citizens[:o.citizens]
	if err := s.openRoles(); err != nil {
		return err
	}
	if s.program = o.hub; s.program == "" {
		s.say("building the hub")
		if s.program, err = buildHub(ctx, s.dir); err != nil {
			return err
		}
	}
	s.hub, err = s.startHub(ctx, hubSetup{name: "racord", cacheMB: 256})
	if err != nil {
		return err
	}
	s.say("%d citizens sign in and see their first view", len(s.citizens))
	s.answers, err = s.hub.greet(ctx, s.citizens)
	return err
}

// openRoles starts the mock creditors and the yardstick.
func (s *stage) openRoles() error {
	mocks, addresses, err := startRole(s.dir, roleUpstreams)
	if err != nil {
		return err
	}
	s.stops = append(s.stops, mocks.stop)
	s.upstreams, s.asks = remote{addresses[0]}, addresses[1:]
	tokens, err := s.tokens("yardstick", s.issuer.citizens, func(n int) string { return " " + s.issuer.citizens[n].cnp })
	if err != nil {
		return err
	}
	server, where, err := startRole(s.dir, roleYardstick, append([]string{tokens}, s.asks...)...)
	if err != nil {
		return err
	}
	s.stops = append(s.stops, server.stop)
	plain, err := s.tokens("citizens", s.citizens, nothing)
	s.yardstick = contender{name: "net/http fan-out", url: "http://" + where[0] + viewPath, tokens: plain, server: server}
	return err
}

// startHub runs one more hub over the same creditors and issuer.
func (s *stage) startHub(ctx context.Context, with hubSetup) (*hubServer, error) {
	with.issuer, with.asks = s.issuer.url, s.asks
	h, err := startHub(ctx, s.dir, s.program, with)
	if err != nil {
		return nil, err
	}
	s.stops = append(s.stops, h.stop)
	return h, nil
}

// tokens writes a file for the script: a citizen's token on each line, followed
// by what more gives.
func (s *stage) tokens(name string, citizens []citizen, more func(int) string) (string, error) {
	var b bytes.Buffer
	for n := range citizens {
		fmt.Fprintf(&b, "%s%s\n", citizens[n].token, more(n))
	}
	file := filepath.Join(s.dir, name+".tokens")
	return file, os.WriteFile(file, b.Bytes(), 0o600)
}

func nothing(int) string { return "" }

// close stops everything in reverse.
func (s *stage) close() {
	for i := len(s.stops) - 1; i >= 0; i-- {
		s.stops[i]()
	}
}

// agree makes sure that the yardstick answers what the hub answers.
func (s *stage) agree(ctx context.Context) error {
	for _, n := range []int{0, len(s.citizens) / 2, len(s.citizens) - 1} {
		theirs, err := fetch(ctx, s.yardstick.url, s.citizens[n].token)
		if err != nil {
			return err
		}
		ours, peers := content(s.answers[n].body), content(theirs.body)
		if !bytes.Equal(ours, peers) {
			return fmt.Errorf("the yardstick answers something else than the hub: %s", difference(ours, peers))
		}
	}
	return nil
}

// content leaves out what names the view and says when it was made, at its
// beginning.
func content(view []byte) []byte {
	if i := bytes.Index(view, []byte(`"complete":`)); i >= 0 {
		return view[i:]
	}
	return view
}

// difference shows two texts where they begin to differ.
func difference(ours, peers []byte) string {
	from := 0
	for from < min(len(ours), len(peers)) && ours[from] == peers[from] {
		from++
	}
	from = max(0, from-40)
	return fmt.Sprintf("%.120s … instead of %.120s …", peers[min(from, len(peers)):], ours[from:])
}
