package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/reconcile"
)

// tellers is a provider that pays out to many accounts, and notes who was asked
// about.
type tellers struct {
	asked   map[string]hub.Date // the first day, by account
	order   []string            // of the accounts
	days    map[string][]string // "from to" of each question, by account
	upTo    int                 // so many are asked, then whoever asks is gone
	stop    context.CancelFunc  // of whoever asks
	bad     map[hub.Date]bool   // what is told of these, of the first account, cannot be understood
	refused map[string]hub.Code // accounts that nothing is told of
	told    []hub.SettledCharge // of the first account
}

func (p *tellers) Settlement(_ context.Context, merchant string, from, to hub.Date) ([]hub.SettledCharge, error) {
	if len(p.order) == p.upTo && p.stop != nil && !slices.Contains(p.order, merchant) {
		p.stop()
		return nil, context.Canceled
	}
	if first, before := p.asked[merchant]; !before {
		p.asked[merchant] = from
		p.order = append(p.order, merchant)
	} else {
		p.asked[merchant] = min(first, from)
	}
	p.days[merchant] = append(p.days[merchant], string(from)+" "+string(to))
	if code, refused := p.refused[merchant]; refused {
		return nil, hub.Errorf(code, "nothing is told")
	}
	if merchant != "m1" {
		return nil, nil
	}
	for day := range p.bad {
		if from <= day && day <= to {
			return nil, hub.Errorf(hub.CodeBadData, "nobody can read that")
		}
	}
	return slices.DeleteFunc(slices.Clone(p.told), func(c hub.SettledCharge) bool { return c.Day < from || c.Day > to }), nil
}

// again forgets who was asked about.
func (p *tellers) again() {
	p.asked, p.order, p.days, p.stop = map[string]hub.Date{}, nil, map[string][]string{}, nil
}

func newTellers(w *world, accounts int) (*tellers, *reconcile.Service) {
	p, merchants := &tellers{}, hub.Merchants{}
	p.again()
	for n := range accounts {
		merchants[fmt.Sprintf("water/a%d", n+1)] = fmt.Sprintf("m%d", n+1)
	}
	parts := w.Parts
	parts.PSPs = []*hub.PSP{{Name: "netopia", Merchants: merchants, Charger: w, Settler: p}}
	return p, reconcile.New(parts)
}

// TestReadingSettlementsGoesOnWhereItWasLeft has every turn cut short: all accounts
// are read all the same.
func TestReadingSettlementsGoesOnWhereItWasLeft(t *testing.T) {
	w := newWorld(t, true)
	p, service := newTellers(w, 5)
	for _, want := range [][]string{{"m1", "m2"}, {"m3", "m4"}, {"m5", "m1"}} {
		ctx, stop := context.WithCancel(t.Context())
		p.again()
		p.upTo, p.stop = 2, stop
		if err := service.Do(ctx, hub.JobSettlement, "", true); err == nil {
			t.Error("a turn that was cut short succeeded")
		}
		if !slices.Equal(p.order, want) {
			t.Errorf("got %v, want %v", p.order, want)
		}
	}
	p.again()
	if err := service.Do(t.Context(), hub.JobSettlement, "", true); err != nil {
		t.Fatal(err)
	}
	if want := []string{"m2", "m3", "m4", "m5", "m1"}; !slices.Equal(p.order, want) {
		t.Errorf("got %v, want %v", p.order, want)
	}
}

// TestWhatIsUnsettledIsListedHoweverOftenReadingIsCutShort has no turn come
// further than two accounts of five.
func TestWhatIsUnsettledIsListedHoweverOftenReadingIsCutShort(t *testing.T) {
	w := newWorld(t, true)
	one := w.take(1, hub.LinePosted)
	w.later(8 * 24 * time.Hour)
	p, service := newTellers(w, 5)
	name := "settlement unsettled " + string(one.ID)
	for turn := range 3 {
		if _, found := w.open()[name]; found {
			t.Fatalf("it is listed after %d turns, before all was read", turn)
		}
		ctx, stop := context.WithCancel(t.Context())
		p.again()
		p.upTo, p.stop = 2, stop
		if err := service.Do(ctx, hub.JobSettlement, "", true); hub.CodeOf(err) != hub.CodeCancelled {
			t.Fatalf("got %v, want a turn that was cut short", err)
		}
	}
	if _, found := w.open()[name]; !found {
		t.Errorf("got %v after all was read, want what is in no settlement", w.open())
	}
}

