package telemetry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"racord/adapters/telemetry"
	"racord/hub"
)

// TestACreditorsHoursAreKnown looks at noon in Bucharest.
func TestACreditorsHoursAreKnown(t *testing.T) {
	const hour = 60 // minutes
	night, morning := hub.Window{From: 23*hour + 30, To: 4*hour + 30}, hub.Window{From: 6 * hour, To: 7 * hour}
	for name, tc := range map[string]struct {
		closed []hub.Window
		open   time.Duration
	}{
		"since the morning":   {[]hub.Window{night}, 7*time.Hour + 30*time.Minute},
		"since the later one": {[]hub.Window{morning, night}, 5 * time.Hour},
		"since yesterday":     {[]hub.Window{{From: 20 * hour, To: 22 * hour}}, 14 * time.Hour},
		"closed":              {[]hub.Window{night, {From: 11 * hour, To: 13 * hour}}, 0},
	} {
		meters := telemetry.New()
		meters.Business(hub.ClockFunc(func() time.Time { return noon }))
		meters.Declared([]*hub.Connector{
			{Creditor: hub.Creditor{Name: "tax"}, Traits: hub.Traits{Windows: tc.closed}}, {Creditor: hub.Creditor{Name: "water"}},
		})
		got := scrape(t, meters)
		if want := fmt.Sprintf("racord_creditor_open_seconds{connector=\"tax\"} %v\n", tc.open.Seconds()); !strings.Contains(got, want) {
			t.Errorf("%s: no line %s", name, want)
		}
		if strings.Contains(got, `racord_creditor_open_seconds{connector="water"}`) {
			t.Errorf("%s: who declares no hours has some", name)
		}
	}
}
