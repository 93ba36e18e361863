package soap_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
	"racord/hub"
)

// questions are all ways to ask about a person: by code, and by each role.
func questions(p town.Person) (all []hub.Asked) {
	code := hub.Identifier{Scheme: hub.SchemeCNP, Value: p.CNP}
	if p.CUI != "" {
		code = hub.Identifier{Scheme: hub.SchemeCUI, Value: p.CUI}
	}
	all = append(all, hub.Asked{Identifier: code})
	for _, a := range p.Accounts["ditl"] {
		all = append(all, role(a.Code))
	}
	return all
}

// wanted is what the book of the city says that a question must show.
func wanted(truth []town.Debt, who hub.Asked) map[string]town.Debt {
	all := map[string]town.Debt{}
	for _, d := range truth {
		if who.ByAccount() && d.Account == who.Account.Code || !who.ByAccount() && d.Reachable == "cnp" {
			all[d.ExternalID] = d
		}
	}
	return all
}

func TestEveryAmountIsTheTruthToTheBan(t *testing.T) {
	city, c := startTown(t, "S")
	people := city.People()
	if len(people) != 2000 {
		t.Fatalf("got %d people, want 2,000", len(people))
	}
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := worker; i < len(people); i += 8 {
				if err := agrees(city, c, people[i]); err != nil {
					t.Errorf("%s: %v", people[i].ID, err)
				}
			}
		})
	}
	wait.Wait()
}

// agrees compares what the office says about a person with the city's book.
func agrees(city *town.Town, c *hub.Connector, p town.Person) error {
	truth := city.Truth(p.ID)["ditl"]
	for _, who := range questions(p) {
		want := wanted(truth, who)
		a, err := c.Source.Obligations(context.Background(), who)
		if len(want) == 0 && hub.CodeOf(err) == hub.CodeNotFound {
			continue
		}
		if err != nil || len(a.Refused) > 0 || len(a.Obligations) != len(want) {
			return fmt.Errorf("%v: got %d debts, refused %v, %w; want %d", who.Identifier, len(a.Obligations), a.Refused, err, len(want))
		}
		for _, o := range a.Obligations {
			d := want[o.ExternalID]
			if o.Kind != d.Kind || o.Total.Minor != d.Total || o.Paid.Minor != d.Paid || o.Outstanding.Minor != d.Outstanding ||
				o.Account != d.Account || string(o.Installments[0].DueOn) != d.DueOn || o.NotPayable != "" || len(o.Quality) > 0 {
				return fmt.Errorf("got %+v, want %+v", o, d)
			}
		}
	}
	return nil
}

func TestFaultsOfTheCityAreNamed(t *testing.T) {
	city, c := startTown(t, "XS")
	for kind, want := range map[gate.Kind]hub.Code{
		gate.Down: hub.CodeUnavailable, gate.Refuse503: hub.CodeUnavailable, gate.RateLimited: hub.CodeBusy,
		gate.Maintenance: hub.CodeMaintenance, gate.Auth: hub.CodeAuth, gate.LoginPage: hub.CodeBadData,
		gate.LostAnswer: hub.CodeUnavailable, gate.Malformed: hub.CodeBadData, gate.Huge: hub.CodeBadData,
		gate.WrongCitizen: hub.CodeForeignData,
	} {
		if _, err := ask(t, c, person(ana)); err != nil {
			t.Fatalf("healthy: %v", err)
		}
		fault(t, city, kind)
		a, err := ask(t, c, person(ana))
		city.ClearFaults()
		if hub.CodeOf(err) != want || len(a.Obligations) > 0 {
			t.Errorf("%s: got %v, %d debts; want code %s", kind, err, len(a.Obligations), want)
		}
		if err != nil && strings.Contains(err.Error(), ana) {
			t.Errorf("%s: the error names somebody: %v", kind, err)
		}
	}
}

func fault(t *testing.T, city *town.Town, kind gate.Kind) {
	t.Helper()
	if err := city.Fault("ditl", town.Fault{Kind: kind}); err != nil {
		t.Fatal(err)
	}
}

