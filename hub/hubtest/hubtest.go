// Package hubtest holds the contracts of the hub's ports, as tests that every
// implementation runs, and the fakes that tests of use cases need. It imports
// nothing but hub.
package hubtest

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"racord/hub"
)

// CNP is a personal code with serial 000, which is never issued. No database
// dump, log or cache may show it.
const CNP = "1850415120007"

// Master is a master key for tests.
func Master() []byte { return bytes.Repeat([]byte{7}, hub.MasterKeyBytes) }

// Now is a moment of business time inside everybody's opening hours, to the
// microsecond, as databases keep it.
func Now() time.Time { return time.Date(2026, 3, 15, 8, 0, 0, 123456000, time.UTC) }

// Clock is business time that moves by hand.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

var _ hub.Clock = (*Clock)(nil)

// NewClock starts a clock that stands still.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now gives the time it was set to.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to a moment.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Obligation is an open obligation of the creditor, in bani.
func Obligation(creditor hub.Name, external string, bani int64) hub.Obligation {
	return hub.Obligation{
		ID: hub.NewObligationID(creditor, external), ExternalID: external, Kind: "test.bill", Status: hub.StatusOpen,
		HubState: hub.HubNone, Total: hub.Bani(bani), Paid: hub.Bani(0), Outstanding: hub.Bani(bani),
	}
}

// wantCode fails the test unless err has the code; "" is no error.
func wantCode(t *testing.T, what string, err error, want hub.Code) {
	t.Helper()
	if got := hub.CodeOf(err); got != want {
		t.Fatalf("%s: got %q (%v), want %q", what, got, err, want)
	}
}
