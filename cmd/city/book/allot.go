package book

import (
	"slices"
	"strings"

	"racord/cmd/city/calendar"
)

// allotTax puts a payment on the instalment it names, or on the whole year of
// its tax when it is exactly the year's sum less the discount that was offered
// when the money was authorised. Lateness counts up to that day too.
func (b *Book) allotTax(p Payment, on, then calendar.Day) (allotment, error) {
	person, which, ok := b.RoleOwner(p.Account)
	if !ok {
		return allotment{}, ErrUnknownAccount
	}
	now, ok := b.charge(person, which, p.Debt, on)
	switch {
	case !ok:
		return allotment{}, ErrUnknownDebt
	case now.Cancelled:
		return allotment{}, ErrCancelled
	case now.Outstanding() <= 0:
		return allotment{}, ErrAlreadyPaid
	}
	if parts := b.wholeYear(person, p, now, then); parts != nil {
		return allotment{parts: parts, thing: person}, nil
	}
	owed := now.Outstanding()
	if old, ok := b.charge(person, which, p.Debt, then); ok {
		owed = min(owed, old.Outstanding())
	}
	if p.Amount > owed {
		return allotment{}, ErrAmountChanged
	}
	return allotment{parts: []Part{{ExternalID: p.Debt, Amount: p.Amount}}, thing: person}, nil
}

// charge finds an instalment, settled ones of earlier years included.
func (b *Book) charge(person, which int, id string, on calendar.Day) (Charge, bool) {
	year, role := on.Year(), roleNumber(person, which)
	if len(id) > 4 && strings.Contains(id, "-"+role+"-") {
		year = atoi(id[:4])
	}
	if year < on.Year()-7 || year > on.Year() {
		return Charge{}, false
	}
	p := b.people.Person(person)
	own, habit := goodsOf(b.goods(p), which), b.taxHabit(p)
	for k, g := range own {
		for _, c := range b.charges(role, k, g, year, own, habit, on) {
			if c.ID == id {
				return c, true
			}
		}
	}
	return Charge{}, false
}

// wholeYear splits a year's discounted sum over its instalments; nil when the
// payment is not that.
func (b *Book) wholeYear(person int, p Payment, named Charge, then calendar.Day) []Part {
	roles := b.Roles(person, then)
	i := slices.IndexFunc(roles, func(r Role) bool { return r.Number == p.Account })
	if i < 0 {
		return nil
	}
	offer := slices.IndexFunc(roles[i].Bonuses, func(o Bonus) bool {
		return o.Revenue == named.Revenue && o.Year == named.Year
	})
	if offer < 0 {
		return nil
	}
	var parts []Part
	sum := int64(0)
	for _, c := range roles[i].Charges {
		if c.Revenue == named.Revenue && c.Year == named.Year {
			parts = append(parts, Part{ExternalID: c.ID, Amount: c.Outstanding()})
			sum += c.Outstanding()
		}
	}
	discount := roles[i].Bonuses[offer].Amount
	if sum-discount != p.Amount {
		return nil
	}
	return waive(parts, sum, discount)
}

// waive takes a discount off the parts of a sum in proportion; the last one
// carries what does not divide.
func waive(parts []Part, sum, discount int64) []Part {
	left := discount
	for i := range parts {
		share := discount * parts[i].Amount / sum
		if i == len(parts)-1 {
			share = left
		}
		parts[i].Amount -= share
		parts[i].Waived = share
		left -= share
	}
	return parts
}

// allotFine takes exactly what is owed, or what was enough when the money was
// authorised. A report in hand is paid before it is registered, whatever the
// amount on it.
func (b *Book) allotFine(p Payment, on, then calendar.Day) (allotment, error) {
	if p.ByReport && !strings.HasPrefix(p.Debt, "PLNT-") {
		return allotment{}, ErrUnknownDebt // another police's
	}
	part := Part{ExternalID: p.Debt, Amount: p.Amount}
	person, k, ok := b.reportOwner(p.Debt)
	if ok {
		ok = k < b.fined(b.people.Person(person))
	}
	if !ok {
		return allotment{[]Part{part}, -1, true}, unless(p.ByReport, ErrUnknownDebt)
	}
	f, _ := b.fine(b.people.Person(person), k, on)
	part.Waived = b.waived(person, p.Debt, p.Amount, then)
	switch {
	case on < f.Registered:
		return allotment{[]Part{part}, person, true}, unless(p.ByReport, ErrUnknownDebt)
	case f.Status == "cancelled":
		return allotment{}, ErrCancelled
	case f.Outstanding <= 0:
		return allotment{}, ErrAlreadyPaid
	case p.Amount != f.Outstanding && part.Waived == 0:
		return allotment{}, ErrAmountChanged
	}
	return allotment{parts: []Part{part}, thing: person}, nil
}

