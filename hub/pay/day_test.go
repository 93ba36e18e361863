package pay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/judge"
	"racord/hub/pay"
)

// dearest is the largest charge that the provider that captures by hand takes:
// dearer baskets go to the one that captures at once.
const dearest = 50_000

// day is a day in town: payers of every kind, creditors that change their bills
// and forget what was paid, and replicas that die, stand still and lose answers.
// It gives what the judge says.
func day(t *testing.T, seed uint64, bend func(*town, *pay.Parts)) (v *judge.Verdict) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTown(t, seed, 0.15, 0, func(tn *town, parts *pay.Parts) {
			parts.PSPs[0].Traits.LargestCharge = dearest
			if bend != nil {
				bend(tn, parts)
			}
		})
		tn.lax()
		tn.befall(mishaps(seed))
		tn.birth()
		tn.birth()
		for n := range 30 {
			tn.errands.Go(func() {
				time.Sleep(time.Duration(n) * 2 * time.Second)
				tn.payer(n)
			})
		}
		tn.errands.Wait()
		tn.befall(spared)
		tn.chance.calm()
		v = tn.judged(2 * time.Hour)
		tn.end()
	})
	return v
}

// lax makes the town's systems as forgiving as real ones: they take money for
// what is owed no more, show what was paid, and are slow to say what they did.
func (tn *town) lax() {
	for _, name := range []hub.Name{"alpha", "beta", "delta", "epsilon"} {
		tn.offices[name].takes = true
	}
	tn.offices["epsilon"].forgets = true
	tn.manual.tells(25*time.Second, false)
	tn.auto.tells(25*time.Second, false)
	tn.manual.lends, tn.auto.lends = true, true
	for _, c := range tn.fleet {
		c.Traits.Paying.Partial = c.Creditor.Name == "alpha"
	}
}

// calm ends the faults.
func (c *chance) calm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.share = 0
}

// mishaps harms replicas now and then. Creditors are never silent here about
// what is owed: their last word would hold, and the judge could not tell.
func mishaps(seed uint64) func(point) harm {
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(seed, 2))
	return func(p point) harm {
		if p.method == "Store.LeaseWork" && p.moment == beforeCall {
			return unharmed
		}
		mu.Lock()
		defer mu.Unlock()
		switch x := dice.Float64(); {
		case x < 0.004:
			return crash
		case p.method == "Source.Obligations":
		case x < 0.008:
			return stopped
		case x < 0.015:
			return failure
		}
		return unharmed
	}
}

// everybody are the offices, those first that matter most to a defect.
var everybody = []hub.Name{"alpha", "beta", "gamma", "delta", "epsilon"}

// payer is the nth payer. What he does and meets depends on his number.
func (tn *town) payer(n int) {
	b := basket{key: fmt.Sprint("k", n), policy: hub.BestEffort}
	if n%4 == 3 {
		b.policy = hub.AllOrNothing
	}
	b.items = tn.owe(n, everybody[n%5], everybody[(n+1)%5], everybody[(n+2)%5])[:1+n%3]
	if n%6 == 5 {
		tn.dear(n, b.items)
	}
	last := b.items[len(b.items)-1]
	switch n % 10 {
	case 1, 8: // a bill is changed, cancelled or paid elsewhere while he looks at it
		b.meanwhile = func(*hub.Payment) { tn.change(last.Creditor, external(n), int64(n%3)*700) }
	case 2:
		tn.offices[last.Creditor].refuse(external(n))
	case 3:
		b.cancels = true
	case 4: // he is so slow that another pays meanwhile
		b.late = 6 * time.Minute
		tn.errands.Go(func() { tn.rival(b, 5*time.Minute) })
	case 5, 6: // another pays at the same time
		tn.errands.Go(func() { tn.rival(b, time.Second) })
	case 7: // another pays after him
		tn.errands.Go(func() { tn.rival(b, 4*time.Minute) })
	}
	if tn.hours && n%6 == 5 {
		b.late = 3 * time.Hour
	}
	p := tn.pay(b)
	if p == nil {
		return
	}
	tn.follow(b.key, p.ID, 60)
	if n%10 == 0 {
		tn.giveBack(p, p.Lines[0])
	}
}

// dear makes a basket too dear for the provider that captures by hand.
func (tn *town) dear(n int, items []pay.Item) {
	for _, it := range items {
		o := tn.offices[it.Creditor]
		o.mu.Lock()
		o.debts[external(n)] += dearest
		o.mu.Unlock()
	}
}

func (o *office) refuse(external string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuses[external] = true
}

// rival pays the same debts a while later.
func (tn *town) rival(b basket, later time.Duration) {
	time.Sleep(later)
	tn.pay(basket{key: b.key + " rival", items: b.items, policy: hub.BestEffort})
}

// giveBack is an operator who takes a booked line back.
func (tn *town) giveBack(p *hub.Payment, l hub.Line) {
	for range 30 {
		time.Sleep(10 * time.Second)
		err := tn.ask(func(r *replica) error {
			_, err := r.GiveBack(context.Background(), clerk, p.ID, l.No, l.Amount)
			return err
		})
		if code := hub.CodeOf(err); err == nil || code != hub.CodeConflict {
			return
		}
	}
}

// TestADayInTown judges days with no defect planted: nothing is found in any.
func TestADayInTown(t *testing.T) {
	days := uint64(8)
	if os.Getenv("RACORD_LONG") != "" {
		days = 100
	}
	for seed := range days {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			v := day(t, seed, nil)
			mustBeGood(t, fmt.Sprint("day ", seed), v)
			if v.Payments < 25 {
				t.Errorf("only %d payments were opened", v.Payments)
			}
		})
	}
}

// slowest lets some payers pay hours after their page should have ended.
func (tn *town) slowest() { tn.hours = true }
