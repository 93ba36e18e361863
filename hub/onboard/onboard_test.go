package onboard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"racord/adapters/keyring"
	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/onboard"
	"racord/hub/vault"
)

// plain reads manifests of lines: "url X", "iban X owner", "secret X", "class A",
// "bad", and "file X Y" for a file X that says Y.
type plain struct{}

func (plain) Read(creditor hub.Name, text hub.ManifestText) (f hub.ManifestFacts, problems []hub.Field) {
	f.Kind = "plain"
	for i, line := range strings.Split(string(text.YAML), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "url":
			f.Addresses = append(f.Addresses, rest)
		case "iban":
			iban, owner, _ := strings.Cut(rest, " ")
			f.Accounts = append(f.Accounts, hub.CreditorAccount{ID: iban, IBAN: iban, Beneficiary: owner})
		case "secret":
			f.Secrets = append(f.Secrets, rest)
		case "delivers":
			f.Delivers = true
		case "class":
			f.Class = hub.Class(rest)
		case "file":
			name, says, _ := strings.Cut(rest, " ")
			if !slices.ContainsFunc(text.Files, func(f hub.ManifestFile) bool { return f.Name == name && string(f.Data) == says }) {
				problems = append(problems, hub.Field{Pointer: name, Line: i + 1, Detail: "does not say " + says})
			}
		case "bad":
			problems = append(problems, hub.Field{Pointer: "x", Line: i + 1, Detail: "is bad"})
		}
	}
	return f, problems
}

// suite passes every text that does not say "fail".
type suite struct{ class hub.Class }

func (p suite) Prove(_ context.Context, c hub.Candidate, _ hub.SecretStore) (hub.Report, error) {
	switch text := string(c.Text.YAML); {
	case strings.Contains(text, "panic"):
		panic("as the test wants")
	case strings.Contains(text, "away"):
		return hub.Report{}, errors.New("away")
	default:
		return hub.Report{Passed: !strings.Contains(text, "fail"), Class: p.class, Document: []byte(`{}`)}, nil
	}
}

// Try makes a dry run that finds nothing: it would have called.
func (suite) Try(context.Context, hub.Candidate, hub.TrialSubject, hub.SecretStore) (hub.DryRun, error) {
	return hub.DryRun{}, nil
}

// scene is a registration over a real store.
type scene struct {
	*onboard.Service
	t     *testing.T
	store *sqlite.Store
	clock *hubtest.Clock
	vault *vault.Vault
}

