package hub_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
)

// TestSleep is what ends a sleep, and what is told about it.
func TestSleep(t *testing.T) {
	for name, c := range map[string]struct {
		sleep, called, ends time.Duration // 0 = never
		lasts               time.Duration
		all                 bool
	}{
		"undisturbed":        {sleep: time.Minute, lasts: time.Minute, all: true},
		"no time at all":     {all: true},
		"called":             {sleep: time.Minute, called: time.Second, lasts: time.Second},
		"ended":              {sleep: time.Minute, ends: time.Second, lasts: time.Second},
		"called before that": {sleep: time.Minute, called: time.Second, ends: 2 * time.Second, lasts: time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, end := context.WithCancel(t.Context())
			defer end()
			called := make(chan struct{})
			if c.called > 0 {
				time.AfterFunc(c.called, func() { close(called) })
			}
			if c.ends > 0 {
				time.AfterFunc(c.ends, end)
			}
			began := time.Now()
			all := hub.SleepOr(ctx, c.sleep, called)
			if lasted := time.Since(began); all != c.all || lasted != c.lasts {
				t.Errorf("%s: got %v after %v, want %v after %v", name, all, lasted, c.all, c.lasts)
			}
		})
	}
}
