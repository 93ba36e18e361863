package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/gate"
	"racord/cmd/city/town"
)

// citizens signs in and links the first n people that have something
// everywhere, and the demo's people first.
func citizens(t *testing.T, city *town.Town, url string, n int) (all []town.Person, doors map[string]portal) {
	t.Helper()
	doors = map[string]portal{}
	for _, person := range city.People() {
		if len(all) == n {
			break
		}
		if len(person.Accounts) < 5 {
			continue
		}
		token, err := city.Token(t.Context(), person.ID)
		if err != nil {
			t.Fatal(err)
		}
		doors[person.ID] = portal{url, token}
		all = append(all, person)
	}
	each(t, all, func(p town.Person) error { return doors[p.ID].linkAll(t.Context(), p) })
	return all, doors
}

// TestTheViewAnswersWhileTheCityBurns: three creditors hang, one is down, one
// answers 503.
func TestTheViewAnswersWhileTheCityBurns(t *testing.T) {
	city := startTown(t, town.Config{})
	hub := newSite(t, city, plan{More: raised}).start()
	awaitFeeds(t, hub, city)
	people, doors := citizens(t, city, hub.url, 12)
	for creditor, kind := range map[string]string{
		"ditl": "hang", "fines": "hang", "electricity": "hang", "waste": "down", "water": "refuse_503",
	} {
		if err := city.Fault(creditor, town.Fault{Kind: gate.Kind(kind)}); err != nil {
			t.Fatal(err)
		}
	}
	bad := map[string]bool{"ditl": true, "fines": true, "electricity": true, "water": true}
	each(t, people, func(person town.Person) error {
		began := time.Now()
		a, err := doors[person.ID].view(t.Context(), "?max_staleness=0")
		if err != nil {
			return err
		}
		if a.Complete || len(a.Pages) != len(book.Creditors()) {
			return fmt.Errorf("%s: complete %t, %d pages", person.ID, a.Complete, len(a.Pages))
		}
		t.Logf("%s answered in %v", person.ID, time.Since(began).Round(time.Millisecond))
		return honestUnderFaults(city, person, a, bad)
	})
}

// honestUnderFaults: nobody is left out, who fails says so and why, who does
// not fail tells the truth, and the totals hold what their names say.
func honestUnderFaults(city *town.Town, person town.Person, a answer, failing map[string]bool) error {
	truth := city.Truth(person.ID)
	confirmed, known := int64(0), int64(0)
	missing := map[string]bool{}
	for _, n := range a.NotCounted {
		missing[n.Creditor] = true
	}
	seen := map[string]bool{}
	for _, page := range a.Pages {
		seen[page.Creditor] = true
		due := int64(0)
		for _, o := range page.Obligations {
			due += max(o.Outstanding.Amount, 0)
		}
		known += due
		switch page.State {
		case "fresh":
			confirmed += due
			want := int64(0)
			for _, debt := range reachable(person, page.Creditor, truth[page.Creditor]) {
				want += max(debt.Outstanding, 0)
			}
			if due != want {
				return fmt.Errorf("%s: %s is called fresh with %d bani, the book says %d", person.ID, page.Creditor, due, want)
			}
		case "not_known_here":
			if failing[page.Creditor] {
				return fmt.Errorf("%s: %s fails and is called not known here", person.ID, page.Creditor)
			}
		case "stale":
			if page.Reason == "" {
				return fmt.Errorf("%s: %s is %s without a reason", person.ID, page.Creditor, page.State)
			}
		default:
			if !missing[page.Creditor] || page.Reason == "" {
				return fmt.Errorf("%s: %s is %s (%s), not counted: %t", person.ID, page.Creditor, page.State, page.Reason, missing[page.Creditor])
			}
		}
	}
	if all := len(book.Creditors()); len(seen) != all || a.TotalConfirmed.Amount != confirmed || a.TotalLastKnown.Amount != known {
		return fmt.Errorf("%s: %d creditors, totals %d and %d; want %d, %d and %d", person.ID, len(seen), a.TotalConfirmed.Amount, a.TotalLastKnown.Amount, all, confirmed, known)
	}
	return nil
}

// moods are the faults that may strike any creditor at any moment.
var moods = []string{
	"down", "refuse_503", "hang", "slow_loris", "rate_limited", "wrong_encoding", "malformed", "huge", "login_page", "maintenance", "auth",
}

