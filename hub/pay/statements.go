package pay

import (
	"context"
	"errors"
	"sync"
	"time"

	"racord/hub"
)

// statements are what creditors say they booked, asked for once for all lines that
// are looked for on a day: after an outage those are many, and so is what a
// creditor booked.
type statements struct {
	mu   sync.Mutex
	days map[bookedDay]*statement
}

// bookedDay is a creditor's day.
type bookedDay struct {
	creditor hub.Name
	version  int
	day      hub.Date
}

// statement is what was booked on a day, by posting.
type statement struct {
	read   chan struct{} // closed when it was read
	at     time.Time     // business time at which it was asked for
	booked map[hub.PostingID]hub.BookedPosting
	err    error
}

// statementServes is how long a statement is good for other lines.
const statementServes = 5 * time.Second

var errUnread = errors.New("the statement was not read to its end")

// of gives a creditor's statement of a day, read a moment ago or now. Whoever waits
// for another's reading shares its failure, too.
func (s *statements) of(ctx context.Context, c *hub.Connector, day hub.Date, clock hub.Clock) *statement {
	key := bookedDay{c.Creditor.Name, c.Version, day}
	s.mu.Lock()
	m, known := s.days[key]
	if !known {
		m = &statement{read: make(chan struct{}), at: clock.Now(), err: errUnread}
		s.days[key] = m
	}
	s.mu.Unlock()
	if !known {
		defer s.serve(key, m)
		m.ask(ctx, c, day)
		return m
	}
	select {
	case <-m.read:
		return m
	case <-ctx.Done():
		return &statement{err: ctx.Err()}
	}
}

// ask reads what the creditor booked and did not take back.
func (m *statement) ask(ctx context.Context, c *hub.Connector, day hub.Date) {
	booked, err := c.Statement.Statement(ctx, day)
	m.booked = make(map[hub.PostingID]hub.BookedPosting, len(booked))
	for _, b := range booked {
		if !b.Reversed {
			m.booked[b.ID] = b
		}
	}
	m.err = err
}

// serve lets others have what was read; a failure only those who wait for it.
func (s *statements) serve(key bookedDay, m *statement) {
	close(m.read)
	if m.err != nil {
		s.forget(key)
		return
	}
	time.AfterFunc(statementServes, func() { s.forget(key) })
}

func (s *statements) forget(key bookedDay) {
	s.mu.Lock()
	delete(s.days, key)
	s.mu.Unlock()
}
