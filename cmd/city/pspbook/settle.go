package pspbook

import (
	"cmp"
	"fmt"
	"slices"

	"racord/cmd/city/calendar"
)

// Item is one movement on a settlement.
type Item struct {
	ID       string `json:"id"`       // the provider's number
	OrderID  string `json:"order_id"` // the merchant's number
	Merchant string `json:"merchant"`
	RRN      string `json:"rrn"`
	Movement
}

// dayKey is a merchant account on the day its movements happened.
type dayKey struct {
	account string
	day     calendar.Day
}

// Settlement is a day's movements of a merchant account, paid out at once, net
// of fees. Amounts are in bani; Transferred is negative when more went back
// than came in.
type Settlement struct {
	Number      string
	Account     string
	Day         calendar.Day // when the movements happened
	Payout      calendar.Day // when the bank books it: the next working day
	Gross       int64        // captures less what went back
	Fee         int64        // without VAT
	VAT         int64
	Transferred int64
	Items       []Item
}

// Settlements returns the settlements of an account that were paid out from
// one day to another, both included, oldest first. prefix begins their numbers.
func (b *Book) Settlements(prefix string, of Account, from, to calendar.Day) []Settlement {
	var found []Settlement
	b.mu.RLock()
	defer b.mu.RUnlock()
	for k, items := range b.days {
		payout := (k.day + 1).NextWorking()
		if k.account == of.Key && payout >= from && payout <= to {
			found = append(found, settlement(prefix, of, k.day, items))
		}
	}
	slices.SortFunc(found, func(a, b Settlement) int { return cmp.Compare(a.Day, b.Day) })
	return found
}

func settlement(prefix string, of Account, day calendar.Day, items []Item) Settlement {
	s := Settlement{
		Account: of.Key, Day: day, Payout: (day + 1).NextWorking(), Items: slices.Clone(items),
		Number: fmt.Sprintf("%s%s%d", prefix, day.Compact(), of.PosID),
	}
	for _, item := range items {
		s.Gross += item.Kind.sign() * item.Amount
		s.Fee += item.Fee
	}
	s.VAT = vat(s.Fee)
	s.Transferred = s.Gross - s.Fee - s.VAT
	return s
}
