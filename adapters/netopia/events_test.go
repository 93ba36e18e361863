package netopia_test

import (
	"testing"
	"time"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
	"racord/hub"
)

const reviewCard = "9900005786662552"

// order starts an order at the city's provider.
func (s *scene) order(t *testing.T, number string) (hub.ChargeRef, hub.Session) {
	t.Helper()
	o := anOrder
	o.Order, o.Merchant, o.NotifyURL, o.ReturnURL = number, s.posIDs[1], s.mailbox.URL, s.mailbox.URL+"/back"
	session, err := s.psp.Charger.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return hub.ChargeRef{Order: number, Merchant: o.Merchant, Ref: session.Ref}, session
}

func (s *scene) facts(t *testing.T, r hub.ChargeRef) hub.ChargeFacts {
	t.Helper()
	facts, err := s.psp.Charger.Lookup(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	facts.AuthorisedAt = time.Time{}
	return facts
}

func TestAReviewIsNoMoneyUntilItIsOver(t *testing.T) {
	s := startTown(t)
	for number, end := range map[string]struct {
		event string
		want  hub.ChargeFacts
	}{
		"RC-fraud": {"decline", hub.ChargeFacts{Declined: true}},
		"RC-clean": {"release", hub.ChargeFacts{Authorised: 2050, Captured: 2050}},
	} {
		ref, session := s.order(t, number)
		if err := s.pay(session.URL, reviewCard); err != nil {
			t.Fatal(err)
		}
		if got := s.facts(t, ref); got != (hub.ChargeFacts{Ref: ref.Ref, Review: true}) {
			t.Errorf("%s, under review: got %+v", number, got)
		}
		if err := s.PSPEvent(town.Netopia, ref.Ref, end.event, 0); err != nil {
			t.Fatal(err)
		}
		end.want.Ref = ref.Ref
		if got := s.facts(t, ref); got != end.want {
			t.Errorf("%s, afterwards: got %+v, want %+v", number, got, end.want)
		}
	}
}

func TestMoneyThatGoesBackIsSeen(t *testing.T) {
	s := startTown(t)
	taken := hub.ChargeFacts{Authorised: 2050, Captured: 2050}
	for number, tc := range map[string]struct {
		events []string
		want   func(*hub.ChargeFacts)
	}{
		"RC-credit":     {[]string{"refund"}, func(f *hub.ChargeFacts) { f.Refunded = 2050 }},
		"RC-reversal":   {[]string{"reversal"}, func(f *hub.ChargeFacts) { f.Refunded = 2050 }},
		"RC-dispute":    {[]string{"dispute"}, func(f *hub.ChargeFacts) { f.Disputed = 2050 }},
		"RC-chargeback": {[]string{"dispute", "chargeback"}, func(f *hub.ChargeFacts) { f.Disputed = 2050 }},
		"RC-won":        {[]string{"chargeback", "represent"}, func(f *hub.ChargeFacts) { f.Disputed, f.Won = 2050, 2050 }},
	} {
		ref, session := s.order(t, number)
		if err := s.pay(session.URL, ""); err != nil {
			t.Fatal(err)
		}
		for _, event := range tc.events {
			if err := s.PSPEvent(town.Netopia, ref.Ref, event, 0); err != nil {
				t.Fatalf("%s: %v", event, err)
			}
		}
		want := taken
		want.Ref = ref.Ref
		tc.want(&want)
		if got := s.facts(t, ref); got != want {
			t.Errorf("%s: got %+v, want %+v", number, got, want)
		}
	}
}

func TestADayLaterAPaymentIsConfirmed(t *testing.T) {
	s := startTown(t)
	ref, session := s.order(t, "RC-confirmed")
	if err := s.pay(session.URL, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := s.facts(t, ref); got.Captured != 2050 {
		t.Errorf("got %+v, want it still captured", got)
	}
}

// TestNotificationsThatGoWrong looks at what arrives under each fault of the
// provider: what is read is signed and about the order, and nothing else is read.
func TestNotificationsThatGoWrong(t *testing.T) {
	for kind, want := range map[gate.Kind]struct {
		read    int  // notifications that are good
		refused bool // some before them are not
		events  int  // that the good ones are, at most
	}{
		gate.NotifyForged:   {1, true, 1},
		gate.NotifyAltered:  {1, true, 1},
		gate.NotifyTwice:    {2, false, 2},
		gate.NotifyReplayed: {2, false, 1},
		gate.NotifyEarly:    {1, false, 1},
	} {
		t.Run(string(kind), func(t *testing.T) {
			s := startTown(t)
			if err := s.Fault(town.Netopia, town.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			ref, session := s.order(t, "RC-1")
			if err := s.pay(session.URL, ""); err != nil {
				t.Fatal(err)
			}
			refused, events := 0, map[string]bool{}
			for read := 0; read < want.read; {
				n := s.mailbox.first(t, read+refused+1)[read+refused]
				fact, err := s.psp.Notifier.Read(t.Context(), n.Header, n.Body)
				switch {
				case hub.CodeOf(err) == hub.CodeUnauthenticated:
					refused++
					continue
				case err != nil || fact.Order != ref.Order || fact.Ref != ref.Ref:
					t.Fatalf("got %+v, %v", fact, err)
				}
				read++
				events[fact.Event] = true
			}
			if want.refused != (refused > 0) || len(events) > want.events {
				t.Errorf("got %d refused and %d events, want some %v and at most %d", refused, len(events), want.refused, want.events)
			}
		})
	}
}