var (
	company = hub.Caller{Login: hub.Login{Issuer: "i", Subject: "company-water"}, Company: "water"}
	other   = hub.Caller{Login: hub.Login{Issuer: "i", Subject: "company-heat"}, Company: "heat"}
	maria   = hub.Caller{Login: hub.Login{Issuer: "i", Subject: "maria"}, Approver: true}
	dan     = hub.Caller{Login: hub.Login{Issuer: "i", Subject: "dan"}, Approver: true}
	nobody  = hub.Caller{Login: hub.Login{Issuer: "i", Subject: "portal"}, Portal: "portal"}
)

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, clock: hubtest.NewClock(hubtest.Now())}
	dir := t.TempDir()
	var err error
	if s.store, err = sqlite.Open(t.Context(), dir, hubtest.Master()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	ring, err := keyring.Open(dir+"/kek", hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := hub.NewKeys(hubtest.Master(), vault.Purpose)
	if err != nil {
		t.Fatal(err)
	}
	s.vault = vault.New(s.store, ring, keys)
	s.Service = s.replica(suite{hub.ClassB})
	s.Start()
	return s
}

// replica is a service of another hub over the same store. A prover that makes dry
// runs makes its own.
func (s *scene) replica(prover hub.Prover) *onboard.Service {
	trier, own := prover.(hub.Trier)
	if !own {
		trier = suite{}
	}
	r := onboard.New(onboard.Parts{
		Store: s.store, Reader: plain{}, Secrets: s.vault, Keeper: s.vault, Prover: prover, Trier: trier, Clock: s.clock,
	}, onboard.Default())
	s.t.Cleanup(r.Close)
	return r
}

// must fails the test when err is not what was wanted.
func (s *scene) want(what string, err error, code hub.Code) {
	s.t.Helper()
	if got := hub.CodeOf(err); got != code {
		s.t.Fatalf("%s: got %q (%v), want %q", what, got, err, code)
	}
}

// draft keeps a text and gives its number.
func (s *scene) draft(text string) int {
	s.t.Helper()
	d, err := s.Draft(s.t.Context(), company, "water", []byte(text))
	s.want("Draft", err, "")
	return d.Version.No
}

// submitted is a version whose report is there.
func (s *scene) submitted(text string) int {
	s.t.Helper()
	_, err := s.SetContacts(s.t.Context(), company, "water", []string{"it@water.example"})
	s.want("SetContacts", err, "")
	no := s.draft(text)
	_, err = s.Submit(s.t.Context(), company, "water", no)
	s.want("Submit", err, "")
	s.reported(no)
	return no
}

func (s *scene) reported(no int) hub.Report {
	s.t.Helper()
	for range 10_000 {
		r, err := s.Report(s.t.Context(), company, "water", no)
		if hub.CodeOf(err) != hub.CodeNotFound {
			s.want("Report", err, "")
			return r
		}
		time.Sleep(time.Millisecond)
	}
	s.t.Fatalf("version %d has no report", no)
	return hub.Report{}
}

func (s *scene) approve(no int, who ...hub.Caller) {
	s.t.Helper()
	for _, w := range who {
		_, err := s.Approve(s.t.Context(), w, "water", no, "")
		s.want("Approve", err, "")
	}
}

func (s *scene) promote(no int, to hub.Stage, share int, want hub.Code) (v hub.Version) {
	s.t.Helper()
	v, err := s.Promote(s.t.Context(), company, "water", no, to, share)
	s.want("Promote to "+string(to), err, want)
	return v
}

// tried lets the time of a stage pass with good answers.
func (s *scene) tried(no int) {
	s.t.Helper()
	s.clock.Advance(3 * time.Hour)
	s.want("AddTrial", s.store.AddTrial(s.t.Context(), "water", no, hub.Trial{Calls: 100, Compared: 100}), "")
}

// live takes a text the whole way.
func (s *scene) live(text string, approvers ...hub.Caller) int {
	s.t.Helper()
	no := s.submitted(text)
	s.approve(no, approvers...)
	s.promote(no, hub.StageShadow, 0, "")
	s.tried(no)
	s.promote(no, hub.StageCanary, 10, "")
	s.tried(no)
	s.promote(no, hub.StageLive, 0, "")
	return no
}

// missing gives the gates that are not met.
func (s *scene) missing(no int) (names []string) {
	s.t.Helper()
	d, err := s.Read(s.t.Context(), company, "water", no)
	s.want("Read", err, "")
	for _, g := range d.Gates {
		if !g.Met {
			names = append(names, g.Name)
		}
	}
	return names
}

func (s *scene) wantMissing(no int, want ...string) {
	s.t.Helper()
	if got := s.missing(no); !slices.Equal(got, want) {
		s.t.Fatalf("version %d: got missing %v, want %v", no, got, want)
	}
}

func (s *scene) stage(no int) hub.Stage {
	s.t.Helper()
	r, err := s.Registration(s.t.Context(), maria, "water")
	s.want("Registration", err, "")
	return r.Version(no).Stage
}

func TestACompanyIsLiveTheSameDayWithOneApprover(t *testing.T) {
	s := newScene(t)
	began := s.clock.Now()
	no := s.submitted("url https://a\niban RO1 Water")
	s.wantMissing(no, "approvals")
	s.promote(no, hub.StageShadow, 0, hub.CodeConflict)
	s.approve(no, maria)
	s.promote(no, hub.StageLive, 0, hub.CodeConflict)
	s.promote(no, hub.StageShadow, 0, "")
	s.wantMissing(no, "shadow_time", "shadow_calls")
	s.tried(no)
	s.promote(no, hub.StageCanary, 10, "")
	s.wantMissing(no, "canary_time", "canary_calls")
	if v := s.promote(no, hub.StageCanary, 50, ""); v.Share != 50 {
		t.Errorf("got share %d, want 50", v.Share)
	}
	s.tried(no)
	if v := s.promote(no, hub.StageLive, 0, ""); v.Pays || v.Share != 0 || v.Class != hub.ClassB {
		t.Errorf("got %+v, want it live, not paying, of the measured class", v)
	}
	if took := s.clock.Now().Sub(began); took > 12*time.Hour {
		t.Errorf("it took %s", took)
	}
}

func TestGatesOfATrial(t *testing.T) {
	for name, tc := range map[string]struct {
		trial hub.Trial
		want  []string
	}{
		"good":              {hub.Trial{Calls: 100, Failed: 2, Compared: 100, Differed: 1}, nil},
		"too few":           {hub.Trial{Calls: 19}, []string{"shadow_calls"}},
		"it fails":          {hub.Trial{Calls: 100, Failed: 3}, []string{"error_budget"}},
		"it differs":        {hub.Trial{Calls: 100, Compared: 100, Differed: 2}, []string{"differences"}},
		"a neighbour's":     {hub.Trial{Calls: 100, Foreign: 1}, []string{"foreign"}},
		"everything at bad": {hub.Trial{Calls: 1, Failed: 1, Compared: 1, Differed: 1, Foreign: 1}, []string{"shadow_calls", "error_budget", "differences", "foreign"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			no := s.submitted("url https://a")
			s.approve(no, maria)
			s.promote(no, hub.StageShadow, 0, "")
			s.clock.Advance(2 * time.Hour)
			s.want("AddTrial", s.store.AddTrial(t.Context(), "water", no, tc.trial), "")
			s.wantMissing(no, tc.want...)
		})
	}
}

// publishes lets a version on its way, or 0, read a delivery. One that is held moves
// the cursor, too.
func (s *scene) publishes(version int, extent hub.Extent, held string) hub.StageID {
	s.t.Helper()
	stage, err := s.store.Stage(s.t.Context(), "water", extent, s.clock.Now())
	s.want("Stage", err, "")
	next := hub.Cursor(hub.NewID())
	if version > 0 {
		next = next.ReadBy(version)
	}
	if held != "" {
		s.want("Hold", s.store.Hold(s.t.Context(), stage, next, held), "")
		return stage
	}
	_, err = s.store.Publish(s.t.Context(), stage, next)
	s.want("Publish", err, "")
	return stage
}

// TestACompanyThatIsNeverAskedIsTriedByItsDeliveries takes files or bills the whole
// way. Nobody asks such a company; a hundred failures in shadow are questions that
// came before its first list.
func TestACompanyThatIsNeverAskedIsTriedByItsDeliveries(t *testing.T) {
	s := newScene(t)
	no := s.submitted("url sftp://a\ndelivers")
	s.approve(no, maria)
	s.promote(no, hub.StageShadow, 0, "")
	s.want("AddTrial", s.store.AddTrial(t.Context(), "water", no, hub.Trial{Calls: 100, Failed: 100}), "")
	s.wantMissing(no, "shadow_time", "delivery")
	s.clock.Advance(time.Hour)
	s.publishes(no, hub.ExtentRows, "")
	s.wantMissing(no, "delivery") // says nothing about other bills
	stage := s.publishes(no, hub.ExtentAll, "too little")
	s.wantMissing(no, "delivery")
	s.want("Discard", s.store.Discard(t.Context(), stage), "")
	s.publishes(no, hub.ExtentAll, "")
	s.wantMissing(no)

	_, err := s.Retire(t.Context(), company, "water", no, "it reads cents as lei")
	s.want("Retire", err, "")
	next := s.submitted("url sftp://a\ndelivers\nclass A")
	s.approve(next, maria)
	s.promote(next, hub.StageShadow, 0, "")
	s.clock.Advance(time.Hour)
	s.wantMissing(next, "delivery") // nobody knows how it reads
	s.publishes(next, hub.ExtentAll, "")
	s.promote(next, hub.StageCanary, 10, "")
	s.wantMissing(next, "canary_time", "canary_calls")
	s.tried(next)
	s.promote(next, hub.StageLive, 0, "")

	third := s.submitted("url sftp://a\ndelivers")
	s.approve(third, maria)
	s.promote(third, hub.StageShadow, 0, "")
	s.wantMissing(third, "shadow_time")
	s.clock.Advance(time.Hour)
	s.promote(third, hub.StageCanary, 10, "")
}

func TestPayingNeedsTwoPersonsForEveryAccount(t *testing.T) {
	s := newScene(t)
	no := s.live("url https://a\nclass A\niban RO1 Water\niban RO2 Water", maria)
	prove := func(who hub.Caller, want hub.Code) bool {
		v, err := s.ProveAccounts(t.Context(), who, "water", no, "bank_letter")
		s.want("ProveAccounts", err, want)
		return v.Pays
	}
	prove(company, hub.CodeForbidden)
	prove(other, hub.CodeNotFound)
	for range 2 {
		if prove(maria, "") {
			t.Error("one person's word was enough")
		}
	}
	if !prove(dan, "") {
		t.Error("two persons' word was not enough")
	}
	r, err := s.Registration(t.Context(), maria, "water")
	s.want("Registration", err, "")
	if len(r.Proofs) != 4 {
		t.Errorf("got %d proofs, want two of each account", len(r.Proofs))
	}
	next := s.comes("url https://a\nclass A\niban RO1 Water\niban RO3 Water", hub.StageLive)
	if r, err := s.Registration(t.Context(), maria, "water"); err != nil || r.Version(next).Pays {
		t.Errorf("an account nobody proved takes payments (%v)", err)
	}
}

// TestACanaryTakesNoPayments has its accounts proved all along: what is paid goes
// through the live version, of which there is none.
func TestACanaryTakesNoPayments(t *testing.T) {
	s := newScene(t)
	no := s.comes("url https://a\nclass A\niban RO1 Water", hub.StageShadow)
	proved := func(who hub.Caller) {
		t.Helper()
		v, err := s.ProveAccounts(t.Context(), who, "water", no, "bank_letter")
		if s.want("ProveAccounts", err, ""); v.Pays {
			t.Errorf("a version that is %s takes payments", v.Stage)
		}
	}
	proved(maria)
	s.promote(no, hub.StageCanary, 10, "")
	proved(dan)
	if v := s.promote(no, hub.StageCanary, 50, ""); v.Pays {
		t.Error("a larger share of the citizens pays")
	}
	s.tried(no)
	if v := s.promote(no, hub.StageLive, 0, ""); !v.Pays {
		t.Error("a live version whose accounts are proved takes no payments")
	}
}

func TestAnotherAddressTakesTwoPersonsTimeAndNotice(t *testing.T) {
	for name, text := range map[string]string{
		"a URL": "url https://evil\niban RO1 Water", "an IBAN": "url https://a\niban RO9 Water", "an owner": "url https://a\niban RO1 Evil",
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.live("url https://a\niban RO1 Water", maria)
			no := s.submitted(text)
			s.wantMissing(no, "approvals", "cooling")
			s.approve(no, maria)
			_, err := s.Approve(t.Context(), maria, "water", no, "")
			s.want("the same person again", err, hub.CodeConflict)
			s.clock.Advance(48*time.Hour - time.Second)
			s.wantMissing(no, "approvals", "cooling")
			s.approve(no, dan)
			s.promote(no, hub.StageShadow, 0, hub.CodeConflict)
			s.clock.Advance(time.Second)
			s.promote(no, hub.StageShadow, 0, "")
			r, err := s.Registration(t.Context(), company, "water")
			s.want("Registration", err, "")
			if len(r.Notices) != 1 || r.Notices[0].Contact != "it@water.example" || r.Notices[0].Version != no {
				t.Errorf("got notices %+v", r.Notices)
			}
		})
	}
}

