package reconcile

import (
	"strings"

	"racord/hub"
)

// round is one reading of every merchant account's settlements. It goes on where it
// was left, whoever left it, and the next one begins behind it: no account waits
// for ever because reading is cut short over and over. Its days are business days,
// empty when there was none.
type round struct {
	whole hub.Date // all accounts were read in a round that began then, the last such
	begun hub.Date // when this round began; it counts as the last one once something could not be read
	last  string   // the account that was read last
}

// readRound takes a job's cursor for how far its round has come.
func readRound(cursor string) (r round) {
	parts := strings.SplitN(cursor, " ", 3)
	if len(parts) == 3 {
		r = round{hub.Date(parts[0]), hub.Date(parts[1]), parts[2]}
	}
	return r
}

func (r round) String() string { return string(r.whole) + " " + string(r.begun) + " " + r.last }

// at is about to read an account: the first of all begins another round.
func (r *round) at(first bool, today hub.Date) {
	if first {
		r.whole, r.begun = r.begun, today
	}
}

// read notes that an account was read, or could not be.
func (r *round) read(account string, err error) {
	r.last = account
	if err != nil {
		r.begun = r.whole
	}
}

// since is the first day whose settlements are read: what was paid out before it was
// read already, of every account.
func (r round) since(today hub.Date) hub.Date {
	from := today
	if r.whole != "" {
		from = min(r.whole, today)
	}
	return max(from.Back(settlementDays), today.Back(longAgo))
}
