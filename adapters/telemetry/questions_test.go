package telemetry_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"racord/adapters/telemetry"
	"racord/hub"
)

// slowBooks never finish adding payments up.
type slowBooks struct{ books }

func (slowBooks) Pulse(ctx context.Context) (hub.Pulse, error) {
	<-ctx.Done()
	return hub.Pulse{}, ctx.Err()
}

// slowStore is ready, and never finds how far feeds are.
type slowStore struct{ store }

func (*slowStore) Cursor(ctx context.Context, _ hub.Name) (hub.Cursor, time.Time, error) {
	<-ctx.Done()
	return "", time.Time{}, ctx.Err()
}

// TestWhatIsNotAnsweredIsSaid: what is left out could not ring an alert, and takes
// nothing else with it.
func TestWhatIsNotAnsweredIsSaid(t *testing.T) {
	meters := telemetry.New()
	meters.Declared([]*hub.Connector{{Creditor: hub.Creditor{Name: "heating"}, Feed: noFeed{}}, {Creditor: hub.Creditor{Name: "waste"}, Feed: noFeed{}}})
	meters.WatchBooks(slowBooks{})
	meters.WatchStore(&slowStore{})
	got := scrape(t, meters)
	for _, want := range []string{
		`racord_books_up{question="payments"} 0`,
		`racord_books_up{question="barriers"} 1`,
		`racord_books_up{question="differences"} 1`,
		`racord_books_up{question="comparisons"} 1`,
		`racord_barrier{barrier="open"} 0`,
		`racord_recon_differences{comparison="bank",state="open"} 0`,
		`racord_recon_first_run_timestamp_seconds{comparison="bank"} 1.7735688e+09`,
		`racord_store_up 1`,
		`racord_store_read{question="feeds"} 0`,
		`racord_store_read{question="deliveries"} 1`,
		`racord_store_read{question="letters"} 1`,
		`racord_contact_notices_given_up 2`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if strings.Contains(got, "racord_open_payments{") {
		t.Error("payments are shown that nobody added up")
	}
}

func TestAFeedThatNeverPublishedIsNoFailure(t *testing.T) {
	meters := telemetry.New()
	meters.Declared([]*hub.Connector{{Creditor: hub.Creditor{Name: "waste"}, Feed: noFeed{}}})
	meters.WatchStore(&store{})
	if got := scrape(t, meters); !strings.Contains(got, `racord_store_read{question="feeds"} 1`) {
		t.Errorf("got\n%s", got)
	}
}
