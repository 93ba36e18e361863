package book

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"racord/cmd/city/calendar"
)

// Receipt is one payment in a creditor's book. It is never removed; what was
// reversed stays and says so.
type Receipt struct {
	Creditor    Creditor
	Number      string    // the creditor's own
	Reference   string    // the payer's; empty for payments at the counter
	Account     string    // as the payer gave it: role number or client code; empty for fines
	ExternalID  string    // debt the payer named; empty when none was
	Amount      int64     // bani
	Parts       []Part    // which debts it went to; they add up to Amount
	EffectiveAt time.Time // when the money was authorised
	BookedAt    time.Time // virtual time
	ReversedAt  time.Time // zero when it stands
	Unmatched   bool      // no such debt was registered when it was booked
	thing       int       // person (taxes, fines) or household it is about; -1 for nobody
}

// Part is what a receipt did to one debt.
type Part struct {
	ExternalID string `json:"external_id"`
	Amount     int64  `json:"amount_bani"`
	Waived     int64  `json:"waived_bani,omitempty"` // forgiven for paying early
}

// Reversed reports whether the receipt was cancelled.
func (r Receipt) Reversed() bool { return !r.ReversedAt.IsZero() }

// MarshalJSON writes what a witness says about a receipt.
func (r Receipt) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Creditor    Creditor  `json:"creditor"`
		Number      string    `json:"number"`
		Reference   string    `json:"reference"`
		Account     string    `json:"account,omitempty"`
		ExternalID  string    `json:"external_id"`
		Amount      int64     `json:"amount_bani"`
		Parts       []Part    `json:"parts"`
		EffectiveOn string    `json:"effective_on"`
		EffectiveAt time.Time `json:"effective_at"`
		BookedAt    time.Time `json:"booked_at"`
		Reversed    bool      `json:"reversed"`
		Unmatched   bool      `json:"unmatched,omitempty"`
	}{
		r.Creditor, r.Number, r.Reference, r.Account, r.ExternalID, r.Amount, r.Parts,
		calendar.Of(r.EffectiveAt).ISO(), r.EffectiveAt, r.BookedAt, r.Reversed(), r.Unmatched,
	})
}

// receiptNumber is how each creditor numbers its receipts.
func receiptNumber(c Creditor, n int) string {
	prefix := map[Creditor]string{
		Ditl: "CH", Fines: "PLR", Water: "AC", Heating: "TI", Waste: "SI", Electricity: "EI",
		Parking:   "PK",
		Roadfines: "CNAD",
		Transport: "CTP",
		Hoa:       "AS",
		Gas:       "GZ",
	}[c]
	return fmt.Sprintf("%s%08d", prefix, n)
}

// Why a creditor does not book a payment, or not undo one. All of them are
// said before anything is entered.
var (
	ErrUnknownAccount = errors.New("book: no such account")
	ErrUnknownDebt    = errors.New("book: no such debt")
	ErrCancelled      = errors.New("book: the debt was cancelled")
	ErrAlreadyPaid    = errors.New("book: nothing is owed any more")
	ErrAmountChanged  = errors.New("book: another amount is owed")
	ErrReferenceTaken = errors.New("book: the reference stands for another payment")
	ErrNoReceipt      = errors.New("book: no such receipt")
	ErrReversed       = errors.New("book: the receipt was reversed before")
	ErrOtherUAT       = errors.New("book: the money belongs to another town's budget")
	ErrClosed         = errors.New("book: the receipt is too old to be reversed")
)

// Payment is what a payer asks a creditor to book.
type Payment struct {
	Reference string    // the payer's own number
	Once      bool      // the creditor books a reference once; else a repeat is booked again
	Account   string    // role number or client code
	Debt      string    // external id, or a bill's printed number
	ByReport  bool      // fines: paid by the report in hand, which may not be registered yet
	Amount    int64     // bani, positive
	Effective time.Time // when the money was authorised
}

// allotment is where a payment goes.
type allotment struct {
	parts     []Part
	thing     int
	unmatched bool
}

