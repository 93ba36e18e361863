package connectors

import (
	"errors"
	"strings"
	"time"

	"racord/hub"
)

// errDate is returned for text that is not a date of the expected form. It
// never repeats the text.
var errDate = errors.New("not a date of the expected form")

// civil is a calendar day; the zero civil is none.
type civil struct{ y, m, d int }

// DateRO reads day, month and year with dots, slashes or dashes between
// ("31.03.2026", "31/03/26", "1.4.2026", with or without a time behind) and
// gives the day. Years of two digits are 1980 to 2079. The dates old systems
// write for nothing (00.00.0000, 01.01.1900, 31.12.9999) give the empty Date.
func DateRO(s string) (hub.Date, error) {
	c, err := civilRO(s)
	return c.date(), err
}

func civilRO(s string) (civil, error) {
	y, m, d, err := dayRO(s)
	if err != nil {
		return civil{}, err
	}
	return existing(y, m, d)
}

func dayRO(s string) (y, m, d int, err error) {
	s = strings.Trim(s, " ")
	if cut := strings.IndexByte(s, ' '); cut > 0 {
		s = s[:cut]
	}
	at := strings.IndexAny(s, "./-")
	if at < 1 || at > 2 {
		return 0, 0, 0, errDate
	}
	separator, day, rest := s[at], s[:at], s[at+1:]
	next := strings.IndexByte(rest, separator)
	if next < 1 || next > 2 {
		return 0, 0, 0, errDate
	}
	month, year := rest[:next], rest[next+1:]
	d, m, y = small(day), small(month), small(year)
	if d < 0 || m < 0 || y < 0 || len(year) != 2 && len(year) != 4 {
		return 0, 0, 0, errDate
	}
	if len(year) == 2 && (d != 0 || m != 0) {
		y += 1900
		if y < 1980 {
			y += 100
		}
	}
	return y, m, d, nil
}

// small reads up to four digits, -1 when there is anything else.
func small(s string) int {
	if s == "" || len(s) > 4 {
		return -1
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// existing checks that the day exists and knows the days that mean nothing.
func existing(y, m, d int) (civil, error) {
	switch {
	case y == 0 && m == 0 && d == 0, y == 1900 && m == 1 && d == 1, y == 9999 && m == 12 && d == 31:
		return civil{}, nil
	case y < 1850 || y > 2199 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m):
		return civil{}, errDate
	}
	return civil{y, m, d}, nil
}

// append writes YYYY-MM-DD, nothing for none.
func (c civil) append(dst []byte) []byte {
	if c == (civil{}) {
		return dst
	}
	return append(dst,
		byte('0'+c.y/1000), byte('0'+c.y/100%10), byte('0'+c.y/10%10), byte('0'+c.y%10), '-',
		byte('0'+c.m/10), byte('0'+c.m%10), '-', byte('0'+c.d/10), byte('0'+c.d%10))
}

func (c civil) date() hub.Date { return hub.Date(c.append(nil)) }

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// DateISO reads YYYY-MM-DD, or an instant of RFC 3339 whose day in
// Europe/Bucharest counts; a time without a zone is already there. 0000-00-00,
// 1900-01-01 and 9999-12-31 give the empty Date.
func DateISO(s string) (hub.Date, error) {
	c, err := civilISO(s)
	return c.date(), err
}

func civilISO(s string) (civil, error) {
	s = strings.Trim(s, " ")
	if len(s) > len(time.DateOnly) {
		t, err := DateTimeISO(s)
		if err != nil {
			return civil{}, err
		}
		t = t.In(hub.Bucharest)
		return existing(t.Year(), int(t.Month()), t.Day())
	}
	if len(s) != len(time.DateOnly) || s[4] != '-' || s[7] != '-' {
		return civil{}, errDate
	}
	y, m, d := small(s[:4]), small(s[5:7]), small(s[8:])
	if y < 0 || m < 0 || d < 0 {
		return civil{}, errDate
	}
	return existing(y, m, d)
}

// DateTimeISO reads an instant of RFC 3339; without a zone it is a time of
// Europe/Bucharest.
func DateTimeISO(s string) (time.Time, error) {
	s = strings.Trim(s, " ")
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, form := range [...]string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(form, s, hub.Bucharest); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errDate
}

// DateTimeRO reads "15.02.2026 02:14:09" or "15.02.2026 02:14" as a time of
// Europe/Bucharest.
func DateTimeRO(s string) (time.Time, error) {
	s = strings.Trim(s, " ")
	for _, form := range [...]string{"02.01.2006 15:04:05", "02.01.2006 15:04", "02.01.2006"} {
		if t, err := time.ParseInLocation(form, s, hub.Bucharest); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errDate
}

// MonthRO reads a month ("02.2026", "2/2026") and gives its first and last day
// with the text as label.
func MonthRO(s string) (hub.Period, error) {
	s = strings.Trim(s, " ")
	at := strings.IndexAny(s, "./-")
	if at < 1 || at > 2 || len(s)-at != 5 {
		return hub.Period{}, errDate
	}
	m, y := small(s[:at]), small(s[at+1:])
	if m < 1 || m > 12 || y < 1850 || y > 2199 {
		return hub.Period{}, errDate
	}
	return hub.Period{From: civil{y, m, 1}.date(), To: civil{y, m, daysIn(y, m)}.date(), Label: s}, nil
}
