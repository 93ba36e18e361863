package identity_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/identity"
	"racord/hub"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

func TestGoodTokensAreAdmitted(t *testing.T) {
	s := newScene(t)
	k, now := keyring(), s.clock.Now()
	fine := s.issuer.claims(now)
	citizen := hub.Caller{Login: hub.Login{Issuer: s.issuer.URL, Subject: "sub-1"}, Portal: "demo-portal", Assurance: "substantial", Citizen: true}
	portal := hub.Caller{Login: hub.Login{Issuer: s.issuer.URL, Subject: "demo-portal-service"}, Portal: "demo-portal-service", Assurance: "low"}
	staff := portal
	staff.Refunds = true
	company, approver := portal, portal
	company.Company, approver.Approver = "water", true
	bare, account := portal, portal
	bare.Login.Subject, bare.Portal, bare.Assurance, bare.Bare = "sub-1", "demo-portal", "substantial", true
	account.Login.Subject = "0f6c1a9e"
	level := func(want string) hub.Caller { c := citizen; c.Assurance = want; return c }
	service := fine.with("sub", "demo-portal-service").with("azp", "demo-portal-service").with("scope", "racord").with("acr", nil)
	for name, tc := range map[string]struct {
		token string
		want  hub.Caller
	}{
		"ES256":                      {signES256(good(), fine, k.ec), citizen},
		"EdDSA":                      {signEd(claims{"alg": "EdDSA", "typ": "at+jwt", "kid": "ed"}, fine, k.ed), citizen},
		"PS256":                      {signRSA(claims{"alg": "PS256", "typ": "at+jwt", "kid": "rsa"}, fine, k.rsa, true), citizen},
		"the long form of the type":  {signES256(good().with("typ", "application/at+jwt"), fine, k.ec), citizen},
		"audience as a word":         {signES256(good(), fine.with("aud", "racord"), k.ec), citizen},
		"one audience of several":    {signES256(good(), fine.with("aud", []string{"other", "racord"}), k.ec), citizen},
		"a clock 59 s behind ours":   {signES256(good(), fine.with("exp", now.Add(-59*time.Second).Unix()), k.ec), citizen},
		"a clock 59 s before ours":   {signES256(good(), fine.with("nbf", now.Add(59*time.Second).Unix()), k.ec), citizen},
		"an end in parts of seconds": {signES256(good(), fine.with("exp", float64(now.UnixMilli())/1000+60.5), k.ec), citizen},
		"high assurance by its URI":  {signES256(good(), fine.with("acr", "http://eidas.europa.eu/LoA/high"), k.ec), level("high")},
		"unknown assurance is low":   {signES256(good(), fine.with("acr", "gold"), k.ec), level("low")},
		"a portal for itself":        {signES256(good(), service, k.ec), portal},
		"a portal that wants more":   {signES256(good(), service.with("scope", "openid racord"), k.ec), portal},
		"an account of a portal":     {signES256(good(), service.with("sub", "0f6c1a9e").with("client_id", "demo-portal-service"), k.ec), account},
		"a person without openid":    {signES256(good(), fine.with("scope", "racord").with("auth_time", now.Unix()), k.ec), bare},
		"a session without openid":   {signES256(good(), fine.with("scope", "racord").with("sid", "s-1"), k.ec), bare},
		"staff that may refund":      {signES256(good(), service.with("scope", "racord refunds"), k.ec), staff},
		"a company":                  {signES256(good(), service.with("scope", "racord connectors").with("creditor", "water"), k.ec), company},
		"an approver":                {signES256(good(), service.with("scope", "racord connectors.approve"), k.ec), approver},
		"a company approves nothing": {signES256(good(), service.with("scope", "connectors connectors.approve").with("creditor", "water"), k.ec), company},
		"a creditor without a scope": {signES256(good(), service.with("scope", "connectors.approve").with("creditor", "water"), k.ec), portal},
		"a scope that only looks so": {signES256(good(), service.with("scope", "racord refunds.read norefunds"), k.ec), portal},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.Admit(ctx, tc.token)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("caller (-want +got):\n%s", diff)
			}
		})
	}
	if got := s.folders.enrols; got != 1 {
		t.Errorf("got %d enrolments of one citizen, want 1", got)
	}
}

func TestAPortalsOwnTokenIsOfAServiceThatIsNamed(t *testing.T) {
	s := newScene(t, func(c *identity.Conf) { c.Issuers[0].Services = []string{"demo-portal-service"} })
	mine := s.issuer.claims(s.clock.Now()).with("scope", "racord").with("sub", "0f6c1a9e")
	for client, bare := range map[string]bool{"demo-portal-service": false, "demo-portal": true} {
		caller, err := s.Admit(ctx, signES256(good(), mine.with("azp", client), keyring().ec))
		if err != nil || caller.Bare != bare || caller.Citizen {
			t.Errorf("%s: got %+v (%v), want a person's: %t", client, caller, err, bare)
		}
	}
}

