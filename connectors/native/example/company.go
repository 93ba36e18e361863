package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Books are what the company of the example knows. A real one has its database
// here, with a unique index on the posting's id.
type Books struct {
	Now func() time.Time

	mu     sync.Mutex
	bills  map[string][]Obligation // by account
	booked []*Posting
}

// Obligations lists the open bills of an account.
func (b *Books) Obligations(_ context.Context, in Question) (Answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bills, known := b.bills[in.Subject.Account]
	if !known {
		return Answer{}, Problem{Code: UnknownSubject}
	}
	open := []Obligation{}
	for _, bill := range bills {
		if bill.Outstanding != 0 {
			open = append(open, bill)
		}
	}
	return Answer{Subject: in.Subject, AsOf: b.Now(), Obligations: open}, nil
}

// Ping says that the books are there.
func (b *Books) Ping(context.Context) (Pong, error) { return Pong{Status: "ok"}, nil }

// Post books a payment, once.
func (b *Books) Post(_ context.Context, id string, in Payment) (Posting, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, bill := b.posting(id), b.bill(in.Obligation)
	switch {
	case bill == nil:
		return Posting{}, Problem{Code: UnknownObligation}
	case known != nil && known.Obligation == in.Obligation && known.Amount == in.Amount:
		return *known, nil
	case known != nil || in.Amount <= 0 || in.Currency != "RON":
		return Posting{}, Problem{Code: Invalid}
	case in.Amount > bill.Outstanding:
		return Posting{}, Problem{Code: AmountChanged}
	}
	bill.Outstanding, bill.Paid = bill.Outstanding-in.Amount, bill.Paid+in.Amount
	receipt := fmt.Sprintf("CH-%06d", len(b.booked)+1)
	posting := &Posting{Posting: id, Receipt: receipt, BookedAt: b.Now(), Obligation: bill.ID, Amount: in.Amount, State: "booked"}
	b.booked = append(b.booked, posting)
	return *posting, nil
}

// Find looks a posting up.
func (b *Books) Find(_ context.Context, id string) (Posting, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if posting := b.posting(id); posting != nil {
		return *posting, nil
	}
	return Posting{}, Problem{Code: UnknownPosting}
}

// posting finds a posting, nil when it never came.
func (b *Books) posting(id string) *Posting {
	for _, posting := range b.booked {
		if posting.Posting == id {
			return posting
		}
	}
	return nil
}

// bill finds a bill, nil when there is none.
func (b *Books) bill(id string) *Obligation {
	for _, bills := range b.bills {
		for i := range bills {
			if bills[i].ID == id {
				return &bills[i]
			}
		}
	}
	return nil
}
