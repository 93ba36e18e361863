package pay_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// crowd are payers who pay the company that is told in files, all at once.
func (tn *town) crowd(payers int) {
	var all sync.WaitGroup
	for n := range payers {
		all.Go(func() {
			tn.pay(basket{key: fmt.Sprint("k", n), items: tn.owe(n, "delta"), policy: hub.BestEffort})
		})
	}
	all.Wait()
}

// mustBeInOneFile fails the test unless every line that was put is in files of
// one name, whose content was always the same.
func (o *office) mustBeInOneFile(t *testing.T, what string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	in := map[hub.PostingID]string{}
	for name, puts := range o.files {
		for _, put := range puts {
			if !slices.EqualFunc(put, puts[0], func(a, b hub.Posting) bool {
				return a.ID == b.ID && a.Amount == b.Amount && a.PaidAt.Equal(b.PaidAt) && a.ExternalID == b.ExternalID
			}) {
				t.Errorf("%s: a file was put again with something else in it: %v and %v", what, puts[0], put)
			}
		}
		for _, p := range puts[0] {
			if other, again := in[p.ID]; again {
				t.Errorf("%s: %s is in %q and in %q", what, p.ID, other, name)
			}
			in[p.ID] = name
		}
	}
}

// TestLinesOfManyPaymentsAreOneFile lets two replicas drain the lines of many
// payers at once.
func TestLinesOfManyPaymentsAreOneFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const payers = 60
		var asked atomic.Int64
		tn := newTown(t, 1, 0, 2, nil)
		tn.befall(func(p point) harm {
			if p.method == "LotFinder.FindLot" && p.moment == beforeCall {
				asked.Add(1)
			}
			return unharmed
		})
		tn.crowd(payers)
		mustBeGood(t, "many payers", tn.judged(30*time.Minute))
		tn.end()
		delta := tn.offices["delta"]
		delta.mustBeInOneFile(t, "many payers")
		if files := len(delta.files); files > 8 || len(delta.ids) != payers {
			t.Errorf("got %d lines in %d files, want all %d in a few", len(delta.ids), files, payers)
		}
		if asked.Load() > 20*int64(len(delta.files)) {
			t.Errorf("asked %d times about %d files of %d lines", asked.Load(), len(delta.files), payers)
		}
	})
}

// TestOlderLotsGoOnWhileOthersPay looks at what was paid first while there are new
// lines all the time.
func TestOlderLotsGoOnWhileOthersPay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		var opened []*hub.Payment
		var payers sync.WaitGroup
		payers.Go(func() {
			for n := range 240 {
				p, err := s.open(t.Context(), fmt.Sprint("k", n), s.owe(n, "delta"), hub.BestEffort)
				if err != nil {
					t.Error(err)
					return
				}
				s.authorise(p)
				opened = append(opened, p)
				time.Sleep(500 * time.Millisecond)
			}
		})
		s.settle(t, 2*time.Minute)
		payers.Wait()
		for n, p := range opened[:120] {
			now, err := s.ledger.Payment(t.Context(), p.ID)
			if err != nil || now.Lines[0].State != hub.LinePosted {
				t.Fatalf("payment %d after a minute of others: got %s (%v), want it posted", n, now.Lines[0].State, err)
			}
		}
	})
}

// TestNoLineIsInTwoFiles lets replicas die and stand still, and answers be lost,
// while lots are made, put and looked up.
func TestNoLineIsInTwoFiles(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			tn := newTown(t, seed, 0.2, 0, nil)
			tn.befall(mishaps(seed))
			tn.birth()
			tn.birth()
			tn.birth()
			tn.crowd(25)
			tn.befall(spared)
			tn.chance.calm()
			mustBeGood(t, fmt.Sprint("seed ", seed), tn.judged(2*time.Hour))
			tn.end()
			tn.offices["delta"].mustBeInOneFile(t, fmt.Sprint("seed ", seed))
		})
	}
}

// TestEveryCrashPointOfALot harms replicas at each step of telling a lot of
// several lines: whoever goes on puts the same file.
func TestEveryCrashPointOfALot(t *testing.T) {
	for _, method := range []string{"Sink.Post", "LotFinder.FindLot", "Store.Lot", "Store.LeaseWork", "Store.Payment"} {
		for _, p := range []point{{method, beforeCall}, {method, afterEffect}} {
			for _, h := range []harm{crash, failure, stopped} {
				for nth := 1; nth <= 3; nth++ {
					tr := &trap{at: p, nth: nth, harm: h, passed: map[point]int{}}
					harmALot(t, fmt.Sprintf("%s %s %s, time %d", h, p.moment, p.method, nth), tr)
				}
			}
		}
	}
}

// harmALot sets a trap once the lines of three payers are due.
func harmALot(t *testing.T, what string, tr *trap) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTown(t, 1, 0, 2, nil)
		tn.least = 2 * time.Minute
		var puts atomic.Int64
		tn.befall(func(p point) harm {
			if p.method == "Sink.Post" && p.moment == beforeCall {
				puts.Add(1)
			}
			if puts.Load() == 0 && p != tr.at {
				return unharmed
			}
			return tr.fate(p)
		})
		tn.crowd(3)
		mustBeGood(t, what, tn.judged(30*time.Minute))
		tn.end()
		if tr.sprung == 0 && tr.nth == 1 {
			t.Errorf("%s: it did not happen", what)
		}
		tn.offices["delta"].mustBeInOneFile(t, what)
	})
}

// TestARefusedLineOfAFileIsRefundedAlone has one line that the company refuses
// when it reads the file, and one that cannot stand in a file.
func TestARefusedLineOfAFileIsRefundedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTown(t, 1, 0, 2, nil)
		delta := tn.offices["delta"]
		delta.refuses[external(1)], delta.cannot[external(2)] = true, true
		tn.crowd(4)
		mustBeGood(t, "refused lines", tn.judged(30*time.Minute))
		tn.end()
		delta.mustBeInOneFile(t, "refused lines")
		err := tn.ledger.EachPayment(context.Background(), func(p *hub.Payment) error {
			l, want := p.Line(1), hub.LinePosted
			if l.ExternalID == external(1) || l.ExternalID == external(2) {
				want = hub.LineRefunded
			}
			if l.State != want || l.Lot == "" {
				t.Errorf("%s: got %s in lot %q, want %s", l.ExternalID, l.State, l.Lot, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestALotIsPutAgainWhole loses a file on its way: what is put in its place is
// the same, with the line that was refused meanwhile. No file is made before all
// lines are due, so that they are in one.
func TestALotIsPutAgainWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opens, lost := time.Now().Add(time.Minute), false
		tn := newTown(t, 1, 0, 0, func(tn *town, parts *pay.Parts) {
			withStore(parts, &bentStore{rests: func(q hub.WorkQuery) bool { return q.Lots && time.Now().Before(opens) }})
			withSinks(parts, bentSink{answer: func(_ hub.Posting, r []hub.Receipt, err error) ([]hub.Receipt, error) {
				if !lost && err == nil {
					lost = true
					tn.offices["delta"].lose()
				}
				return r, err
			}}, hub.ClassF)
		})
		tn.offices["delta"].cannot[external(1)] = true
		tn.birth()
		tn.crowd(3)
		mustBeGood(t, "a file is lost", tn.judged(30*time.Minute))
		tn.end()
		delta := tn.offices["delta"]
		delta.mustBeInOneFile(t, "a file is lost")
		for name, puts := range delta.files {
			if len(puts) != 2 || len(puts[0]) != 3 {
				t.Errorf("got %d puts of %q, want the file of three lines twice", len(puts), name)
			}
		}
		if len(delta.files) != 1 {
			t.Errorf("got %d files, want one", len(delta.files))
		}
	})
}

// lose forgets all that was put, but not that it was.
func (o *office) lose() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.entries {
		o.debts[e.ExternalID] += e.Amount
	}
	o.entries, o.booked, o.ids = nil, map[string][]hub.PostingID{}, map[hub.PostingID]int{}
	o.lost = true
}

// TestOldBooksPutNoLineIntoAnotherFile loses the books while many pay by file, and
// restores those of an earlier moment.
func TestOldBooksPutNoLineIntoAnotherFile(t *testing.T) {
	for seed := range uint64(24) {
		synctest.Test(t, func(t *testing.T) {
			var offices map[hub.Name]*office
			loseBooks(t, play{"manual", func(tn *town) { offices = tn.offices; tn.crowd(12) }}, seed)
			offices["delta"].mustBeInOneFile(t, fmt.Sprint("seed ", seed))
		})
	}
}
