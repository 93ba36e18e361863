package chain_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/chain"
	"racord/hub/hubtest"
)

func signer(t testing.TB) (ed25519.PrivateKey, ed25519.PublicKey) {
	t.Helper()
	key, err := hub.SigningKey(hubtest.Master(), hub.CheckpointKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, key.Public().(ed25519.PublicKey)
}

// pile is a chain to which only its end is known.
type pile struct {
	hub.Chain
	mu     sync.Mutex
	end    hub.ChainEnd
	missed []hub.Recorded // found only by who looks an hour back
	reach  []time.Duration
	failed error
}

func (p *pile) Extend(_ context.Context, back time.Duration, most int, link func(hub.ChainEnd) ([]hub.Chained, *hub.Checkpoint)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reach = append(p.reach, back)
	if p.failed != nil {
		return p.failed
	}
	if back >= time.Hour {
		p.end.Loose, p.missed = append(p.missed, p.end.Loose...), nil
	}
	given := p.end
	given.Loose = given.Loose[:min(most, len(given.Loose))]
	given.Now = time.Now()
	places, signed := link(given)
	if len(places) > 0 {
		p.end.Last = places[len(places)-1]
	}
	if signed != nil {
		p.end.Signed = *signed
	}
	p.end.Loose = p.end.Loose[len(places):]
	return nil
}

// meanwhile changes something beside a service that runs.
func (p *pile) meanwhile(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *pile) add(n int) {
	for range n {
		id := fmt.Sprint("b", len(p.end.Loose), p.end.Last.No)
		p.end.Loose = append(p.end.Loose, hub.Recorded{Booking: hub.TransferBooking(id, "settled", "", "x", "y", hub.Bani(1)), At: time.Now()})
	}
}

// TestTheEndIsSignedInTime follows a day of bookings.
func TestTheEndIsSignedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, public := signer(t)
		var told []hub.Checkpoint
		p := &pile{}
		s := &chain.Service{Parts: chain.Parts{Store: p, Key: key, Tell: func(c hub.Checkpoint) { told = append(told, c) }}}
		for _, step := range []struct {
			what   string
			after  time.Duration
			books  int
			placed int
			signed int64 // the last place that is signed afterwards
		}{
			{"nothing was booked", 0, 0, 0, 0},
			{"the first booking", 0, 1, 1, 1},
			{"another one at once", time.Second, 1, 1, 1},
			{"none, a minute later", time.Minute, 0, 0, 2},
			{"none, an hour later", time.Hour, 0, 0, 2},
			{"one, an hour later", 0, 1, 1, 3},
			{"a thousand at once", time.Second, 1000, 1000, 1003},
			{"more than are taken in a turn", time.Second, 1200, 1000, 2003},
			{"the rest", time.Second, 0, 200, 2003},
		} {
			time.Sleep(step.after)
			p.add(step.books)
			placed, err := s.Turn(t.Context(), time.Minute)
			if err != nil || placed != step.placed || p.end.Signed.No != step.signed {
				t.Errorf("%s: got %d places, signed up to %d (%v), want %d and %d", step.what, placed, p.end.Signed.No, err, step.placed, step.signed)
			}
		}
		for _, c := range told {
			if !c.Verify(public) {
				t.Errorf("got %v, which nobody can verify", c)
			}
		}
		if len(told) != 5 {
			t.Errorf("got %d checkpoints told, want each of five", len(told))
		}
	})
}

// TestWhatWasMissedIsMadeUpFor runs beside a database that is away for a while.
func TestWhatWasMissedIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, _ := signer(t)
		var log strings.Builder
		whole := 0
		p := &pile{failed: errors.New("away")}
		p.add(2500)
		s := &chain.Service{Parts: chain.Parts{
			Store: p, Key: key, Tell: func(hub.Checkpoint) {}, Whole: func() { whole++ }, Log: slog.New(slog.NewTextHandler(&log, nil)),
		}}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if whole != 0 || !strings.Contains(log.String(), "away") {
			t.Errorf("got %d times whole with the log %q, want the trouble told", whole, log.String())
		}
		p.meanwhile(func() { p.failed = nil })
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if whole != 1 || p.end.Last.No != 2500 {
			t.Errorf("got %d places, %d times whole, want all 2500 in one go", p.end.Last.No, whole)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if first, last := p.reach[0], p.reach[len(p.reach)-1]; first <= last || first != p.reach[1] {
			t.Errorf("got looks %v back, want far ones until one succeeded", p.reach)
		}
		stop()
		<-ended
	})
}

// TestWhoWasMissedIsFoundInTime has a booking that ordinary looks do not see: the
// store's clock was set back when it was written, and on again before anybody looked.
func TestWhoWasMissedIsFoundInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, _ := signer(t)
		whole, early := 0, 0
		p := &pile{}
		s := &chain.Service{Parts: chain.Parts{Store: p, Key: key, Tell: func(hub.Checkpoint) {}, Whole: func() {
			if whole++; len(p.missed) > 0 {
				early++
			}
		}}}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		p.meanwhile(func() {
			p.missed = []hub.Recorded{{Booking: hub.TransferBooking("missed", "settled", "", "x", "y", hub.Bani(1)), At: time.Now().Add(-5 * time.Minute)}}
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if p.end.Last.Booking != "missed" || whole < 2 {
			t.Errorf("got %q at the end of the chain and %d times whole, want the booking found within minutes", p.end.Last.Booking, whole)
		}
		if early > 0 {
			t.Errorf("got %d times whole while a booking had no place, want none", early)
		}
		far := 0
		for _, back := range p.reach {
			if back >= time.Hour {
				far++
			}
		}
		if far > len(p.reach)/50 {
			t.Errorf("got %d far looks of %d, want few: they are dear", far, len(p.reach))
		}
		stop()
		<-ended
	})
}
