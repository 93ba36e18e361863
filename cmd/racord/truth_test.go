package main_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/town"
)

// each runs f for every item, eight at a time, and reports what fails.
func each[T any](t *testing.T, items []T, f func(T) error) {
	t.Helper()
	var wait sync.WaitGroup
	gate := make(chan struct{}, 8)
	var failures atomic.Int64
	for _, item := range items {
		gate <- struct{}{}
		wait.Go(func() {
			defer func() { <-gate }()
			if err := f(item); err != nil && failures.Add(1) <= 20 {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := failures.Load(); n > 20 {
		t.Errorf("%d failures in all", n)
	}
}

// TestEverybodySeesTheTruth links what everybody in the city can prove, and
// compares each page with the book of its creditor, to the ban.
func TestEverybodySeesTheTruth(t *testing.T) {
	city := startTown(t, town.Config{})
	hub := newSite(t, city, plan{More: raised}).start()
	awaitFeeds(t, hub, city)
	people := city.People()
	if len(people) != 2000 {
		t.Fatalf("got %d people, want 2,000", len(people))
	}
	var pages, debts atomic.Int64
	each(t, people, func(person town.Person) error {
		token, err := city.Token(t.Context(), person.ID)
		if err != nil {
			return err
		}
		citizen := portal{hub.url, token}
		if err := citizen.linkAll(t.Context(), person); err != nil {
			return err
		}
		a, err := settled(t.Context(), citizen)
		if err != nil {
			return err
		}
		seen, err := agrees(city, person, a)
		pages.Add(int64(len(a.Pages)))
		debts.Add(seen)
		return err
	})
	t.Logf("%d people, %d pages, %d obligations, all as their creditors' books say", len(people), pages.Load(), debts.Load())
}

// settled asks until no creditor is busy with the others' questions.
func settled(ctx context.Context, citizen portal) (answer, error) {
	for try := 0; ; try++ {
		a, err := citizen.view(ctx, "")
		if err != nil || try == 30 || !anyBusy(a) {
			return a, err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func anyBusy(a answer) bool {
	for _, p := range a.Pages {
		if p.Reason == "busy" || p.Reason == "timeout" || p.Reason == "refreshing" {
			return true
		}
	}
	return false
}

// agrees compares a view with the city's truth, page by page and debt by debt.
func agrees(city *town.Town, person town.Person, a answer) (debts int64, err error) {
	truth := city.Truth(person.ID)
	total := int64(0)
	for _, page := range a.Pages {
		want := reachable(person, page.Creditor, truth[page.Creditor])
		switch {
		case page.State == "fresh":
		case (page.State == "not_known_here" || page.State == "not_linked") && len(want) == 0:
			continue
		default:
			return debts, fmt.Errorf("%s: %s is %s (%s) and should show %d debts", person.ID, page.Creditor, page.State, page.Reason, len(want))
		}
		got := map[string]int64{}
		for _, o := range page.Obligations {
			got[o.ExternalID] = o.Outstanding.Amount
			total += max(o.Outstanding.Amount, 0)
		}
		for _, debt := range want {
			amount, shown := got[debt.ExternalID]
			if amount != debt.Outstanding || (!shown && debt.Outstanding != 0) {
				return debts, fmt.Errorf("%s: %s %s: got %d bani (shown %t), the book says %d", person.ID, page.Creditor, debt.ExternalID, amount, shown, debt.Outstanding)
			}
			delete(got, debt.ExternalID)
			debts++
		}
		for external, amount := range got {
			return debts, fmt.Errorf("%s: %s %s: %d bani that the book does not know", person.ID, page.Creditor, external, amount)
		}
	}
	if all := len(book.Creditors()); len(a.Pages) != all || a.TotalConfirmed.Amount != total {
		return debts, fmt.Errorf("%s: %d pages and %d bani in all, want %d and %d", person.ID, len(a.Pages), a.TotalConfirmed.Amount, all, total)
	}
	return debts, nil
}

// reachable is the part of the truth that the person can be shown: found by a
// code the creditor has on file, or on an account that could be proved.
func reachable(person town.Person, creditor string, truth []town.Debt) (some []town.Debt) {
	proved := map[string]bool{}
	for _, account := range person.Accounts[creditor] {
		proved[account.Code] = account.Proof.Invoice != "" && account.Proof.AmountBani != 0
	}
	for _, debt := range truth {
		if debt.Reachable == "cnp" || proved[debt.Account] {
			some = append(some, debt)
		}
	}
	return some
}

// awaitFeeds waits until what comes in bulk was published: the heating
// company's files and the electricity company's invoices.
func awaitFeeds(t *testing.T, r *replica, city *town.Town) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		metrics, err := get(t.Context(), r.ops+"/metrics")
		if err == nil && published(metrics, "heating") && published(metrics, "electricity") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the feeds were not published:\n%s", r.log)
}

// published tells whether a feed was read to its end once: the last look at it
// brought nothing new.
func published(metrics, creditor string) bool {
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "racord_feed_deliveries_total") && strings.Contains(line, `connector="`+creditor+`"`) &&
			strings.Contains(line, `outcome="nothing"`) && !strings.HasSuffix(strings.TrimSpace(line), " 0") {
			return true
		}
	}
	return false
}

func get(ctx context.Context, url string) (string, error) {
	_, _, data, err := portal{url: url}.do(ctx, "GET", "", nil)
	return string(data), err
}
