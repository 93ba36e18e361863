package view_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/view"
)

// cnp is a valid code with serial 000, which is never issued.
const cnp = "1850415120007"

var ana = hub.Login{Issuer: "https://login.example", Subject: "ana"}

// desk is the hub.Folders of the tests.
type desk struct{ folder hub.Folder }

func (d *desk) Folder(_ context.Context, who hub.Login) (hub.Folder, error) {
	if who != ana {
		return hub.Folder{}, hub.Errorf(hub.CodeNotFound, "never seen")
	}
	return d.folder, nil
}

func (d *desk) Enrol(context.Context, hub.Login, string, []hub.Identifier) (hub.Folder, error) {
	return d.folder, nil
}

func (d *desk) Renew(context.Context, hub.Login, string, []hub.Identifier) (bool, error) {
	return false, nil
}

// shelf is a page cache that forgets only when told to.
type shelf struct {
	mu    sync.Mutex
	pages map[hub.PageKey]*hub.Page
	down  bool
}

func newShelf() *shelf { return &shelf{pages: map[hub.PageKey]*hub.Page{}} }

func (s *shelf) Get(_ context.Context, keys []hub.PageKey, into []*hub.Page) (hub.Loan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(into)
	if s.down {
		return nil, errors.New("cache out of reach")
	}
	for i, key := range keys {
		into[i] = s.pages[key]
	}
	return nil, nil
}

func (s *shelf) Put(_ context.Context, key hub.PageKey, p *hub.Page) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errors.New("cache out of reach")
	}
	s.pages[key] = p
	return nil
}

func (s *shelf) Drop(_ context.Context, keys ...hub.PageKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		delete(s.pages, key)
	}
	return nil
}

// creditor is a Source whose answer can be changed while it is asked.
type creditor struct {
	calls  atomic.Int64
	answer func(context.Context, hub.Asked) (hub.Answer, error)
	mu     sync.Mutex
}

func (c *creditor) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	c.calls.Add(1)
	c.mu.Lock()
	answer := c.answer
	c.mu.Unlock()
	return answer(ctx, who)
}

func (c *creditor) now(answer func(context.Context, hub.Asked) (hub.Answer, error)) {
	c.mu.Lock()
	c.answer = answer
	c.mu.Unlock()
}

func owes(bani ...int64) func(context.Context, hub.Asked) (hub.Answer, error) {
	return func(context.Context, hub.Asked) (hub.Answer, error) {
		a := hub.Answer{AsOf: businessNow()}
		for i, amount := range bani {
			external := string(rune('a' + i))
			a.Obligations = append(a.Obligations, obligation(external, amount))
		}
		return a, nil
	}
}

func obligation(external string, bani int64) hub.Obligation {
	return hub.Obligation{
		ID: hub.NewObligationID("test", external), ExternalID: external, Kind: "test.bill", Status: hub.StatusOpen,
		HubState: hub.HubNone, Total: hub.Bani(bani), Paid: hub.Bani(0), Outstanding: hub.Bani(bani),
	}
}

func fails(code hub.Code) func(context.Context, hub.Asked) (hub.Answer, error) {
	return func(context.Context, hub.Asked) (hub.Answer, error) {
		return hub.Answer{}, hub.Errorf(code, "as the test wants")
	}
}

func hangs(ctx context.Context, _ hub.Asked) (hub.Answer, error) {
	<-ctx.Done()
	return hub.Answer{}, ctx.Err()
}

// city is a roster of scripted creditors and the views over them.
type city struct {
	*view.Views
	t         testing.TB
	fleet     hub.Fleet
	desk      *desk
	l1        *shelf
	creditors map[hub.Name]*creditor
	clock     atomic.Pointer[time.Time]
	held      atomic.Bool // the water company is in quarantine
	lifts     atomic.Int32
}

func businessNow() time.Time { return time.Now() }

// newCity makes a hub for one citizen, found by CNP everywhere.
func newCity(t testing.TB, answers map[hub.Name]func(context.Context, hub.Asked) (hub.Answer, error)) *city {
	t.Helper()
	c := &city{t: t, l1: newShelf(), creditors: map[hub.Name]*creditor{}}
	c.desk = &desk{hub.Folder{Party: hub.Party{ID: "party-1", Identifiers: []hub.Identifier{{Scheme: hub.SchemeCNP, Value: cnp}}}}}
	var fleet hub.Fleet
	for _, name := range []hub.Name{"tax", "fines", "water", "heat", "waste", "power"} {
		if answer, ok := answers[name]; ok {
			c.creditors[name] = &creditor{answer: answer}
			fleet = append(fleet, connector(name, c.creditors[name]))
		}
	}
	for _, w := range fleet {
		if w.Creditor.Name == "water" {
			w.Held = c.held.Load
			w.Lifts = func() int { return int(c.lifts.Load()) }
		}
	}
	c.fleet = fleet
	keys, err := hub.NewKeys(make([]byte, hub.MasterKeyBytes), "cache")
	if err != nil {
		t.Fatal(err)
	}
	c.Views = view.New(view.Parts{
		Roster: fleet, Folders: c.desk, L1: c.l1, Keys: keys,
		Clock: hub.ClockFunc(func() time.Time {
			if set := c.clock.Load(); set != nil {
				return *set
			}
			return businessNow()
		}),
	}, view.Conf{})
	t.Cleanup(c.Views.Close)
	return c
}

// till is a creditor that takes payments; the view only looks whether it is there.
type till struct{ hub.Sink }

func connector(name hub.Name, s hub.Source) *hub.Connector {
	return &hub.Connector{
		Creditor: hub.Creditor{Name: name, Title: "The " + string(name)},
		Source:   s,
		Sink:     &till{},
		Traits: hub.Traits{
			Paying: hub.Paying{Class: hub.ClassA},
			Fetch:  []hub.Fetch{hub.FetchByParty, hub.FetchByAccount}, Identifiers: []hub.Scheme{hub.SchemeCNP},
			Freshness: hub.Freshness{
				TTL: time.Minute, StaleWhileRevalidate: 10 * time.Minute,
				StaleIfError: 24 * time.Hour, Negative: 30 * time.Second,
			},
		},
	}
}

// anything is an Ask for the whole view as old as the creditors allow.
var anything = view.Ask{MaxStaleness: -1}

func (c *city) view() *view.View {
	c.t.Helper()
	out, err := c.Of(context.Background(), ana, anything)
	if err != nil {
		c.t.Fatalf("view: %v", err)
	}
	return out
}

func page(t *testing.T, v *view.View, name hub.Name) view.Page {
	t.Helper()
	for _, p := range v.Pages {
		if p.Creditor == name {
			return p
		}
	}
	t.Fatalf("no page of %s: omitted in silence", name)
	return view.Page{}
}