// TestATakeoverIsNoticed changes who is told, puts the live version aside and
// only then the address.
func TestATakeoverIsNoticed(t *testing.T) {
	s := newScene(t)
	first := s.live("url https://a", maria)
	_, err := s.SetContacts(t.Context(), company, "water", []string{"evil@example.com"})
	s.want("SetContacts", err, "")
	_, err = s.Suspend(t.Context(), company, "water", first, "away")
	s.want("Suspend", err, "")
	no := s.draft("url https://evil")
	_, err = s.Submit(t.Context(), company, "water", no)
	s.want("Submit", err, "")
	s.reported(no)
	s.wantMissing(no, "approvals", "cooling")
	r, err := s.Registration(t.Context(), company, "water")
	s.want("Registration", err, "")
	told := map[string]int{}
	for _, n := range r.Notices {
		told[n.Contact+" "+n.Kind]++
	}
	if told["it@water.example contact_changed"] != 1 || told["it@water.example address_changed"] != 1 || told["evil@example.com address_changed"] != 1 {
		t.Errorf("got notices %v, want the old contact told of both", told)
	}
}

// TestASecretIsNotSentElsewhere drafts versions that lead elsewhere, or nowhere
// new, with and without a secret that the live version sends.
func TestASecretIsNotSentElsewhere(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want hub.Code
	}{
		"another host":                   {"url https://evil\nsecret water-key", hub.CodeConflict},
		"another port":                   {"url https://a:444/v1\nsecret water-key", hub.CodeConflict},
		"without TLS":                    {"url http://a/v1\nsecret water-key", hub.CodeConflict},
		"another data source":            {"url secret:water-key\nsecret water-key", hub.CodeConflict},
		"one host more":                  {"url https://a/v1\nurl https://evil\nsecret water-key", hub.CodeConflict},
		"another path":                   {"url https://a/v2\nsecret water-key", ""},
		"another host, its own secret":   {"url https://evil\nsecret water-key2", ""},
		"another host, nothing to send":  {"url https://evil", ""},
		"a secret more":                  {"url https://a/v1\nsecret water-key\nsecret water-key2", ""},
		"the other secret of the first":  {"url https://b\nsecret water-old", ""},
		"that one where it was not sent": {"url https://a/v1\nsecret water-old", hub.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			for _, secret := range []string{"water-key", "water-key2", "water-old"} {
				_, err := s.PutSecret(t.Context(), company, "water", secret, hub.NewSecret("v"))
				s.want("PutSecret", err, "")
			}
			s.live("url https://b\nsecret water-old", maria)
			second := s.submitted("url https://a/v1\nsecret water-key")
			s.approve(second, maria, dan)
			s.clock.Advance(48 * time.Hour)
			s.promote(second, hub.StageShadow, 0, "")
			s.tried(second)
			s.promote(second, hub.StageCanary, 10, "")
			no := s.draft(tc.text)
			_, err := s.Try(t.Context(), company, "water", no, hub.TrialSubject{Debtor: "known"})
			s.want("Try", err, tc.want)
			_, err = s.Submit(t.Context(), company, "water", no)
			s.want("Submit", err, tc.want)
		})
	}
}

