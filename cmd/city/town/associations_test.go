package town_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"racord/cmd/city/town"
)

type flatAnswer struct {
	Data struct {
		Flat struct {
			Code, ValidUntil string
			Association      struct {
				Number int
				IBAN   *string
			}
			Lists []struct {
				Number, DueOn                              string
				Reposted, Growing                          bool
				Items                                      []struct{ Bani int64 }
				PenaltyBani, TotalBani, PaidBani, LeftBani int64
			}
			Next *string
		}
		Payment struct {
			Number    string
			Cancelled bool
		}
	}
	Errors []struct{ Extensions struct{ Code string } }
}

// platform sends an operation; the code is that of a refusal.
func platform(t *testing.T, city *town.Town, operation, variables string) (a flatAnswer, code string) {
	t.Helper()
	status, body := ask(t, "POST", city.URL()+"/associations/graphql",
		map[string]string{"Authorization": "Bearer " + city.Credentials()["associations-token"]},
		fmt.Sprintf(`{"operation":%q,"variables":%s}`, operation, variables))
	if err := json.Unmarshal(body, &a); status != http.StatusOK || err != nil {
		t.Fatalf("%s: got %d %s, %v", operation, status, body, err)
	}
	if len(a.Errors) > 0 {
		code = a.Errors[0].Extensions.Code
	}
	return a, code
}

func readAssociation(t *testing.T, city *town.Town, flat string, seen books) (last flatAnswer) {
	t.Helper()
	for after := ""; ; after = *last.Data.Flat.Next {
		var code string
		last, code = platform(t, city, "flatLists", fmt.Sprintf(`{"flat":%q,"after":%q}`, flat, after))
		if code != "" || last.Data.Flat.Code != flat {
			t.Fatalf("flat %s: got %s %q", flat, code, last.Data.Flat.Code)
		}
		for _, l := range last.Data.Flat.Lists {
			sum := l.PenaltyBani
			for _, i := range l.Items {
				sum += i.Bani
			}
			if sum != l.TotalBani {
				t.Fatalf("list %s: its items and penalty are %d, its total %d", l.Number, sum, l.TotalBani)
			}
			seen.add("associations", flat, l.Number, shown{l.TotalBani, l.PaidBani, l.LeftBani, l.DueOn})
		}
		if last.Data.Flat.Next == nil {
			return last
		}
	}
}

