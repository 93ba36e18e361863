package reconcile

import (
	"encoding/json"
	"slices"

	"racord/hub"
)

// longAgo is how many days back anything is read: others tell of no more.
const longAgo = 90

// reading is how far the days of one account or creditor were read.
type reading struct {
	Until  hub.Date   `json:"until"`            // the last day that was asked for
	Unread []hub.Date `json:"unread,omitempty"` // those that could not be read yet, the oldest first
}

// due gives the days to read now, the oldest first: those that could not be read,
// and all from so many days before the last reading on. They are unread until read
// says otherwise, so that whatever cuts the reading short leaves none out.
func (r *reading) due(today hub.Date, back int) []hub.Date {
	first := today.Back(longAgo)
	days := slices.DeleteFunc(r.Unread, func(day hub.Date) bool { return day < first })
	for day := max(min(r.Until, today).Back(back), first); day <= today; day = day.Next() {
		days = append(days, day)
	}
	r.Until, r.Unread = today, sorted(days)
	return slices.Clone(r.Unread)
}

// read notes that a day was read, and all that follows from it was done.
func (r *reading) read(day hub.Date) {
	r.Unread = slices.DeleteFunc(r.Unread, func(d hub.Date) bool { return d == day })
}

// readings are those of a job, by whose days they are: the job's cursor. So no day
// is left out, however long nobody answered or nobody asked.
type readings struct {
	Of   map[string]*reading `json:"of"`
	Last string              `json:"last,omitempty"` // who was read last, in a round that was cut short
}

// readingsOf takes a job's cursor for what was read by now.
func readingsOf(cursor string) (all readings) {
	if json.Unmarshal([]byte(cursor), &all) != nil || all.Of == nil {
		return readings{Of: map[string]*reading{}}
	}
	return all
}

// of gives the reading of one whose days are read, from today on when it is new.
func (r readings) of(who string, today hub.Date) *reading {
	if r.Of[who] == nil {
		r.Of[who] = &reading{Until: today}
	}
	return r.Of[who]
}

// unreadSince tells whether some of somebody's days from one on could not be read.
func (r readings) unreadSince(who string, day hub.Date) bool {
	of := r.Of[who]
	return of != nil && slices.ContainsFunc(of.Unread, func(d hub.Date) bool { return d >= day })
}

// whole tells whether all of somebody's days were read, from one up to another.
func (r readings) whole(who string, from, to hub.Date) bool {
	of := r.Of[who]
	return of != nil && of.Until >= to && !slices.ContainsFunc(of.Unread, func(d hub.Date) bool { return from <= d && d <= to })
}

// String is the cursor that readingsOf reads.
func (r readings) String() string {
	text, _ := json.Marshal(r) // names and days
	return string(text)
}

// sorted puts days in their order, each once.
func sorted(days []hub.Date) []hub.Date {
	slices.Sort(days)
	return slices.Compact(days)
}

// spans puts days together that follow each other, so many at most. The newest come
// first.
func spans(days []hub.Date, most int) (all [][]hub.Date) {
	for end := len(days); end > 0; {
		from := end - 1
		for from > 0 && end-from < most && days[from-1].Next() == days[from] {
			from--
		}
		all, end = append(all, days[from:end]), from
	}
	return all
}

// andNext adds to days so many days after each, none later than today.
func andNext(days []hub.Date, after int, today hub.Date) []hub.Date {
	all := slices.Clone(days)
	for _, day := range days {
		for next, left := day.Next(), after; left > 0 && next <= today; next, left = next.Next(), left-1 {
			all = append(all, next)
		}
	}
	return sorted(all)
}
