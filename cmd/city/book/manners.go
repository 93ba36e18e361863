package book

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/memo"
)

// Manners are how a creditor treats payments. They can be changed while it
// runs; the zero value is well-behaved.
type Manners struct {
	Doubles bool          // ditl, parking, roadfines: the payer's number is not unique, a repeat is booked again
	Mute    bool          // ditl, fines: payments cannot be looked up, only a day's statement read
	Batch   bool          // ditl, fines, water, electricity, parking, roadfines: payments show in the debts after the next batch at 02:00
	Final   bool          // a receipt cannot be reversed
	Shows   time.Duration // how long until lookups and statements show a payment
	Days    int           // heating: more working days until a file is booked
}

// shows is how long it takes by default until a payment can be looked up.
const shows = 200 * time.Millisecond

type mannersJSON struct {
	Doubles bool   `json:"doubles"`
	Mute    bool   `json:"mute"`
	Batch   bool   `json:"batch"`
	Final   bool   `json:"final"`
	Shows   string `json:"shows_after"`
	Days    int    `json:"days"`
}

// MarshalJSON writes durations as Go does, "200ms".
func (m Manners) MarshalJSON() ([]byte, error) {
	return json.Marshal(mannersJSON{m.Doubles, m.Mute, m.Batch, m.Final, m.Shows.String(), m.Days})
}

// UnmarshalJSON reads what MarshalJSON writes; what is left out is the default.
func (m *Manners) UnmarshalJSON(b []byte) error {
	wire := mannersJSON{Shows: shows.String()}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	after, err := time.ParseDuration(wire.Shows)
	if err != nil || after < 0 || wire.Days < 0 || wire.Days > 30 {
		return fmt.Errorf("book: manners: shows_after must be a duration like 200ms and days 0 to 30")
	}
	*m = Manners{wire.Doubles, wire.Mute, wire.Batch, wire.Final, after, wire.Days}
	return nil
}

// Manners returns how a creditor behaves now.
func (b *Book) Manners(c Creditor) Manners { return *b.tills[c].manners.Load() }

// Behave changes how a creditor behaves.
func (b *Book) Behave(c Creditor, m Manners) error {
	if !slices.Contains(Creditors(), c) {
		return fmt.Errorf("book: unknown creditor %q", c)
	}
	b.tills[c].manners.Store(&m)
	return nil
}

// Shown is the book as a creditor's lists show it at an instant: itself, or as
// it was at the last batch.
func (b *Book) Shown(c Creditor, now time.Time) *Book {
	if !b.Manners(c).Batch {
		return b
	}
	batch := calendar.Of(now).At(2, 0)
	if now.Before(batch) {
		batch = (calendar.Of(now) - 1).At(2, 0)
	}
	return b.Before(batch)
}

// Before is the book as it was before an instant: what was entered later is
// not in it.
func (b *Book) Before(instant time.Time) *Book { return b.through(lens{before: instant}) }

// through is the book seen with other eyes; it remembers nothing.
func (b *Book) through(l lens) *Book {
	return &Book{people: b.people, seed: b.seed, tills: b.tills, lens: l, memos: forgetful()}
}

// history is what happened to a debt.
func (b *Book) history(c Creditor, id string) history { return b.tills[c].history(id, b.lens) }

// State names what the book says about a thing on a day, a person for taxes
// and fines, a household for utilities: answers made from the book stay true
// while it is the same.
func (b *Book) State(c Creditor, thing int, on calendar.Day) memo.State {
	return memo.State{Day: on, Payments: b.tills[c].versions[thing%slots].Load()}
}

// Entries is how many entries a creditor made in its book.
func (b *Book) Entries(c Creditor) int64 { return b.tills[c].count.Load() }

// EntriesBefore is how many of them were made before an instant.
func (b *Book) EntriesBefore(c Creditor, instant time.Time) (n int64) {
	t := b.tills[c]
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, touched := range t.touched {
		if touched.at.Before(instant) {
			n++
		}
	}
	return n
}

// Touched returns the persons or households the entries from the n-th on are
// about, in order; the number of the next entry is n plus their count.
func (b *Book) Touched(c Creditor, n int) []int {
	t := b.tills[c]
	t.mu.RLock()
	defer t.mu.RUnlock()
	var things []int
	for _, touched := range t.touched[min(n, len(t.touched)):] {
		things = append(things, touched.thing)
	}
	return things
}
