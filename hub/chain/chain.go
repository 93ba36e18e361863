package chain

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	"racord/hub"
)

const (
	turnEvery = 2 * time.Second
	signEvery = time.Minute     // at least, while bookings come
	signAfter = 1000            // places, at the latest
	most      = 1000            // bookings a turn
	back      = time.Minute     // how much older than others a booking may be that was committed after them
	far       = 24 * time.Hour  // the same, of what was missed: nobody looked, or the store's clock was not right for a while
	farEvery  = 5 * time.Minute // a far look reads a day's bookings
)

// Parts are what chaining is made from.
type Parts struct {
	Store hub.Chain
	Key   ed25519.PrivateKey
	Tell  func(hub.Checkpoint) // somebody outside the database
	Whole func()               // all bookings have their places now, none was missed
	Log   *slog.Logger
}

// Service gives bookings their places. Any number of replicas may do so at once.
type Service struct{ Parts }

// Run does so until ctx ends. It looks far back at the start, and again and again:
// only then it is known that none was missed.
func (s *Service) Run(ctx context.Context) {
	farAgain := time.Now()
	for hub.Sleep(ctx, turnEvery) {
		reach := back
		if time.Now().After(farAgain) {
			reach = far
		}
		err := s.turns(ctx, reach)
		switch {
		case err == nil && reach == far:
			s.Whole()
			farAgain = time.Now().Add(farEvery)
		case err != nil && ctx.Err() == nil:
			s.Log.Warn("the journal's bookings get no places in their chain", "operation", "chain", "code", string(hub.CodeOf(err)), "error", err)
		}
	}
}

// turns goes on until no booking is without a place. The oldest come first, so that
// only the first turn has to look far back.
func (s *Service) turns(ctx context.Context, reach time.Duration) error {
	for ; ; reach = back {
		if placed, err := s.Turn(ctx, reach); err != nil || placed < most {
			return err
		}
	}
}

// Turn gives places to so many bookings at most, also to such as were written so
// long ago (see hub.Chain), and signs the end when it is time.
func (s *Service) Turn(ctx context.Context, reach time.Duration) (placed int, err error) {
	var signed *hub.Checkpoint
	err = s.Store.Extend(ctx, reach, most, func(end hub.ChainEnd) ([]hub.Chained, *hub.Checkpoint) {
		places, last := end.Places()
		placed, signed = len(places), s.sign(end, last)
		return places, signed
	})
	if err == nil && signed != nil {
		s.Tell(*signed)
	}
	return placed, err
}

// sign signs the end of the chain, or gives nil while it is not time.
func (s *Service) sign(end hub.ChainEnd, last hub.Chained) *hub.Checkpoint {
	fresh := last.No - end.Signed.No
	if fresh <= 0 || fresh < signAfter && end.Now.Sub(end.Signed.At) < signEvery {
		return nil
	}
	c := hub.SignCheckpoint(s.Key, last, end.Now)
	return &c
}