// TestNoSettlementIsLeftOut has weeks pass in which nobody asked, or nothing was
// told of one account: it is asked about from when it was last read, the others are not.
func TestNoSettlementIsLeftOut(t *testing.T) {
	w := newWorld(t, true)
	p, service := newTellers(w, 2)
	do := func(bad bool, m1, m2 hub.Date) {
		t.Helper()
		p.again()
		if err := service.Do(t.Context(), hub.JobSettlement, "", true); (err != nil) != bad {
			t.Fatalf("got %v", err)
		}
		if p.asked["m1"] != m1 || p.asked["m2"] != m2 {
			t.Errorf("got %v, want %s and %s", p.asked, m1, m2)
		}
		for _, days := range slices.Concat(p.days["m1"], p.days["m2"]) {
			from, to, _ := strings.Cut(days, " ")
			if hub.Date(from).Back(-settlementDays-1) < hub.Date(to) {
				t.Errorf("got %s, want a week at once", days)
			}
		}
	}
	now := func(days int) hub.Date {
		w.now = w.now.AddDate(0, 0, days)
		return hub.DateOf(w.now)
	}
	first := today.Back(settlementDays)
	p.refused = map[string]hub.Code{"m1": hub.CodeAuth} // from the beginning
	do(true, first, first)
	do(true, first, now(0).Back(settlementDays))
	do(true, first, now(30).Back(settlementDays+30))
	do(true, first, now(0).Back(settlementDays))
	p.refused = nil
	do(false, first, now(0).Back(settlementDays))
	do(false, now(0).Back(settlementDays), now(0).Back(settlementDays))
	last := now(0).Back(settlementDays)
	now(60)
	do(false, last, last)
	long := now(365).Back(90) // providers tell no more
	do(false, long, long)
}

const settlementDays = 7 // that are read again each time

// TestADamagedDayIsAskedForAlone has one day of one account damaged for good.
func TestADamagedDayIsAskedForAlone(t *testing.T) {
	w := newWorld(t, true)
	p, service := newTellers(w, 2)
	damaged := today.Back(1)
	p.bad = map[hub.Date]bool{damaged: true}
	for range 30 {
		w.now = w.now.AddDate(0, 0, 1)
		p.again()
		if err := service.Do(t.Context(), hub.JobSettlement, "", true); hub.CodeOf(err) != hub.CodeBadData {
			t.Fatalf("got %v, want the day that cannot be understood", err)
		}
	}
	week := string(hub.DateOf(w.now).Back(settlementDays+1)) + " " + string(hub.DateOf(w.now))
	if want := []string{week, string(damaged) + " " + string(damaged)}; !slices.Equal(p.days["m1"], want) || !slices.Equal(p.days["m2"], want[:1]) {
		t.Errorf("got %v, want the last week of both and the damaged day", p.days)
	}
}

// TestASilentProviderIsNotAskedForWeeks has an account that gives no answer in
// time, which is waited for a minute each.
func TestASilentProviderIsNotAskedForWeeks(t *testing.T) {
	w := newWorld(t, true)
	p, service := newTellers(w, 2)
	p.refused = map[string]hub.Code{"m1": hub.CodeTimeout}
	for range 2 {
		p.again()
		if err := service.Do(t.Context(), hub.JobSettlement, "", true); hub.CodeOf(err) != hub.CodeTimeout {
			t.Fatalf("got %v, want no answer in time", err)
		}
		w.now = w.now.AddDate(0, 0, 60)
	}
	day := string(today.Back(-60))
	if want := []string{string(today.Back(-60+settlementDays+1)) + " " + day, day + " " + day}; !slices.Equal(p.days["m1"], want) || len(p.days["m2"]) == 0 {
		t.Errorf("got %v, want a week, a day, and then the other account", p.days)
	}
}