func TestFirstAdmission(t *testing.T) {
	for name, tc := range map[string]struct {
		person claims
		status int
		code   hub.Code
		ids    []hub.Identifier
	}{
		"a person":                       {claims{"sub": "sub-1", "name": "Ana Pop", "cnp": cnp}, 0, "", []hub.Identifier{{Scheme: hub.SchemeCNP, Value: cnp}}},
		"a company":                      {claims{"sub": "sub-1", "name": "Apă SA", "cui": "RO12345674"}, 0, "", []hub.Identifier{{Scheme: hub.SchemeCUI, Value: "12345674"}}},
		"another subject":                {claims{"sub": "sub-2", "cnp": cnp}, 0, hub.CodeUnavailable, nil},
		"no subject":                     {claims{"cnp": cnp}, 0, hub.CodeUnavailable, nil},
		"a CNP with a wrong check digit": {claims{"sub": "sub-1", "cnp": "1850415120008"}, 0, hub.CodeForbidden, nil},
		"a CNP with blanks around it":    {claims{"sub": "sub-1", "cnp": " " + cnp + " "}, 0, "", []hub.Identifier{{Scheme: hub.SchemeCNP, Value: cnp}}},
		"a company code with blanks":     {claims{"sub": "sub-1", "cui": "RO 12345674 "}, 0, "", []hub.Identifier{{Scheme: hub.SchemeCUI, Value: "12345674"}}},
		"one good code of two":           {claims{"sub": "sub-1", "cnp": cnp, "cui": "RO 12345678"}, 0, "", []hub.Identifier{{Scheme: hub.SchemeCNP, Value: cnp}}},
		"two codes, neither good":        {claims{"sub": "sub-1", "cnp": "1850415120008", "cui": "12345678"}, 0, hub.CodeForbidden, nil},
		"a CNP that is a number":         {claims{"sub": "sub-1", "cnp": 1850415120007}, 0, hub.CodeUnavailable, nil},
		"a company code of letters":      {claims{"sub": "sub-1", "cui": "ROX"}, 0, hub.CodeForbidden, nil},
		"no code at all":                 {claims{"sub": "sub-1", "name": "Ana"}, 0, hub.CodeForbidden, nil},
		"a session that ended":           {nil, http.StatusUnauthorized, hub.CodeUnauthenticated, nil},
		"a broken provider":              {nil, http.StatusInternalServerError, hub.CodeUnavailable, nil},
		"a redirect elsewhere":           {nil, http.StatusFound, hub.CodeUnavailable, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			token := s.token()
			if _, err := s.Admit(ctx, s.portalToken()); err != nil { // the keys are known from here on
				t.Fatal(err)
			}
			s.issuer.set(func(p *provider) { p.person, p.status = tc.person, tc.status })
			_, err := s.Admit(ctx, token)
			if got := hub.CodeOf(err); got != tc.code {
				t.Fatalf("got %v, want code %q", err, tc.code)
			}
			folder := s.folders.known[hub.Login{Issuer: s.issuer.URL, Subject: "sub-1"}]
			if diff := cmp.Diff(tc.ids, folder.Party.Identifiers); diff != "" {
				t.Errorf("identifiers (-want +got):\n%s", diff)
			}
			if err != nil && strings.Contains(err.Error(), "18504151") {
				t.Errorf("the error repeats a personal code: %v", err)
			}
		})
	}
}

func TestACodeThatCannotExistIsNamedByItsSchemeOnly(t *testing.T) {
	s := newScene(t)
	s.issuer.set(func(p *provider) { p.person = claims{"sub": "sub-1", "cnp": "1850415120008", "cui": "12345678"} })
	_, err := s.Admit(ctx, s.token())
	if hub.CodeOf(err) != hub.CodeForbidden || !strings.Contains(hub.MessageOf(err), "check") {
		t.Errorf("got %v, want a sentence that says that the code fails its check", err)
	}
	for _, want := range []string{string(hub.SchemeCNP), string(hub.SchemeCUI)} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log does not name %s: %s", want, s.log)
		}
	}
	for _, never := range []string{"1850415120008", "12345678", "sub-1"} {
		if strings.Contains(s.log.String()+err.Error(), never) {
			t.Errorf("the log or the error holds %s: %v %s", never, err, s.log)
		}
	}
}

func (s *scene) portalToken() string {
	mine := s.issuer.claims(s.clock.Now()).with("sub", "demo-portal-service").with("azp", "demo-portal-service").with("scope", "racord")
	return signES256(good(), mine, keyring().ec)
}

