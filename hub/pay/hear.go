package pay

import (
	"context"
	"fmt"
	"time"

	"racord/hub"
)

// statementsSince reads what creditors booked since the first of the orders.
func (s *Service) statementsSince(ctx context.Context, orders []foundOrder) (map[hub.PostingID]bookedRow, error) {
	said := map[hub.PostingID]bookedRow{}
	first := time.Time{}
	for i := range orders {
		if at := orders[i].Facts.AuthorisedAt; !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if first.IsZero() {
		return said, nil
	}
	for _, c := range s.Roster.OnDuty() {
		if c.Statement == nil {
			continue
		}
		for day := hub.DateOf(first); day <= hub.DateOf(s.Clock.Now()); day = hub.DateOf(day.End().Add(12 * time.Hour)) {
			rows, err := c.Statement.Statement(ctx, day)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Creditor.Name, err)
			}
			for _, row := range rows {
				if !row.Reversed {
					said[row.ID] = bookedRow{row, row.Receipt(day, s.Clock.Now()).BookedAt}
				}
			}
		}
	}
	return said, nil
}

// bookedRow is what a creditor booked, and when; zero = it did not say.
type bookedRow struct {
	hub.BookedPosting
	at time.Time
}

// heard is what creditors say of an order's lines, by number.
type heard struct {
	booked map[int]bookedRow
	absent map[int]bool // asked for, and not there
}

// hear gives what creditors say of an order's lines. One without statements is
// asked about each.
func (s *Service) hear(ctx context.Context, o *foundOrder, said map[hub.PostingID]bookedRow) (heard, error) {
	there := heard{map[int]bookedRow{}, map[int]bool{}}
	p := &hub.Payment{ID: o.manifest.payment}
	for i := range o.manifest.lines {
		l := &o.manifest.lines[i]
		id := p.PostingID(l.No)
		if row, isBooked := said[id]; isBooked {
			there.booked[l.No] = row
			continue
		}
		c := s.connector(l.Creditor)
		if o.Facts.Captured == 0 || c == nil || c.Finder == nil {
			continue
		}
		asked := p.Posting(l)
		asked.PaidAt = o.Facts.AuthorisedAt
		found, receipt, err := c.Finder.Find(ctx, asked)
		switch {
		case err != nil:
			return there, err
		case found == hub.FoundBooked:
			there.booked[l.No] = bookedRow{hub.BookedPosting{ID: id, Number: receipt.Number, Amount: l.Amount}, receipt.BookedAt}
		case found != hub.FoundNotVisible:
			there.absent[l.No] = true
		}
	}
	return there, nil
}