// Enter books a payment at an instant, or says why not with one of the errors
// of this package. again is true when the creditor knows the reference and
// gives the receipt it gave before.
func (b *Book) Enter(c Creditor, p Payment, at time.Time) (r Receipt, again bool, err error) {
	t := b.tills[c]
	defer t.hold(held(p.Account, p.Debt))()
	if earlier, ok := t.first(p.Reference); ok && p.Once {
		return same(earlier, p)
	}
	seen := b
	if !p.Once {
		seen = b.through(lens{except: p.Reference}) // who knows no repeats lets them pass
	}
	share, err := seen.allot(c, p, at)
	if err != nil {
		return Receipt{}, false, err
	}
	entered, added := t.add(&Receipt{
		Creditor: c, Reference: p.Reference, Account: p.Account, ExternalID: p.Debt, Amount: p.Amount, Parts: share.parts,
		EffectiveAt: p.Effective, BookedAt: at, Unmatched: share.unmatched, thing: share.thing,
	}, p.Once)
	if !added {
		return same(*entered, p)
	}
	return *entered, false, nil
}

// held is what one payment at a time is decided for: an account, because a
// payment may touch all of its debts, or a debt where there are no accounts.
func held(account, debt string) string {
	if account == "" {
		return debt
	}
	return account
}

// same is the earlier receipt, if the repeat asks for the same.
func same(earlier Receipt, p Payment) (Receipt, bool, error) {
	if earlier.Account != p.Account || earlier.ExternalID != p.Debt || earlier.Amount != p.Amount {
		return Receipt{}, false, ErrReferenceTaken
	}
	return earlier, true, nil
}

// allot decides by the creditor's rules where a payment goes.
func (b *Book) allot(c Creditor, p Payment, at time.Time) (allotment, error) {
	on := calendar.Of(at)
	then := min(on, calendar.Of(p.Effective))
	switch c {
	case Ditl:
		return b.allotTax(p, on, then)
	case Fines:
		return b.allotFine(p, on, then)
	case Parking:
		return b.allotDue(p, on)
	case Roadfines:
		return b.allotRoadFine(p, on, then)
	case Transport:
		return b.allotPenalty(p, on)
	default:
		return b.allotBill(c, p, on, then)
	}
}

// reversible is for how many days a receipt can be undone.
const reversible = 60

// Reverse undoes a receipt by its number.
func (b *Book) Reverse(c Creditor, number string, at time.Time) (Receipt, error) {
	t := b.tills[c]
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.byNumber[number]
	switch {
	case !ok:
		return Receipt{}, ErrNoReceipt
	case r.Reversed():
		return *r, ErrReversed
	case calendar.Of(at) > calendar.Of(r.BookedAt)+reversible || t.manners.Load().Final:
		return *r, ErrClosed
	}
	r.ReversedAt = at
	t.touch(r.thing, at)
	return *r, nil
}

// Receipts returns all receipts of a creditor in the order they were booked,
// doubles and reversed ones included.
func (b *Book) Receipts(c Creditor) []Receipt {
	return b.pick(c, func(Receipt) bool { return true })
}

// Receipt finds a receipt by the creditor's number.
func (b *Book) Receipt(c Creditor, number string) (Receipt, bool) {
	t := b.tills[c]
	t.mu.RLock()
	defer t.mu.RUnlock()
	if r, ok := t.byNumber[number]; ok {
		return *r, true
	}
	return Receipt{}, false
}

// ByReference finds the first receipt of a reference, shown yet or not.
func (b *Book) ByReference(c Creditor, reference string) (Receipt, bool) {
	return b.tills[c].first(reference)
}

// Find returns the receipts of a reference that a lookup shows at an instant.
func (b *Book) Find(c Creditor, reference string, at time.Time) []Receipt {
	t := b.tills[c]
	t.mu.RLock()
	defer t.mu.RUnlock()
	found := []Receipt{}
	for _, r := range t.byReference[reference] {
		if t.shown(*r, at) {
			found = append(found, *r)
		}
	}
	return found
}

// Statement returns what a creditor booked on a day, as far as it shows it at
// an instant. Payments at its own counter are not the payer's business.
func (b *Book) Statement(c Creditor, day calendar.Day, at time.Time) []Receipt {
	t := b.tills[c]
	return b.pick(c, func(r Receipt) bool {
		return r.Reference != "" && calendar.Of(r.BookedAt) == day && t.shown(r, at)
	})
}

// shown reports whether lookups have caught up with a receipt; a clock that was
// set back hides nothing.
func (t *till) shown(r Receipt, at time.Time) bool {
	age := at.Sub(r.BookedAt)
	return age < 0 || age >= t.manners.Load().Shows
}

func (b *Book) pick(c Creditor, wanted func(Receipt) bool) []Receipt {
	t := b.tills[c]
	t.mu.RLock()
	defer t.mu.RUnlock()
	picked := []Receipt{}
	for _, r := range t.receipts {
		if wanted(*r) {
			picked = append(picked, *r)
		}
	}
	return picked
}
