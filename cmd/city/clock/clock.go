// Package clock is the city's business time. It runs at the speed of real time
// from wherever it was last set; timeouts and tokens do not use it.
package clock

import (
	"sync/atomic"
	"time"

	"racord/cmd/city/calendar"
)

// Clock tells the virtual time. It is safe for concurrent use.
type Clock struct {
	offset atomic.Int64 // nanoseconds added to real time
}

// New returns a clock that shows start now.
func New(start time.Time) *Clock {
	c := &Clock{}
	c.Set(start)
	return c
}

// Now returns the virtual time in Europe/Bucharest.
func (c *Clock) Now() time.Time {
	return time.Now().Round(0).Add(c.Offset()).In(calendar.Bucharest)
}

// Today returns the virtual date.
func (c *Clock) Today() calendar.Day { return calendar.Of(time.Now().Add(c.Offset())) }

// Offset returns how far virtual time is ahead of real time.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// Set makes the clock show t now.
func (c *Clock) Set(t time.Time) { c.offset.Store(int64(time.Until(t.Round(0)))) }

// Advance moves the clock by d, which may be negative.
func (c *Clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }
