package pay_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/judge"
)

// plays are what happens in town while a replica is harmed. Together they make
// pay call every method it knows.
var plays = map[string]play{
	"everybody is paid": {"manual", func(tn *town) {
		tn.pay(basket{key: "k", items: tn.owe(1, "alpha", "beta", "gamma", "delta", "epsilon"), policy: hub.BestEffort})
	}},
	"a bill has changed": {"manual", func(tn *town) {
		tn.pay(basket{key: "k", items: tn.owe(1, "alpha", "beta"), policy: hub.BestEffort,
			meanwhile: func(*hub.Payment) { tn.change("beta", external(1), 7) }})
	}},
	"all or nothing is nothing": {"manual", func(tn *town) {
		tn.pay(basket{key: "k", items: tn.owe(1, "alpha", "beta"), policy: hub.AllOrNothing,
			meanwhile: func(*hub.Payment) { tn.change("beta", external(1), 7) }})
	}},
	"a creditor refuses": {"manual", func(tn *town) {
		tn.offices["beta"].refuses[external(1)] = true
		tn.pay(basket{key: "k", items: tn.owe(1, "alpha", "beta"), policy: hub.BestEffort})
	}},
	"the payer gives up, and pays": {"manual", func(tn *town) {
		tn.pay(basket{key: "k", items: tn.owe(1, "alpha"), policy: hub.BestEffort, cancels: true})
	}},
	"money is taken at once, and too late": {"auto", func(tn *town) {
		tn.pay(basket{key: "k", items: tn.owe(1, "alpha", "gamma"), policy: hub.BestEffort, cancels: true})
	}},
	"the payer is slow": {"manual", func(tn *town) {
		tn.pay(basket{key: "k", items: tn.owe(1, "alpha", "beta"), policy: hub.BestEffort, late: 5 * time.Minute})
	}},
	"a booked line is given back": {"manual", func(tn *town) {
		p := tn.pay(basket{key: "k", items: tn.owe(1, "alpha", "beta"), policy: hub.BestEffort})
		if p == nil {
			return
		}
		for range 60 {
			time.Sleep(10 * time.Second)
			err := tn.ask(func(r *replica) error {
				_, err := r.GiveBack(context.Background(), clerk, p.ID, 1, p.Lines[0].Amount)
				return err
			})
			now, _ := tn.books().Payment(context.Background(), p.ID)
			if err == nil || now.State().Final() && now.Line(1).State != hub.LinePosted {
				return
			}
		}
	}},
}

// play is what happens in town, with charges at one provider.
type play struct {
	psp string
	do  func(*town)
}

// trap harms whoever comes to a point for the nth time, and whoever comes to
// the mth point after that.
type trap struct {
	mu     sync.Mutex
	at     point
	nth    int
	harm   harm
	second int // 0 = no second harm
	passed map[point]int
	since  int
	sprung int
}

func (tr *trap) fate(p point) harm {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.passed[p]++
	switch {
	case tr.sprung == 0 && p == tr.at && tr.passed[p] == tr.nth:
		tr.sprung = 1
		return tr.harm
	case tr.sprung == 1 && tr.second > 0 && p.method != "Store.LeaseWork":
		if tr.since++; tr.since == tr.second {
			tr.sprung = 2
			return crash
		}
	}
	return unharmed
}

// run plays with a trap set, and gives what the judge says.
func run(t *testing.T, play play, tr *trap) (v *judge.Verdict) {
	synctest.Test(t, func(t *testing.T) {
		tr.passed = map[point]int{}
		tn := newTown(t, 1, 0, 0, nil)
		tn.prefer = []string{play.psp}
		tn.befall(tr.fate)
		if tr.harm != stopped {
			tn.least = time.Minute
		}
		tn.birth()
		play.do(tn)
		v = tn.judged(30 * time.Minute)
		tn.end()
	})
	return v
}

// TestEveryCrashPoint plays with harm done at each point that is passed, each
// time it is passed: before and after every call of every port, a replica is
// killed, left without an answer, or stopped for longer than its lease. In the
// long run each is followed by the death of the replica that recovers, at each
// of its first steps.
func TestEveryCrashPoint(t *testing.T) {
	var done sync.Map
	t.Run("plays", func(t *testing.T) {
		for name, play := range plays {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				calm := &trap{}
				mustBeGood(t, "unharmed", run(t, play, calm))
				for _, p := range slices.SortedFunc(maps.Keys(calm.passed), byPoint) {
					done.Store(p, true)
					harmAt(t, play, p, calm.passed[p])
				}
			})
		}
	})
	count := 0
	done.Range(func(any, any) bool { count++; return true })
	if count < 40 {
		t.Errorf("only %d points were passed", count)
	}
}

func byPoint(a, b point) int {
	return strings.Compare(a.method+string(a.moment), b.method+string(b.moment))
}

// harmAt does each harm at each passing of a point.
func harmAt(t *testing.T, play play, p point, times int) {
	if p.method == "Store.LeaseWork" && p.moment == beforeCall {
		times = min(times, 2) // most of the time nothing is due
	}
	harms := []harm{crash, failure, stopped}
	if strings.HasPrefix(p.method, "PaymentTx.") {
		harms = []harm{crash, failure}
	}
	for _, nth := range passings(times) {
		for _, h := range harms {
			for second := 0; second <= seconds(h); second++ {
				tr := &trap{at: p, nth: nth, harm: h, second: second}
				what := fmt.Sprintf("%s %s %s, time %d, second at %d", h, p.moment, p.method, nth, second)
				mustBeGood(t, what, run(t, play, tr))
				if t.Failed() {
					return
				}
				if tr.sprung == 0 && nth == 1 {
					t.Errorf("%s: it did not happen", what)
				}
			}
		}
	}
}

// mostHarmed is how many passings of one point are harmed, but for the long run.
const mostHarmed = 12

// passings gives those that are harmed: all of them, or some from the first to the
// last.
func passings(times int) (list []int) {
	most := mostHarmed
	if os.Getenv("RACORD_LONG") != "" || times <= most {
		most = times
	}
	for i := range most {
		list = append(list, 1+i*(times-1)/max(most-1, 1))
	}
	return list
}

// seconds is how many steps of the recovery are harmed.
func seconds(h harm) int {
	if os.Getenv("RACORD_LONG") == "" || h != crash {
		return 0
	}
	return 25
}