// TestASuiteSendsNoSecretElsewhere submits two versions before one is shown.
func TestASuiteSendsNoSecretElsewhere(t *testing.T) {
	s := newScene(t)
	_, err := s.PutSecret(t.Context(), company, "water", "water-key", hub.NewSecret("v"))
	s.want("PutSecret", err, "")
	first := s.submitted("url https://a\nsecret water-key")
	s.approve(first, maria)
	s.promote(first, hub.StageShadow, 0, "")
	second := s.submitted("url https://b\nsecret water-key") // proved: nothing is shown yet
	s.tried(first)
	s.promote(first, hub.StageCanary, 10, "")
	_, err = s.Prove(t.Context(), company, "water", second)
	s.want("Prove", err, hub.CodeConflict)
	if !strings.Contains(hub.MessageOf(err), "names of their own") {
		t.Errorf("got %v, want it told what to do", err)
	}
}

// TestAVersionIsComparedWithWhatIsShownNow submits two and takes the first live.
func TestAVersionIsComparedWithWhatIsShownNow(t *testing.T) {
	s := newScene(t)
	first := s.submitted("url https://a")
	s.approve(first, maria)
	s.promote(first, hub.StageShadow, 0, "")
	second := s.submitted("url https://b") // nothing is shown yet: it changes nothing
	s.approve(second, maria)
	s.wantMissing(second)
	s.tried(first)
	s.promote(first, hub.StageCanary, 10, "")
	s.wantMissing(second, "approvals", "cooling")
	if d, err := s.Read(t.Context(), company, "water", second); err != nil || !strings.Contains(fmt.Sprint(d.Gates), "may object until") {
		t.Errorf("got gates %+v (%v), want the contacts told", d.Gates, err)
	}
}

