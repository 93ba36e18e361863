package book

import (
	"fmt"
	"strconv"

	"racord/cmd/city/calendar"
	"racord/cmd/city/dice"
	"racord/cmd/city/people"
)

// RoadFine is one report of the road police, by the national register on a day.
// Its ID is the unique series of 23 characters (Law 203/2018).
type RoadFine struct {
	Fine
	Elsewhere bool // the money belongs to the budget of another town, where the offender lives now
}

// RoadFineIBAN is the single account of road fines.
const RoadFineIBAN = "RO44TREZ9995081XXX000023"

// point is what a penalty point costs, in bani.
const point = 20_250

// roadOffences with their range in points (OUG 195/2002 art. 98).
var roadOffences = [...]struct {
	kind, subject string
	low, high     int64
}{
	{"seat_belt", "Fără centură de siguranță, ", 2, 3},
	{"speeding", "Depășirea vitezei cu 25 km/h, ", 4, 5},
	{"phone", "Telefonul la volan, ", 4, 5},
	{"red_light", "Culoarea roșie a semaforului, ", 6, 8},
}

// RoadFines returns the road fines the register shows of a person on a day; known
// is false for somebody who never had one.
func (b *Book) RoadFines(person int, on calendar.Day) (fines []RoadFine, known bool) {
	p := b.people.Person(person)
	n := b.stopped(p)
	for k := range n {
		if f, shown := b.roadFine(p, k, on); shown {
			fines = append(fines, f)
		}
	}
	return fines, n > 0
}

// stopped is how many road fines a person gets.
func (b *Book) stopped(p people.Person) int {
	d := dice.New(b.seed, "road fines", p.Index)
	switch {
	case p.Named():
		return 3
	case !d.Chance(140):
		return 0
	}
	return 1 + d.Intn(3)
}

// perDriver is how many series are set aside for each person.
const perDriver = 5

// series is 23 characters: the register's letters, the year, a number, and what
// it leaves when it is divided by 97.
func seriesOf(person, k int) string {
	n := person*perDriver + k
	return fmt.Sprintf("PR26%017d%02d", n, n%97)
}

// driver finds whose series it is, and which of the person's.
func (b *Book) driver(series string) (person, k int, ok bool) {
	if len(series) != 23 {
		return 0, 0, false
	}
	n, err := strconv.Atoi(series[4:21])
	if err != nil || n < 0 || n/perDriver >= b.people.Len() || seriesOf(n/perDriver, n%perDriver) != series {
		return 0, 0, false
	}
	person, k = n/perDriver, n%perDriver
	return person, k, k < b.stopped(b.people.Person(person))
}

// roadFine is the k-th road fine of a person.
func (b *Book) roadFine(p people.Person, k int, on calendar.Day) (f RoadFine, shown bool) {
	d := dice.New(b.seed, "road fine", p.Index, k)
	offence := roadOffences[d.Intn(len(roadOffences))]
	issued, wait := anchor-calendar.Day(d.Between(3, 120)), calendar.Day(d.Intn(4))
	if d.Chance(150) {
		issued = anchor + calendar.Day(d.Intn(60))
	}
	if p.Named() { // everybody's example: one in its reduced term, one beyond
		issued, wait = anchor-calendar.Day(6+30*k), 1
	}
	f.Fine = Fine{
		ID: seriesOf(p.Index, k), Kind: offence.kind, Subject: offence.subject + Plate(p.Index),
		Issued: issued, Communicated: issued + wait, Registered: issued + wait,
		Applied: (offence.low + int64(d.Intn(int(offence.high-offence.low+1)))) * point, Reduced: offence.low * point / 2, Basis: "OG 2/2001 art. 28",
	}
	f.Until = (f.Communicated + 15).NextWorking()
	f.Elsewhere = d.Chance(60) && !p.Named()
	shown = b.course(Roadfines, &d, &f.Fine, p.Named(), on)
	return f, shown && f.Registered <= on
}

// allotRoadFine takes exactly what is owed, or what was enough when the money was
// authorised, of those whose town this is.
func (b *Book) allotRoadFine(p Payment, on, then calendar.Day) (allotment, error) {
	person, k, ok := b.driver(p.Debt)
	if !ok {
		return allotment{}, ErrUnknownDebt
	}
	f, _ := b.roadFine(b.people.Person(person), k, on)
	part := Part{ExternalID: p.Debt, Amount: p.Amount, Waived: b.waivedOnRoad(p.Debt, p.Amount, then)}
	switch {
	case on < f.Registered:
		return allotment{}, ErrUnknownDebt
	case f.Elsewhere:
		return allotment{}, ErrOtherUAT
	case f.Status == "cancelled":
		return allotment{}, ErrCancelled
	case f.Outstanding <= 0:
		return allotment{}, ErrAlreadyPaid
	case p.Amount != f.Outstanding && part.Waived == 0:
		return allotment{}, ErrAmountChanged
	}
	return allotment{parts: []Part{part}, thing: person}, nil
}

// waivedOnRoad is what is forgiven to somebody who paid the reduced amount in
// time.
func (b *Book) waivedOnRoad(series string, amount int64, on calendar.Day) int64 {
	person, k, ok := b.driver(series)
	if !ok {
		return 0
	}
	if f, _ := b.roadFine(b.people.Person(person), k, on); f.Reduced > 0 && amount == f.Reduced {
		return f.Outstanding - f.Reduced
	}
	return 0
}

func (b *Book) roadFineDebts(person int, on calendar.Day) (debts []Debt) {
	fines, _ := b.RoadFines(person, on)
	for _, f := range fines {
		debts = append(debts, Debt{
			Creditor: Roadfines, ExternalID: f.ID, Kind: "fine." + f.Kind, Total: f.Total(), Paid: f.Paid,
			Outstanding: f.Outstanding, DueOn: f.Until.ISO(), Reachable: "cnp",
		})
	}
	return debts
}
