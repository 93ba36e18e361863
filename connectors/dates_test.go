package connectors_test

import (
	"testing"
	"time"

	"racord/connectors"
	"racord/hub"
)

func TestDatesAreReadOrRefused(t *testing.T) {
	const refused = "refused"
	for name, tc := range map[string]struct {
		read func(string) (hub.Date, error)
		want map[string]hub.Date
	}{
		"date_ro": {connectors.DateRO, map[string]hub.Date{
			"31.03.2026": "2026-03-31", "31/03/26": "2026-03-31", "1.4.2026": "2026-04-01", "31-03-2026": "2026-03-31",
			"31.03.2026 00:00:00": "2026-03-31", " 31.03.2026 ": "2026-03-31", "29.02.2024": "2024-02-29", "01.01.85": "1985-01-01",
			"00.00.0000": "", "01.01.1900": "", "31.12.9999": "", "00/00/00": "",
			"31.04.2026": refused, "29.02.2026": refused, "13/25/26": refused, "2026-03-31": refused, "31.03": refused, "": refused,
			"31.03/2026": refused, "31.03.226": refused, "3l.03.2026": refused, "00.03.2026": refused, "01.01.0001": refused, "31.03.20260": refused,
		}},
		"date_iso": {connectors.DateISO, map[string]hub.Date{
			"2026-03-31": "2026-03-31", "2026-03-31T00:00:00": "2026-03-31", "2026-03-30T22:30:00Z": "2026-03-31", "2026-03-31 10:00:00": "2026-03-31",
			"0000-00-00": "", "1900-01-01": "", "9999-12-31": "",
			"2026-02-29": refused, "31.03.2026": refused, "2026-3-31": refused, "": refused, "2026-03-31x": refused, "20260331": refused,
		}},
	} {
		for text, want := range tc.want {
			got, err := tc.read(text)
			if (err != nil) != (want == refused) || err == nil && got != want {
				t.Errorf("%s(%q): got %q, %v, want %q", name, text, got, err, want)
			}
		}
	}
}

func TestTimesWithoutAZoneAreOfBucharest(t *testing.T) {
	for text, want := range map[string]string{
		"15.02.2026 02:14:09": "2026-02-15T00:14:09Z", "15.06.2026 02:14": "2026-06-14T23:14:00Z", "15.02.2026": "2026-02-14T22:00:00Z",
	} {
		if got, err := connectors.DateTimeRO(text); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("datetime_ro(%q): got %v, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"2026-02-15T02:14:09": "2026-02-15T00:14:09Z", "2026-02-15T02:14:09+01:00": "2026-02-15T01:14:09Z",
	} {
		if got, err := connectors.DateTimeISO(text); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("datetime_iso(%q): got %v, %v, want %s", text, got, err, want)
		}
	}
	if got, err := connectors.DateTimeRO("2026-02-15"); err == nil {
		t.Errorf("got %v, want a refusal", got)
	}
}

func TestAMonthIsAPeriod(t *testing.T) {
	for text, want := range map[string]hub.Period{
		"02.2026": {From: "2026-02-01", To: "2026-02-28", Label: "02.2026"},
		"2/2024":  {From: "2024-02-01", To: "2024-02-29", Label: "2/2024"},
	} {
		if got, err := connectors.MonthRO(text); err != nil || got != want {
			t.Errorf("month_ro(%q): got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "13.2026", "00.2026", "2026.02", "02.26", "feb 2026"} {
		if got, err := connectors.MonthRO(text); err == nil {
			t.Errorf("month_ro(%q): got %v, want a refusal", text, got)
		}
	}
}

// FuzzDateRO checks that every date that is read exists.
func FuzzDateRO(f *testing.F) {
	for _, seed := range []string{"31.03.2026", "31/03/26", "00.00.0000", "29.02.2024", "1.1.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, read := range []func(string) (hub.Date, error){connectors.DateRO, connectors.DateISO} {
			d, err := read(text)
			if err != nil || d == "" {
				continue
			}
			if _, err := hub.ParseDate(string(d)); err != nil {
				t.Fatalf("%q gives %q, which does not exist", text, d)
			}
		}
	})
}