func TestNobodyApprovesTheirOwn(t *testing.T) {
	s := newScene(t)
	no := s.submitted("url https://a")
	_, err := s.Retire(t.Context(), company, "water", no, "again")
	s.want("Retire", err, "")
	d, err := s.RollBack(t.Context(), maria, "water", no)
	s.want("RollBack", err, "")
	_, err = s.Submit(t.Context(), company, "water", d.Version.No)
	s.want("Submit", err, "")
	_, err = s.Approve(t.Context(), maria, "water", d.Version.No, "")
	s.want("Approve", err, hub.CodeForbidden)
	s.approve(d.Version.No, dan)
	_, err = s.Approve(t.Context(), company, "water", d.Version.No, "")
	s.want("Approve by the company", err, hub.CodeForbidden)
}

func TestADraftWithProblemsIsKeptAndNotSubmitted(t *testing.T) {
	s := newScene(t)
	d, err := s.Draft(t.Context(), company, "water", []byte("url a\nbad"))
	s.want("Draft", err, "")
	if len(d.Problems) != 1 || d.Problems[0].Line != 2 || string(d.Text.YAML) != "url a\nbad" {
		t.Errorf("got %+v", d)
	}
	_, err = s.Submit(t.Context(), company, "water", d.Version.No)
	s.want("Submit", err, hub.CodeInvalid)
	if again := s.draft("url b"); again != d.Version.No {
		t.Errorf("got version %d, want the same draft", again)
	}
	_, err = s.Submit(t.Context(), company, "water", d.Version.No)
	s.want("Submit without a contact", err, hub.CodeConflict)
	_, err = s.SetContacts(t.Context(), company, "water", []string{"it@water.example"})
	s.want("SetContacts", err, "")
	s.draft("url b\nsecret water-key")
	_, err = s.Submit(t.Context(), company, "water", d.Version.No)
	s.want("Submit without its secret", err, hub.CodeConflict)
	_, err = s.PutSecret(t.Context(), company, "water", "water-key", hub.NewSecret("x"))
	s.want("PutSecret", err, "")
	_, err = s.Submit(t.Context(), company, "water", d.Version.No)
	s.want("Submit", err, "")
	_, err = s.Submit(t.Context(), company, "water", d.Version.No)
	s.want("Submit again", err, hub.CodeConflict)
}

func TestReportsOfEverySort(t *testing.T) {
	for text, want := range map[string]string{"url a\nfail": "{}", "url a\npanic": "internal", "url a\naway": "internal"} {
		s := newScene(t)
		no := s.submitted(text)
		r := s.reported(no)
		if r.Passed || !strings.Contains(string(r.Document), want) {
			t.Errorf("%q: got %+v", text, r)
		}
		s.approve(no, maria)
		s.promote(no, hub.StageShadow, 0, hub.CodeConflict)
	}
}

func TestASecretThatHoldsAnAddressKeepsItsHost(t *testing.T) {
	s := newScene(t)
	put := func(name, value string, want hub.Code) {
		t.Helper()
		_, err := s.PutSecret(t.Context(), company, "water", name, hub.NewSecret(value))
		s.want("PutSecret", err, want)
	}
	put("water-dsn", "postgres://u:p@db.example:5432/x", "")
	no := s.submitted("url secret:water-dsn\nsecret water-dsn")
	put("water-dsn", "postgres://u:new@db.example:5432/x", "")
	put("water-dsn", "postgres://u:new@evil.example:5432/x", hub.CodeConflict)
	for _, steered := range []string{"?host=evil.example", "?h%6Fst=evil.example", "?sslmode=disable&host=evil.example", "?port=5433", "?service=x", "?sslmode=disable;host=x", "#?host=evil.example"} {
		put("water-dsn", "postgres://u:new@db.example:5432/x"+steered, hub.CodeConflict)
	}
	put("water-dsn", "host=evil.example user=u password=p dbname=x", hub.CodeConflict)
	put("water-dsn", "postgres://u:new@db.example:5432/x?sslmode=verify-full", "")
	put("water-other", "postgres://u:new@evil.example:5432/x", "")
	s.approve(no, maria)
	s.promote(no, hub.StageShadow, 0, "")
	s.want("Drop", s.DropSecret(t.Context(), company, "water", "water-dsn", false), hub.CodeConflict)
	s.want("Drop the previous", s.DropSecret(t.Context(), company, "water", "water-dsn", true), "")
}

// TestNoAddressIsMovedWhileNobodyIsServed takes a secret away that holds the
// address of a version, to put another host in its place.
func TestNoAddressIsMovedWhileNobodyIsServed(t *testing.T) {
	const text = "url secret:water-dsn\nsecret water-dsn\nsecret water-key"
	for name, tc := range map[string]struct {
		come func(*scene)
		drop hub.Code // of the secret
	}{
		"proving":     {func(s *scene) { s.submitted(text) }, hub.CodeConflict},
		"suspended":   {func(s *scene) { s.setAside(company, s.live(text, maria)) }, hub.CodeConflict},
		"quarantined": {func(s *scene) { s.quarantined(s.live(text, maria)) }, hub.CodeConflict},
		"live":        {func(s *scene) { s.live(text, maria) }, hub.CodeConflict},
		"shown last": {func(s *scene) {
			no := s.live(text, maria)
			_, err := s.Retire(s.t.Context(), maria, "water", no, "over")
			s.want("Retire", err, "")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			put := func(value string) error {
				_, err := s.PutSecret(t.Context(), company, "water", "water-dsn", hub.NewSecret(value))
				return err
			}
			s.want("Put", put("postgres://u:p@db.example/x"), "")
			_, err := s.PutSecret(t.Context(), company, "water", "water-key", hub.NewSecret("k"))
			s.want("Put the key", err, "")
			tc.come(s)
			s.want("Put another host", put("postgres://u:p@evil.example/x"), hub.CodeConflict)
			s.want("Drop", s.DropSecret(t.Context(), company, "water", "water-dsn", false), tc.drop)
			s.want("Put another host after", put("postgres://u:p@evil.example/x"), hub.CodeConflict)
			_ = s.vault.Drop(t.Context(), "water", "water-dsn", false) // as a race would, or the store's own keeper
			s.want("Put where nothing is", put("postgres://u:p@evil.example/x"), hub.CodeConflict)
		})
	}
	s := newScene(t)
	s.draft(text)
	for _, host := range []string{"db.example", "evil.example"} {
		_, err := s.PutSecret(t.Context(), company, "water", "water-dsn", hub.NewSecret("postgres://u:p@"+host+"/x"))
		s.want("Put for a draft", err, "")
		s.want("Drop of a draft", s.DropSecret(t.Context(), company, "water", "water-dsn", false), "")
	}
}

