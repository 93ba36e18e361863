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
	for kind, want := range map[gate.Kind]struct{ arrive, read, events int }{
		gate.NotifyForged:   {2, 1, 1},
		gate.NotifyAltered:  {2, 1, 1},
		gate.NotifyTwice:    {2, 2, 2},
		gate.NotifyReplayed: {2, 2, 1},
		gate.NotifyEarly:    {1, 1, 1},
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
			read, events := 0, map[string]bool{}
			for _, n := range s.mailbox.first(t, want.arrive) {
				fact, err := s.psp.Notifier.Read(t.Context(), n.Header, n.Body)
				if err != nil {
					if hub.CodeOf(err) != hub.CodeUnauthenticated {
						t.Errorf("got %v", err)
					}
					continue
				}
				if read++; fact.Order != ref.Order || fact.Ref != ref.Ref {
					t.Errorf("got %+v", fact)
				}
				events[fact.Event] = true
			}
			if read != want.read || len(events) > want.events || len(events) == 0 {
				t.Errorf("got %d read as %d events, want %d as at most %d", read, len(events), want.read, want.events)
			}
		})
	}
}
