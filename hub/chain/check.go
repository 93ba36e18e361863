package chain

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"

	"racord/hub"
)

// Fault is where the journal and its chain do not agree.
type Fault struct {
	Place   int64  // in the chain; 0 = in none
	Booking string // "" = it concerns no single one
	Detail  string
}

// Report is what was found.
type Report struct {
	Places  int64 // bookings in the chain
	Signed  int64 // of them before the last checkpoint, its own included
	Waiting int   // bookings that have no place yet
	Faults  []Fault
}

// Check holds the journal against its chain, and the chain against its
// checkpoints: those beside it, and copies that were kept elsewhere. Every booking
// that is not as it was is named.
func Check(ctx context.Context, store hub.Chain, key ed25519.PublicKey, kept []hub.Checkpoint) (Report, error) {
	points, err := store.Checkpoints(ctx)
	if err != nil {
		return Report{}, err
	}
	w := &walk{key: key}
	w.expect(points, "")
	w.expect(kept, " (a kept copy)")
	slices.SortStableFunc(w.points, func(a, b point) int { return int(a.No - b.No) })
	if err := store.EachChained(ctx, 0, w.step); err != nil {
		return Report{}, err
	}
	w.end()
	waiting, left, err := store.Unchained(ctx, far)
	for _, booking := range left {
		w.fault(0, booking, "it has no place, though bookings that were written a day later have one")
	}
	w.Waiting = waiting
	return w.Report, err
}

// point is a checkpoint that is still to come, and where it is from.
type point struct {
	hub.Checkpoint
	from string
}

// walk goes along the chain.
type walk struct {
	Report
	key    ed25519.PublicKey
	points []point
	last   hub.Chained // as the database has it
}

func (w *walk) fault(place int64, booking, format string, args ...any) {
	w.Faults = append(w.Faults, Fault{place, booking, fmt.Sprintf(format, args...)})
}

// expect adds checkpoints to be met. One that the hub did not sign says nothing.
func (w *walk) expect(points []hub.Checkpoint, from string) {
	for _, c := range points {
		if !c.Verify(w.key) {
			w.fault(c.No, "", "the hub did not sign this checkpoint%s", from)
			continue
		}
		w.points = append(w.points, point{c, from})
	}
}

// step looks at the next place. Where one is not as it has to be, those after it are
// judged by what the database has, so that each fault is found by itself.
func (w *walk) step(c hub.Chained, booking *hub.Recorded) error {
	switch {
	case c.No != w.last.No+1: // nothing says which hash this place has to have
		w.fault(w.last.No+1, "", "the places from %d to %d are missing", w.last.No+1, c.No-1)
	case booking == nil:
		w.fault(c.No, c.Booking, "the booking is not in the journal any more, or not as one")
	case w.last.Follow(*booking) != c:
		w.fault(c.No, c.Booking, "the booking is not the one that was chained, or the place was changed")
	}
	w.Places++
	w.last = c
	w.meet()
	return nil
}

// meet holds the place reached against the checkpoints of it, and counts how many
// were not signed.
func (w *walk) meet() {
	for len(w.points) > 0 && w.points[0].No <= w.last.No {
		p := w.points[0]
		w.points = w.points[1:]
		switch {
		case p.No < w.last.No:
			w.fault(p.No, "", "the place of a checkpoint%s is missing", p.from)
		case p.Hash != w.last.Hash:
			w.fault(p.No, "", "the chain was written anew after place %d: the checkpoint%s of %s has another hash", w.Signed, p.from, p.At.Format("2006-01-02 15:04:05"))
		}
		w.gap(p.No)
		w.Signed = p.No
	}
}

// gap finds places that must have been signed.
func (w *walk) gap(no int64) {
	if no-w.Signed > signAfter+most {
		w.fault(w.Signed+1, "", "no place from %d to %d is signed: checkpoints are missing", w.Signed+1, no-1)
	}
}

// end looks at what lies after the last place.
func (w *walk) end() {
	w.gap(w.last.No + 1)
	for _, p := range w.points {
		w.fault(p.No, "", "the chain ends at place %d: its end was cut off, or the database is an older one; the checkpoint%s is of %s", w.last.No, p.from, p.At.Format("2006-01-02 15:04:05"))
	}
}
