package reconcile_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/reconcile"
)

// halfDeaf is a provider that gives no answer about some accounts and orders.
type halfDeaf struct {
	*world
	deaf  map[string]hub.Code      // merchant accounts and orders
	mu    sync.Mutex               // of asked
	asked int                      // how often
	since map[string]time.Duration // how far back each merchant account was listed last
}

func (p *halfDeaf) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	p.mu.Lock()
	p.asked++
	p.mu.Unlock()
	for _, who := range []string{r.Merchant, r.Order} {
		if code, deaf := p.deaf[who]; deaf {
			return hub.ChargeFacts{}, hub.Errorf(code, "no answer")
		}
	}
	return p.world.Lookup(ctx, r)
}

func (p *halfDeaf) List(ctx context.Context, merchant string, from, to time.Time) ([]hub.ListedCharge, error) {
	p.since[merchant] = p.now.Sub(from)
	if code, deaf := p.deaf[merchant]; deaf {
		return nil, hub.Errorf(code, "no answer")
	}
	if merchant != "m2" {
		return nil, nil
	}
	return p.world.List(ctx, merchant, from, to)
}

// deafWorld has two accounts at a provider, of which the first may say nothing.
func deafWorld(t *testing.T, lister bool) (*halfDeaf, *reconcile.Service) {
	w := newWorld(t, lister)
	p := &halfDeaf{world: w, deaf: map[string]hub.Code{}, since: map[string]time.Duration{}}
	psp := &hub.PSP{Name: "netopia", Merchants: hub.Merchants{"water/main": "m1", "water/second": "m2"}, Charger: p}
	if lister {
		psp.Lister = p
	}
	parts := w.Parts
	parts.PSPs = []*hub.PSP{psp}
	return p, reconcile.New(parts)
}

// TestAnAccountThatIsRefusedHidesNoOther has unknown money at two accounts, one of
// which is asked in vain later.
func TestAnAccountThatIsRefusedHidesNoOther(t *testing.T) {
	for name, lister := range map[string]bool{"with a list": true, "by looking up": false} {
		t.Run(name, func(t *testing.T) {
			p, service := deafWorld(t, lister)
			known := p.take(1, hub.LinePosted) // at m1
			delete(p.orders, known.order())
			if err := service.Do(t.Context(), hub.JobProvider, "", true); err != nil {
				t.Fatal(err)
			}
			missing, since := "provider missing_there m1/"+known.order(), p.open()
			if _, found := since[missing]; !found {
				t.Fatalf("got %v, want the order that is missing", since)
			}
			strange := p.store.Order("netopia", "m2", 1)
			p.told(strange, 999)
			p.deaf["m1"] = hub.CodeAuth
			for range 2 {
				err := service.Do(t.Context(), hub.JobProvider, "", true)
				if hub.CodeOf(err) != hub.CodeAuth || !strings.HasPrefix(err.Error(), "provider: netopia: m1") {
					t.Errorf("got %v, want the account that is refused", err)
				}
				open := p.open()
				if d := open["provider missing_here m2/"+strange]; d.Amount != 999 {
					t.Errorf("got %v, want the money at the other account", open)
				}
				if d := open[missing]; !d.Since.Equal(since[missing].Since) || !d.Explained.IsZero() || d.Amount == 0 {
					t.Errorf("got %+v, want what was open about the account that says nothing", d)
				}
				p.suspense(-999)
			}
		})
	}
}

// TestMoneyOfAnAccountThatIsRefusedStaysUnknown: what was booked before the hub
// died and before the account was refused is not taken back.
func TestMoneyOfAnAccountThatIsRefusedStaysUnknown(t *testing.T) {
	p, service := deafWorld(t, false)
	p.told(p.store.Order("netopia", "m1", 1), 500)
	if err := service.Do(t.Context(), hub.JobProvider, "", true); err != nil {
		t.Fatal(err)
	}
	p.put(nil)
	p.told(p.store.Order("netopia", "m2", 1), 999)
	p.deaf["m1"] = hub.CodeAuth
	if err := service.Do(t.Context(), hub.JobProvider, "", true); hub.CodeOf(err) != hub.CodeAuth {
		t.Errorf("got %v, want the account that is refused", err)
	}
	p.suspense(-1499)
}

