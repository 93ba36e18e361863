package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

const (
	settlementDays = 7                  // whose settlements are read again each time
	atOnce         = settlementDays + 2 // that a provider is asked for: those and what came since
	settledWithin  = 5 * 24 * time.Hour // a weekend, a holiday and the day itself
)

// settlements reads what providers say they paid out, books it to the ban, and
// lists what is in a settlement and not in our books, and what was taken and is
// in no settlement.
func (s *Service) settlements(ctx context.Context, t *turn, only hub.Date) error {
	open, err := s.open(ctx, hub.JobSettlement)
	if err != nil {
		return err
	}
	round := &round{Service: s, turn: t, readings: readingsOf(t.run.Cursor), only: only, open: open}
	return round.whole(ctx)
}

// itemsOf chooses the items that were paid out on a day.
func itemsOf(items []hub.SettledCharge, day hub.Date) (of []hub.SettledCharge) {
	for i := range items {
		if items[i].Day == day {
			of = append(of, items[i])
		}
	}
	return of
}

// accountOf gives the creditor's account that a merchant account pays out to.
func accountOf(psp *hub.PSP, merchant string) string {
	return psp.Merchants.AccountOf(merchant)
}

// settlement books one day of one merchant account. A day of which nothing is told
// and nothing was open changes nothing.
func (s *Service) settlement(ctx context.Context, paid *settledDay, items []hub.SettledCharge, open []hub.Difference) error {
	if len(items) == 0 && len(open) == 0 {
		return nil
	}
	for i := range items {
		if err := s.addItem(ctx, paid, &items[i]); err != nil {
			return err
		}
	}
	for _, ref := range slices.Sorted(maps.Keys(paid.payouts)) {
		if err := s.Store.SettledPayout(ctx, *paid.payouts[ref], paid.bookings[ref]...); err != nil {
			return err
		}
	}
	paid.alsoAbout(open)
	if err := s.alsoBooked(ctx, paid); err != nil {
		return err
	}
	if err := s.compareSettled(ctx, paid); err != nil {
		return err
	}
	return s.Store.Compared(ctx, hub.JobSettlement, paid.scope(), paid.found)
}

// addItem notes one item of a settlement, and whose payment it belongs to.
func (s *Service) addItem(ctx context.Context, paid *settledDay, item *hub.SettledCharge) error {
	id, _, err := s.Store.PaymentOfOrder(ctx, paid.psp, item.Order)
	switch {
	case hub.CodeOf(err) == hub.CodeNotFound:
		paid.payments[""] = true
		paid.found = append(paid.found, hub.Difference{Kind: "missing_here", Name: item.Order, Amount: item.Gross.Minor, Detail: "paid out with " + item.PayoutRef})
	case err != nil:
		return err
	default:
		paid.payments[id] = true
		paid.disputed[id] = paid.disputed[id] || item.Dispute
	}
	paid.add(id, item)
	return nil
}

// compareSettled takes back what is told otherwise now and lists where more was
// paid out, or kept, than we know of.
func (s *Service) compareSettled(ctx context.Context, paid *settledDay) error {
	for _, id := range slices.Sorted(maps.Keys(paid.payments)) {
		if err := s.correct(ctx, id, paid); err != nil {
			return err
		}
		if id == "" {
			continue
		}
		if paid.disputed[id] {
			if err := s.Paying.Disputed(ctx, id); err != nil {
				return err
			}
		}
		more, err := s.paidMore(ctx, paid.psp, id)
		if err != nil {
			return err
		}
		paid.found = append(paid.found, more...)
	}
	return nil
}

// settledDay is what a provider says it paid out for one merchant account on one
// day, and what follows from it.
type settledDay struct {
	psp, merchant, account string
	day                    hub.Date
	payouts                map[string]*hub.Payout   // by their reference
	bookings               map[string][]hub.Booking // likewise
	payments               map[hub.PaymentID]bool   // that it is about; "" = none that is known
	disputed               map[hub.PaymentID]bool   // of those, of which payers' banks moved something
	found                  []hub.Difference

	times map[string]int // how often the same item came
}

func newSettledDay(psp, merchant, account string, day hub.Date) *settledDay {
	return &settledDay{
		psp: psp, merchant: merchant, account: account, day: day, payouts: map[string]*hub.Payout{},
		bookings: map[string][]hub.Booking{}, payments: map[hub.PaymentID]bool{}, disputed: map[hub.PaymentID]bool{}, times: map[string]int{},
	}
}

// scope names the comparison.
func (o *settledDay) scope() string { return o.psp + "/" + o.merchant + "/" + string(o.day) }

