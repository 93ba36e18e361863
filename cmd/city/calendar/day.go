// Package calendar counts civil days in Europe/Bucharest and knows which of
// them Romania works on. It never deals with hours.
package calendar

import (
	"fmt"
	"time"
	_ "time/tzdata" // the city must know Bucharest on machines without zone files
)

// Bucharest is the zone all business dates of the city are in.
var Bucharest = mustLoad("Europe/Bucharest")

func mustLoad(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // the zone is embedded; its absence is a broken build
	}
	return zone
}

// Day is a civil date: days since 1970-01-01.
type Day int32

// Of returns the date it is in Bucharest at the instant t.
func Of(t time.Time) Day {
	_, offset := t.In(Bucharest).Zone()
	return Day(floorDiv(t.Unix()+int64(offset), 86400))
}

// Date returns the day of a year, month and day of month; it normalises as
// time.Date does (32 January is 1 February).
func Date(year int, month time.Month, day int) Day {
	return Day(floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), 86400))
}

// Parse reads YYYY-MM-DD.
func Parse(iso string) (Day, error) {
	t, err := time.Parse("2006-01-02", iso)
	if err != nil {
		return 0, err
	}
	return Day(floorDiv(t.Unix(), 86400)), nil
}

// YMD returns the parts of the date.
func (d Day) YMD() (year int, month time.Month, day int) { return d.utc().Date() }

// Year returns the calendar year.
func (d Day) Year() int { return d.utc().Year() }

// Month returns months counted from January of year 0, so that subtraction
// gives the distance in months.
func (d Day) Month() int {
	y, m, _ := d.YMD()
	return y*12 + int(m) - 1
}

// OfMonth returns a day of the month counted as Month counts.
func OfMonth(month, day int) Day { return Date(month/12, time.Month(month%12+1), day) }

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday { return d.utc().Weekday() }

// ISO formats the date as YYYY-MM-DD.
func (d Day) ISO() string {
	y, m, day := d.YMD()
	return string(appendPadded(append(appendPadded(append(appendPadded(nil, y, 4), '-'), int(m), 2), '-'), day, 2))
}

// RO formats the date as DD.MM.YYYY.
func (d Day) RO() string {
	y, m, day := d.YMD()
	return string(appendPadded(append(appendPadded(append(appendPadded(nil, day, 2), '.'), int(m), 2), '.'), y, 4))
}

// Compact formats the date as YYYYMMDD.
func (d Day) Compact() string {
	y, m, day := d.YMD()
	return fmt.Sprintf("%04d%02d%02d", y, m, day)
}

// At returns the instant hour:minute of the day in Bucharest.
func (d Day) At(hour, minute int) time.Time {
	y, m, day := d.YMD()
	return time.Date(y, m, day, hour, minute, 0, 0, Bucharest)
}

func (d Day) utc() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

func appendPadded(b []byte, n, width int) []byte {
	for p := pow10(width - 1); p > 0; p /= 10 {
		b = append(b, byte('0'+n/p%10))
	}
	return b
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
