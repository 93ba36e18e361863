package calendar

import "time"

// Working reports whether Romania works on the day: neither a Saturday, a
// Sunday nor a legal holiday (Labour Code, Law 53/2003 art. 139).
func (d Day) Working() bool {
	if w := d.Weekday(); w == time.Saturday || w == time.Sunday {
		return false
	}
	return !d.holiday()
}

// NextWorking returns the day itself when it is a working day, else the first
// working day after it (terms that end on a free day, Law 134/2010 art. 181).
func (d Day) NextWorking() Day {
	for !d.Working() {
		d++
	}
	return d
}

func (d Day) holiday() bool {
	y, m, day := d.YMD()
	switch [2]int{int(m), day} {
	case [2]int{1, 1}, [2]int{1, 2}, [2]int{1, 6}, [2]int{1, 7}, [2]int{1, 24},
		[2]int{5, 1}, [2]int{6, 1}, [2]int{8, 15}, [2]int{11, 30},
		[2]int{12, 1}, [2]int{12, 25}, [2]int{12, 26}:
		return true
	}
	switch d - Easter(y) {
	case -2, 0, 1, 49, 50: // Good Friday, Easter, Pentecost
		return true
	}
	return false
}

// Easter returns the Sunday of the Orthodox Easter (Meeus, Julian calendar,
// moved 13 days; right for 1900–2099).
func Easter(year int) Day {
	a, b, c := year%4, year%7, year%19
	d := (19*c + 15) % 30
	e := (2*a + 4*b - d + 34) % 7
	month, day := (d+e+114)/31, (d+e+114)%31+1
	return Date(year, time.Month(month), day) + 13
}
