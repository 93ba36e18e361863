package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/testserver"
	"racord/cmd/city/book"
	"racord/cmd/city/town"
	"racord/connectors"
	"racord/connectors/kinds"
)

// declared reads what every creditor of the demo city says it bears.
func declared(t *testing.T) map[string]*connectors.Manifest {
	t.Helper()
	all := map[string]*connectors.Manifest{}
	for _, creditor := range book.Creditors() {
		name := string(creditor)
		data, err := os.ReadFile("../../config/creditors/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if all[name], err = kinds.All().Parse(name+".yaml", data, besideDemo); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestNoCreditorSeesMoreThanItDeclared reads the creditors' own counters while
// citizens ask for live answers as fast as they can.
func TestNoCreditorSeesMoreThanItDeclared(t *testing.T) {
	for name, tc := range map[string]struct {
		replicas int
		kills    bool
	}{
		"one replica":                      {1, false},
		"three replicas":                   {3, false},
		"three replicas, killed meanwhile": {3, true},
	} {
		t.Run(name, func(t *testing.T) {
			city := startTown(t, town.Config{Size: "XS", Latency: "calm", PostgresDSN: testserver.Postgres(t)})
			s := newSite(t, city, plan{More: raised})
			if tc.replicas > 1 {
				s = newSite(t, city, plan{More: raised + onPostgres(t)})
			}
			var fleet []*replica
			for range tc.replicas {
				fleet = append(fleet, s.start())
			}
			awaitFeeds(t, fleet[0], city)
			people, _ := citizens(t, city, fleet[0].url, 40)
			city.ResetCounters()
			press(t, s, fleet, people, tc.kills)
			within(t, city)
		})
	}
}

func onPostgres(t *testing.T) string {
	file := t.TempDir() + "/dsn"
	if err := os.WriteFile(file, []byte(testserver.Postgres(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("store:\n  postgres_file: %s\n", file)
}

// press asks all replicas for live answers for a while; with kills, a replica
// is killed and another started every second or so.
func press(t *testing.T, s *site, fleet []*replica, people []town.Person, kills bool) {
	t.Helper()
	var mu sync.RWMutex
	var done atomic.Bool
	var asked, answered atomic.Int64
	var wait sync.WaitGroup
	for worker := range 48 {
		wait.Go(func() {
			for i := worker; !done.Load(); i++ {
				person := people[i%len(people)]
				token, err := s.city.Token(t.Context(), person.ID)
				if err != nil {
					t.Error(err)
					return
				}
				mu.RLock()
				url := fleet[i%len(fleet)].url
				mu.RUnlock()
				asked.Add(1)
				if _, err := (portal{url, token}).view(t.Context(), "?max_staleness=0"); err == nil {
					answered.Add(1)
				} else if !kills {
					t.Errorf("a view was not answered: %v", err)
				}
			}
		})
	}
	for range rounds() {
		time.Sleep(time.Second)
		if kills {
			victim := rand.IntN(len(fleet))
			fleet[victim].kill()
			fresh := s.start()
			mu.Lock()
			fleet[victim] = fresh
			mu.Unlock()
		}
	}
	done.Store(true)
	wait.Wait()
	t.Logf("%d of %d views answered", answered.Load(), asked.Load())
	if answered.Load() < 100 {
		t.Errorf("got %d answers to %d views", answered.Load(), asked.Load())
	}
}

// rounds is how many seconds or kills a press lasts.
func rounds() int {
	if os.Getenv("RACORD_LONG") != "" {
		return 24
	}
	return 12
}

// within compares the creditors' counters with their manifests.
func within(t *testing.T, city *town.Town) {
	t.Helper()
	counters := city.Counters()
	for name, m := range declared(t) {
		counter := counters[name]
		if name == "heating" { // files, no calls for a citizen
			continue
		}
		t.Logf("%-12s %6d calls, at most %d at once (declared %d), %d in a second (declared %g)",
			name, counter.Calls, counter.MaxInflight, m.Traits.MaxInflight, counter.MaxInAnySecond, m.Traits.RPS)
		if counter.Calls == 0 {
			t.Errorf("%s was never asked", name)
		}
		if counter.MaxInflight > int64(m.Traits.MaxInflight) || counter.OverLimit > 0 {
			t.Errorf("%s: %d calls at once, %d over its limit; declared %d", name, counter.MaxInflight, counter.OverLimit, m.Traits.MaxInflight)
		}
		if float64(counter.MaxInAnySecond) > m.Traits.RPS {
			t.Errorf("%s: %d calls in a second, declared %g", name, counter.MaxInAnySecond, m.Traits.RPS)
		}
	}
}