func TestAVerifiedTokenIsRememberedForAMinuteAtMost(t *testing.T) {
	s := newScene(t)
	token := s.token()
	if _, err := s.Admit(ctx, token); err != nil {
		t.Fatal(err)
	}
	s.folders.failing = hub.Errorf(hub.CodeUnavailable, "the store is gone")
	s.clock.pass(59 * time.Second)
	if _, err := s.Admit(ctx, token); err != nil {
		t.Errorf("after 59 s: got %v, want the remembered answer", err)
	}
	s.clock.pass(time.Second)
	if _, err := s.Admit(ctx, token); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("after 60 s: got %v, want the store to be asked again", err)
	}
}

func TestATokenIsNotRememberedBeyondItsEnd(t *testing.T) {
	s := newScene(t)
	ending := s.issuer.claims(s.clock.Now()).with("exp", s.clock.Now().Add(5*time.Second).Unix())
	token := signES256(good(), ending, keyring().ec)
	if _, err := s.Admit(ctx, token); err != nil {
		t.Fatal(err)
	}
	s.folders.failing = hub.Errorf(hub.CodeUnavailable, "the store is gone")
	s.clock.pass(6 * time.Second)
	if _, err := s.Admit(ctx, token); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("got %v, want the token to be verified again once its end has passed", err)
	}
	s.clock.pass(time.Minute)
	if _, err := s.Admit(ctx, token); hub.CodeOf(err) != hub.CodeUnauthenticated {
		t.Errorf("got %v, want an expired token to be refused", err)
	}
}

func TestTheIssuerIsSilent(t *testing.T) {
	s := newScene(t)
	known, fresh := s.token(), signES256(good(), s.issuer.claims(s.clock.Now()).with("sub", "sub-2"), keyring().ec)
	if _, err := s.Admit(ctx, known); err != nil {
		t.Fatal(err)
	}
	s.issuer.set(func(p *provider) { p.status = http.StatusServiceUnavailable })
	for name, tc := range map[string]struct {
		token string
		code  hub.Code
	}{
		"a remembered token goes on":          {known, ""},
		"a known citizen's new token goes on": {signES256(good(), s.issuer.claims(s.clock.Now()).with("jti", "2"), keyring().ec), ""},
		"a new citizen must wait":             {fresh, hub.CodeUnavailable},
		"a key nobody knows must wait":        {signES256(good().with("kid", "new"), s.issuer.claims(s.clock.Now()), keyring().ec), hub.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s.clock.pass(6 * time.Second) // the pause between two questions
			if _, err := s.Admit(ctx, tc.token); hub.CodeOf(err) != tc.code {
				t.Errorf("got %v, want code %q", err, tc.code)
			}
		})
	}
}

// TestASilentIssuerIsInTheLog reads the log of a door before anybody came to it.
func TestASilentIssuerIsInTheLog(t *testing.T) {
	s := newScene(t)
	s.issuer.set(func(p *provider) { p.status = http.StatusServiceUnavailable })
	s.Knock()
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusServiceUnavailable, 0} {
		s.issuer.set(func(p *provider) { p.status = status })
		s.clock.pass(6 * time.Second)        // the pause between two questions
		_, _ = s.Admit(ctx, s.portalToken()) // waits for the answer
	}
	log := s.log.String()
	if said, again := strings.Count(log, "cannot be reached"), strings.Count(log, "answers again"); said != 1 || again != 1 || !strings.Contains(log, "issuer="+s.issuer.Listener.Addr().String()) {
		t.Errorf("got a log of\n%s\nwant the issuer once out of reach and once back", log)
	}
}

func TestTheLastGoodKeysServeADay(t *testing.T) {
	s := newScene(t)
	if _, err := s.Admit(ctx, s.token()); err != nil {
		t.Fatal(err)
	}
	s.issuer.Close()
	s.clock.pass(23 * time.Hour)
	if _, err := s.Admit(ctx, s.token()); err != nil {
		t.Errorf("after 23 h: got %v, want the last good keys to serve", err)
	}
	s.clock.pass(2 * time.Hour)
	if _, err := s.Admit(ctx, s.token()); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("after 25 h: got %v, want %q", err, hub.CodeUnavailable)
	}
}

func TestAnIssuerMayChangeItsKeys(t *testing.T) {
	s := newScene(t)
	if _, err := s.Admit(ctx, s.token()); err != nil {
		t.Fatal(err)
	}
	s.issuer.set(func(p *provider) {
		p.keys = []jose.JSONWebKey{{Key: keyring().otherEC.Public(), KeyID: "next", Algorithm: "ES256"}}
	})
	s.clock.pass(6 * time.Second)
	next := signES256(good().with("kid", "next"), s.issuer.claims(s.clock.Now()), keyring().otherEC)
	if _, err := s.Admit(ctx, next); err != nil {
		t.Errorf("a token by the new key: %v", err)
	}
	old := signES256(good(), s.issuer.claims(s.clock.Now()).with("jti", "3"), keyring().ec)
	if _, err := s.Admit(ctx, old); hub.CodeOf(err) != hub.CodeUnauthenticated {
		t.Errorf("a token by the withdrawn key: got %v, want %q", err, hub.CodeUnauthenticated)
	}
}

