package calendar_test

import (
	"testing"
	"time"

	"racord/cmd/city/calendar"
)

func TestEaster(t *testing.T) {
	for year, want := range map[int]string{
		2024: "2024-05-05", 2026: "2026-04-12", 2027: "2027-05-02", 2028: "2028-04-16", 2029: "2029-04-08",
	} {
		if got := calendar.Easter(year).ISO(); got != want {
			t.Errorf("Easter(%d): got %s, want %s", year, got, want)
		}
	}
}

func TestNextWorking(t *testing.T) {
	for name, tc := range map[string]struct{ day, want string }{
		"a Tuesday stays":            {"2026-03-31", "2026-03-31"},
		"a Saturday moves to Monday": {"2028-09-30", "2028-10-02"},
		"Good Friday jumps Easter":   {"2026-04-10", "2026-04-14"},
		"new year to the fifth":      {"2026-01-01", "2026-01-05"},
		"two saints in January":      {"2026-01-06", "2026-01-08"},
		"Pentecost Monday":           {"2026-06-01", "2026-06-02"},
	} {
		t.Run(name, func(t *testing.T) {
			day, err := calendar.Parse(tc.day)
			if err != nil {
				t.Fatal(err)
			}
			if got := day.NextWorking().ISO(); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestOfUsesTheBucharestDate(t *testing.T) {
	for instant, want := range map[string]string{
		"2026-03-31T20:59:59Z": "31.03.2026", // summer time
		"2026-03-31T21:00:00Z": "01.04.2026",
		"2026-01-31T21:59:59Z": "31.01.2026",
		"2026-01-31T22:00:00Z": "01.02.2026",
	} {
		at, err := time.Parse(time.RFC3339, instant)
		if err != nil {
			t.Fatal(err)
		}
		if got := calendar.Of(at).RO(); got != want {
			t.Errorf("Of(%s): got %s, want %s", instant, got, want)
		}
	}
}

func TestMonthsCount(t *testing.T) {
	day := calendar.Date(2026, time.March, 15)
	if got, want := calendar.OfMonth(day.Month()-3, 1).ISO(), "2025-12-01"; got != want {
		t.Errorf("three months back: got %s, want %s", got, want)
	}
}