// quarantined puts a version aside as the hub does.
func (s *scene) quarantined(no int) {
	s.t.Helper()
	s.want("Demote", s.store.Demote(s.t.Context(), "water", no, hub.StageQuarantined, "a neighbour's"), "")
	s.want("Quarantine", s.store.Quarantine(s.t.Context(), "water", "a neighbour's", s.clock.Now()), "")
}

func TestSuspendedResumedAndRetired(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	no := s.live("url https://a", maria)
	_, err := s.Suspend(ctx, company, "water", no, "works")
	s.want("Suspend", err, "")
	v, err := s.Resume(ctx, company, "water", no)
	if s.want("Resume", err, ""); v.Stage != hub.StageLive {
		t.Errorf("got %s, want live again", v.Stage)
	}
	_, err = s.Suspend(ctx, dan, "water", no, "complaints")
	s.want("Suspend by the city", err, "")
	_, err = s.Resume(ctx, company, "water", no)
	s.want("Resume by the company", err, hub.CodeForbidden)
	_, err = s.Resume(ctx, maria, "water", no)
	s.want("Resume by the city", err, "")
	s.want("Demote", s.store.Demote(ctx, "water", no, hub.StageSuspended, "budget"), "")
	_, err = s.Resume(ctx, company, "water", no)
	s.want("Resume what the hub put aside", err, hub.CodeForbidden)
	if v, err = s.Resume(ctx, maria, "water", no); err != nil || v.Stage != hub.StageShadow {
		t.Errorf("got %s (%v), want it in shadow", v.Stage, err)
	}
	s.want("Demote", s.store.Demote(ctx, "water", no, hub.StageQuarantined, "a neighbour's"), "")
	s.want("Quarantine", s.store.Quarantine(ctx, "water", "a neighbour's", s.clock.Now()), "")
	_, err = s.Lift(ctx, company, "water", no, "mended")
	s.want("Lift by the company", err, hub.CodeForbidden)
	_, err = s.Lift(ctx, maria, "water", no, "mended")
	s.want("Lift", err, "")
	if q, err := s.store.Quarantined(ctx); err != nil || len(q) != 0 || s.stage(no) != hub.StageShadow {
		t.Errorf("got %v (%v), %s", q, err, s.stage(no))
	}
	s.tried(no)
	s.promote(no, hub.StageCanary, 5, "")
	_, err = s.Retire(ctx, company, "water", no, "over")
	s.want("Retire by the company", err, hub.CodeForbidden)
	_, err = s.Retire(ctx, maria, "water", no, "over")
	s.want("Retire", err, "")
	_, err = s.Resume(ctx, maria, "water", no)
	s.want("Resume what is over", err, hub.CodeConflict)
}

// TestNoVersionComesBackOverALaterOne puts a version aside on its way, lets another
// be shown, and asks for the old address and account again.
func TestNoVersionComesBackOverALaterOne(t *testing.T) {
	const old, later = "url https://a\niban RO1 Water", "url https://b\niban RO2 Water"
	for name, tc := range map[string]struct {
		before string    // what is live before it; "" = nothing
		aside  hub.Stage // where the old one is when it is put aside
		by     hub.Caller
		shown  hub.Stage // how far the later one comes
		want   hub.Code
	}{
		"live, and another is live":           {"", hub.StageLive, company, hub.StageLive, hub.CodeConflict},
		"live, and another was in canary":     {"", hub.StageLive, company, hub.StageCanary, hub.CodeConflict},
		"live, and another was in shadow":     {"", hub.StageLive, company, hub.StageShadow, ""},
		"by the city":                         {"", hub.StageLive, dan, hub.StageLive, hub.CodeConflict},
		"canary, and another is live":         {"url https://a", hub.StageCanary, company, hub.StageLive, hub.CodeConflict},
		"shadow, and another is live":         {"url https://a", hub.StageShadow, company, hub.StageLive, hub.CodeConflict},
		"shadow, and another was in shadow":   {"url https://a", hub.StageShadow, company, hub.StageShadow, ""},
		"the hub's word, and another is live": {"url https://a", hub.StageCanary, hub.Caller{}, hub.StageLive, hub.CodeConflict},
		"the hub's word, and nothing since":   {"url https://a", hub.StageCanary, hub.Caller{}, hub.StageShadow, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			if tc.before != "" {
				s.live(tc.before, maria)
			}
			first := s.comes(old, tc.aside)
			s.setAside(tc.by, first)
			second := s.comes(later, tc.shown)
			s.setAside(company, second)
			_, err := s.Resume(t.Context(), maria, "water", first)
			s.want("Resume what came before", err, tc.want)
			if tc.want == "" {
				return
			}
			_, err = s.Resume(t.Context(), company, "water", second)
			s.want("Resume what was shown last", err, "")
			_, err = s.RollBack(t.Context(), company, "water", first)
			s.want("RollBack", err, "")
		})
	}
}

