package courier_test

import (
	"context"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"racord/adapters/courier"
	"racord/adapters/smtprelay"
	"racord/adapters/sqlite"
	"racord/adapters/telemetry"
	"racord/adapters/testserver"
	"racord/hub"
	"racord/hub/hubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scene is a store in which a notice waits, and a courier at work.
type scene struct {
	t     *testing.T
	store *sqlite.Store
}

func newScene(t *testing.T, carriers map[hub.Channel]courier.Carrier, giveUp time.Duration) *scene {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	_, err = store.ChangeRegistration(t.Context(), "water", func(r *hub.Registration) error {
		r.Contacts = []hub.Contact{{Address: "it@water.example", Since: time.Now()}}
		r.Notices = []hub.ContactNotice{{At: time.Now(), Contact: "it@water.example", Kind: "contact_changed", Detail: "others"}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c := courier.New(courier.Parts{Letters: store, Carriers: carriers}, courier.Conf{Every: 10 * time.Millisecond, Waits: []time.Duration{time.Millisecond}, GiveUp: giveUp})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return &scene{t, store}
}

// await gives a channel's letter once it is as wanted.
func (s *scene) await(channel hub.Channel, wanted func(hub.LetterState) bool) {
	s.t.Helper()
	var last hub.Registration
	for range 3000 {
		r, err := s.store.Registration(s.t.Context(), "water")
		if err != nil {
			s.t.Fatal(err)
		}
		for _, l := range r.Notices[0].Letters {
			if l.Channel == channel && wanted(l) {
				return
			}
		}
		last = r
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("it stayed %+v", last.Notices[0].Letters)
}

func TestALetterIsCarriedUntilItArrives(t *testing.T) {
	mailbox := testserver.Mailbox(t, testserver.MailConf{})
	mailbox.Refuse("451 not now")
	host, port, _ := net.SplitHostPort(mailbox.Address)
	number, _ := strconv.Atoi(port)
	relay, err := smtprelay.New(smtprelay.Conf{Host: host, Port: number, From: "racord@city.example"})
	if err != nil {
		t.Fatal(err)
	}
	nobody := func(context.Context, hub.Letter) error { return hub.Errorf(hub.CodeUnsupported, "no endpoint") }
	s := newScene(t, map[hub.Channel]courier.Carrier{hub.ChannelMail: relay.Send, hub.ChannelWebhook: nobody}, 0)
	s.await(hub.ChannelMail, func(l hub.LetterState) bool {
		return l.Tries >= 2 && !l.Settled && l.Code == hub.CodeUnavailable && strings.Contains(l.Detail, "451")
	})
	s.await(hub.ChannelWebhook, func(l hub.LetterState) bool { return l.Settled && l.DeliveredAt.IsZero() && l.Tries == 1 })
	mailbox.Refuse("")
	s.await(hub.ChannelMail, func(l hub.LetterState) bool {
		return l.Settled && !l.DeliveredAt.IsZero() && l.Code == "" && l.Detail == ""
	})
	if got := mailbox.Next(t); got.To != "it@water.example" {
		t.Errorf("it went to %s", got.To)
	}
	if count, _, err := s.store.Undelivered(t.Context()); err != nil || count != 0 {
		t.Errorf("got %d undelivered (%v)", count, err)
	}
}

func TestALetterWithoutAWayWaits(t *testing.T) {
	panics := func(context.Context, hub.Letter) error { panic("it@water.example") }
	s := newScene(t, map[hub.Channel]courier.Carrier{hub.ChannelWebhook: panics}, time.Nanosecond) // it is older than any letter gets
	s.await(hub.ChannelMail, func(l hub.LetterState) bool { return l.Tries >= 2 && !l.Settled && l.Detail != "" })
}

func TestALetterThatIsGivenUpIsNotForgotten(t *testing.T) {
	shut := func(context.Context, hub.Letter) error { return hub.Errorf(hub.CodeUnavailable, "shut") }
	nobody := func(context.Context, hub.Letter) error { return hub.Errorf(hub.CodeUnsupported, "no endpoint") }
	s := newScene(t, map[hub.Channel]courier.Carrier{hub.ChannelMail: shut, hub.ChannelWebhook: nobody}, time.Nanosecond)
	settled := func(l hub.LetterState) bool { return l.Settled && l.DeliveredAt.IsZero() }
	s.await(hub.ChannelMail, settled)
	s.await(hub.ChannelWebhook, settled)
	meters := telemetry.New()
	meters.WatchStore(s.store)
	w := httptest.NewRecorder()
	meters.OpsHandler(s.store.Ready, nil).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{"racord_contact_notices_undelivered 0", "racord_contact_notices_given_up 1"} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
}
