package einvoice_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"racord/adapters/sqlite"
	"racord/cmd/city/gate"
	"racord/cmd/city/town"
	"racord/hub"
	"racord/hub/feed"
)

// city is a running city with the supplier's connector over a store.
type city struct {
	*town.Town
	t         testing.TB
	store     *sqlite.Store
	connector *hub.Connector
	served    *hub.Connector
	runner    *feed.Runner
}

func startCity(t testing.TB) *city {
	t.Helper()
	running, err := town.Start(context.Background(), town.Config{Seed: 7, Size: "XS"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Close() })
	calls := newCaller(t, running.Credentials())
	calls.env.Clock = running
	c := &city{Town: running, t: t, connector: open(t, calls.env, manifest(t, running.URL()))}
	if c.store, err = sqlite.Open(context.Background(), t.TempDir(), make([]byte, hub.MasterKeyBytes)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.store.Close() })
	c.served = feed.Serve(c.connector, c.store, running)
	c.runner = feed.New(feed.Parts{Roster: hub.Fleet{c.served}, Store: c.store, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, feed.Conf{})
	return c
}

func (c *city) drain() {
	c.t.Helper()
	if err := c.runner.Drain(context.Background(), c.served); err != nil {
		c.t.Fatal(err)
	}
}

// each asks about every account there is.
func (c *city) each(f func(person string, answer hub.Answer)) (accounts int) {
	c.t.Helper()
	for _, p := range c.People() {
		for _, account := range p.Accounts["electricity"] {
			accounts++
			answer, err := c.served.Source.Obligations(context.Background(), asked(account.Code))
			if err != nil {
				c.t.Fatalf("%s: %v", p.ID, err)
			}
			f(p.ID, answer)
		}
	}
	return accounts
}

// differences compares answers with the supplier's own book. detailed tells that
// the bills were delivered, so that totals are known as well.
func (c *city) differences(detailed bool) {
	c.t.Helper()
	accounts := c.each(func(person string, answer hub.Answer) {
		truth := c.Truth(person)["electricity"]
		if len(answer.Obligations) != len(truth) || len(answer.Refused) > 0 {
			c.t.Errorf("%s: got %d obligations and %v refused, want %d", person, len(answer.Obligations), answer.Refused, len(truth))
		}
		for _, debt := range truth {
			c.compare(person, debt, answer, detailed)
		}
	})
	if accounts < 20 {
		c.t.Fatalf("got %d accounts, want more", accounts)
	}
}

func (c *city) compare(person string, debt town.Debt, answer hub.Answer, detailed bool) {
	c.t.Helper()
	for _, o := range answer.Obligations {
		if o.ExternalID != debt.ExternalID {
			continue
		}
		if o.Outstanding.Minor != debt.Outstanding || o.Kind != debt.Kind {
			c.t.Errorf("%s %s: got %v %s, want %+v", person, o.ExternalID, o.Outstanding, o.Kind, debt)
		}
		if !detailed {
			return
		}
		if o.Total.Minor != debt.Total || o.Paid.Minor != debt.Paid || len(o.Installments) != 1 || string(o.Installments[0].DueOn) != debt.DueOn {
			c.t.Errorf("%s %s: got %v, %v paid, %v, quality %v, want %+v", person, o.ExternalID, o.Total, o.Paid, o.Installments, o.Quality, debt)
		}
		return
	}
	c.t.Errorf("%s: %s is missing", person, debt.ExternalID)
}

func TestTheCityTruthIsShownBeforeAndAfterTheBillsCome(t *testing.T) {
	c := startCity(t)
	c.differences(false)
	c.drain()
	c.differences(true)
}

func TestABillComesADayLater(t *testing.T) {
	c := startCity(t)
	c.drain()
	if err := c.SetClock(c.Now().AddDate(0, 0, 18)); err != nil { // the second of April: the bills of the first are out
		t.Fatal(err)
	}
	missing := 0
	c.each(func(_ string, answer hub.Answer) {
		for _, o := range answer.Obligations {
			for _, q := range o.Quality {
				if q.Code == "detail_missing" {
					missing++
				}
			}
		}
	})
	if missing == 0 {
		t.Error("got every detail, want some that come tomorrow")
	}
	c.differences(false)
	if err := c.SetClock(c.Now().AddDate(0, 0, 12)); err != nil {
		t.Fatal(err)
	}
	c.drain()
	c.differences(true)
}

func TestTheSameBillUnderTwoIndexesIsOne(t *testing.T) {
	c := startCity(t)
	if err := c.Fault("electricity", town.Fault{Kind: gate.DuplicateXML}); err != nil {
		t.Fatal(err)
	}
	c.drain()
	c.differences(true)
}

func TestABalanceThatDiffersMakesThePagePartial(t *testing.T) {
	c := startCity(t)
	if err := c.Fault("electricity", town.Fault{Kind: gate.BalanceDiffers}); err != nil {
		t.Fatal(err)
	}
	c.each(func(person string, answer hub.Answer) {
		if len(answer.Refused) != 1 || answer.Refused[0].Code != "balance_differs" {
			t.Errorf("%s: got %v, want balance_differs", person, answer.Refused)
		}
	})
}

func TestANeighboursBalanceIsForeign(t *testing.T) {
	c := startCity(t)
	if err := c.Fault("electricity", town.Fault{Kind: gate.WrongCitizen}); err != nil {
		t.Fatal(err)
	}
	code := c.People()[0].Accounts["electricity"][0].Code
	if _, err := c.served.Source.Obligations(context.Background(), asked(code)); hub.CodeOf(err) != hub.CodeForeignData {
		t.Errorf("got %v, want foreign_data", err)
	}
}
