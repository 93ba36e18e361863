package associations

import (
	"context"
	"errors"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
)

// maxID is how long a caller's id may be.
const maxID = 64

// pay books an id once.
func (p *Platform) pay(_ context.Context, v variables) (map[string]any, string) {
	now := p.clock.Now()
	if v.ID == "" || len(v.ID) > maxID || v.Flat == "" || v.List == "" || v.Bani <= 0 || v.PaidAt.IsZero() || v.PaidAt.After(now.Add(24*time.Hour)) {
		return nil, badInput
	}
	booked, _, err := p.book.Enter(book.Hoa, book.Payment{
		Reference: v.ID, Once: true, Account: v.Flat, Debt: v.List, Amount: v.Bani, Effective: v.PaidAt,
	}, now)
	if err != nil {
		return nil, codeOf(err)
	}
	return map[string]any{"payment": tellReceipt(booked)}, ""
}

// codeOf says why nothing was booked or undone.
func codeOf(err error) string {
	for _, no := range []struct {
		cause error
		code  string
	}{
		{book.ErrUnknownAccount, "FLAT_UNKNOWN"}, {book.ErrUnknownDebt, "LIST_UNKNOWN"}, {book.ErrCancelled, "WITHDRAWN"},
		{book.ErrAlreadyPaid, "ALREADY_PAID"}, {book.ErrAmountChanged, "AMOUNT_EXCEEDS"}, {book.ErrReferenceTaken, "ID_REUSED"},
		{book.ErrNoReceipt, "PAYMENT_UNKNOWN"}, {book.ErrReversed, "ALREADY_CANCELLED"}, {book.ErrClosed, "TOO_LATE"},
	} {
		if errors.Is(err, no.cause) {
			return no.code
		}
	}
	return badInput
}

// find shows a payment once lookups have caught up with it.
func (p *Platform) find(_ context.Context, v variables) (map[string]any, string) {
	found := p.book.Find(book.Hoa, v.ID, p.clock.Now())
	if len(found) == 0 {
		return nil, "PAYMENT_UNKNOWN"
	}
	return map[string]any{"payment": tellReceipt(found[0])}, ""
}

func (p *Platform) cancel(_ context.Context, v variables) (map[string]any, string) {
	booked, ok := p.book.ByReference(book.Hoa, v.ID)
	if !ok {
		return nil, "PAYMENT_UNKNOWN"
	}
	undone, err := p.book.Reverse(book.Hoa, booked.Number, p.clock.Now())
	if err != nil {
		return nil, codeOf(err)
	}
	return map[string]any{"payment": tellReceipt(undone)}, ""
}

func (p *Platform) statement(_ context.Context, v variables) (map[string]any, string) {
	day, err := calendar.Parse(v.Day)
	if err != nil {
		return nil, badInput
	}
	list := []receipt{}
	for _, one := range p.book.Statement(book.Hoa, day, p.clock.Now()) {
		list = append(list, tellReceipt(one))
	}
	return map[string]any{"payments": list}, ""
}
