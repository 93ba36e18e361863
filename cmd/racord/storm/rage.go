package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// rage lets the payers loose, and what kills, until all baskets are through and
// enough was killed. Then everybody is well again.
func (s *storm) rage(ctx context.Context) error {
	baskets := s.pack(rand.New(rand.NewPCG(s.seed, 1)))
	s.baskets = len(baskets)
	keep, release := context.WithCancel(ctx)
	s.onClose(release)
	for _, r := range s.replicas {
		go r.live(keep)
	}
	weather, calm := context.WithCancel(ctx)
	defer calm()
	var blowing sync.WaitGroup
	if s.kills > 0 {
		if err := s.misbehave(ctx); err != nil {
			return err
		}
		s.blow(weather, &blowing)
	}
	begun := time.Now()
	s.payAll(ctx, baskets)
	for ctx.Err() == nil && s.calmer() {
		s.pause(ctx, 100*time.Millisecond)
	}
	calm()
	blowing.Wait()
	s.say("%s: %s", time.Since(begun).Round(time.Second), &s.tally)
	if err := s.behave(ctx); err != nil {
		return err
	}
	return s.awaitReplicas(ctx)
}

// calmer tells whether too little was killed so far.
func (s *storm) calmer() bool {
	s.tally.Lock()
	defer s.tally.Unlock()
	return s.tally.kills < s.kills || s.tally.pgKills < s.pgKills
}

// payAll pays all baskets, so many payers at once.
func (s *storm) payAll(ctx context.Context, baskets []basket) {
	queue := make(chan basket)
	var paying sync.WaitGroup
	for range s.clients {
		paying.Go(func() {
			for b := range queue {
				s.pay(ctx, b)
			}
		})
	}
	begun := time.Now()
	for i, b := range baskets {
		if ctx.Err() != nil {
			break
		}
		queue <- b
		s.tally.add(&s.tally.begun, 1)
		if i > 0 && i%(max(len(baskets)/20, 50)) == 0 {
			s.say("%s, %d baskets begun: %s", time.Since(begun).Round(time.Second), i, &s.tally)
		}
	}
	close(queue)
	paying.Wait()
}

// blow starts everything that kills.
func (s *storm) blow(ctx context.Context, blowing *sync.WaitGroup) {
	every := func(least, most time.Duration, do func()) {
		blowing.Go(func() {
			for {
				s.pause(ctx, least+rand.N(most-least))
				if ctx.Err() != nil {
					return
				}
				do()
			}
		})
	}
	every(20*time.Millisecond, 500*time.Millisecond, func() {
		s.strikeHub()
		s.pause(ctx, s.tally.behind()) // else a slow machine serves nobody between two blows
	})
	blowing.Go(func() { s.days(ctx) })
	every(3*time.Second, 5*time.Second, func() { s.settle(ctx) })
	if s.postgres == nil {
		return
	}
	well := context.WithoutCancel(ctx) // what was killed is started again, whatever the weather
	every(3*time.Second, 5*time.Second, func() {
		if err := s.postgres.strike(well); err != nil {
			s.say("PostgreSQL: %v", err)
		}
	})
	every(time.Second, 2*time.Second, func() { s.redis.empty(ctx) })
	every(5*time.Second, 15*time.Second, func() {
		if err := s.redis.strike(well); err != nil {
			s.say("Redis: %v", err)
		}
		s.tally.add(&s.tally.redisKills, 1)
	})
}

// lastDays is how long a day lasts near the end, at most. A file that was given
// away before a long weekend is booked several mornings later, and the hub looks
// for it the less often the older it is: what waits when the storm ends is to be
// no older than in a storm of short days.
const lastDays = 20 * time.Second

// days lets the mornings come, more often once nine baskets of ten are begun.
func (s *storm) days(ctx context.Context) {
	for {
		day := s.mornings
		if s.tally.begunOf(s.baskets) >= 0.9 {
			day = min(day, lastDays)
		}
		s.pause(ctx, day*3/4+rand.N(day/2))
		if ctx.Err() != nil {
			return
		}
		_ = s.morning(ctx) // the next one comes as well
	}
}

// strikeHub kills one ready replica, at random.
func (s *storm) strikeHub() {
	for _, n := range rand.Perm(len(s.replicas)) {
		if s.replicas[n].strike() {
			s.tally.add(&s.tally.kills, 1)
			return
		}
	}
}

// awaitReplicas waits until all replicas are ready.
func (s *storm) awaitReplicas(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, r := range s.replicas {
		for !r.ready() {
			s.pause(ctx, 20*time.Millisecond)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}
