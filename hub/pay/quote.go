package pay

import (
	"context"
	"fmt"
	"time"

	"racord/hub"
)

// Item is one thing a payer wants to pay.
type Item struct {
	Creditor hub.Name
	hub.Wanted
}

// QuoteState says what became of an item.
type QuoteState string

// The states of a quoted line.
const (
	Confirmed     QuoteState = "confirmed"
	Refused       QuoteState = "refused"
	AmountChanged QuoteState = "amount_changed" // Amount is the new one
)

// QuotedLine is a creditor's word about one item.
type QuotedLine struct {
	State        QuoteState
	Code         hub.Code // why it was refused
	Reason       string   // the same as a sentence for a person
	Line         hub.Line // numbered; what a payment of it would be
	NextChange   *hub.NextChange
	Extinguishes []hub.Share
	kin          kin
}

// Quote is what may be paid now, line by line, until ValidUntil.
type Quote struct {
	ID         hub.QuoteID
	Token      string // sealed: what Open takes
	Lines      []QuotedLine
	Total      hub.Money // of the confirmed lines
	AsOf       time.Time // business time
	ValidUntil time.Time // business time: the earliest change, at most a quarter of an hour
}

// MostLines is how many lines one basket holds.
const MostLines = 20

// Quote asks the creditors what may be paid, all at once. A creditor that does
// not answer is a refused line. It fails with CodeInvalid for a basket that
// cannot be meant, CodeNotFound for a login the hub never admitted, and what the
// store fails with.
func (s *Service) Quote(ctx context.Context, who hub.Login, portal string, items []Item) (*Quote, error) {
	if err := s.sensible(items); err != nil {
		return nil, err
	}
	folder, err := s.Folders.Folder(ctx, who)
	if err != nil {
		return nil, err
	}
	lines := s.quoteLines(ctx, &folder, items)
	if err := s.refusePaid(ctx, lines); err != nil {
		return nil, err
	}
	refuseInner(lines)
	return s.sealed(lines, folder.Party.ID, portal)
}

// sensible refuses baskets that are empty, too long, or name something twice.
func (s *Service) sensible(items []Item) error {
	if len(items) == 0 || len(items) > MostLines {
		return invalid("/lines", "from 1 to 20 lines")
	}
	seen := map[hub.ObligationID]bool{}
	for i, it := range items {
		at := fmt.Sprintf("/lines/%d/", i)
		c := s.connector(it.Creditor)
		switch {
		case c == nil:
			return invalid(at+"creditor", "unknown creditor")
		case it.Obligation == "":
			return invalid(at+"obligation", "missing")
		case seen[it.Obligation]:
			return invalid(at+"obligation", "given more than once")
		case it.Amount.Minor < 0 || it.Amount.Minor > mostBani:
			return invalid(at+"amount", "an amount in bani from 1 to 100,000,000,000")
		case it.Amount.Minor > 0 && it.Amount.Currency != hub.RON:
			return invalid(at+"amount/currency", "must be RON")
		}
		seen[it.Obligation] = true
	}
	return nil
}

// mostBani is the largest amount of a line: a billion lei.
const mostBani = 100_000_000_000

func invalid(pointer, detail string) error {
	err := hub.Errorf(hub.CodeInvalid, "The request cannot be understood.")
	err.Fields = []hub.Field{{Pointer: pointer, Code: hub.CodeInvalid, Detail: detail}}
	return err
}

// sealed numbers the confirmed lines and seals them into the quote's token.
func (s *Service) sealed(lines []QuotedLine, party hub.PartyID, portal string) (*Quote, error) {
	now := s.Clock.Now()
	q := &Quote{ID: hub.QuoteID(hub.NewID()), Lines: lines, Total: hub.Bani(0), AsOf: now, ValidUntil: now.Add(s.conf.QuoteLife)}
	paper := paper{ID: q.ID, Party: party, Portal: portal, Sealed: time.Now(), Kin: map[int][]hub.ObligationID{}}
	for i := range lines {
		l := &lines[i]
		s.Meter.Quoted(l.Line.Creditor, l.State)
		l.Line.No = i + 1
		if l.State != Confirmed {
			continue
		}
		var err error
		if q.Total, err = q.Total.Add(l.Line.Amount); err != nil {
			return nil, err
		}
		q.ValidUntil = earlier(q.ValidUntil, l.Line.ValidUntil)
		paper.Lines = append(paper.Lines, l.Line)
		if kin := l.kin.all(); len(kin) > 0 {
			paper.Kin[l.Line.No] = kin
		}
	}
	paper.ValidUntil = q.ValidUntil
	for i := range paper.Lines {
		paper.Lines[i].ValidUntil = earlier(paper.Lines[i].ValidUntil, q.ValidUntil)
	}
	var err error
	q.Token, err = paper.seal(s.Keys)
	return q, err
}

// earlier gives the first of two moments; zero is not a moment.
func earlier(a, b time.Time) time.Time {
	if b.IsZero() || !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}