func TestUnknownKeysDoNotFloodTheIssuer(t *testing.T) {
	s := newScene(t)
	for i := range 100 {
		token := signES256(good().with("kid", "guess"+strings.Repeat("x", i)), s.issuer.claims(s.clock.Now()), keyring().ec)
		if _, err := s.Admit(ctx, token); hub.CodeOf(err) != hub.CodeUnauthenticated {
			t.Fatalf("got %v, want %q", err, hub.CodeUnauthenticated)
		}
	}
	if got := s.issuer.asked.Load(); got != 1 {
		t.Errorf("got %d questions to the issuer, want 1", got)
	}
}

func TestNobodyQueuesForAnIssuerThatWasSilentBefore(t *testing.T) {
	s := newScene(t, func(c *identity.Conf) { c.RememberFor = time.Minute })
	known, token := s.token(), func(kid string) string {
		return signES256(good().with("kid", kid), s.issuer.claims(s.clock.Now()), keyring().ec)
	}
	if _, err := s.Admit(ctx, known); err != nil {
		t.Fatal(err)
	}
	s.clock.pass(10 * time.Second)
	s.issuer.set(func(p *provider) { p.status = http.StatusInternalServerError })
	if _, err := s.Admit(ctx, token("broken")); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Fatalf("got %v, want the failure noticed", err)
	}
	s.clock.pass(10 * time.Second)
	hangs := make(chan struct{})
	answer := sync.OnceFunc(func() { close(hangs) })
	defer answer()
	s.issuer.set(func(p *provider) { p.status, p.hangs = 0, hangs })
	asked := s.issuer.asked.Load()
	first := make(chan error, 1)
	go func() { _, err := s.Admit(ctx, token("first")); first <- err }()
	for s.issuer.asked.Load() == asked {
		time.Sleep(time.Millisecond)
	}
	soon, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for i := range 20 {
		if _, err := s.Admit(soon, token(fmt.Sprint("kid", i))); hub.CodeOf(err) != hub.CodeUnavailable {
			t.Fatalf("stranger %d: got %v, want to hear at once that the provider is away", i, err)
		}
	}
	if _, err := s.Admit(soon, known); err != nil {
		t.Errorf("a citizen who is remembered: got %v", err)
	}
	answer()
	if err := <-first; hub.CodeOf(err) != hub.CodeUnauthenticated {
		t.Errorf("whoever began the question: got %v, want its answer", err)
	}
	if _, err := s.Admit(ctx, token("last")); hub.CodeOf(err) != hub.CodeUnauthenticated {
		t.Errorf("after the provider answered: got %v, want code unauthenticated", err)
	}
}

func TestManyAtOnceWithOneTokenAskOnce(t *testing.T) {
	s := newScene(t)
	token := s.token()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if _, err := s.Admit(ctx, token); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if asked, enrols := s.issuer.userinfo.Load(), s.folders.enrols; asked != 1 || enrols != 1 {
		t.Errorf("got %d questions and %d enrolments, want 1 and 1", asked, enrols)
	}
}

func TestAnImpatientCallerLeaves(t *testing.T) {
	s := newScene(t)
	gone, leave := context.WithCancel(ctx)
	leave()
	if _, err := s.Admit(gone, s.token()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestTrustMustBeConfigured(t *testing.T) {
	for name, conf := range map[string]identity.Conf{
		"no issuer":    {},
		"no portal":    {Issuers: []identity.Issuer{{URL: "https://id.example"}}},
		"a portal ''":  {Issuers: []identity.Issuer{{URL: "https://id.example", Portals: []string{""}}}},
		"a shared key": {Issuers: []identity.Issuer{{URL: "https://id.example", Portals: []string{"p"}, Algorithms: []string{"HS256"}}}},
		"alg none":     {Issuers: []identity.Issuer{{URL: "https://id.example", Portals: []string{"p"}, Algorithms: []string{"none"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := identity.New(conf, identity.Parts{Clock: hub.ClockFunc(time.Now)}); hub.CodeOf(err) != hub.CodeInvalid {
				t.Errorf("got %v, want %q", err, hub.CodeInvalid)
			}
		})
	}
}

func BenchmarkAdmitRemembered(b *testing.B) {
	s := newScene(b)
	token := s.token()
	if _, err := s.Admit(ctx, token); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Admit(ctx, token); err != nil {
			b.Fatal(err)
		}
	}
}
