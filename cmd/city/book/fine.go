package book

import (
	"fmt"
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
	state := b.State(on)
	fines, ok := b.fines.Get(person, state)
	if !ok {
		fines = b.fines.Keep(person, state, b.finesOf(person, on))
	}
	return fines, fines != nil
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
	d := dice.New(b.seed, "fines", person)
	if !d.Chance(180) && !p.Named() {
		return nil
	}
	fines := []Fine{}
	n := 1 + d.Intn(3)
	if p.Named() {
		n = 3
	}
	for k := range n {
		f, shown := b.fine(p, k, on)
		if shown {
			fines = append(fines, f)
		}
	}
	return fines
}

// fine is the k-th fine of a person; it is shown from its communication until
// two months after it was settled.
func (b *Book) fine(p people.Person, k int, on calendar.Day) (f Fine, shown bool) {
	d := dice.New(b.seed, "fine", p.Index, k)
	offence := offences[d.Intn(len(offences))]
	issued := anchor - calendar.Day(d.Between(5, 150))
	if d.Chance(200) {
		issued = anchor + calendar.Day(d.Intn(60))
	}
	wait := calendar.Day(d.Intn(7))
	number := fmt.Sprintf("%07d", (p.Index*5+k)%10_000_000)
	if p.Named() && k == 0 { // everybody's example: in its reduced window at the start
		offence, issued, wait = offences[0], anchor-5, 2
	}
	f = Fine{
		ID: "PLNT-" + number, Series: "PLNT", Number: number, Kind: offence.kind, Issued: issued,
		Subject: offence.subject + b.scene(&d, offence.kind), Communicated: issued + wait,
		Applied: int64(d.Between(offence.low, offence.high)) * 100,
		Basis:   "OG 2/2001 art. 28", Reduced: int64(offence.low) * 50,
	}
	if f.Kind == "public_order" && f.Issued >= calendar.Date(2026, time.March, 27) {
		f.Basis, f.Reduced = "OUG 7/2026", f.Applied/2
	}
	f.Until = (f.Communicated + 15).NextWorking()
	shown = b.course(&d, &f, p.Named(), on)
	return f, shown && f.Communicated <= on
}

func (b *Book) scene(d *dice.Dice, kind string) string {
	if kind == "parking" || kind == "traffic" {
		return plate(d)
	}
	return b.people.House(d.Intn(b.people.Houses())).Street
}

// course tells what became of the fine by a day.
func (b *Book) course(d *dice.Dice, f *Fine, unpaid bool, on calendar.Day) (shown bool) {
	fate, after := d.Intn(100), calendar.Day(d.Between(1, 14))
	end := f.Communicated + after
	f.Status, f.Outstanding = "communicated", f.Applied
	if on > f.Until {
		f.Status = "final"
	}
	switch {
	case unpaid || fate >= 40: // nothing yet
	case fate < 30 && on >= end: // paid while it was cheap
		f.Status, f.Paid, f.Outstanding = "paid", f.Reduced, 0
	case fate < 35 && on >= end+40: // the court cancelled it
		f.Status, f.Outstanding = "cancelled", 0
	case fate >= 35 && on >= f.Communicated+calendar.Day(after)%10:
		f.Status = "contested"
	}
	b.receive(f)
	if f.Outstanding <= 0 || on > f.Until {
		f.Reduced, f.Basis = 0, ""
	}
	return f.Outstanding > 0 || on < end+60
}

// receive adds what was paid since the city was generated; exactly the reduced
// sum settles the fine.
func (b *Book) receive(f *Fine) {
	more := b.till.paid(Fines, f.ID)
	if more == 0 {
		return
	}
	f.Paid += more
	f.Outstanding -= more
	if more == f.Reduced || f.Outstanding <= 0 {
		f.Status, f.Outstanding = "paid", min(f.Outstanding, 0)
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
