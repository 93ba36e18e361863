package identity_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/identity"
	"racord/hub"

	"github.com/google/go-cmp/cmp"
)

// corrected is another code with serial 000.
const corrected = "1850416120001"

func byCNP(value string) []hub.Identifier {
	return []hub.Identifier{{Scheme: hub.SchemeCNP, Value: value}}
}

// enters brings a new token of the citizen's.
func (s *scene) enters(t *testing.T) {
	t.Helper()
	if _, err := s.Admit(ctx, s.token()); err != nil {
		t.Fatalf("got %v for a good token", err)
	}
}

func (s *scene) wantCodes(t *testing.T, what string, want []hub.Identifier) {
	t.Helper()
	folder, err := s.folders.Folder(ctx, hub.Login{Issuer: s.issuer.URL, Subject: "sub-1"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, folder.Party.Identifiers); diff != "" {
		t.Errorf("%s: identifiers (-want +got):\n%s", what, diff)
	}
}

func TestACitizensCodesFollowTheIssuer(t *testing.T) {
	both := append(byCNP(cnp), hub.Identifier{Scheme: hub.SchemeCUI, Value: "12345674"})
	for name, tc := range map[string]struct {
		person claims
		mute   int
		after  time.Duration
		want   []hub.Identifier
		asked  int64 // at the second time
	}{
		"corrected":                   {claims{"sub": "sub-1", "cnp": corrected}, 0, 48 * time.Hour, byCNP(corrected), 1},
		"another is shared":           {claims{"sub": "sub-1", "cnp": cnp, "cui": "12345674"}, 0, 48 * time.Hour, both, 1},
		"the same":                    {claims{"sub": "sub-1", "cnp": cnp}, 0, 48 * time.Hour, byCNP(cnp), 1},
		"asked an hour ago":           {claims{"sub": "sub-1", "cnp": corrected}, 0, time.Hour, byCNP(cnp), 0},
		"a token that shares no code": {claims{"sub": "sub-1", "name": "Ana"}, 0, 48 * time.Hour, byCNP(cnp), 1},
		"somebody else":               {claims{"sub": "sub-2", "cnp": corrected}, 0, 48 * time.Hour, byCNP(cnp), 1},
		"a code that cannot exist":    {claims{"sub": "sub-1", "cnp": "1850415120008"}, 0, 48 * time.Hour, byCNP(cnp), 1},
		"a broken issuer":             {nil, http.StatusInternalServerError, 48 * time.Hour, byCNP(cnp), 1},
		"a session that ended":        {nil, http.StatusUnauthorized, 48 * time.Hour, byCNP(cnp), 1},
		"an answer that is no object": {claims{"sub": 1}, 0, 48 * time.Hour, byCNP(cnp), 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.enters(t)
			s.issuer.set(func(p *provider) { p.person, p.mute = tc.person, tc.mute })
			s.issuer.userinfo.Store(0)
			s.clock.pass(tc.after)
			s.enters(t)
			s.wantCodes(t, "later", tc.want)
			if got := s.issuer.userinfo.Load(); got != tc.asked {
				t.Errorf("got %d questions, want %d", got, tc.asked)
			}
			for _, code := range []string{cnp, corrected, "18504151", "18504161"} {
				if strings.Contains(s.log.String(), code) {
					t.Errorf("a personal code is in the log: %s", s.log)
				}
			}
		})
	}
}

func TestASilentIssuerIsNotAskedByEveryToken(t *testing.T) {
	s := newScene(t)
	s.enters(t)
	s.issuer.set(func(p *provider) { p.mute = http.StatusServiceUnavailable })
	s.clock.pass(48 * time.Hour)
	s.issuer.userinfo.Store(0)
	for range 3 {
		s.clock.pass(time.Second)
		s.enters(t)
	}
	if got := s.issuer.userinfo.Load(); got != 1 {
		t.Errorf("got %d questions in seconds, want 1", got)
	}
	s.issuer.set(func(p *provider) { p.person, p.mute = claims{"sub": "sub-1", "cnp": corrected}, 0 })
	s.clock.pass(11 * time.Minute)
	s.enters(t)
	s.wantCodes(t, "it answers again", byCNP(corrected))
}

func TestNobodyWaitsForASlowIssuer(t *testing.T) {
	s := newScene(t, func(c *identity.Conf) { c.CodesWait = time.Nanosecond })
	s.enters(t)
	release := make(chan struct{})
	s.issuer.set(func(p *provider) { p.person, p.waits = claims{"sub": "sub-1", "cnp": corrected}, release })
	s.clock.pass(48 * time.Hour)
	s.issuer.userinfo.Store(0)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { s.enters(t) }) // each with a token of its own
	}
	all.Wait()
	s.wantCodes(t, "while the issuer is slow", byCNP(cnp))
	close(release)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		folder, _ := s.folders.Folder(ctx, hub.Login{Issuer: s.issuer.URL, Subject: "sub-1"})
		if cmp.Equal(folder.Party.Identifiers, byCNP(corrected)) {
			break
		}
	}
	s.wantCodes(t, "after it answered", byCNP(corrected))
	if got := s.issuer.userinfo.Load(); got != 1 {
		t.Errorf("got %d questions, want 1", got)
	}
}
