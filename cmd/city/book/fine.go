package book

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/dice"
	"racord/cmd/city/people"
)

// Fine is one report of contravention, as the local police sees it on a day.
type Fine struct {
	ID           string // stable; series and number joined
	Series       string
	Number       string
	Kind         string // parking, cleanliness, public_order, traffic
	Subject      string
	Issued       calendar.Day
	Communicated calendar.Day
	Registered   calendar.Day // first day the register shows it
	Until        calendar.Day // last day of the reduced amount
	Applied      int64
	Reduced      int64 // 0 when it is no longer offered
	Basis        string
	Paid         int64
	Outstanding  int64
	Status       string // communicated, final, contested, paid, cancelled
}

// FineIBAN and FineRevenue are where all local fines are paid.
const (
	FineIBAN    = "RO08TREZ99921A350102XXXX"
	FineRevenue = "35.01.02"
)

// Fines returns the fines of a person the police shows on a day. known is
// false when the person was never fined here, which is not the same as
// nothing being due.
func (b *Book) Fines(person int, on calendar.Day) (fines []Fine, known bool) {
	state := b.State(Fines, person, on)
	fines, ok := b.memos.fines.Get(person, state)
	if !ok {
		fines = b.memos.fines.Keep(person, state, b.finesOf(person, on))
	}
	return fines, fines != nil
}

// Reports returns the reports a person was handed by a day, as printed, whether
// the register has them yet or not.
func (b *Book) Reports(person int, on calendar.Day) []Fine {
	p := b.people.Person(person)
	reports := []Fine{}
	for k := range b.fined(p) {
		if f, _ := b.fine(p, k, on); f.Issued <= on {
			reports = append(reports, f)
		}
	}
	return reports
}

// offences with their range in lei (council decisions; sums invented).
var offences = [...]struct {
	kind, subject string
	low, high     int
}{
	{"parking", "Parcare neregulamentară, ", 145, 435},
	{"cleanliness", "Depozitare deșeuri, lângă ", 200, 800},
	{"public_order", "Tulburarea liniștii publice, ", 200, 600},
	{"traffic", "Viteză peste limită, ", 290, 580},
}

// anchor is the day the generated fines are spread around; as the clock moves
// on, new ones appear for two more months.
var anchor = calendar.Date(2026, time.March, 15)

func (b *Book) finesOf(person int, on calendar.Day) []Fine {
	p := b.people.Person(person)
	n := b.fined(p)
	if n == 0 {
		return nil
	}
	fines := []Fine{}
	for k := range n {
		if f, shown := b.fine(p, k, on); shown {
			fines = append(fines, f)
		}
	}
	return fines
}

// fined is how many fines a person gets. The fourth is one that the register
// learns of late.
func (b *Book) fined(p people.Person) int {
	d := dice.New(b.seed, "fines", p.Index)
	switch {
	case p.Named():
		return slow + 1
	case !d.Chance(180):
		return 0
	}
	n := 1 + d.Intn(3)
	if n == slow && d.Chance(400) {
		n++
	}
	return n
}

// slow is the fine that is in the offender's hand 10 to 25 days before the
// register has it.
const slow = 3

// perPerson is how many report numbers are set aside for each person.
const perPerson = 5