// TestADayThatCannotBeReadHidesNoOther has one day's settlement damaged.
func TestADayThatCannotBeReadHidesNoOther(t *testing.T) {
	w := newWorld(t, true)
	one := w.take(1, hub.LinePosted)
	p, service := newTellers(w, 1)
	item := *w.item(one)
	item.Day = settledOn
	p.told, p.bad = []hub.SettledCharge{item}, map[hub.Date]bool{settledOn.Next(): true}
	before := w.bookings(one.ID)
	if err := service.Do(t.Context(), hub.JobSettlement, "", true); hub.CodeOf(err) != hub.CodeBadData {
		t.Errorf("got %v, want bad data of one day", err)
	}
	if w.bookings(one.ID) != before+1 {
		t.Error("a good day was not booked")
	}
}

// TestWhatWasSettledBeforeItsPaymentWasKnownIsThePayments reads a settlement in books
// that were restored, makes the payment anew, and reads the settlement again.
func TestWhatWasSettledBeforeItsPaymentWasKnownIsThePayments(t *testing.T) {
	lost, w := newWorld(t, true), newWorld(t, true)
	lost.take(1, hub.LinePosted)
	empty := w.books
	w.books = lost.clone()
	w.do(hub.JobSettlement)
	if order := w.settled[settledOn][0].Order; w.open()["settlement missing_here "+order].Amount == 0 {
		t.Fatalf("got %v, want %s missing here", w.open(), order)
	}
	w.books = empty
	one := w.take(1, hub.LinePosted)
	if one.order() != lost.settled[settledOn][0].Order {
		t.Fatalf("got order %s, want that of %+v", one.order(), lost.settled)
	}
	item := &w.settled[settledOn][0]
	for _, fee := range []int64{1, 1, 2, 1} { // it is told otherwise for a while
		item.Fee, item.Net = hub.Bani(fee), hub.Bani(one.amount()-fee)
		w.do(hub.JobSettlement)
		w.balance(hub.AccountClearing("netopia"), 0)
		w.balance(hub.AccountFee("netopia"), fee)
	}
	if n := w.bookings(""); n != 2 {
		t.Errorf("got %d bookings of no payment, want one and its correction", n)
	}
	for range 2 {
		if open := w.compare(); len(open) > 0 {
			t.Errorf("got %v, want nothing", open)
		}
		w.later(6 * 24 * time.Hour)
	}
}

// TestSettlementsAreReadOnceAllTheirDaysAre has one day of one account that cannot be
// understood, for a while.
func TestSettlementsAreReadOnceAllTheirDaysAre(t *testing.T) {
	w := newWorld(t, true)
	p, service := newTellers(w, 2)
	today := hub.DateOf(w.now)
	bad := today.Back(2)
	p.bad = map[hub.Date]bool{bad: true}
	settlements := reconcile.Settlements{Store: w.Parts.Store}
	read := func(merchant string, from, to hub.Date) bool {
		t.Helper()
		all, err := settlements.Read(t.Context(), "netopia", merchant, from, to)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if read("m1", today, today) {
		t.Error("what nobody ever asked for was read")
	}
	if err := service.Do(t.Context(), hub.JobSettlement, "", true); hub.CodeOf(err) != hub.CodeBadData {
		t.Fatalf("got %v, want the day that cannot be understood", err)
	}
	for name, tc := range map[string]struct {
		merchant string
		from, to hub.Date
		want     bool
	}{
		"with the day":             {"m1", bad.Back(1), today, false},
		"after the day":            {"m1", bad.Next(), today, true},
		"of another account":       {"m2", bad.Back(1), today, true},
		"of an account of nobody":  {"m3", bad.Back(1), today, false},
		"to a day that is to come": {"m2", bad.Back(1), today.Next(), false},
	} {
		if got := read(tc.merchant, tc.from, tc.to); got != tc.want {
			t.Errorf("%s: got %t, want %t", name, got, tc.want)
		}
	}
	p.bad = nil
	if err := service.Do(t.Context(), hub.JobSettlement, "", true); err != nil {
		t.Fatal(err)
	}
	if !read("m1", bad.Back(1), today) {
		t.Error("the day was read, and is not taken for it")
	}
}