func unless(fine bool, err error) error {
	if fine {
		return nil
	}
	return err
}

// waived is what the police forgive somebody who paid the reduced amount in
// time.
func (b *Book) waived(person int, id string, amount int64, on calendar.Day) int64 {
	owner, k, ok := b.reportOwner(id)
	if !ok || owner != person {
		return 0
	}
	if f, _ := b.fine(b.people.Person(person), k, on); f.Reduced > 0 && amount == f.Reduced {
		return f.Outstanding - f.Reduced
	}
	return 0
}

// allotBill puts a payment on the bill it names, or on the oldest bills first.
func (b *Book) allotBill(c Creditor, p Payment, on, then calendar.Day) (allotment, error) {
	client, ok := b.ClientByCode(c, p.Account)
	if !ok {
		return allotment{}, ErrUnknownAccount
	}
	bills := b.Invoices(c, client.House, on)
	named, err := b.named(c, client.House, p.Debt, bills, on)
	if err != nil {
		return allotment{}, err
	}
	if named == nil || c == Water && named.Outstanding() != p.Amount {
		parts, err := spread(c, bills, named, p.Amount)
		return allotment{parts: parts, thing: client.House}, err
	}
	if named.Outstanding() <= 0 {
		return allotment{}, ErrAlreadyPaid
	}
	if p.Amount > min(b.owed(c, client.House, *named, then), named.Outstanding()) {
		return allotment{}, ErrAmountChanged
	}
	return allotment{parts: []Part{{ExternalID: named.ID, Amount: p.Amount}}, thing: client.House}, nil
}

// named finds a bill by its id or printed number; nil when none is named. What
// is older than the books go back was settled long ago.
func (b *Book) named(c Creditor, house int, id string, bills []Invoice, on calendar.Day) (*Invoice, error) {
	if id == "" {
		return nil, nil
	}
	for i := range bills {
		if bills[i].ID != id && bills[i].Number != id {
			continue
		}
		if bills[i].Void || bills[i].Withdrawn || b.history(c, bills[i].ID).cancelled {
			return nil, ErrCancelled
		}
		return &bills[i], nil
	}
	for month := on.Month() - 36; month < on.Month()-Depth; month++ {
		number := invoiceNumber(c, house, month, 0)
		if number == id || billID(c, number) == id {
			return nil, ErrAlreadyPaid
		}
	}
	return nil, ErrUnknownDebt
}

// owed is what a bill owed on the day the money was authorised.
func (b *Book) owed(c Creditor, house int, bill Invoice, then calendar.Day) int64 {
	for _, old := range b.Invoices(c, house, max(then, bill.Issued)) {
		if old.ID == bill.ID {
			return old.Outstanding()
		}
	}
	return bill.Outstanding()
}

// spread pays the oldest bills first. Only the water company takes more than is
// owed; what is left goes to the bill that was named, or to the latest.
func spread(c Creditor, bills []Invoice, named *Invoice, amount int64) ([]Part, error) {
	var parts []Part
	left := amount
	for _, bill := range bills {
		if bill.Withdrawn {
			continue
		}
		if pay := min(left, bill.Outstanding()); pay > 0 {
			parts = append(parts, Part{ExternalID: bill.ID, Amount: pay})
			left -= pay
		}
	}
	switch {
	case left == 0:
		return parts, nil
	case c != Water && len(parts) == 0:
		return nil, ErrAlreadyPaid
	case c != Water:
		return nil, ErrAmountChanged
	}
	return credit(parts, bills, named, left), nil
}

// credit leaves money on an account.
func credit(parts []Part, bills []Invoice, named *Invoice, left int64) []Part {
	last, _ := Latest(bills)
	if named != nil {
		last = *named
	}
	if i := slices.IndexFunc(parts, func(p Part) bool { return p.ExternalID == last.ID }); i >= 0 {
		parts[i].Amount += left
		return parts
	}
	return append(parts, Part{ExternalID: last.ID, Amount: left})
}

// Spread is what a payment of an amount to a client's account would
// extinguish now, whichever bill it names ("" for none).
func (b *Book) Spread(c Creditor, code, bill string, amount int64, on calendar.Day) ([]Part, error) {
	share, err := b.allotBill(c, Payment{Account: code, Debt: bill, Amount: amount}, on, on)
	return share.parts, err
}

func atoi(text string) (n int) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// Charge finds an instalment by role and id as of a day.
func (b *Book) Charge(role, id string, on calendar.Day) (Charge, bool) {
	person, which, ok := b.RoleOwner(role)
	if !ok {
		return Charge{}, false
	}
	return b.charge(person, which, id, on)
}