// fine is the k-th fine of a person; it is shown from its registration until
// two months after it was settled.
func (b *Book) fine(p people.Person, k int, on calendar.Day) (f Fine, shown bool) {
	d := dice.New(b.seed, "fine", p.Index, k)
	offence := offences[d.Intn(len(offences))]
	issued := anchor - calendar.Day(d.Between(5, 150))
	if d.Chance(200) {
		issued = anchor + calendar.Day(d.Intn(60))
	}
	wait, entered := calendar.Day(d.Intn(7)), calendar.Day(0)
	if p.Named() && k == 0 { // everybody's example: in its reduced window at the start
		offence, issued, wait = offences[0], anchor-5, 2
	}
	if k == slow { // handed over on the spot
		issued, wait, entered = anchor-calendar.Day(d.Between(1, 4)), 0, calendar.Day(d.Between(10, 25))
	}
	number := fmt.Sprintf("%07d", (p.Index*perPerson+k)%10_000_000)
	f = Fine{
		ID: "PLNT-" + number, Series: "PLNT", Number: number, Kind: offence.kind, Issued: issued,
		Subject: offence.subject + b.scene(&d, offence.kind), Communicated: issued + wait, Registered: issued + max(wait, entered),
		Applied: int64(d.Between(offence.low, offence.high)) * 100,
		Basis:   "OG 2/2001 art. 28", Reduced: int64(offence.low) * 50,
	}
	if f.Kind == "public_order" && f.Issued >= calendar.Date(2026, time.March, 27) {
		f.Basis, f.Reduced = "OUG 7/2026", f.Applied/2
	}
	f.Until = (f.Communicated + 15).NextWorking()
	shown = b.course(Fines, &d, &f, p.Named() || k == slow, on)
	return f, shown && f.Registered <= on
}

// reportOwner finds whose report a number is and which of the person's it is;
// it tells nothing about whether the report exists.
func (b *Book) reportOwner(id string) (person, k int, ok bool) {
	number, isOurs := strings.CutPrefix(id, "PLNT-")
	n, err := strconv.Atoi(number)
	if !isOurs || err != nil || len(number) != 7 || n < 0 || n/perPerson >= b.people.Len() {
		return 0, 0, false
	}
	return n / perPerson, n % perPerson, true
}

func (b *Book) scene(d *dice.Dice, kind string) string {
	if kind == "parking" || kind == "traffic" {
		return plate(d)
	}
	return b.people.House(d.Intn(b.people.Houses())).Street
}

// course tells what became of the fine by a day.
func (b *Book) course(c Creditor, d *dice.Dice, f *Fine, unpaid bool, on calendar.Day) (shown bool) {
	fate, after := d.Intn(100), calendar.Day(d.Between(1, 14))
	end := f.Communicated + after
	past := b.history(c, f.ID)
	f.Applied += past.adjust
	f.Reduced = min(f.Applied, max(0, f.Reduced+past.adjust/2))
	f.Status, f.Outstanding = "communicated", f.Applied
	if on > f.Until {
		f.Status = "final"
	}
	switch {
	case unpaid || fate >= 40: // nothing yet
	case fate < 30 && on >= end && past.bookedBefore(end) == 0: // paid while it was cheap
		f.Status, f.Paid, f.Outstanding = "paid", f.Reduced, 0
	case fate >= 30 && fate < 35 && on >= end+40: // the court cancelled it
		f.Status, f.Outstanding = "cancelled", 0
	case fate >= 35 && on >= f.Communicated+calendar.Day(after)%10:
		f.Status = "contested"
	}
	f.receive(past)
	if f.Outstanding <= 0 || on > f.Until {
		f.Reduced, f.Basis = 0, ""
	}
	return f.Outstanding > 0 || on < end+60
}

// receive adds what was paid and forgiven since the city was generated.
func (f *Fine) receive(past history) {
	f.Paid += past.paid
	f.Outstanding -= past.paid + past.waived
	switch {
	case past.cancelled:
		f.Status, f.Outstanding = "cancelled", -f.Paid
	case f.Status != "cancelled" && past.paid > 0 && f.Outstanding <= 0:
		f.Status = "paid"
	}
}

// Total is what the fine costs in the end: what is left and what was paid.
func (f Fine) Total() int64 { return f.Outstanding + f.Paid }

func (b *Book) fineDebts(person int, on calendar.Day) []Debt {
	fines, _ := b.Fines(person, on)
	var debts []Debt
	for _, f := range fines {
		debts = append(debts, Debt{
			Creditor: Fines, ExternalID: f.ID, Kind: "fine." + f.Kind, Total: f.Total(), Paid: f.Paid,
			Outstanding: f.Outstanding, DueOn: f.Until.ISO(), Reachable: "cnp",
		})
	}
	return debts
}
