package pay_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/judge"
	"racord/hub/pay"
)

// telling are the six things a provider may say of one order, in any order.
var telling = map[string][]func(amount int64) hub.ChargeFacts{
	"auto": { // takes money as soon as the payer pays
		func(int64) hub.ChargeFacts { return hub.ChargeFacts{Review: true} },
		func(int64) hub.ChargeFacts { return hub.ChargeFacts{Declined: true} }, // the first card
		func(int64) hub.ChargeFacts { return hub.ChargeFacts{Expired: true} },
		func(a int64) hub.ChargeFacts { return hub.ChargeFacts{Authorised: a, AuthorisedAt: paidAt} },
		func(a int64) hub.ChargeFacts { return hub.ChargeFacts{Captured: a} },
		func(a int64) hub.ChargeFacts { return hub.ChargeFacts{Authorised: a, Captured: a, Disputed: a} },
	},
	"manual": { // takes it when the hub asks
		func(int64) hub.ChargeFacts { return hub.ChargeFacts{Review: true} },
		func(int64) hub.ChargeFacts { return hub.ChargeFacts{Declined: true} },
		func(int64) hub.ChargeFacts { return hub.ChargeFacts{Expired: true} },
		func(a int64) hub.ChargeFacts { return hub.ChargeFacts{Authorised: a, AuthorisedAt: paidAt} },
		func(a int64) hub.ChargeFacts {
			return hub.ChargeFacts{Authorised: a, AuthorisedAt: paidAt.Add(time.Minute)}
		},
		func(int64) hub.ChargeFacts { return hub.ChargeFacts{Ref: "a reference"} },
	},
}

var paidAt = time.Date(2026, 3, 15, 8, 0, 1, 0, time.UTC)

// TestFactsInEveryOrderEndTheSame lets a provider tell six facts in all 720
// orders, some of them more than once, with the hub at work in between.
func TestFactsInEveryOrderEndTheSame(t *testing.T) {
	for psp, facts := range telling {
		t.Run(psp, func(t *testing.T) {
			t.Parallel()
			ends := map[string][]int{}
			for order := range permutations([]int{0, 1, 2, 3, 4, 5}) {
				end := told(t, psp, facts, order)
				ends[end] = append(ends[end], order...)
			}
			if len(ends) != 1 {
				for end, orders := range ends {
					t.Errorf("%d orders, such as %v, end so:\n%s", len(orders)/6, orders[:6], end)
				}
			}
		})
	}
}

// permutations gives every order of a list.
func permutations(list []int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) { permute(nil, list, yield) }
}

func permute(head, rest []int, yield func([]int) bool) bool {
	if len(rest) == 0 {
		return yield(head)
	}
	for i := range rest {
		others := slices.Delete(slices.Clone(rest), i, i+1)
		if !permute(append(slices.Clone(head), rest[i]), others, yield) {
			return false
		}
	}
	return true
}

// told tells the facts in an order, and gives how all ends.
func told(t *testing.T, psp string, facts []func(int64) hub.ChargeFacts, order []int) (end string) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.prefer = []string{psp}
		s.Service = pay.New(s.parts(), pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.Run(ctx) }()
		b := map[string]*provider{"manual": s.manual, "auto": s.auto}[psp]
		for i, n := range order {
			b.say(p.Charges[0].Order, facts[n](p.Charges[0].Amount.Minor))
			for range 1 + (i+n)%3 {
				s.fact(t, psp, p.Charges[0].Order, fmt.Sprint(n))
			}
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		stop()
		<-ended
		end = s.ending(t, p.ID)
	})
	return end
}

// say adds to what a provider says about an order.
func (b *provider) say(number string, f hub.ChargeFacts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.orders[number]
	o.facts = o.facts.Fold(f)
	o.now()
}

// fact is a notification.
func (s *scene) fact(t *testing.T, psp, order, event string) {
	h := map[string][]string{"Event": {event}, "Order": {order}}
	if err := s.Notify(t.Context(), psp, h, nil); err != nil {
		t.Error(err)
	}
}

// ending is all that became of a payment, without the names of things.
func (s *scene) ending(t *testing.T, id hub.PaymentID) string {
	p, err := s.ledger.Payment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "payment %s\n", p.State())
	for _, c := range p.Charges {
		fmt.Fprintf(&b, "charge %s %d %d\n", c.State, c.Facts.Captured, c.Facts.Disputed)
	}
	for _, l := range p.Lines {
		fmt.Fprintf(&b, "line %s %s %d\n", l.Creditor, l.State, l.Amount.Minor)
	}
	for _, r := range p.Refunds {
		fmt.Fprintf(&b, "refund %d %s\n", r.Amount.Minor, r.State)
	}
	balances, _ := s.ledger.Balances(t.Context())
	for _, account := range slices.Sorted(maps.Keys(balances)) {
		if balances[account] != 0 {
			fmt.Fprintf(&b, "%s %d\n", strings.ReplaceAll(account, string(id), "…"), balances[account])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.offices)) {
		fmt.Fprintf(&b, "%s booked %d\n", name, len(s.offices[name].entries))
	}
	return b.String()
}

