package book_test

import (
	"strings"
	"testing"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/people"
)

func day(t *testing.T, iso string) calendar.Day {
	t.Helper()
	d, err := calendar.Parse(iso)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The mix of a city, per thousand of what each is counted in.
func TestTheCityHasItsMix(t *testing.T) {
	b, on := book.New(people.New(1, 20_000)), day(t, "2026-03-15")
	n := map[string]int{}
	for i := range b.People().Len() {
		p := b.People().Person(i)
		if p.Kind == people.Human {
			n["people"]++
			switch code := b.RegisteredCode(p); {
			case code == "":
				n["no code"]++
			case code != p.CNP:
				n["wrong code"]++
			}
		}
		roles := b.Roles(i, on)
		if len(roles) == 0 {
			continue
		}
		n["taxpayers"]++
		if len(roles) == 2 {
			n["two roles"]++
		}
		arrears, credit, open := false, false, false
		for _, d := range b.Truth(book.Ditl, i, on) {
			arrears = arrears || d.Outstanding > 0 && d.DueOn < "2026"
			credit = credit || d.Outstanding < 0
			open = open || d.Outstanding > 0
		}
		count(n, map[string]bool{"arrears": arrears, "credit": credit, "open": open})
	}
	for what, want := range map[string]struct {
		of        string
		low, high int
	}{
		"no code":    {"people", 33, 47},
		"wrong code": {"people", 1, 6},
		"two roles":  {"taxpayers", 10, 22},
		"arrears":    {"taxpayers", 95, 145},
		"credit":     {"taxpayers", 12, 28},
		"open":       {"taxpayers", 550, 800},
	} {
		if got := n[what] * 1000 / n[want.of]; got < want.low || got > want.high {
			t.Errorf("%s: got %d per thousand %s, want %d to %d", what, got, want.of, want.low, want.high)
		}
	}
}

func count(n map[string]int, facts map[string]bool) {
	for what, yes := range facts {
		if yes {
			n[what]++
		}
	}
}

func TestUtilitiesHaveArrearsAndCredits(t *testing.T) {
	b, on := book.New(people.New(1, 10_000)), day(t, "2026-03-15")
	for _, c := range book.Utilities() {
		n := map[string]int{}
		for house := range b.People().Houses() {
			if !b.Serves(c, house) {
				continue
			}
			n["clients"]++
			older, credit := false, false
			for _, inv := range book.Listed(b.Invoices(c, house, on)) {
				older = older || inv.Outstanding() > 0 && inv.Due < on-40 // slow payers are done by then
				credit = credit || inv.Outstanding() < 0
			}
			count(n, map[string]bool{"arrears": older, "credit": credit})
		}
		if got := n["arrears"] * 1000 / n["clients"]; got < 90 || got > 150 {
			t.Errorf("%s: got %d per thousand in arrears, want about 120", c, got)
		}
		low, high := 8, 35
		if c == book.Gas { // whose estimates are put right
			low, high = 55, 100
		}
		if got := n["credit"] * 1000 / n["clients"]; got < low || got > high {
			t.Errorf("%s: got %d per thousand with a credit, want %d to %d", c, got, low, high)
		}
	}
}

// A year of 515 lei paid late: one per cent for each month begun.
func TestLateAdditionsFollowTheLaw(t *testing.T) {
	b := book.New(people.New(1, 200))
	ion, _ := b.People().ByID("ion")
	for on, months := range map[string]int64{
		"2026-03-31": 0, "2026-04-01": 1, "2026-04-30": 1, "2026-05-01": 2, "2026-06-15": 3, "2026-09-30": 6,
	} {
		for _, c := range b.Roles(ion.Index, day(t, on))[0].Charges {
			if c.Year != 2026 || c.Instalment != 1 {
				continue
			}
			if want := (c.Principal*months + 50) / 100; c.Late != want {
				t.Errorf("%s on %s: got %d bani late, want %d", c.ID, on, c.Late, want)
			}
		}
	}
}

func TestCoOwnersShareOneTax(t *testing.T) {
	b, on := book.New(people.New(3, 2_000)), day(t, "2026-03-15")
	shared := 0
	for h := range b.People().Houses() {
		house, sum := b.People().House(h), int64(0)
		if house.Seat || len(house.Owners) < 2 {
			continue
		}
		for _, owner := range house.Owners {
			for _, r := range b.Roles(owner, on) {
				for _, c := range r.Charges {
					if c.Revenue == "07.01.01" && c.Year == 2026 {
						sum += c.Principal
					}
				}
			}
		}
		shared++
		if sum%100 != 0 { // the tax of the whole flat is in whole lei
			t.Errorf("household %d: got shares of %d bani together, want whole lei", h, sum)
		}
	}
	if shared < 100 {
		t.Errorf("got %d shared homes, want many", shared)
	}
}

func TestStornoPairsCancelOut(t *testing.T) {
	b, on := book.New(people.New(1, 4_000)), day(t, "2026-03-15")
	pairs := 0
	for house := range b.People().Houses() {
		if !b.Serves(book.Electricity, house) {
			continue
		}
		byNumber := map[string]book.Invoice{}
		for _, inv := range b.Invoices(book.Electricity, house, on) {
			byNumber[inv.Number] = inv
			if inv.Cancels == "" {
				continue
			}
			pairs++
			if bill := byNumber[inv.Cancels]; bill.Amount != -inv.Amount || bill.Outstanding() != 0 || inv.Outstanding() != 0 {
				t.Errorf("storno %s: got %d against %d, want a pair that owes nothing", inv.Number, inv.Amount, bill.Amount)
			}
		}
	}
	if pairs == 0 {
		t.Error("got no storno, want some")
	}
}

func TestTotalsLessPaymentsAreWhatIsOwed(t *testing.T) {
	b := book.New(people.New(2, 1_000))
	for _, on := range []string{"2026-01-20", "2026-03-15", "2026-10-01", "2027-04-01"} {
		for i := range b.People().Len() {
			for _, c := range book.Creditors() {
				seen := map[string]bool{}
				for _, d := range b.Truth(c, i, day(t, on)) {
					if d.Total-d.Paid != d.Outstanding {
						t.Errorf("%s %s on %s: got %d − %d = %d", c, d.ExternalID, on, d.Total, d.Paid, d.Outstanding)
					}
					if seen[d.ExternalID] {
						t.Errorf("%s %s on %s: got it twice, want once", c, d.ExternalID, on)
					}
					seen[d.ExternalID] = true
				}
			}
		}
	}
}

func TestCodesFindTheirOwner(t *testing.T) {
	b, on := book.New(people.New(4, 2_000)), day(t, "2026-03-15")
	for i := range b.People().Len() {
		p := b.People().Person(i)
		if code := b.RegisteredCode(p); code != "" {
			if found, ok := b.ByRegisteredCode(code); !ok || found != i {
				t.Fatalf("%s: got %d, %v by the registered code, want the person", p.ID, found, ok)
			}
		}
		for _, c := range book.Creditors() {
			for _, a := range b.Accounts(c, i, on) {
				checkOwner(t, b, c, a, i)
			}
		}
	}
	for _, wrong := range []string{"", "4411", "0004412", "9999999", "x", "0004411 "} {
		if _, ok := b.ClientByCode(book.Water, wrong); ok {
			t.Errorf("client %q: got somebody, want nobody", wrong)
		}
	}
}

func checkOwner(t *testing.T, b *book.Book, c book.Creditor, a book.Account, person int) {
	t.Helper()
	if a.Proof.Invoice == "" && c != book.Ditl {
		t.Errorf("%s %s: got no bill to prove it with", c, a.Code)
	}
	if c == book.Ditl {
		if owner, _, ok := b.RoleOwner(a.Code); !ok || owner != person {
			t.Errorf("role %s: got %d, %v, want person %d", a.Code, owner, ok, person)
		}
		return
	}
	if client, ok := b.ClientByCode(c, a.Code); !ok || client.Person != person {
		t.Errorf("%s %s: got person %d, %v, want %d", c, a.Code, client.Person, ok, person)
	}
	if !strings.HasPrefix(a.Scheme, string(c)) {
		t.Errorf("%s %s: got scheme %s", c, a.Code, a.Scheme)
	}
}

func TestFineTermsEndOnWorkingDays(t *testing.T) {
	b, on := book.New(people.New(1, 4_000)), day(t, "2026-03-15")
	shown := 0
	for i := range b.People().Len() {
		fines, _ := b.Fines(i, on)
		for _, f := range fines {
			shown++
			if f.Until != (f.Communicated + 15).NextWorking() {
				t.Errorf("fine %s: got a term until %s, want 15 days from %s", f.ID, f.Until.ISO(), f.Communicated.ISO())
			}
			if offered := f.Reduced > 0; offered != (on <= f.Until && f.Outstanding > 0) {
				t.Errorf("fine %s: got a reduced sum %v on %s, term %s", f.ID, offered, on.ISO(), f.Until.ISO())
			}
		}
	}
	if shown < 400 {
		t.Errorf("got %d fines, want many", shown)
	}
}

// What a city too large to be remembered costs per question.
func BenchmarkTruth(b *testing.B) {
	books, on := book.New(people.New(1, 100_000)), calendar.Date(2026, 3, 15)
	b.ReportAllocs()
	for i := range b.N {
		books.Truth(book.Creditors()[i%6], i%100_000, on)
	}
}
