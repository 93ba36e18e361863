package link_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/link"
)

var ana = hub.Login{Issuer: "https://login.example", Subject: "ana"}

// company is a creditor with one account, found by client code.
type company struct{ err error }

const code = "0004411" // the zeros are real

func (c *company) Obligations(_ context.Context, who hub.Asked) (hub.Answer, error) {
	if c.err != nil {
		return hub.Answer{}, c.err
	}
	if who.Account.Code != code {
		return hub.Answer{}, hub.Errorf(hub.CodeNotFound, "unknown")
	}
	return hub.Answer{Obligations: []hub.Obligation{
		{ExternalID: "1", Reference: &hub.Reference{Invoice: "TF 0099812"}, Total: hub.Bani(128477), Outstanding: hub.Bani(28477)},
		{ExternalID: "2", Reference: &hub.Reference{Invoice: "TF 0099813"}, Total: hub.Bani(0), Outstanding: hub.Bani(0)},
	}}, nil
}

func newService(t *testing.T) (*link.Service, *company) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), make([]byte, hub.MasterKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.Enrol(t.Context(), ana, "Ana Pop", nil); err != nil {
		t.Fatal(err)
	}
	water := &company{}
	roster := hub.Fleet{{
		Creditor: hub.Creditor{Name: "water"}, Source: water, Traits: hub.Traits{Fetch: []hub.Fetch{hub.FetchByAccount}},
	}, {
		Creditor: hub.Creditor{Name: "fines"}, Traits: hub.Traits{Fetch: []hub.Fetch{hub.FetchByParty}},
	}}
	noon := time.Date(2026, 3, 15, 12, 0, 0, 0, hub.Bucharest)
	return &link.Service{Store: store, Roster: roster, Clock: hub.ClockFunc(func() time.Time { return noon })}, water
}

func TestAnAccountIsLinkedWithWhatStandsOnTheBill(t *testing.T) {
	down := hub.Errorf(hub.CodeUnavailable, "down")
	for name, tc := range map[string]struct {
		creditor hub.Name
		account  string
		proof    hub.Proof
		silent   error
		want     hub.Code
	}{
		"number and total":           {"water", code, hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(128477)}, nil, ""},
		"blanks around the code":     {"water", " " + code + " ", hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(128477)}, nil, ""},
		"number and what is left":    {"water", code, hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(28477)}, nil, ""},
		"a wrong amount":             {"water", code, hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(1)}, nil, hub.CodeNotFound},
		"another currency":           {"water", code, hub.Proof{Invoice: "TF 0099812", Amount: hub.Money{Minor: 128477, Currency: "EUR"}}, nil, hub.CodeNotFound},
		"a wrong number":             {"water", code, hub.Proof{Invoice: "TF 1", Amount: hub.Bani(128477)}, nil, hub.CodeNotFound},
		"nothing proves nothing":     {"water", code, hub.Proof{Invoice: "TF 0099813", Amount: hub.Bani(0)}, nil, hub.CodeNotFound},
		"an unknown account":         {"water", "4411", hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(128477)}, nil, hub.CodeNotFound},
		"a personal code":            {"water", "1850415120007", hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(1)}, nil, hub.CodeInvalid},
		"one with blanks":            {"water", "1850415 120007 ", hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(1)}, nil, hub.CodeInvalid},
		"one with dashes and dots":   {"water", "1.850415-12.0007", hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(1)}, nil, hub.CodeInvalid},
		"no such creditor":           {"gas", code, hub.Proof{}, nil, hub.CodeInvalid},
		"a creditor asked by CNP":    {"fines", code, hub.Proof{}, nil, hub.CodeInvalid},
		"the creditor gives nothing": {"water", code, hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(128477)}, down, hub.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s, water := newService(t)
			water.err = tc.silent
			l, err := s.Link(t.Context(), ana, hub.AccountRef{Creditor: tc.creditor, Code: tc.account}, tc.proof)
			if got := hub.CodeOf(err); got != tc.want {
				t.Fatalf("got %q (%v), want %q", got, err, tc.want)
			}
			links, err := s.List(t.Context(), ana)
			if linked := len(links) == 1 && links[0].ID == l.ID && l.Account.Code == code; err != nil || linked != (tc.want == "") {
				t.Errorf("got links %v (%v), want linked %t", links, err, tc.want == "")
			}
		})
	}
}

func TestAllRefusalsLookAlike(t *testing.T) {
	s, _ := newService(t)
	_, unknown := s.Link(t.Context(), ana, hub.AccountRef{Creditor: "water", Code: "1"}, hub.Proof{Invoice: "x", Amount: hub.Bani(1)})
	_, wrong := s.Link(t.Context(), ana, hub.AccountRef{Creditor: "water", Code: code}, hub.Proof{Invoice: "x", Amount: hub.Bani(1)})
	if hub.MessageOf(unknown) != hub.MessageOf(wrong) || hub.CodeOf(unknown) != hub.CodeOf(wrong) {
		t.Errorf("got %v and %v, want one refusal", unknown, wrong)
	}
}

func TestFiveWrongProofsADayAreAll(t *testing.T) {
	s, _ := newService(t)
	account := hub.AccountRef{Creditor: "water", Code: code}
	var mu sync.Mutex
	codes := map[hub.Code]int{}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := s.Link(context.Background(), ana, account, hub.Proof{Invoice: "x", Amount: hub.Bani(1)})
			mu.Lock()
			codes[hub.CodeOf(err)]++
			mu.Unlock()
		})
	}
	all.Wait()
	if codes[hub.CodeNotFound] != link.AttemptsADay || codes[hub.CodeTooMany] != 20-link.AttemptsADay {
		t.Errorf("got %v, want %d refused and the rest too many", codes, link.AttemptsADay)
	}
	_, err := s.Link(t.Context(), ana, account, hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(128477)})
	if hub.CodeOf(err) != hub.CodeTooMany || hub.RetryAfterOf(err) != 12*time.Hour {
		t.Errorf("got %v after %v, want too many until midnight", err, hub.RetryAfterOf(err))
	}
}

func TestASilentCreditorLocksNobodyOut(t *testing.T) {
	s, water := newService(t)
	account := hub.AccountRef{Creditor: "water", Code: code}
	right := hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(128477)}
	water.err = hub.Errorf(hub.CodeTimeout, "no answer")
	for range 10 {
		if _, err := s.Link(t.Context(), ana, account, right); hub.CodeOf(err) != hub.CodeTimeout {
			t.Fatalf("got %v, want timeout", err)
		}
	}
	water.err = nil
	if _, err := s.Link(t.Context(), ana, account, right); err != nil {
		t.Errorf("got %v after the creditor came back, want a link", err)
	}
}

func TestALinkIsTakenBackByItsOwnerOnly(t *testing.T) {
	s, _ := newService(t)
	l, err := s.Link(t.Context(), ana, hub.AccountRef{Creditor: "water", Code: code}, hub.Proof{Invoice: "TF 0099812", Amount: hub.Bani(128477)})
	if err != nil {
		t.Fatal(err)
	}
	ion := hub.Login{Issuer: ana.Issuer, Subject: "ion"}
	if _, err := s.Store.Enrol(t.Context(), ion, "Ion Pop", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Unlink(t.Context(), ion, l.ID); hub.CodeOf(err) != hub.CodeNotFound {
		t.Errorf("somebody else: got %v, want not found", err)
	}
	if err := s.Unlink(t.Context(), ana, l.ID); err != nil {
		t.Errorf("the owner: got %v", err)
	}
	if links, _ := s.List(t.Context(), ana); len(links) != 0 {
		t.Errorf("got %v, want no links", links)
	}
}
