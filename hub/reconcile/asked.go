package reconcile

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// asked is what is remembered of one merchant account: until when its orders were
// compared, by the store's time, and which could not be asked about.
type asked struct {
	Until  time.Time `json:"until"`
	Behind bool      `json:"behind,omitempty"` // the comparison was cut short there: more had changed
	Orders []string  `json:"orders,omitempty"` // merchant/order, fewer than enough
}

// accountsAsked are those of all, by provider/merchant: the provider job's cursor.
// One that gives no answer for weeks has weeks to catch up, and no other has.
type accountsAsked map[string]asked

// askedOf takes a cursor for what was asked by now.
func askedOf(cursor string) accountsAsked {
	all := accountsAsked{}
	if json.Unmarshal([]byte(cursor), &all) != nil || all == nil {
		return accountsAsked{}
	}
	return all
}

// begin gives since when an account is to be compared. A new one is from some time
// before, for good: it may give no answer for long. One that is behind goes on where it
// was left: going back each time, it might never come further than it goes back.
func (a accountsAsked) begin(who string, before, now time.Time) time.Time {
	if _, known := a[who]; !known {
		a[who] = asked{Until: before}
	}
	since := a[who].Until
	if !a[who].Behind {
		since = since.Add(-overlap)
	}
	if oldest := now.AddDate(0, 0, -longAgo); since.Before(oldest) {
		return oldest
	}
	return since
}

// end notes that a window was compared: up to now where there were answers, except
// about some orders.
func (a accountsAsked) end(w *window) {
	for _, merchant := range w.psp.Accounts() {
		a.note(w, merchant, asked{Until: w.now})
	}
}

// reach notes that a window was compared up to a place, of which there may come to be
// more in the last moments.
func (a accountsAsked) reach(w *window, place time.Time) {
	if settled := w.now.Add(-underWay); place.After(settled) {
		place = settled
	}
	for _, merchant := range w.psp.Accounts() {
		if !place.Before(w.since[merchant]) {
			a.note(w, merchant, asked{Until: place, Behind: true})
		}
	}
}

// note notes how far one account was compared, if it gives answers, and about which of
// its orders there was none.
func (a accountsAsked) note(w *window, merchant string, so asked) {
	if w.deaf(merchant) {
		return
	}
	so.Orders = slices.DeleteFunc(slices.Sorted(maps.Keys(w.unasked)), func(name string) bool { return !strings.HasPrefix(name, merchant+"/") })
	a[w.psp.Name+"/"+merchant] = so
}

// String is the cursor that askedOf reads.
func (a accountsAsked) String() string {
	text, _ := json.Marshal(a) // names, orders and moments
	return string(text)
}