// TestTenThousandAnswersUnderRandomFaults changes the city's mood all the time
// and reads every answer.
func TestTenThousandAnswersUnderRandomFaults(t *testing.T) {
	const answers = 10_000
	city := startTown(t, town.Config{})
	hub := newSite(t, city, plan{More: raised + "view:\n  deadline: 250ms\n"}).start()
	awaitFeeds(t, hub, city)
	people, doors := citizens(t, city, hub.url, 60)
	var done atomic.Bool
	var storm sync.WaitGroup
	storm.Go(func() {
		dice := rand.New(rand.NewPCG(1, 2))
		for !done.Load() {
			for _, name := range book.Creditors() {
				creditor := string(name)
				city.ClearFaults(creditor)
				if dice.IntN(2) == 0 {
					_ = city.Fault(creditor, town.Fault{Kind: gate.Kind(moods[dice.IntN(len(moods))]), Share: dice.Float64()})
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	states := map[string]int{}
	var mu sync.Mutex
	turns := make([]int, answers)
	for i := range turns {
		turns[i] = i
	}
	each(t, turns, func(i int) error {
		person := people[i%len(people)]
		query := ""
		if i%3 == 0 {
			query = "?max_staleness=0"
		}
		a, err := doors[person.ID].view(t.Context(), query)
		if err != nil {
			return err
		}
		mu.Lock()
		for _, page := range a.Pages {
			states[page.State]++
		}
		mu.Unlock()
		return honestUnderFaults(city, person, a, nil)
	})
	done.Store(true)
	storm.Wait()
	t.Logf("%d answers, pages by state: %v", answers, states)
	if states["fresh"] == 0 || states["missing"]+states["maintenance"] == 0 || states["stale"] == 0 {
		t.Errorf("got %v; the storm did not reach every state", states)
	}
}

// TestTheHerdAsksOnce: ten thousand requests for one citizen when nothing is
// remembered any more.
func TestTheHerdAsksOnce(t *testing.T) {
	city := startTown(t, town.Config{Size: "XS"})
	// A call that a slow machine cuts off would rightly be made again.
	patient := strings.NewReplacer("timeout: 1500ms", "timeout: 20s", "timeout: 1400ms", "timeout: 20s", "timeout: 1s", "timeout: 20s", "timeout: 2s", "timeout: 20s")
	s := newSite(t, city, plan{More: raised + "view:\n  deadline: 10s\n  fetch_for: 30s\n", Edit: patient})
	first := s.start()
	awaitFeeds(t, first, city)
	people, doors := citizens(t, city, first.url, 1)
	city.ResetCounters()
	if _, err := doors[people[0].ID].view(t.Context(), "?max_staleness=0"); err != nil {
		t.Fatal(err)
	}
	alone := city.Counters()
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	citizen := portal{s.start().url, doors[people[0].ID].token}
	if _, _, _, err := citizen.do(t.Context(), http.MethodGet, "/v1/links", nil); err != nil { // the token is verified
		t.Fatal(err)
	}
	city.ResetCounters()
	for _, creditor := range []string{"ditl", "fines", "water", "waste", "parking", "roadfines", "transport", "gas", "associations"} {
		_ = city.Fault(creditor, town.Fault{Kind: gate.Hang, Delay: 300 * time.Millisecond})
	}
	began := time.Now()
	herd(t, citizen, 10_000)
	t.Logf("10,000 answers in %v", time.Since(began).Round(time.Millisecond))
	for creditor, counter := range city.Counters() {
		most := alone[creditor].Calls
		if creditor == "heating" || creditor == "electricity" {
			most++ // the started hub looks once for a new delivery
		}
		if creditor == "transport" {
			most += 2 // and signs in
		}
		if counter.Calls > most {
			t.Errorf("%s: got %d calls for 10,000 requests, want at most %d", creditor, counter.Calls, most)
		}
	}
}

// insist asks again when the connection was dropped: ten thousand at once are
// more than a small machine accepts in time.
func insist(t *testing.T, citizen portal) (status int, err error) {
	for range 5 {
		if status, _, _, err = citizen.do(t.Context(), http.MethodGet, "/v1/view", nil); err == nil {
			break
		}
	}
	return status, err
}

// herd sends n requests at once; all must be answered.
func herd(t *testing.T, citizen portal, n int) {
	t.Helper()
	var wait sync.WaitGroup
	var failed atomic.Int64
	for range n {
		wait.Go(func() {
			status, err := insist(t, citizen)
			if (err != nil || status != http.StatusOK) && failed.Add(1) <= 3 {
				t.Errorf("status %d, %v", status, err)
			}
		})
	}
	wait.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), n)
	}
}
