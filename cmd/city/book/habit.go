package book

import (
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/dice"
	"racord/cmd/city/people"
)

// taxHabit is how a person pays taxes, every year the same way.
type taxHabit struct {
	way    way
	day    int   // which day of the habitual month
	part   int64 // paid on the oldest unpaid instalment, in bani
	credit int64 // paid too much last year
}

type way int

const (
	early   way = iota // the whole year in February
	halves             // each instalment before its date
	late               // the whole year at the end of November
	arrears            // after two years
)

func (b *Book) taxHabit(p people.Person) taxHabit {
	d := dice.New(b.seed, "taxes", p.Index)
	h := taxHabit{day: d.Between(1, 28)}
	switch roll := d.Intn(1000); {
	case p.Login == "ana" || roll < 120:
		h.way = arrears
	case p.Named() || roll < 600:
		h.way = late
	case roll < 700:
		h.way = halves
	default:
		h.way = early
	}
	if h.way == arrears && d.Chance(300) {
		h.part = int64(d.Between(5, 30)) * 100
	}
	if h.way != arrears && d.Chance(20) && !p.Named() {
		h.credit = int64(d.Between(500, 9_000))
	}
	return h
}

// paysOn is the day an instalment of a year is paid.
func (h taxHabit) paysOn(year, instalment int) calendar.Day {
	switch h.way {
	case early:
		return calendar.Date(year, time.February, h.day)
	case halves:
		return calendar.Date(year, time.February+time.Month(7*(instalment-1)), 1+h.day/2)
	case late:
		return calendar.Date(year, time.November, h.day)
	default:
		return calendar.Date(year+2, time.June, h.day)
	}
}

// settle fills in what was collected and what was added for lateness by a day.
// What came in since the city was generated is not paid a second time.
func (h taxHabit) settle(c *Charge, k int, on calendar.Day, past history) {
	c.Principal -= past.waived
	c.Collected = past.paid
	if past.cancelled {
		c.Principal, c.Cancelled = 0, true
		return
	}
	part := int64(0)
	if h.part > 0 && c.Instalment == 1 && k == 0 && c.Year < on.Year() {
		part = min(h.part, max(0, c.Principal-past.bookedBefore(calendar.Date(c.Year+1, time.January, 1))))
	}
	until := on
	pays := h.paysOn(c.Year, c.Instalment)
	if pays <= on {
		until = pays
	}
	c.Late = lateAddition(c.Principal-part, past, c.Due, until)
	c.Collected += part
	if pays <= on {
		c.Collected += max(0, c.Principal+c.Late-part-past.bookedBefore(pays))
	}
	c.Principal += past.adjust // which grows no older
}

// lateAddition is 1 % of the unpaid principal for each month or part of a
// month, from the day after the due date to the day of payment (Law 207/2015
// art. 183), rounded half up.
func lateAddition(principal int64, past history, due, until calendar.Day) int64 {
	if until <= due {
		return 0
	}
	first, sum := due+1, int64(0)
	_, _, dom := first.YMD()
	for month := range monthsStarted(first, until) {
		sum += past.unpaid(principal, calendar.OfMonth(first.Month()+month, dom))
	}
	return (sum + 50) / 100
}

// monthsStarted counts the months begun between two days, both included.
func monthsStarted(from, to calendar.Day) int {
	_, _, first := from.YMD()
	_, _, last := to.YMD()
	months := to.Month() - from.Month()
	if last >= first {
		months++
	}
	return months
}