// add sums an item up in its payout and books it. What comes twice is booked
// twice, under names of its own: the comparison finds it.
func (o *settledDay) add(id hub.PaymentID, item *hub.SettledCharge) {
	p := o.payouts[item.PayoutRef]
	if p == nil {
		p = &hub.Payout{PSP: o.psp, Ref: item.PayoutRef, Merchant: o.merchant, Account: o.account, Day: o.day}
		o.payouts[item.PayoutRef] = p
	}
	p.Gross, p.Fee, p.Net = p.Gross+item.Gross.Minor, p.Fee+item.Fee.Minor, p.Net+item.Net.Minor
	key := hub.SettledName(o.psp, o.merchant, item)
	o.times[key]++
	name := fmt.Sprintf("%s:%d:%d:%d", key, o.times[key], item.Gross.Minor, item.Fee.Minor)
	if b, ok := settledBooking(name, id, o.psp, o.account, item); ok {
		o.bookings[item.PayoutRef] = append(o.bookings[item.PayoutRef], b)
	}
}

// alsoAbout looks again at the payments of differences that were open.
func (o *settledDay) alsoAbout(open []hub.Difference) {
	for _, d := range open {
		if d.Kind == settledMore || d.Kind == keptMore {
			o.payments[hub.PaymentID(d.Name)] = true
		}
	}
}

// alsoBooked looks again at the payments of what was booked of these payouts and
// is not told of them any more. What was nobody's may be a payment's by now.
func (s *Service) alsoBooked(ctx context.Context, paid *settledDay) error {
	told := paid.told()
	for ref := range paid.payouts {
		booked, err := s.Store.SettledNames(ctx, hub.SettledPayout(paid.psp, paid.merchant, ref))
		if err != nil {
			return err
		}
		for name, id := range booked {
			if now, is := told[name]; !is || now.Payment != id {
				paid.payments[id] = true
			}
		}
	}
	return nil
}

// settledBooking: the bank has what the provider paid out, the provider kept its
// fee, and owes us so much less.
func settledBooking(id string, p hub.PaymentID, psp, account string, item *hub.SettledCharge) (hub.Booking, bool) {
	creditor, bank := splitAccount(account)
	b := hub.Booking{ID: id, Kind: "settled", Payment: p}
	for _, leg := range []struct {
		account string
		debit   int64
	}{
		{hub.AccountBank(creditor, bank), item.Net.Minor},
		{hub.AccountFee(psp), item.Fee.Minor},
		{hub.AccountClearing(psp), -item.Gross.Minor},
	} {
		switch {
		case leg.debit > 0:
			b.Legs = append(b.Legs, hub.Leg{Account: leg.account, Debit: leg.debit})
		case leg.debit < 0:
			b.Legs = append(b.Legs, hub.Leg{Account: leg.account, Credit: -leg.debit})
		}
	}
	return b, b.Check() == nil
}

// splitAccount takes "creditor/account" apart.
func splitAccount(account string) (hub.Name, string) {
	creditor, id, _ := strings.Cut(account, "/")
	return hub.Name(creditor), id
}

// correct takes back what was booked of a payment and is not told of it any more,
// and books again what was taken back and is told again.
func (s *Service) correct(ctx context.Context, id hub.PaymentID, paid *settledDay) error {
	booked, err := s.Store.Bookings(ctx, id)
	if err != nil {
		return err
	}
	bookings := paid.corrections(id, booked)
	if len(bookings) == 0 {
		return nil
	}
	return s.Store.Book(ctx, bookings...)
}

