package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"racord/adapters/postgres"
	"racord/adapters/sqlite"
	"racord/cmd/racord/witness"
	"racord/hub"
	"racord/hub/chain"
	"racord/hub/judge"
)

// judge waits until all is final, and says what the books say. The last line is
// the verdict.
func (s *storm) judge(ctx context.Context, out io.Writer) error {
	store, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	took, err := s.awaitEnd(ctx, store)
	if err != nil {
		return err
	}
	v, err := s.verdict(ctx, store)
	if err == nil {
		err = s.chained(ctx, store, v)
	}
	if err != nil {
		return err
	}
	s.tally.tell(s.say)
	for _, f := range v.Findings()[:min(len(v.Findings()), 50)] {
		fmt.Fprintln(out, f)
	}
	for _, f := range v.Waiting {
		fmt.Fprintln(out, f)
	}
	fmt.Fprintf(out, "%d baskets, %d hub kills, %d PostgreSQL kills: %s", s.baskets, s.tally.kills, s.tally.pgKills, v)
	if v.Final() {
		fmt.Fprintf(out, " in %d s", int(took.Seconds()))
	}
	fmt.Fprintln(out)
	switch {
	case !v.Good() || took > s.within:
		return errFailed
	case v.Payments < s.baskets*9/10:
		return fmt.Errorf("only %d payments were begun for %d baskets: too few to say that a storm was survived", v.Payments, s.baskets)
	}
	return nil
}

// recoverWithin is how long a database that was killed last of all may need to come
// back: it reads its log again first.
const recoverWithin = time.Minute

// ledger opens the hub's store.
func (s *storm) ledger(ctx context.Context) (hub.Store, error) {
	key, err := s.master()
	if err != nil {
		return nil, err
	}
	if s.postgres == nil {
		return sqlite.OpenToRead(ctx, filepath.Join(s.dir, "data"), key)
	}
	if err := postgres.Await(ctx, s.postgres.dsn(), recoverWithin); err != nil {
		return nil, err
	}
	return postgres.Open(ctx, s.postgres.dsn(), key)
}

func (s *storm) master() ([]byte, error) {
	return os.ReadFile(filepath.Join(s.dir, "data", "master.key"))
}

// morningEvery is how often it gets morning after the storm, so that files are
// booked, settlements tell what was given back, and statements of days that are
// over tell what was never booked.
const morningEvery = 3 * time.Second

// awaitEnd waits until no payment is under way any more, at most a minute longer
// than it may take. Mornings do not wait for the settlements of the day before: in
// a large city one takes longer than a day does here.
func (s *storm) awaitEnd(ctx context.Context, store hub.Store) (took time.Duration, err error) {
	days, end := context.WithCancel(ctx)
	var passing sync.WaitGroup
	defer passing.Wait()
	defer end()
	for _, do := range []func(){func() { _ = s.morning(days) }, func() { s.settle(days) }} {
		passing.Go(func() { eachTick(days, morningEvery, do) })
	}
	return s.awaitFinal(ctx, store)
}

// eachTick does something at once and then so often, or as often as it can, until
// ctx ends.
func eachTick(ctx context.Context, every time.Duration, do func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for do(); ; do() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// awaitFinal looks until no payment is under way, and tells now and then what is.
func (s *storm) awaitFinal(ctx context.Context, store hub.Store) (time.Duration, error) {
	begun, told := time.Now(), time.Duration(0)
	for ; time.Since(begun) < s.within+time.Minute && ctx.Err() == nil; s.pause(ctx, 500*time.Millisecond) {
		open, first, err := underWay(ctx, store)
		if err != nil {
			return 0, err
		}
		if open == 0 {
			break
		}
		if passed := time.Since(begun); passed >= told+tellEvery {
			told = passed
			s.say("%s after the storm %d are under way, such as %s", passed.Round(time.Second), open, first)
		}
	}
	return time.Since(begun), ctx.Err()
}

// tellEvery is how often is told what is still awaited.
const tellEvery = 10 * time.Second

// underWay counts the payments that are not at their end, and describes the first.
func underWay(ctx context.Context, store hub.Store) (open int, first string, err error) {
	err = store.EachPayment(ctx, func(p *hub.Payment) error {
		if judge.Finished(p) {
			return nil
		}
		if open++; open == 1 {
			first = string(p.ID) + ":" + judge.Pending(p)
		}
		return nil
	})
	return open, first, err
}

// verdict reads all books.
func (s *storm) verdict(ctx context.Context, store hub.Store) (*judge.Verdict, error) {
	e := judge.Evidence{Hub: store}
	for _, psp := range []string{"netopia", "euplatesc"} {
		orders, err := witness.Orders(ctx, s.city.url, psp)
		if err != nil {
			return nil, err
		}
		e.Orders = append(e.Orders, orders...)
	}
	for _, creditor := range []hub.Name{
		"ditl", "fines", "water", "heating", "waste", "electricity",
		"parking", "roadfines", "transport", "gas", "associations",
	} {
		entries, err := witness.Entries(ctx, s.city.url, creditor)
		if err != nil {
			return nil, err
		}
		e.Entries = append(e.Entries, entries...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pr := range s.opened {
		e.Promises = append(e.Promises, pr.Promise)
	}
	return judge.Judge(ctx, e)
}

// chained holds the journal against its chain: what replicas began while they were
// killed has no gap.
func (s *storm) chained(ctx context.Context, store hub.Store, v *judge.Verdict) error {
	master, err := s.master()
	if err != nil {
		return err
	}
	key, err := hub.SigningKey(master, hub.CheckpointKey)
	if err != nil {
		return err
	}
	r, err := chain.Check(ctx, store, key.Public().(ed25519.PublicKey), nil)
	for _, f := range r.Faults {
		v.Wrong = append(v.Wrong, judge.Finding{Rule: "I12", Name: fmt.Sprintf("place %d %s", f.Place, f.Booking), Detail: f.Detail})
	}
	s.say("%d bookings in the journal's chain, %d of them signed; %d wait for their place", r.Places, r.Signed, r.Waiting)
	return err
}
