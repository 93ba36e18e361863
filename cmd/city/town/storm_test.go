package town_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
)

// paying is one payment to be sent.
type paying struct {
	person, creditor, reference string
	debt                        town.Debt
}

// Everybody pays water and electricity at once while one answer in ten is lost;
// each payment is sent until it is answered. The books have each reference
// once, and every bill is down by what its receipts say.
func TestBooksStayExactInAStorm(t *testing.T) {
	city := start(t, town.Config{Seed: 3})
	bearers := map[string]map[string]string{"water": bearer(t, city, "water"), "electricity": bearer(t, city, "electricity")}
	var all []paying
	before := map[string]int64{}
	for _, p := range city.People() {
		for creditor := range bearers {
			for _, d := range city.Truth(p.ID)[creditor] {
				if d.Outstanding > 0 {
					all = append(all, paying{p.ID, creditor, fmt.Sprint("s:", len(all)), d})
					before[creditor+d.ExternalID] = d.Outstanding
				}
			}
		}
	}
	for creditor := range bearers {
		meet(t, city, creditor, town.Fault{Kind: gate.LostAnswer, Only: gate.Posts, Share: 0.1})
	}
	var next atomic.Int64
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() {
			for n := next.Add(1) - 1; n < int64(len(all)); n = next.Add(1) - 1 {
				send(t, city, bearers[all[n].creditor], all[n])
			}
		})
	}
	senders.Wait()
	booked := map[string]int{}
	for creditor := range bearers {
		for _, r := range city.Book(creditor) {
			booked[r.Reference]++
			before[creditor+r.ExternalID] -= r.Amount
		}
	}
	for _, p := range all {
		left := before[p.creditor+p.debt.ExternalID]
		if got := owed(t, city, p.person, p.creditor, p.debt.ExternalID); booked[p.reference] != 1 || got != left || left != 0 {
			t.Errorf("%s %s: got %d receipts, %d owed and %d by the book; want one and nothing", p.creditor, p.debt.ExternalID, booked[p.reference], got, left)
		}
	}
	if len(all) < 500 || len(booked) != len(all) {
		t.Errorf("got %d payments and %d references in the books, want many and all", len(all), len(booked))
	}
}

// send pays until somebody answers.
func send(t *testing.T, city *town.Town, with map[string]string, p paying) {
	t.Helper()
	header := map[string]string{"Authorization": with["Authorization"], "Idempotency-Key": p.reference}
	path, bill := "/water/api/v2/payments", "invoice_id"
	if p.creditor == "electricity" {
		path, bill = "/electricity/api/payments", "invoice"
	}
	body := fmt.Sprintf(`{"reference":%q,"client_code":%q,%q:%q,"amount":%q,"paid_at":"2026-03-15T10:00:00+02:00"}`,
		p.reference, p.debt.Account, bill, p.debt.ExternalID, enLei(p.debt.Outstanding))
	for {
		status, answer, err := try("POST", city.URL()+path, header, body)
		if err != nil {
			continue
		}
		if !slices.Contains([]int{200, 201, 409}, status) {
			t.Errorf("%s %s: got status %d %s", p.creditor, p.debt.ExternalID, status, answer)
		}
		return
	}
}