// TestARepairIsNoChange suspends what is live while the next version is on its way,
// and lets that one be shown to more and be put aside itself meanwhile.
func TestARepairIsNoChange(t *testing.T) {
	s, ctx := newScene(t), t.Context()
	first := s.live("url https://a", maria)
	next := s.comes("url https://b", hub.StageCanary)
	s.setAside(company, first)
	s.clock.Advance(time.Hour)
	s.promote(next, hub.StageCanary, 50, "")
	s.setAside(company, next)
	s.clock.Advance(time.Hour)
	_, err := s.Resume(ctx, company, "water", next)
	s.want("Resume the canary", err, "")
	s.clock.Advance(time.Hour)
	v, err := s.Resume(ctx, company, "water", first)
	if s.want("Resume what was live", err, ""); v.Stage != hub.StageLive || s.stage(next) != hub.StageCanary {
		t.Errorf("got %s and %s, want both as they were", v.Stage, s.stage(next))
	}
}

// TestACompanyEndsNothingThatCitizensSaw: what is suspended still stands before them,
// and says that its debts are not known.
func TestACompanyEndsNothingThatCitizensSaw(t *testing.T) {
	for stage, want := range map[hub.Stage]hub.Code{hub.StageShadow: "", hub.StageCanary: hub.CodeForbidden, hub.StageLive: hub.CodeForbidden} {
		t.Run(string(stage), func(t *testing.T) {
			s := newScene(t)
			no := s.comes("url https://a", stage)
			s.setAside(company, no)
			_, err := s.Retire(t.Context(), company, "water", no, "over")
			s.want("Retire by the company", err, want)
			if want != "" {
				_, err = s.Retire(t.Context(), maria, "water", no, "over")
				s.want("Retire by the city", err, "")
			}
		})
	}
}

// TestAQuarantineEndsNoOtherVersion lifts one that another has taken the place of.
func TestAQuarantineEndsNoOtherVersion(t *testing.T) {
	s := newScene(t)
	s.live("url https://a", maria)
	first := s.comes("url https://b", hub.StageCanary)
	s.want("Demote", s.store.Demote(t.Context(), "water", first, hub.StageQuarantined, "a neighbour's"), "")
	s.comes("url https://c", hub.StageLive)
	_, err := s.Lift(t.Context(), maria, "water", first, "mended")
	s.want("Lift", err, hub.CodeConflict)
}

// comes takes a text that may lead elsewhere to a stage, with all that this takes.
func (s *scene) comes(text string, to hub.Stage) int {
	s.t.Helper()
	no := s.submitted(text)
	s.approve(no, maria, dan)
	s.clock.Advance(72 * time.Hour)
	for _, stage := range []hub.Stage{hub.StageShadow, hub.StageCanary, hub.StageLive} {
		share := 0
		if stage == hub.StageCanary {
			share = 10
		}
		s.promote(no, stage, share, "")
		s.tried(no)
		if stage == to {
			break
		}
	}
	return no
}

// setAside suspends a version; without a caller the hub does.
func (s *scene) setAside(by hub.Caller, no int) {
	s.t.Helper()
	if by == (hub.Caller{}) {
		s.want("Demote", s.store.Demote(s.t.Context(), "water", no, hub.StageSuspended, "budget"), "")
		return
	}
	_, err := s.Suspend(s.t.Context(), by, "water", no, "works")
	s.want("Suspend", err, "")
}

func TestLiftingOneVersionLetsNoOtherOut(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	live := s.live("url https://a", maria)
	next := s.submitted("url https://a\nclass A")
	s.approve(next, maria)
	s.promote(next, hub.StageShadow, 0, "")
	s.want("Demote", s.store.Demote(ctx, "water", next, hub.StageQuarantined, "a neighbour's"), "")
	s.want("Quarantine", s.store.Quarantine(ctx, "water", "a neighbour's", s.clock.Now()), "")
	_, err := s.Lift(ctx, maria, "water", next, "mended")
	s.want("Lift", err, "")
	if q, err := s.store.Quarantined(ctx); err != nil || len(q) != 1 || s.stage(next) != hub.StageShadow || s.stage(live) != hub.StageLive {
		t.Errorf("got %v (%v), %s and %s, want the live one stopped as before", q, err, s.stage(next), s.stage(live))
	}
}