func TestAWrongEncodingChangesNoLetter(t *testing.T) {
	city, c := startTown(t, "XS")
	right, err := ask(t, c, person(ana))
	if err != nil {
		t.Fatal(err)
	}
	fault(t, city, gate.WrongCoding)
	guessed, err := ask(t, c, person(ana))
	if err != nil || len(guessed.Obligations) != len(right.Obligations) {
		t.Fatalf("got %d debts, %v; want %d", len(guessed.Obligations), err, len(right.Obligations))
	}
	for i, o := range guessed.Obligations {
		if was := right.Obligations[i]; o.Debtor != was.Debtor || o.Subject.Label != was.Subject.Label || o.Outstanding != was.Outstanding {
			t.Errorf("got %+v, want %+v", o, was)
		}
		if len(o.Quality) != 1 || o.Quality[0].Code != "encoding_guessed" {
			t.Errorf("got quality %v, want that the encoding was guessed", o.Quality)
		}
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	city, c := startTown(t, "XS")
	for _, kind := range []gate.Kind{gate.Hang, gate.SlowLoris} {
		fault(t, city, kind)
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		_, err := c.Source.Obligations(ctx, person(ana))
		cancel()
		if hub.CodeOf(err) != hub.CodeTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want a timeout", kind, err)
		}
		city.ClearFaults()
	}
}

func TestTheOfficeIsClosedAtNight(t *testing.T) {
	city, c := startTown(t, "XS")
	if err := c.Probe.Ping(context.Background()); err != nil {
		t.Fatalf("by day: got %v, want an answer", err)
	}
	if err := city.SetClock(time.Date(2026, 3, 15, 23, 45, 0, 0, hub.Bucharest)); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"ping": c.Probe.Ping(context.Background()), "question": second(ask(t, c, person(ana)))} {
		if hub.CodeOf(err) != hub.CodeMaintenance {
			t.Errorf("%s at night: got %v, want code maintenance", what, err)
		}
	}
	if _, closed := c.Traits.Closed(city.Now()); !closed {
		t.Error("the manifest does not say that the office is closed")
	}
}

func second(_ hub.Answer, err error) error { return err }

func TestAPingNeedsTheOffice(t *testing.T) {
	city, c := startTown(t, "XS")
	for kind, want := range map[gate.Kind]hub.Code{gate.Down: hub.CodeUnavailable, gate.Auth: hub.CodeAuth} {
		fault(t, city, kind)
		if err := c.Probe.Ping(context.Background()); hub.CodeOf(err) != want {
			t.Errorf("%s: got %v, want code %s", kind, err, want)
		}
		city.ClearFaults()
	}
}

// The discount is the office's own; what it takes is the year less the discount.
func TestTheWholeYearIsOfferedOnce(t *testing.T) {
	city, c := startTown(t, "XS")
	offers := 0
	for _, p := range city.People() {
		a, err := ask(t, c, questions(p)[0])
		if err != nil {
			continue
		}
		for _, o := range a.Obligations {
			for _, option := range o.Options {
				if option.Kind != "early_full_year" {
					continue
				}
				offers++
				year, others := yearOf(a.Obligations, o)
				if slices.Sort(option.Covers); !slices.Equal(option.Covers, others) {
					t.Errorf("%s: got %v paid with it, want %v", o.ExternalID, option.Covers, others)
				}
				if option.Amount.Minor != year-year/10 || option.AvailableUntil != "2026-03-31" || o.Installments[0].No != 1 {
					t.Errorf("%s: got %+v, want 10 %% off %d", o.ExternalID, option, year)
				}
			}
		}
	}
	if offers < 20 {
		t.Errorf("got %d offers, want a real comparison", offers)
	}
}

// yearOf adds up what one role owes of a tax for a year, and gives the ids of all but one
// debt of it.
func yearOf(all []hub.Obligation, of hub.Obligation) (sum int64, others []hub.ObligationID) {
	for _, o := range all {
		same := len(o.Options) > 0 && o.Options[0].Transfers[0].RevenueCode == of.Options[0].Transfers[0].RevenueCode
		if same && o.Account == of.Account && o.Period.Label == of.Period.Label {
			if sum += o.Outstanding.Minor; o.ID != of.ID {
				others = append(others, o.ID)
			}
		}
	}
	slices.Sort(others)
	return sum, others
}
