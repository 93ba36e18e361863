package electricity

import (
	"iter"
	"strconv"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/gate"
)

// index numbers a message: YYYYMMDD of issue, six digits of household, one of
// turn. It grows with time, so a list can go on after any of them, and says
// what the message is without a table.
type index int64

// again is the turn of a message sent twice.
const again = 9

func indexOf(day calendar.Day, house, turn int) index {
	y, m, d := day.YMD()
	return index(int64(y*10_000+int(m)*100+d)*10_000_000 + int64(house*10+turn))
}

func (i index) day() calendar.Day {
	d := int(i / 10_000_000)
	return calendar.Date(d/10_000, time.Month(d/100%100), d%100)
}

func (i index) house() int { return int(i / 10 % 1_000_000) }

func (i index) turn() int { return int(i % 10) }

// String is the index as the list gives it.
func (i index) String() string { return strconv.FormatInt(int64(i), 10) }

// created is when the message can first be seen: the day after the issue at six.
func (i index) created() time.Time { return (i.day() + 1).At(6, 0) }

// message is one e-invoice in the list.
type message struct {
	index   index
	client  book.Client
	invoice book.Invoice
}

// since yields the messages after an index that can be seen at now.
func (s *Supplier) since(after index, now time.Time) iter.Seq[message] {
	today := calendar.Of(now)
	first := calendar.OfMonth(today.Month()-book.Depth, 1)
	if after > 0 {
		first = max(first, after.day())
	}
	return func(yield func(message) bool) {
		for day := first; day <= today && !indexOf(day, 0, 0).created().After(now); day++ {
			for m := range s.issued(day, after, today) {
				if m.index > after && !yield(m) {
					return
				}
			}
		}
	}
}

// issued yields the messages of one day of issue, in order of household.
func (s *Supplier) issued(day calendar.Day, after index, today calendar.Day) iter.Seq[message] {
	_, _, dom := day.YMD()
	house := dom - 1 // the first household whose bills are issued that day
	if after > 0 && after.day() == day {
		house = max(house, after.house())
	}
	return func(yield func(message) bool) {
		if dom != book.IssueDay(dom-1) {
			return
		}
		for ; house < s.book.People().Houses(); house += 10 {
			for m := range s.ofHouse(house, day, today) {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// ofHouse yields what one household gets on a day of issue: usually one
// message, three when a bill is cancelled and issued again.
func (s *Supplier) ofHouse(house int, day, today calendar.Day) iter.Seq[message] {
	return func(yield func(message) bool) {
		client, ok := s.book.Client(book.Electricity, house)
		if !ok {
			return
		}
		_, doubled := s.gate.On(gate.DuplicateXML)
		for _, inv := range s.book.Invoices(book.Electricity, house, today) {
			if inv.Issued != day {
				continue
			}
			if !yield(message{indexOf(day, house, inv.Turn), client, inv}) {
				return
			}
			if doubled && inv.Turn == 0 && house%3 == 0 && !inv.Void && !yield(message{indexOf(day, house, again), client, inv}) {
				return
			}
		}
	}
}

// message finds what an index stands for, if it can be seen at now.
func (s *Supplier) message(i index, now time.Time) (message, bool) {
	if i < 200001010000000 || i.created().After(now) || i.house() >= s.book.People().Houses() {
		return message{}, false
	}
	for m := range s.ofHouse(i.house(), i.day(), calendar.Of(now)) {
		if m.index == i || i.turn() == again && m.index.turn() == 0 {
			m.index = i
			return m, true
		}
	}
	return message{}, false
}
