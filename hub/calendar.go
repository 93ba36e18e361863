package hub

import "time"

// Window is a daily closed period in Europe/Bucharest. From and To are minutes
// after midnight; a window whose To is not after From crosses midnight.
type Window struct {
	From, To int
}

// Contains tells whether the instant falls inside, and when the window ends.
func (w Window) Contains(t time.Time) (until time.Time, inside bool) {
	local := t.In(Bucharest)
	day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, Bucharest)
	for _, start := range []time.Time{day.AddDate(0, 0, -1), day} {
		from, to := at(start, w.From), at(start, w.To)
		if w.To <= w.From {
			to = at(start.AddDate(0, 0, 1), w.To)
		}
		if !local.Before(from) && local.Before(to) {
			return to, true
		}
	}
	return time.Time{}, false
}

func at(day time.Time, minutes int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, minutes, 0, 0, Bucharest)
}

// Season is the time of every year in which a creditor loads the amounts of the
// new one: what it lists is not final and cannot be paid. It begins with the day
// From and ends as the day To begins, in Europe/Bucharest. The zero Season never
// is.
type Season struct {
	From, To YearDay
}

// YearDay is a day of every year.
type YearDay struct {
	Month time.Month
	Day   int
}

// In gives the beginning of the day in a year.
func (d YearDay) In(year int) time.Time {
	return time.Date(year, d.Month, d.Day, 0, 0, 0, 0, Bucharest)
}

// Contains tells whether the instant falls inside, and when the season ends.
func (s Season) Contains(t time.Time) (until time.Time, inside bool) {
	if s == (Season{}) {
		return time.Time{}, false
	}
	local := t.In(Bucharest)
	for _, year := range []int{local.Year() - 1, local.Year()} {
		from, to := s.From.In(year), s.To.In(year)
		if !to.After(from) {
			to = s.To.In(year + 1)
		}
		if !local.Before(from) && local.Before(to) {
			return to, true
		}
	}
	return time.Time{}, false
}

// Delivery says when the deliveries of a feed are due. The zero Delivery
// promises nothing.
type Delivery struct {
	At    int           // minutes after midnight in Europe/Bucharest, every day
	Grace time.Duration // how much later one may come before what is published counts as old
}

// GoodUntil tells until when rows that speak about asOf are up to date: they
// came with the first delivery due after asOf, and the next one replaces them.
// It is zero when nothing is promised.
func (d Delivery) GoodUntil(asOf time.Time) time.Time {
	if d.Grace <= 0 || asOf.IsZero() {
		return time.Time{}
	}
	local := asOf.In(Bucharest)
	due := at(local, d.At)
	if due.Before(local) {
		due = at(local.AddDate(0, 0, 1), d.At)
	}
	return at(due.AddDate(0, 0, 1), d.At).Add(d.Grace)
}
