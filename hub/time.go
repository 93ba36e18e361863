package hub

import (
	"time"
)

// Clock tells business time: due dates, discounts, opening hours, the moment an
// answer speaks about. Timeouts, leases, tokens and cache life use real time
// instead. In the demo the hub and the simulated city share one business clock.
type Clock interface{ Now() time.Time }

// ClockFunc is a function as a Clock.
type ClockFunc func() time.Time

// Now calls the function.
func (f ClockFunc) Now() time.Time { return f() }

// Bucharest is the legal time of every creditor (Europe/Bucharest).
var Bucharest = mustLoad("Europe/Bucharest")

func mustLoad(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic("time zone " + name + ": " + err.Error() + " (cmd imports time/tzdata)")
	}
	return zone
}

// Date is a calendar day in Europe/Bucharest, written YYYY-MM-DD. Dates compare
// as strings. The zero Date is empty and means "not said".
type Date string

// ParseDate reads YYYY-MM-DD and refuses days that do not exist (CodeBadData).
func ParseDate(s string) (Date, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", Errorf(CodeBadData, "not a date of the form YYYY-MM-DD")
	}
	return Date(s), nil
}

// DateOf gives the day of an instant in Europe/Bucharest.
func DateOf(t time.Time) Date { return Date(t.In(Bucharest).Format(time.DateOnly)) }

// Start gives the first instant of the day in Europe/Bucharest.
func (d Date) Start() time.Time {
	t, err := time.ParseInLocation(time.DateOnly, string(d), Bucharest)
	if err != nil {
		return time.Time{}
	}
	return t
}

// End gives the first instant after the day in Europe/Bucharest.
func (d Date) End() time.Time {
	start := d.Start()
	if start.IsZero() {
		return start
	}
	return start.AddDate(0, 0, 1)
}

// Next is the day after.
func (d Date) Next() Date { return DateOf(d.End()) }

// Back is so many days before.
func (d Date) Back(days int) Date { return DateOf(d.Start().AddDate(0, 0, -days)) }
