package hub

import "time"

// Window is a daily closed period in Europe/Bucharest. From and To are minutes
// after midnight; a window whose To is not after From crosses midnight.
type Window struct {
	From, To int
}

// Contains tells whether the instant falls inside, and when the window ends.
func (w Window) Contains(t time.Time) (until time.Time, inside bool) {
	for back := range 2 {
		if from, to := w.on(t, back); !t.Before(from) && t.Before(to) {
			return to, true
		}
	}
	return time.Time{}, false
}

// Ended gives when the window ended last, at that instant or before.
func (w Window) Ended(t time.Time) time.Time {
	_, to := w.on(t, 0)
	for back := 1; to.After(t); back++ {
		_, to = w.on(t, back)
	}
	return to
}

// on gives the window that begins so many days before the day of an instant.
func (w Window) on(t time.Time, back int) (from, to time.Time) {
	local := t.In(Bucharest)
	day := time.Date(local.Year(), local.Month(), local.Day()-back, 0, 0, 0, 0, Bucharest)
	if from, to = at(day, w.From), at(day, w.To); w.To <= w.From {
		to = at(day.AddDate(0, 0, 1), w.To)
	}
	return from, to
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
