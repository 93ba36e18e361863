package main

import (
	"context"
)

// Statement lists what was booked on a day, what was taken back included.
func (b *Books) Statement(_ context.Context, day, _ string) (Statement, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows := []Posting{}
	for _, posting := range b.booked {
		if posting.BookedAt.In(bucharest).Format("2006-01-02") == day {
			rows = append(rows, *posting)
		}
	}
	return Statement{Postings: rows}, nil
}

// Reverse takes a booking back, once.
func (b *Books) Reverse(_ context.Context, id string, in Reversal) (Posting, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	posting := b.posting(id)
	switch {
	case posting == nil || posting.Receipt != in.Receipt:
		return Posting{}, Problem{Code: UnknownPosting}
	case posting.State != "reversed":
		bill := b.bill(posting.Obligation)
		bill.Outstanding, bill.Paid = bill.Outstanding+posting.Amount, bill.Paid-posting.Amount
		posting.State = "reversed"
	}
	return *posting, nil
}
