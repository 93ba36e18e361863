package filedrop_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/cmd/city/gate"
	"racord/cmd/city/town"
	"racord/connectors"
	"racord/connectors/filedrop"
	"racord/hub"
	"racord/hub/feed"
)

// city is a running city with the heating company's connector, and a store that
// its deliveries go to.
type city struct {
	*town.Town
	t      testing.TB
	turns  atomic.Int64
	served *hub.Connector
	runner *feed.Runner
}

func startCity(t testing.TB, change ...string) *city {
	t.Helper()
	running, err := town.Start(context.Background(), town.Config{Seed: 7, Size: "XS"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Close() })
	c := &city{Town: running, t: t}
	m := manifest(t, change...)
	m.Rebase("127.0.0.1:8022", running.SFTPAddr())
	connector, err := connectors.NewCatalog(filedrop.Kind).Open(context.Background(), c.env(), m)
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(context.Background(), t.TempDir(), make([]byte, hub.MasterKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c.served = feed.Serve(connector, store, running)
	c.runner = feed.New(feed.Parts{Roster: hub.Fleet{c.served}, Store: store, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, feed.Conf{})
	return c
}

func (c *city) env() connectors.Env {
	secrets := c.Credentials()
	return connectors.Env{
		Dial: (&net.Dialer{}).DialContext,
		Turn: func(context.Context) error { c.turns.Add(1); return nil },
		Secret: func(_ context.Context, name string) (hub.Secret, error) {
			return hub.NewSecret(secrets[name]), nil
		},
		Clock: c.Town,
	}
}

func (c *city) deliver() (feed.Result, error) {
	c.t.Helper()
	return c.runner.Deliver(context.Background(), c.served)
}

func (c *city) fault(kind string) {
	c.t.Helper()
	if err := c.Fault("heating", town.Fault{Kind: gate.Kind(kind)}); err != nil {
		c.t.Fatal(err)
	}
}

// differences compares what the hub would show with the company's own book.
func (c *city) differences() (accounts int) {
	c.t.Helper()
	for _, p := range c.People() {
		for _, account := range p.Accounts["heating"] {
			accounts++
			who := hub.Asked{Account: hub.AccountRef{Creditor: "heating", Code: account.Code}}
			answer, err := c.served.Source.Obligations(context.Background(), who)
			if err != nil {
				c.t.Errorf("%s: %v", p.ID, err)
				continue
			}
			compare(c.t, p.ID, answer, c.Truth(p.ID)["heating"])
		}
	}
	return accounts
}

func compare(t testing.TB, who string, answer hub.Answer, truth []town.Debt) {
	t.Helper()
	if len(answer.Obligations) != len(truth) {
		t.Errorf("%s: got %d obligations, want %d", who, len(answer.Obligations), len(truth))
	}
	for _, debt := range truth {
		for _, o := range answer.Obligations {
			if o.ExternalID == debt.ExternalID && (o.Outstanding.Minor != debt.Outstanding || o.Total.Minor != debt.Total || o.Kind != debt.Kind) {
				t.Errorf("%s %s: got %v of %v %s, want %+v", who, debt.ExternalID, o.Outstanding, o.Total, o.Kind, debt)
			}
		}
	}
}

func TestNightAfterNightTheCityTruthIsShown(t *testing.T) {
	c := startCity(t)
	for _, night := range []time.Duration{0, 24 * time.Hour, 24 * time.Hour} {
		if err := c.Advance(night); err != nil {
			t.Fatal(err)
		}
		got, err := c.deliver()
		if err != nil || got.Outcome != feed.Published || got.Dropped > 0 {
			t.Fatalf("got %s %q, %d dropped, %v, want published", got.Outcome, got.Reason, got.Dropped, err)
		}
		if accounts := c.differences(); accounts < 10 {
			t.Fatalf("got %d accounts, want more", accounts)
		}
		if again, err := c.deliver(); err != nil || again.Outcome != feed.Nothing {
			t.Errorf("the same night again: got %s, %v, want nothing", again.Outcome, err)
		}
	}
	if c.turns.Load() == 0 {
		t.Error("nothing waited for its turn")
	}
}

// Whatever the company does wrong, what was published the day before stays.
func TestFaultsOfTheCompany(t *testing.T) {
	for kind, want := range map[string]struct {
		code hub.Code
		says string
	}{
		"late":           {hub.CodeUnavailable, "overdue"},
		"missing":        {hub.CodeUnavailable, "_02.csv is missing"},
		"no_marker":      {hub.CodeUnavailable, "_01.csv.ok is missing"},
		"truncated":      {hub.CodeBadData, "_01.csv, line"},
		"bad_marker":     {hub.CodeBadData, "does not fit the SHA-256"},
		"wrong_total":    {hub.CodeBadData, "control total of VALOARE"},
		"twice":          {hub.CodeBadData, "_04.csv is of a branch"},
		"yesterday":      {hub.CodeBadData, "the day before"},
		"login_page":     {hub.CodeBadData, "line 1"},
		"malformed":      {hub.CodeBadData, "control total"},
		"huge":           {hub.CodeBadData, "larger than 64 MB"},
		"down":           {hub.CodeUnavailable, ""},
		"lost_answer":    {hub.CodeUnavailable, ""},
		"auth":           {hub.CodeAuth, ""},
		"hang":           {hub.CodeTimeout, ""},
		"slow_loris":     {hub.CodeTimeout, ""},
		"rate_limited":   {hub.CodeUnavailable, ""},
		"cp852":          {"", ""},
		"wrong_encoding": {"", ""},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := startCity(t, "timeout: 10s", "timeout: 400ms")
			yesterday, err := c.deliver()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Advance(24 * time.Hour); err != nil {
				t.Fatal(err)
			}
			c.fault(kind)
			got, err := c.deliver()
			if hub.CodeOf(err) != want.code || err != nil && !strings.Contains(err.Error(), want.says) {
				t.Fatalf("got %v, want %q with %q", err, want.code, want.says)
			}
			if want.code == "" {
				c.differences()
				return
			}
			c.ClearFaults()
			if got.AsOf.Equal(yesterday.AsOf) {
				t.Errorf("got a result of %v", got.AsOf)
			}
			if recovered, err := c.deliver(); err != nil || recovered.Outcome != feed.Published {
				t.Fatalf("once it is well: got %s, %v, want published", recovered.Outcome, err)
			}
			c.differences()
		})
	}
}

func TestAnotherServerIsNotTalkedTo(t *testing.T) {
	other := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBHb3rxQrS6o5WIz3ZjJMfY0jTG/iPRzHqvW8VYBRZZ"
	pinned := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII7Yw9crabgBHGcbkw6rW7vfbzSjGFS5vmy5sr4nHmXF"
	c := startCity(t, pinned, other)
	_, err := c.deliver()
	if hub.CodeOf(err) != hub.CodeAuth || !strings.Contains(err.Error(), "host key") {
		t.Errorf("got %v, want auth about the host key", err)
	}
	if strings.Contains(err.Error(), c.Credentials()["heating-sftp-password"]) {
		t.Errorf("the error repeats the password: %v", err)
	}
}

func TestBetweenTheHourAndTheGraceYesterdayIsStillGood(t *testing.T) {
	c := startCity(t)
	if _, err := c.deliver(); err != nil {
		t.Fatal(err)
	}
	account := c.People()[0].Accounts["heating"][0]
	ask := func() hub.Answer {
		answer, err := c.served.Source.Obligations(context.Background(), hub.Asked{Account: hub.AccountRef{Creditor: "heating", Code: account.Code}})
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	c.fault("late")
	for _, tc := range []struct {
		hour, minute int
		old          bool
	}{{5, 0, false}, {6, 0, false}, {6, 31, true}} {
		if err := c.SetClock(time.Date(2026, 3, 16, tc.hour, tc.minute, 0, 0, hub.Bucharest)); err != nil {
			t.Fatal(err)
		}
		if old := !c.Now().Before(ask().ValidUntil); old != tc.old {
			t.Errorf("at %02d:%02d: got old %t, want %t", tc.hour, tc.minute, old, tc.old)
		}
	}
}