func TestANewVersionTakesThePlaceOfTheOld(t *testing.T) {
	s := newScene(t)
	first := s.live("url https://a", maria)
	second := s.live("url https://a\nclass A", maria)
	if s.stage(first) != hub.StageRetired || s.stage(second) != hub.StageLive {
		t.Errorf("got %s and %s", s.stage(first), s.stage(second))
	}
	diff, err := s.Diff(t.Context(), company, "water", first, second)
	s.want("Diff", err, "")
	if !strings.Contains(diff, "+class A") || strings.Contains(diff, "-url") {
		t.Errorf("got %s", diff)
	}
	d, err := s.RollBack(t.Context(), company, "water", first)
	if s.want("RollBack", err, ""); string(d.Text.YAML) != "url https://a" || d.Version.Stage != hub.StageDraft {
		t.Errorf("got %+v", d)
	}
	_, err = s.RollBack(t.Context(), company, "water", first)
	s.want("RollBack over a draft", err, hub.CodeConflict)
}

func TestWhatIsAnothersIsNotThere(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	no := s.submitted("url https://a")
	text := []byte("url x")
	for who, caller := range map[string]hub.Caller{"another company": other, "a portal": nobody} {
		for what, do := range map[string]func(hub.Name, int) error{
			"Read":   func(c hub.Name, no int) error { _, err := s.Read(ctx, caller, c, no); return err },
			"Submit": func(c hub.Name, no int) error { _, err := s.Submit(ctx, caller, c, no); return err },
			"Draft":  func(c hub.Name, _ int) error { _, err := s.Draft(ctx, caller, c, text); return err },
			"Diff":   func(c hub.Name, no int) error { _, err := s.Diff(ctx, caller, c, no, no); return err },
			"Cards":  func(c hub.Name, _ int) error { _, err := s.Cards(ctx, caller, c); return err },
			"Approve": func(c hub.Name, no int) error {
				_, err := s.Approve(ctx, caller, c, no, "")
				return err
			},
		} {
			theirs, absent := do("water", no), do("nobody", no)
			if hub.CodeOf(theirs) != hub.CodeNotFound || hub.MessageOf(theirs) != hub.MessageOf(absent) {
				t.Errorf("%s, %s: got %v, and about nobody's %v", who, what, theirs, absent)
			}
		}
		if list, err := s.List(ctx, caller); err != nil || len(list) != 0 {
			t.Errorf("%s: got %d connectors (%v)", who, len(list), err)
		}
	}
	if list, err := s.List(ctx, maria); err != nil || len(list) != 1 {
		t.Errorf("an approver: got %d connectors (%v)", len(list), err)
	}
}

func TestFilesComeWithTheManifest(t *testing.T) {
	s, ctx := newScene(t), t.Context()
	_, err := s.Attach(ctx, company, "water", "a.csv", []byte("1"))
	s.want("Attach to nothing", err, hub.CodeNotFound)
	s.draft("url a")
	d, err := s.Attach(ctx, company, "water", "a.csv", []byte("1"))
	s.want("Attach", err, "")
	first := d.Version.Digest
	d, err = s.Attach(ctx, company, "water", "a.csv", []byte("2"))
	s.want("Attach again", err, "")
	if len(d.Text.Files) != 1 || string(d.Text.Files[0].Data) != "2" || d.Version.Digest == first {
		t.Errorf("got %+v", d)
	}
	for what, name := range map[string]string{"a folder": "../a", "hidden": ".a", "nothing": ""} {
		_, err = s.Attach(ctx, company, "water", name, []byte("1"))
		s.want(what, err, hub.CodeInvalid)
	}
	_, err = s.Attach(ctx, company, "water", "big.csv", make([]byte, 1<<20+1))
	s.want("a large file", err, hub.CodeInvalid)
	no := s.submitted("url b")
	_, err = s.Attach(ctx, company, "water", "a.csv", []byte("3"))
	s.want("Attach to what is submitted", err, hub.CodeConflict)
	next := s.draft("url c")
	if d, err = s.Read(ctx, company, "water", next); err != nil || next == no || len(d.Text.Files) != 1 {
		t.Errorf("got %+v (%v), want the file with the next draft", d.Text, err)
	}
	d, err = s.Attach(ctx, company, "water", "a.csv", nil)
	if s.want("Attach nil", err, ""); len(d.Text.Files) != 0 {
		t.Errorf("got %+v", d.Text)
	}
}

func TestATextIsValidatedWithTheFilesThatComeWithIt(t *testing.T) {
	s, ctx := newScene(t), t.Context()
	files := func(says string) []hub.ManifestFile { return []hub.ManifestFile{{Name: "a.csv", Data: []byte(says)}} }
	valid := func(what, yaml string, sent []hub.ManifestFile, want int) {
		t.Helper()
		problems, err := s.Validate(ctx, company, "water", hub.ManifestText{YAML: []byte(yaml), Files: sent})
		if s.want(what, err, ""); len(problems) != want {
			t.Errorf("%s: got %v, want %d problems", what, problems, want)
		}
	}
	valid("nothing is there", "file a.csv 1", nil, 1)
	valid("it comes along", "file a.csv 1", files("1"), 0)
	s.draft("url a")
	_, err := s.Attach(ctx, company, "water", "a.csv", []byte("1"))
	s.want("Attach", err, "")
	valid("it is there", "file a.csv 1", nil, 0)
	valid("a newer one comes along", "file a.csv 2", files("2"), 0)
	valid("a wrong one comes along", "file a.csv 1", files("2"), 1)
	valid("and was not kept", "file a.csv 1", nil, 0)
}