// corrections make what was booked of a payment what is told of it now. What is told
// and not there was booked before it was known whose it is: it is booked again.
func (o *settledDay) corrections(id hub.PaymentID, booked []hub.Booking) (bookings []hub.Booking) {
	there, told := namesOf(booked), o.told()
	for _, b := range firsts(booked, there) {
		if !o.covers(b.ID) {
			continue
		}
		last, round := lastRound(b, there)
		now, is := told[b.ID]
		delete(told, b.ID)
		switch is, taken := is && now.Payment == id, there[corrected+last.ID]; {
		case is && taken:
			bookings = append(bookings, again(b, round+1))
		case !is && !taken:
			bookings = append(bookings, reversed(last))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(told)) {
		if b := told[name]; b.Payment == id {
			bookings = append(bookings, again(b, 2))
		}
	}
	return bookings
}

// namesOf gives the names of bookings.
func namesOf(bookings []hub.Booking) map[string]bool {
	names := map[string]bool{}
	for _, b := range bookings {
		names[b.ID] = true
	}
	return names
}

// firsts gives bookings, and the first name to what was booked of another payment
// under it.
func firsts(booked []hub.Booking, there map[string]bool) []hub.Booking {
	list := slices.Clone(booked)
	for i := range list {
		if name, moved := strings.CutPrefix(list[i].ID, secondRound); moved && !there[name] {
			list[i].ID = name
		}
	}
	return list
}

// told gives what is told now, by name.
func (o *settledDay) told() map[string]hub.Booking {
	told := map[string]hub.Booking{}
	for _, bookings := range o.bookings {
		for _, b := range bookings {
			told[b.ID] = b
		}
	}
	return told
}

// covers tells whether what add called so is of a payout that is told now.
func (o *settledDay) covers(id string) bool {
	for ref := range o.payouts {
		if strings.HasPrefix(id, hub.SettledPayout(o.psp, o.merchant, ref)) {
			return true
		}
	}
	return false
}

// lastRound gives the newest booking of what b booked first, and how often that
// was booked by now.
func lastRound(b hub.Booking, there map[string]bool) (last hub.Booking, round int) {
	for last, round = b, 1; ; round++ {
		next := again(b, round+1)
		if !there[next.ID] {
			return last, round
		}
		last = next
	}
}

// again books something anew that was taken back. The names of bookings are used
// once for ever, so this one carries how often it is booked by now.
func again(b hub.Booking, round int) hub.Booking {
	b.ID = fmt.Sprintf("again:%d:%s", round, b.ID)
	return b
}

// secondRound begins the name of a booking that is booked again for the first time.
const secondRound = "again:2:"

// corrected begins the name of a booking that takes another back.
const corrected = "corrected:"

func reversed(b hub.Booking) hub.Booking {
	back := hub.Booking{ID: corrected + b.ID, Kind: b.Kind, Payment: b.Payment}
	for _, leg := range b.Legs {
		back.Legs = append(back.Legs, hub.Leg{Account: leg.Account, Debit: leg.Credit, Credit: leg.Debit})
	}
	return back
}

// settledMore and keptMore are differences about a payment as a whole.
const (
	settledMore = "settled_more"
	keptMore    = "kept_more"
)

// paidMore tells whether more of a payment was paid out, or kept back, than
// was taken and given back: an amount is wrong, or an item came twice.
func (s *Service) paidMore(ctx context.Context, psp string, id hub.PaymentID) (found []hub.Difference, err error) {
	p, err := s.Store.Payment(ctx, id)
	if err != nil {
		return nil, err
	}
	bookings, err := s.Store.Bookings(ctx, id)
	if err != nil {
		return nil, err
	}
	in, back := settledOf(bookings, psp)
	taken, given := int64(0), int64(0)
	for i := range p.Charges {
		c := &p.Charges[i]
		if c.PSP == psp {
			taken += c.Facts.Captured + c.Facts.Won + c.WonBefore
			given += max(c.Facts.Refunded, p.RefundedOf(c.No)) + c.Facts.Disputed + c.WonBefore
		}
	}
	if in > taken {
		found = append(found, hub.Difference{Kind: settledMore, Name: string(id), Amount: in - taken, Detail: "more was paid out than was taken"})
	}
	if back > given {
		found = append(found, hub.Difference{Kind: keptMore, Name: string(id), Amount: given - back, Detail: "more was kept back than was given back"})
	}
	return found, nil
}

// settledOf adds up what settlements brought in and took back of a payment.
func settledOf(bookings []hub.Booking, psp string) (in, back int64) {
	for _, b := range bookings {
		if b.Kind != "settled" {
			continue
		}
		for _, leg := range b.Legs {
			switch {
			case leg.Account != hub.AccountClearing(psp):
			case strings.HasPrefix(b.ID, corrected):
				in, back = in-leg.Debit, back-leg.Credit
			default:
				in, back = in+leg.Credit, back+leg.Debit
			}
		}
	}
	return in, back
}

// unsettled lists what a provider took and has not paid out in time.
func (s *Service) unsettled(ctx context.Context, psp *hub.PSP) error {
	pulse, err := s.Store.Pulse(ctx)
	if err != nil {
		return err
	}
	var found []hub.Difference
	err = s.Store.Residues(ctx, hub.AccountClearing(psp.Name), pulse.At.Add(-settledWithin), func(r hub.Residue) error {
		if r.Account == hub.AccountClearing(psp.Name) && r.Payment != "" {
			found = append(found, hub.Difference{
				Kind: "unsettled", Name: string(r.Payment), Amount: -r.Balance, Detail: "last booked on " + string(hub.DateOf(r.Since)),
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b hub.Difference) int { return cmp.Compare(a.Name, b.Name) })
	return s.Store.Compared(ctx, hub.JobSettlement, psp.Name, found)
}