// TestAssociationsHaveAccountsOfTheirOwn: four hundred and eight of them, a few
// without one, and a few that changed theirs yesterday.
func TestAssociationsHaveAccountsOfTheirOwn(t *testing.T) {
	city := start(t, town.Config{})
	merchants := map[string]bool{}
	for _, m := range city.MerchantAccounts() {
		if m.Creditor == "associations" {
			merchants[m.IBAN] = true
		}
	}
	if len(merchants) != 400 {
		t.Errorf("got %d accounts at the payment providers, want 400", len(merchants))
	}
	accounts, none, changed := map[string]int{}, 0, 0
	if err := city.SetClock(time.Date(2026, time.March, 13, 10, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	before := map[string]string{}
	for _, p := range city.People() {
		for _, a := range p.Accounts["associations"] {
			if f := readAssociation(t, city, a.Code, books{}).Data.Flat; f.Association.IBAN != nil {
				before[a.Code] = *f.Association.IBAN
			}
		}
	}
	if err := city.SetClock(time.Date(2026, time.March, 15, 10, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	for code, old := range before {
		f := readAssociation(t, city, code, books{}).Data.Flat
		switch now := f.Association.IBAN; {
		case now == nil:
			t.Errorf("association %d lost its account", f.Association.Number)
		case *now != old && merchants[*now]:
			t.Errorf("association %d: the providers know an account of yesterday", f.Association.Number)
		case *now != old:
			changed++
		case !merchants[*now]:
			t.Errorf("association %d: no provider knows its account", f.Association.Number)
		default:
			accounts[*now]++
		}
	}
	for _, p := range city.People() {
		for _, a := range p.Accounts["associations"] {
			if before[a.Code] == "" {
				none++
			}
		}
	}
	if len(accounts) < 200 || none == 0 || changed == 0 {
		t.Errorf("got %d accounts in use, %d flats of associations without one and %d whose changed; want some of each", len(accounts), none, changed)
	}
}

// TestAListIsTakenDownAndPostedAgain follows the flats through a month.
func TestAListIsTakenDownAndPostedAgain(t *testing.T) {
	city := start(t, town.Config{Clock: time.Date(2026, time.March, 11, 10, 0, 0, 0, time.UTC)})
	var flats []string
	for _, p := range city.People()[:500] {
		for _, a := range p.Accounts["associations"] {
			flats = append(flats, a.Code)
		}
	}
	look := func() map[string]int64 {
		totals := map[string]int64{}
		for _, flat := range flats {
			seen := books{}
			readAssociation(t, city, flat, seen)
			for number, s := range seen["associations"][flat] {
				totals[flat+" "+number] = s.Total
			}
		}
		return totals
	}
	down, lower := 0, 0
	gone := map[string]int64{}
	for before, day := look(), 0; day < 8; day++ {
		if err := city.Advance(24 * time.Hour); err != nil {
			t.Fatal(err)
		}
		now := look()
		for list, total := range before {
			if _, there := now[list]; !there {
				gone[list] = total
			}
		}
		for list, was := range gone {
			if total, there := now[list]; there && total < was {
				lower++
				delete(gone, list)
			} else if !there {
				down++
				flat, number, _ := bytes.Cut([]byte(list), []byte(" "))
				variables := fmt.Sprintf(`{"id":"x","flat":%q,"list":%q,"bani":100,"paidAt":"2026-03-11T10:00:00Z"}`, flat, number)
				if _, code := platform(t, city, "recordPayment", variables); code != "WITHDRAWN" && code != "ALREADY_PAID" {
					t.Errorf("paying the list %s: got %q, want it refused", number, code)
				}
			}
		}
		before = now
	}
	if down == 0 || lower == 0 {
		t.Errorf("got %d looks at lists that were down and %d posted again, want some of both", down, lower)
	}
}

// TestPenaltiesOfAssociationsGrowEveryDay: 0.2 % of what is unpaid, from the
// thirty-first day after it was due.
func TestPenaltiesOfAssociationsGrowEveryDay(t *testing.T) {
	city := start(t, town.Config{Size: "XS"})
	ana, _ := city.Person("ana")
	oldest := func() (l struct{ total, penalty int64 }) {
		a, _ := platform(t, city, "flatLists", fmt.Sprintf(`{"flat":%q}`, ana.Accounts["associations"][0].Code))
		first := a.Data.Flat.Lists[0]
		if first.PenaltyBani > 0 != first.Growing {
			t.Errorf("got a penalty of %d, growing %t", first.PenaltyBani, first.Growing)
		}
		l.total, l.penalty = first.TotalBani-first.PenaltyBani, first.PenaltyBani
		return l
	}
	today := oldest()
	if err := city.Advance(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	tomorrow := oldest()
	if want := (today.total*2 + 500) / 1000; today.penalty == 0 || tomorrow.penalty-today.penalty < want-1 || tomorrow.penalty-today.penalty > want+1 {
		t.Errorf("of %d: got %d and a day later %d, want %d more", today.total, today.penalty, tomorrow.penalty, want)
	}
}

func TestAssociationsBookAnIDOnce(t *testing.T) {
	city := start(t, town.Config{Size: "XS"})
	d := openBills(t, city, "ana", "associations")[0]
	pay := func(id, list string, bani int64) (string, string) {
		a, code := platform(t, city, "recordPayment", fmt.Sprintf(`{"id":%q,"flat":%q,"list":%q,"bani":%d,"paidAt":"2026-03-15T08:00:00Z"}`, id, d.Account, list, bani))
		return a.Data.Payment.Number, code
	}
	for what, tc := range map[string]struct {
		list string
		bani int64
		code string
	}{
		"an unknown list":   {"LP 1", 100, "LIST_UNKNOWN"},
		"more than is owed": {d.ExternalID, d.Outstanding + 1, "AMOUNT_EXCEEDS"},
		"nothing":           {d.ExternalID, 0, "BAD_INPUT"},
	} {
		if _, code := pay("i0", tc.list, tc.bani); code != tc.code {
			t.Errorf("%s: got %q, want %s", what, code, tc.code)
		}
	}
	one, _ := pay("i1", d.ExternalID, 500)
	two, _ := pay("i1", d.ExternalID, 500)
	_, reused := pay("i1", d.ExternalID, 600)
	if one == "" || one != two || reused != "ID_REUSED" || len(city.Book("associations")) != 1 {
		t.Errorf("got %q, %q and %q, want one receipt", one, two, reused)
	}
	if a, code := platform(t, city, "cancelPayment", `{"id":"i1"}`); code != "" || !a.Data.Payment.Cancelled {
		t.Errorf("got %q, want it undone", code)
	}
	if got := owed(t, city, "ana", "associations", d.ExternalID); got != d.Outstanding {
		t.Errorf("got %d owed, want %d again", got, d.Outstanding)
	}
}
