package hub

import "time"

// Working tells whether Romania works on the day: it is no Saturday, no Sunday
// and no legal holiday (Labour Code, Law 53/2003 art. 139).
func (d Date) Working() bool {
	day := d.Start()
	if w := day.Weekday(); w == time.Saturday || w == time.Sunday {
		return false
	}
	return !holiday(day)
}

// Through lists the days from this one to the nth working day after it. Of the
// zero Date there are none.
func (d Date) Through(working int) (days []Date) {
	if d.Start().IsZero() {
		return nil
	}
	days = []Date{d}
	for ; working > 0; days = append(days, d) {
		if d = d.Next(); d.Working() {
			working--
		}
	}
	return days
}

// holiday tells whether a day is a legal holiday, whatever day of the week it is.
func holiday(day time.Time) bool {
	switch [2]int{int(day.Month()), day.Day()} {
	case [2]int{1, 1}, [2]int{1, 2}, [2]int{1, 6}, [2]int{1, 7}, [2]int{1, 24},
		[2]int{5, 1}, [2]int{6, 1}, [2]int{8, 15}, [2]int{11, 30},
		[2]int{12, 1}, [2]int{12, 25}, [2]int{12, 26}:
		return true
	}
	sunday := easter(day.Year())
	for _, after := range [...]int{-2, 0, 1, 49, 50} { // Good Friday, Easter, Pentecost
		if DateOf(day) == DateOf(sunday.AddDate(0, 0, after)) {
			return true
		}
	}
	return false
}

// easter is noon of the Sunday of the Orthodox Easter (Meeus, Julian calendar,
// moved 13 days; right for 1900–2099).
func easter(year int) time.Time {
	a, b, c := year%4, year%7, year%19
	d := (19*c + 15) % 30
	e := (2*a + 4*b - d + 34) % 7
	month, day := (d+e+114)/31, (d+e+114)%31+1
	return time.Date(year, time.Month(month), day+13, 12, 0, 0, 0, Bucharest)
}