// TestAnOrderThatCannotBeReadHidesNoOther has the first order damaged at a provider
// that lists nothing.
func TestAnOrderThatCannotBeReadHidesNoOther(t *testing.T) {
	p, service := deafWorld(t, false)
	damaged, wrong := p.take(1, hub.LinePosted), p.take(2, hub.LinePosted)
	p.fact(wrong, func(f *hub.ChargeFacts) { f.Captured++ })
	gap := p.store.Order("netopia", "m1", 3)
	p.deaf[damaged.order()], p.deaf[gap] = hub.CodeBadData, hub.CodeBadData
	strange := p.store.Order("netopia", "m1", 4)
	p.told(strange, 999)
	err := service.Do(t.Context(), hub.JobProvider, "", true)
	for _, who := range []string{"m1/" + damaged.order(), "m1/" + gap} {
		if hub.CodeOf(err) != hub.CodeBadData || !strings.Contains(err.Error(), who+": ") {
			t.Errorf("got %v, want %s", err, who)
		}
	}
	open := p.open()
	for _, name := range []string{"provider other_capture m1/" + wrong.order(), "provider missing_here m1/" + strange} {
		if _, found := open[name]; !found || len(open) != 2 {
			t.Errorf("got %v, want %s among two", open, name)
		}
	}
}

var moment = regexp.MustCompile(`\d{4}-\d\d-\d\dT[^"]+Z`)

// sinceThen lets time pass for what the provider job remembers as well.
func (p *halfDeaf) sinceThen(by time.Duration) {
	p.t.Helper()
	p.later(by)
	older := moment.ReplaceAllStringFunc(p.run(hub.JobProvider).Cursor, func(at string) string {
		was, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			p.t.Fatal(err)
		}
		return was.Add(-by).Format(time.RFC3339Nano)
	})
	p.exec("UPDATE jobs SET cursor = $1 WHERE job = 'provider'", older)
}

// TestOnlyTheAccountThatWasRefusedIsCaughtUp has one of two be refused for a month,
// from the first day or later.
func TestOnlyTheAccountThatWasRefusedIsCaughtUp(t *testing.T) {
	for name, first := range map[string]bool{"from the first day": true, "later": false} {
		t.Run(name, func(t *testing.T) {
			p, service := deafWorld(t, true)
			do := func(want hub.Code) {
				t.Helper()
				if err := service.Do(t.Context(), hub.JobProvider, "", true); hub.CodeOf(err) != want {
					t.Fatalf("got %v, want %q", err, want)
				}
			}
			back := 2 * time.Hour // beyond the last time
			if first {
				back = 48 * time.Hour
			} else {
				do("")
			}
			p.deaf["m1"] = hub.CodeAuth
			const days = 30
			for range days {
				do(hub.CodeAuth)
				p.sinceThen(24 * time.Hour)
			}
			delete(p.deaf, "m1")
			do("")
			for merchant, want := range map[string]time.Duration{"m1": days*24*time.Hour + back, "m2": 26 * time.Hour} {
				if got := p.since[merchant]; (got - want).Abs() > time.Minute {
					t.Errorf("%s is listed from %s before, want %s", merchant, got, want)
				}
			}
			do("")
			if got := p.since["m1"]; got > 3*time.Hour {
				t.Errorf("it is listed from %s before once more", got)
			}
		})
	}
}

// TestAnOrderThatCouldNotBeReadIsAskedAboutAgain lets its payment be unchanged for
// long: it alone is remembered.
func TestAnOrderThatCouldNotBeReadIsAskedAboutAgain(t *testing.T) {
	p, service := deafWorld(t, false)
	damaged := p.take(1, hub.LinePosted)
	p.take(2, hub.LinePosted)
	p.deaf[damaged.order()] = hub.CodeBadData
	for range 3 {
		p.asked = 0
		if err := service.Do(t.Context(), hub.JobProvider, "", true); hub.CodeOf(err) != hub.CodeBadData {
			t.Fatalf("got %v, want the order that cannot be read", err)
		}
		p.sinceThen(9 * 24 * time.Hour)
	}
	if p.asked != 10+10+1 {
		t.Errorf("got %d questions, want the next ten numbers of both accounts and the order", p.asked)
	}
	delete(p.deaf, damaged.order())
	p.fact(damaged, func(f *hub.ChargeFacts) { f.Captured++ })
	if err := service.Do(t.Context(), hub.JobProvider, "", true); err != nil {
		t.Fatal(err)
	}
	if open := p.open(); len(open) != 1 {
		t.Errorf("got %v, want what differs about it", open)
	}
}

// TestAnAccountThatSaysNothingIsAskedALittle has a provider give no answer about
// one account, however many orders there are.
func TestAnAccountThatSaysNothingIsAskedALittle(t *testing.T) {
	p, service := deafWorld(t, false)
	for n := range 30 {
		p.take(n, hub.LinePosted)
	}
	p.deaf["m1"] = hub.CodeUnavailable
	if err := service.Do(t.Context(), hub.JobProvider, "", true); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("got %v, want no answer", err)
	}
	if p.asked > 20+15+10 { // fifteen more may be under way, and the other account is asked about ten numbers
		t.Errorf("got %d questions", p.asked)
	}
}
