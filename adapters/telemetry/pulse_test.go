package telemetry_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"racord/adapters/telemetry"
	"racord/hub"
)

// byFiscalCode are books with lines that wait for creditors named by numbers.
type byFiscalCode struct{ books }

func (byFiscalCode) Pulse(context.Context) (hub.Pulse, error) {
	stuck := func(creditor hub.Name) hub.OpenLine { return hub.OpenLine{Creditor: creditor, State: hub.LineStuck} }
	return hub.Pulse{At: noon, Lines: map[hub.OpenLine]hub.Standing{
		stuck("asoc-14399840"):   {Count: 1, Amount: 100, Since: noon.Add(-time.Hour)},
		stuck("asoc-18547290"):   {Count: 2, Amount: 200, Since: noon.Add(-time.Minute)},
		stuck("x-1850415000007"): {Count: 3, Amount: 300, Since: noon.Add(-time.Minute)}, // looks like a person
		stuck("x-1850415000015"): {Count: 4, Amount: 400, Since: noon.Add(-2 * time.Minute)},
	}}, nil
}

func TestEveryCreditorHasItsOwnLabel(t *testing.T) {
	meters := telemetry.New()
	meters.Business(hub.ClockFunc(func() time.Time { return noon }))
	meters.WatchBooks(byFiscalCode{})
	meters.Quarantined("asoc-14399840", true)
	meters.Quarantined("asoc-18547290", false)
	got := scrape(t, meters)
	for _, want := range []string{
		`racord_open_lines{connector="asoc-14399840",state="stuck"} 1`,
		`racord_open_line_seconds{connector="asoc-14399840",state="stuck"} 3600`,
		`racord_open_lines{connector="asoc-18547290",state="stuck"} 2`,
		`racord_open_lines{connector="other",state="stuck"} 7`,
		`racord_open_lines_bani{connector="other",state="stuck"} 700`,
		`racord_open_line_seconds{connector="other",state="stuck"} 120`,
		`racord_quarantined{connector="asoc-14399840"} 1`,
		`racord_quarantined{connector="asoc-18547290"} 0`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if strings.Contains(got, "1850415") {
		t.Error("a personal code became a label")
	}
}
