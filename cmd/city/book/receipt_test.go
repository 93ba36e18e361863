package book_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/people"
)

func moment(t *testing.T, local string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", local, calendar.Bucharest)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// firstHalf is ion's first instalment of the building tax of 2026 on a day.
func firstHalf(t *testing.T, b *book.Book, on calendar.Day) (role string, c book.Charge) {
	t.Helper()
	ion, _ := b.People().ByID("ion")
	r := b.Roles(ion.Index, on)[0]
	for _, c := range r.Charges {
		if c.Year == 2026 && c.Instalment == 1 && c.Revenue == "07.01.01" {
			return r.Number, c
		}
	}
	t.Fatal("ion has no building tax")
	return "", book.Charge{}
}

// Half the principal is paid in May: from June on, one per cent of the rest.
func TestLateAdditionsCountWhatIsUnpaid(t *testing.T) {
	b := book.New(people.New(1, 200))
	role, c := firstHalf(t, b, day(t, "2026-05-10"))
	half := c.Principal / 2
	_, _, err := b.Enter(book.Ditl, book.Payment{
		Reference: "a", Once: true, Account: role, Debt: c.ID, Amount: half, Effective: moment(t, "2026-05-10 12:00"),
	}, moment(t, "2026-06-20 12:00"))
	if err != nil {
		t.Fatal(err)
	}
	for on, want := range map[string]int64{
		"2026-05-10": (2*c.Principal + 50) / 100,
		"2026-06-20": (2*c.Principal + (c.Principal - half) + 50) / 100,
	} {
		if _, now := firstHalf(t, b, day(t, on)); now.Late != want || now.Outstanding() != c.Principal+want-half {
			t.Errorf("on %s: got %d late and %d owed, want %d and %d", on, now.Late, now.Outstanding(), want, c.Principal+want-half)
		}
	}
}

// What is owed on the day of authorisation settles the debt, although it has
// grown when it is booked; one ban more is too much.
func TestPaymentsCountFromTheirAuthorisation(t *testing.T) {
	b := book.New(people.New(1, 200))
	role, march := firstHalf(t, b, day(t, "2026-03-31"))
	pay := func(reference string, amount int64) error {
		_, _, err := b.Enter(book.Ditl, book.Payment{
			Reference: reference, Once: true, Account: role, Debt: march.ID, Amount: amount, Effective: moment(t, "2026-03-31 23:59"),
		}, moment(t, "2026-04-02 09:00"))
		return err
	}
	if err := pay("a", march.Outstanding()+1); !errors.Is(err, book.ErrAmountChanged) {
		t.Errorf("a ban more: got %v, want %v", err, book.ErrAmountChanged)
	}
	if err := pay("b", march.Outstanding()); err != nil {
		t.Fatal(err)
	}
	for _, on := range []string{"2026-04-02", "2026-10-01"} {
		if _, now := firstHalf(t, b, day(t, on)); now.Late != 0 || now.Outstanding() != 0 {
			t.Errorf("on %s: got %d late and %d owed, want nothing", on, now.Late, now.Outstanding())
		}
	}
}

func TestPenaltiesEndWithThePayment(t *testing.T) {
	b := book.New(people.New(1, 200))
	ana, _ := b.People().ByID("ana")
	for _, c := range []book.Creditor{book.Heating, book.Waste} {
		oldest := b.Truth(c, ana.Index, day(t, "2026-03-15"))[0]
		_, _, err := b.Enter(c, book.Payment{
			Reference: "a", Once: true, Account: oldest.Account, Debt: oldest.ExternalID, Amount: oldest.Outstanding,
			Effective: moment(t, "2026-03-15 12:00"),
		}, moment(t, "2026-03-18 05:00"))
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		for _, on := range []string{"2026-03-18", "2026-04-20"} {
			for _, d := range b.Truth(c, ana.Index, day(t, on)) {
				if d.ExternalID == oldest.ExternalID {
					t.Errorf("%s on %s: got %+v, want a settled bill gone", c, on, d)
				}
			}
		}
	}
}

// Many threads send the same references: each is booked once, and the sum of
// the receipts is what the debts went down by.
func TestAReferenceIsBookedOnceByManyThreads(t *testing.T) {
	b, now := book.New(people.New(1, 2_000)), moment(t, "2026-03-15 10:00")
	type bill struct {
		person int
		debt   book.Debt
	}
	var bills []bill
	owed := func() (sum int64) {
		for i := range b.People().Len() {
			for _, d := range b.Truth(book.Electricity, i, calendar.Of(now)) {
				sum += d.Outstanding
			}
		}
		return sum
	}
	for i := range b.People().Len() {
		for _, d := range b.Truth(book.Electricity, i, calendar.Of(now)) {
			if d.Outstanding > 0 {
				bills = append(bills, bill{i, d})
			}
		}
	}
	before := owed()
	var threads sync.WaitGroup
	for range 4 {
		threads.Go(func() {
			for n, one := range bills {
				_, _, err := b.Enter(book.Electricity, book.Payment{
					Reference: fmt.Sprint("r", n), Once: true, Account: one.debt.Account, Debt: one.debt.ExternalID,
					Amount: one.debt.Outstanding, Effective: now,
				}, now)
				if err != nil {
					t.Errorf("%s: %v", one.debt.ExternalID, err)
				}
			}
		})
	}
	threads.Wait()
	sum := int64(0)
	for _, r := range b.Receipts(book.Electricity) {
		sum += r.Amount
	}
	if got := len(b.Receipts(book.Electricity)); got != len(bills) || before-owed() != sum {
		t.Errorf("got %d receipts over %d bani and debts down by %d, want %d receipts and the same sum", got, sum, before-owed(), len(bills))
	}
}

// Nobody pays a second time what came in over the wire: a month later the
// customer's own habit finds the bill paid.
func TestHabitsDoNotPayWhatIsPaid(t *testing.T) {
	b, now := book.New(people.New(1, 1_000)), moment(t, "2026-03-15 10:00")
	for i := range b.People().Len() {
		for _, c := range book.Creditors() {
			for n, d := range b.Truth(c, i, calendar.Of(now)) {
				if d.Outstanding <= 0 || c == book.Fines && n%2 == 0 {
					continue
				}
				if _, _, err := b.Enter(c, book.Payment{
					Reference: fmt.Sprint(c, i, n), Once: true, Account: d.Account, Debt: d.ExternalID, Amount: d.Outstanding, Effective: now,
				}, now); err != nil && !errors.Is(err, book.ErrOtherUAT) {
					t.Fatalf("%s %s: %v", c, d.ExternalID, err)
				}
			}
		}
	}
	paid := map[string]bool{}
	for _, c := range book.Creditors() {
		for _, r := range b.Receipts(c) {
			paid[string(c)+r.ExternalID] = true
		}
	}
	for _, on := range []string{"2026-03-15", "2026-04-01", "2026-06-15", "2027-01-20"} {
		for i := range b.People().Len() {
			for _, c := range book.Creditors() {
				for _, d := range b.Truth(c, i, day(t, on)) {
					annulled := (c == book.Fines || c == book.Roadfines) && d.Outstanding == -d.Paid // by a court, after it was paid
					if paid[string(c)+d.ExternalID] && d.Outstanding != 0 && !annulled {
						t.Errorf("%s %s on %s: got %d owed, want nothing", c, d.ExternalID, on, d.Outstanding)
					}
					if d.Total-d.Paid != d.Outstanding {
						t.Errorf("%s %s on %s: got %d − %d = %d", c, d.ExternalID, on, d.Total, d.Paid, d.Outstanding)
					}
				}
			}
		}
	}
}

func TestTheBookBeforeAnInstant(t *testing.T) {
	b := book.New(people.New(1, 200))
	ana, _ := b.People().ByID("ana")
	on := day(t, "2026-03-15")
	d := b.Truth(book.Water, ana.Index, on)[0]
	r, _, err := b.Enter(book.Water, book.Payment{
		Reference: "a", Account: d.Account, Debt: d.ExternalID, Amount: d.Outstanding, Effective: moment(t, "2026-03-15 10:00"),
	}, moment(t, "2026-03-15 10:00"))
	if err != nil || !strings.HasPrefix(r.Number, "AC") {
		t.Fatal(r, err)
	}
	if _, err := b.Reverse(book.Water, r.Number, moment(t, "2026-03-15 12:00")); err != nil {
		t.Fatal(err)
	}
	for local, want := range map[string]int64{"2026-03-15 09:00": d.Outstanding, "2026-03-15 11:00": 0, "2026-03-15 13:00": d.Outstanding} {
		left := int64(0)
		for _, seen := range b.Before(moment(t, local)).Truth(book.Water, ana.Index, on) {
			if seen.ExternalID == d.ExternalID {
				left = seen.Outstanding
			}
		}
		if left != want {
			t.Errorf("before %s: got %d owed, want %d", local, left, want)
		}
	}
}

// What a payment costs the book.
func BenchmarkEnter(b *testing.B) {
	books, now := book.New(people.New(1, 4_000)), calendar.Date(2026, 3, 15).At(10, 0)
	var owed []book.Debt
	for i := range books.People().Len() {
		for _, d := range books.Truth(book.Ditl, i, calendar.Of(now)) {
			if d.Outstanding > 0 {
				owed = append(owed, d)
			}
		}
	}
	b.ResetTimer()
	b.ReportAllocs()
	for i := range b.N {
		d := owed[i%len(owed)]
		_, _, _ = books.Enter(book.Ditl, book.Payment{
			Reference: fmt.Sprint(i), Once: true, Account: d.Account, Debt: d.ExternalID, Amount: d.Outstanding, Effective: now,
		}, now)
	}
}

// Threads that pay the same bills under other references, and the same
// references for other bills: of either, one is taken.
func TestThreadsCannotShareADebtOrAReference(t *testing.T) {
	b, now := book.New(people.New(1, 2_000)), moment(t, "2026-03-15 10:00")
	var bills []book.Debt
	for i := range b.People().Len() {
		for _, d := range b.Truth(book.Electricity, i, calendar.Of(now)) {
			if d.Outstanding > 0 {
				bills = append(bills, d)
			}
		}
	}
	hammer := func(bills []book.Debt, reference func(bill, thread int) string, step int) {
		for n := range bills {
			var threads sync.WaitGroup
			start := make(chan struct{})
			for thread := range 8 {
				threads.Go(func() {
					d := bills[(n+thread*step)%len(bills)]
					<-start
					_, _, _ = b.Enter(book.Electricity, book.Payment{
						Reference: reference(n, thread), Once: true, Account: d.Account, Debt: d.ExternalID, Amount: d.Outstanding, Effective: now,
					}, now)
				})
			}
			close(start)
			threads.Wait()
		}
	}
	half := len(bills) / 2
	hammer(bills[:half], func(n, thread int) string { return fmt.Sprint("q", n, "/", thread) }, 0)
	hammer(bills[half:], func(n, _ int) string { return fmt.Sprint("r", n) }, half/10)
	debts, references := map[string]int{}, map[string]int{}
	for _, r := range b.Receipts(book.Electricity) {
		debts[r.ExternalID]++
		references[r.Reference]++
	}
	for i, d := range bills {
		if n := debts[d.ExternalID]; n > 1 || n == 0 && i < half {
			t.Errorf("%s: got %d receipts, want one", d.ExternalID, n)
		}
	}
	for reference, n := range references {
		if n != 1 {
			t.Errorf("reference %s: got %d receipts, want one", reference, n)
		}
	}
}