// TestManyPayersOfTheSameDebts lets 64 payers run after the same 100 debts on
// three replicas: each debt is paid by one of them.
func TestManyPayersOfTheSameDebts(t *testing.T) {
	const payers, debts = 64, 100
	synctest.Test(t, func(t *testing.T) {
		tn := newTown(t, 1, 0, 3, nil)
		items := make([]pay.Item, debts)
		for n := range items {
			items[n] = tn.owe(n, everybody[n%3])[0]
		}
		for payer := range payers {
			tn.errands.Go(func() {
				for _, n := range rand.New(rand.NewPCG(uint64(payer), 3)).Perm(debts) {
					tn.grab(fmt.Sprintf("payer %d debt %d", payer, n), items[n])
				}
			})
		}
		tn.errands.Wait()
		v := tn.judged(time.Hour)
		tn.end()
		mustBeGood(t, "all", v)
		captures := 0
		for _, o := range tn.manual.orders {
			captures += len(o.captures)
		}
		if captures != debts {
			t.Errorf("got %d captures, want %d", captures, debts)
		}
	})
}

// grab is a payer who gives up when somebody else was faster.
func (tn *town) grab(key string, item pay.Item) {
	ctx := context.Background()
	q, err := tn.any().Quote(ctx, who, "portal", []pay.Item{item})
	if err != nil || q.Total.Minor == 0 {
		return
	}
	p, err := tn.any().Open(ctx, who, "portal", pay.Order{Key: key, Token: q.Token, Policy: hub.BestEffort, ReturnURL: "https://portal.invalid/"})
	if err == nil {
		tn.visit(p)
	}
}

// TestWhatIsTakenIsWhatWasConfirmed opens baskets of up to twenty lines while 5 %
// of the bills change, 3 % are paid elsewhere and 2 % are cancelled, at any
// moment: of every line either the amount that the payer confirmed is taken, or
// nothing.
func TestWhatIsTakenIsWhatWasConfirmed(t *testing.T) {
	towns, baskets := 2, 250
	if os.Getenv("RACORD_LONG") != "" {
		towns = 40
	}
	for seed := range towns {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { restless(t, uint64(seed), baskets) })
		})
	}
}

// restless is a town whose bills do not stand still.
func restless(t *testing.T, seed uint64, baskets int) {
	tn := newTown(t, seed, 0.05, 2, nil)
	dice := rand.New(rand.NewPCG(seed, 4))
	n := 0
	for i := range baskets {
		b := basket{key: fmt.Sprint("k", i), policy: []hub.Policy{hub.BestEffort, hub.AllOrNothing}[i%2], partly: true}
		for range 1 + dice.IntN(20) {
			n++
			b.items = append(b.items, tn.owe(n, everybody[n%3])...)
			tn.unrest(dice, everybody[n%3], n)
		}
		tn.errands.Go(func() {
			time.Sleep(time.Duration(i) * time.Second)
			if p := tn.pay(b); p != nil {
				tn.follow(b.key, p.ID, 10)
			}
		})
	}
	tn.errands.Wait()
	v := tn.judged(2 * time.Hour)
	tn.end()
	mustBeGood(t, "all", v)
	tn.mustBeConfirmed(t)
	if v.Payments < baskets*8/10 {
		t.Errorf("only %d payments were opened for %d baskets", v.Payments, baskets)
	}
}

// unrest lets one bill in ten come to something else, some time.
func (tn *town) unrest(dice *rand.Rand, creditor hub.Name, n int) {
	x, when := dice.Float64(), time.Duration(dice.IntN(int(5*time.Minute)))
	to := int64(0) // paid elsewhere, or cancelled
	switch {
	case x >= 0.10:
		return
	case x < 0.05:
		to = int64(1 + dice.IntN(3000))
	}
	tn.errands.Go(func() {
		time.Sleep(when)
		tn.change(creditor, external(n), to)
	})
}

// mustBeConfirmed holds what was taken of each payment against what the payer
// confirmed, line by line.
func (tn *town) mustBeConfirmed(t *testing.T) {
	e := tn.evidence()
	net := map[hub.PaymentID]int64{}
	for _, o := range e.Orders {
		net[o.Payment] += o.Captured - o.Refunded
	}
	booked := map[hub.PostingID]judge.Entry{}
	for _, entry := range e.Entries {
		booked[entry.ID] = entry
	}
	for _, promise := range e.Promises {
		p, err := tn.ledger.Payment(t.Context(), promise.Payments[0])
		if err != nil {
			t.Fatal(err)
		}
		confirmed := int64(0)
		for _, l := range promise.Lines {
			entry, ok := booked[p.PostingID(l.No)]
			if ok && entry.Amount != l.Amount {
				t.Errorf("%s: %d is booked, %d was confirmed", entry.ID, entry.Amount, l.Amount)
			}
			if ok || p.Line(l.No).State == hub.LineStuck {
				confirmed += l.Amount
			}
		}
		if net[p.ID] != confirmed {
			t.Errorf("%s: %d is taken, %d was confirmed of what creditors have", p.ID, net[p.ID], confirmed)
		}
	}
}
