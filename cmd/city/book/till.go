package book

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"racord/cmd/city/calendar"
)

// till is what one creditor entered in its books after the city was generated:
// receipts and changes of debts. Entries are never removed.
type till struct {
	count    atomic.Int64
	versions [slots]atomic.Int64 // by the person or household an entry is about
	holds    [slots]sync.Mutex
	seed     maphash.Seed
	manners  atomic.Pointer[Manners]

	mu          sync.RWMutex
	receipts    []*Receipt
	byReference map[string][]*Receipt
	byNumber    map[string]*Receipt
	entries     map[string][]entry // by debt
	touched     []touch
}

// slots is how many parts of the city are told apart: an entry makes the
// creditor forget what it computed about one of them.
const slots = 1024

// entry is a part of a receipt, or a change when there is no receipt.
type entry struct {
	receipt *Receipt
	Part
	adjust    int64
	cancelled bool
	at        time.Time
}

// touch says that something about a person or household changed.
type touch struct {
	thing int
	at    time.Time
}

func newTill() *till {
	t := &till{
		seed: maphash.MakeSeed(), byReference: map[string][]*Receipt{}, byNumber: map[string]*Receipt{},
		entries: map[string][]entry{},
	}
	t.manners.Store(&Manners{Shows: shows})
	return t
}

// hold lets one caller at a time decide about an account.
func (t *till) hold(account string) (release func()) {
	m := &t.holds[maphash.String(t.seed, account)%slots]
	m.Lock()
	return m.Unlock
}

// add enters a receipt; with once, a reference that is there already wins.
func (t *till) add(r *Receipt, once bool) (*Receipt, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if earlier := t.byReference[r.Reference]; once && len(earlier) > 0 {
		return earlier[0], false
	}
	r.Number = receiptNumber(r.Creditor, len(t.receipts)+1)
	t.receipts = append(t.receipts, r)
	t.byNumber[r.Number] = r
	if r.Reference != "" {
		t.byReference[r.Reference] = append(t.byReference[r.Reference], r)
	}
	for _, p := range r.Parts {
		t.entries[p.ExternalID] = append(t.entries[p.ExternalID], entry{receipt: r, Part: p, at: r.BookedAt})
	}
	t.touch(r.thing, r.BookedAt)
	return r, true
}

// change enters a change of a debt.
func (t *till) change(id string, thing int, e entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries[id] = append(t.entries[id], e)
	t.touch(thing, e.at)
}

func (t *till) touch(thing int, at time.Time) {
	t.touched = append(t.touched, touch{thing, at})
	if thing >= 0 {
		t.versions[thing%slots].Add(1)
	}
	t.count.Add(1)
}

// first is the first receipt of a reference.
func (t *till) first(reference string) (Receipt, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if all := t.byReference[reference]; len(all) > 0 {
		return *all[0], true
	}
	return Receipt{}, false
}

// lens is whose eyes the entries are seen with; the zero value sees all.
type lens struct {
	before time.Time // entries from this instant on are not seen
	except string    // nor the receipts of this reference
}

func (l lens) sees(e entry) bool {
	if !l.before.IsZero() && !e.at.Before(l.before) {
		return false
	}
	if e.receipt == nil {
		return true
	}
	undone := e.receipt.ReversedAt
	reversed := !undone.IsZero() && (l.before.IsZero() || undone.Before(l.before))
	return !reversed && (l.except == "" || e.receipt.Reference != l.except)
}

// history is what happened to a debt since the city was generated.
type history struct {
	paid, waived, adjust int64
	cancelled            bool
	payments             []payment
}

type payment struct {
	effective, booked calendar.Day
	amount            int64
}

func (t *till) history(id string, l lens) history {
	var h history
	if t.count.Load() == 0 {
		return h // the usual case must not take a lock
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, e := range t.entries[id] {
		if !l.sees(e) {
			continue
		}
		h.paid += e.Amount
		h.waived += e.Waived
		h.adjust += e.adjust
		h.cancelled = h.cancelled || e.cancelled
		if e.receipt != nil {
			h.payments = append(h.payments, payment{calendar.Of(e.receipt.EffectiveAt), calendar.Of(e.at), e.Amount})
		}
	}
	return h
}

// bookedBefore is what had come in when a day began.
func (h history) bookedBefore(day calendar.Day) (sum int64) {
	for _, p := range h.payments {
		if p.booked < day {
			sum += p.amount
		}
	}
	return sum
}

// unpaid is what was left of a sum when a day began, by when payments were made.
func (h history) unpaid(sum int64, day calendar.Day) int64 {
	for _, p := range h.payments {
		if p.effective < day {
			sum -= p.amount
		}
	}
	return max(0, sum)
}
