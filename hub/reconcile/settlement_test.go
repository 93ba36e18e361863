package reconcile_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"racord/hub"
	"racord/hub/reconcile"
)

// tellers is a provider that pays out to many accounts, and notes who was asked
// about.
type tellers struct {
	asked map[string]hub.Date // the first day, by account
	order []string
	upTo  int                 // so many are asked, then whoever asks is gone
	stop  context.CancelFunc  // of whoever asks
	bad   map[hub.Date]bool   // what is told of these cannot be understood
	told  []hub.SettledCharge // of the first account
}

func (p *tellers) Settlement(_ context.Context, merchant string, from, to hub.Date) ([]hub.SettledCharge, error) {
	if len(p.order) == p.upTo && p.stop != nil {
		p.stop()
		return nil, context.Canceled
	}
	if _, before := p.asked[merchant]; !before {
		p.asked[merchant] = from
		p.order = append(p.order, merchant)
	}
	for day := range p.bad {
		if from <= day && day <= to {
			return nil, hub.Errorf(hub.CodeBadData, "nobody can read that")
		}
	}
	if merchant != "m1" {
		return nil, nil
	}
	return slices.DeleteFunc(slices.Clone(p.told), func(c hub.SettledCharge) bool { return c.Day < from || c.Day > to }), nil
}

// again forgets who was asked about.
func (p *tellers) again() {
	p.asked, p.order, p.stop = map[string]hub.Date{}, nil, nil
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

// TestNoDayIsLeftOutAfterAnOutage has weeks pass in which nobody asked.
func TestNoDayIsLeftOutAfterAnOutage(t *testing.T) {
	w := newWorld(t, true)
	p, service := newTellers(w, 2)
	do := func(bad bool) {
		t.Helper()
		p.again()
		if err := service.Do(t.Context(), hub.JobSettlement, "", true); (err != nil) != bad {
			t.Fatalf("got %v", err)
		}
	}
	first := func(want hub.Date) {
		t.Helper()
		for _, from := range slices.Collect(maps.Values(p.asked)) {
			if from != want {
				t.Errorf("got %v, want %v", p.asked, want)
			}
		}
	}
	do(false)
	do(false) // the first one is whole now
	first(today.Back(7))
	w.now = w.now.AddDate(0, 0, 30)
	do(false)
	first(today.Back(7))
	p.bad = map[hub.Date]bool{hub.DateOf(w.now): true}
	do(true) // this round is not whole
	p.bad = nil
	w.now = w.now.AddDate(0, 0, 10)
	do(false)
	first(today.Back(7 - 30))
	w.now = w.now.AddDate(1, 0, 0)
	do(false)
	first(hub.DateOf(w.now).Back(90)) // providers tell no more
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
