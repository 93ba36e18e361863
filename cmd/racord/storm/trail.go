package main

import (
	"fmt"
	"strings"
	"time"
)

// trail is what a payment went through while its payer waited.
type trail struct {
	begun time.Time
	last  string
	steps []string
}

func newTrail(p *payment) *trail {
	t := &trail{begun: time.Now()}
	t.note(p)
	return t
}

// note remembers a state that is new.
func (t *trail) note(p *payment) {
	now := string(p.State)
	if p.NextAction != nil {
		now += " with a page"
	}
	if now == t.last {
		return
	}
	t.last = now
	t.steps = append(t.steps, fmt.Sprintf("%s %s", time.Since(t.begun).Round(100*time.Millisecond), now))
}

// tooLong is how long no payer should have to wait.
const tooLong = 20 * time.Second

// trailed tells of a payer who waited too long.
func (s *storm) trailed(b basket, p *payment, t *trail) {
	if took := time.Since(t.begun); took > tooLong {
		s.say("basket %d: payment %s kept its payer for %s: %s", b.no, p.ID, took.Round(time.Second), strings.Join(t.steps, ", "))
	}
}
