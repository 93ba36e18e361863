package reconcile

import (
	"context"
	"errors"
	"strings"

	"racord/hub"
)

// statementDays is how many days' statements are read each time: a booking may
// be entered late, or taken back.
const statementDays = 3

// posted is a line that we believe its creditor booked.
type posted struct {
	payment *hub.Payment
	line    *hub.Line
}

// creditors compares every creditor's statements with our lines, and tells what
// the statements prove about lines that nobody was sure of.
func (s *Service) creditors(ctx context.Context, only hub.Date) error {
	days := s.days(statementDays, only)
	from, err := s.started(ctx, days[0])
	if err != nil {
		return err
	}
	ours := map[hub.Name][]posted{}
	_, err = s.changed(ctx, from, func(p *hub.Payment) {
		for i := range p.Lines {
			if l := &p.Lines[i]; l.State == hub.LinePosted {
				ours[l.Creditor] = append(ours[l.Creditor], posted{p, l})
			}
		}
	})
	if err != nil {
		return err
	}
	open, err := s.open(ctx, hub.JobCreditor)
	if err != nil {
		return err
	}
	var failed error
	for _, c := range s.Roster.OnDuty() {
		if c.Statement != nil {
			failed = errors.Join(failed, about(string(c.Creditor.Name), s.statements(ctx, c, withOpen(days, c, open), ours[c.Creditor.Name])))
		}
	}
	return failed
}

// withOpen adds the days of the creditor's open differences: a later statement
// of them may explain something.
func withOpen(days []hub.Date, c *hub.Connector, open map[string][]hub.Difference) []hub.Date {
	all := append([]hub.Date(nil), days...)
	for scope := range open {
		name, day, _ := strings.Cut(scope, "/")
		if name == string(c.Creditor.Name) && hub.Date(day) < days[0] {
			all = append(all, hub.Date(day))
		}
	}
	return all
}

// statements reads and compares the statements of some days.
func (s *Service) statements(ctx context.Context, c *hub.Connector, days []hub.Date, ours []posted) error {
	rows, listed := map[hub.Date][]hub.BookedPosting{}, map[hub.PostingID]bool{}
	var failed error
	for _, day := range days {
		said, err := c.Statement.Statement(ctx, day)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		rows[day] = said
		for i := range said {
			listed[said[i].ID] = listed[said[i].ID] || !said[i].Reversed
		}
	}
	for _, day := range days {
		if _, read := rows[day]; !read {
			continue
		}
		found, err := s.statement(ctx, c, day, rows[day])
		if err == nil && failed == nil && day < hub.DateOf(s.Clock.Now()) {
			var missing []hub.Difference
			missing, err = s.missingThere(ctx, c, day, ours, listed)
			found = append(found, missing...)
		}
		if err == nil {
			err = s.Store.Compared(ctx, hub.JobCreditor, string(c.Creditor.Name)+"/"+string(day), found)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// statement compares the rows of one day. Rows that do not bear a name of ours
// are somebody else's.
func (s *Service) statement(ctx context.Context, c *hub.Connector, day hub.Date, rows []hub.BookedPosting) (found []hub.Difference, err error) {
	seen := map[hub.PostingID]bool{}
	for i := range rows {
		row := &rows[i]
		if !strings.HasPrefix(string(row.ID), "hub:") {
			continue
		}
		if seen[row.ID] && !row.Reversed {
			found = append(found, hub.Difference{Kind: "twice", Name: string(row.ID), Amount: row.Amount.Minor, Detail: "booked again as " + row.Number})
			continue
		}
		seen[row.ID] = seen[row.ID] || !row.Reversed
		d, err := s.row(ctx, c, row)
		if err != nil {
			return nil, err
		}
		if d != nil {
			found = append(found, *d)
		}
	}
	return found, nil
}

// row compares one row with our line, and resolves that.
func (s *Service) row(ctx context.Context, c *hub.Connector, row *hub.BookedPosting) (*hub.Difference, error) {
	id, no, err := s.Store.PaymentOfPosting(ctx, c.Creditor.Name, row.ID)
	switch {
	case hub.CodeOf(err) == hub.CodeNotFound && row.Reversed:
		return nil, nil
	case hub.CodeOf(err) == hub.CodeNotFound:
		return &hub.Difference{Kind: "missing_here", Name: string(row.ID), Amount: row.Amount.Minor, Detail: "booked there as " + row.Number}, nil
	case err != nil:
		return nil, err
	}
	p, err := s.Store.Payment(ctx, id)
	if err != nil {
		return nil, err
	}
	l := p.Line(no)
	if d := compareRow(l, row); d != nil {
		return d, nil
	}
	if row.Reversed || l.State == hub.LinePosted || l.State == hub.LineReversing {
		return nil, nil
	}
	return nil, s.Lines.Booked(ctx, id, no, hub.Receipt{ID: row.ID, Number: row.Number})
}

// compareRow tells what a row and our line do not agree about.
func compareRow(l *hub.Line, row *hub.BookedPosting) *hub.Difference {
	gone := l.State == hub.LineDropped || l.State == hub.LineHeld || l.State == hub.LineRejected || l.State == hub.LineRefunded
	switch {
	case row.Reversed && l.State == hub.LinePosted:
		return &hub.Difference{Kind: "reversed_there", Name: string(row.ID), Amount: -l.Amount.Minor, Detail: "taken back: " + row.Number}
	case row.Reversed:
		return nil
	case row.Amount != l.Amount:
		return &hub.Difference{Kind: "other_amount", Name: string(row.ID), Amount: row.Amount.Minor - l.Amount.Minor, Detail: "booked there as " + row.Number}
	case row.ExternalID != "" && l.ExternalID != "" && row.ExternalID != l.ExternalID:
		return &hub.Difference{Kind: "other_debt", Name: string(row.ID), Amount: row.Amount.Minor, Detail: "booked there as " + row.Number}
	case gone:
		return &hub.Difference{Kind: "booked_and_" + string(l.State), Name: string(row.ID), Amount: row.Amount.Minor, Detail: "booked there as " + row.Number}
	}
	return nil
}

// missingThere lists lines of a closed day that the creditor gave a receipt for
// and has in no statement. Whoever can be asked is asked once more.
func (s *Service) missingThere(ctx context.Context, c *hub.Connector, day hub.Date, ours []posted, listed map[hub.PostingID]bool) (found []hub.Difference, err error) {
	for _, o := range ours {
		id := o.payment.PostingID(o.line.No)
		if _, said := listed[id]; said || hub.DateOf(o.line.BookedAt) != day {
			continue
		}
		if c.Finder != nil {
			said, _, err := c.Finder.Find(ctx, hub.Posting{
				ID: id, Creditor: o.line.Creditor, Obligation: o.line.Obligation, ExternalID: o.line.ExternalID, Account: o.line.Account,
				Reference: o.line.Reference, Option: o.line.Option, Amount: o.line.Amount, PaidAt: o.line.PaidAt, Transfers: o.line.Transfers,
			})
			if err != nil {
				return nil, err
			}
			if said == hub.FoundBooked {
				continue
			}
		}
		found = append(found, hub.Difference{Kind: "missing_there", Name: string(id), Amount: -o.line.Amount.Minor, Detail: "not in the statement; our receipt is " + o.line.Receipt})
	}
	return found, nil
}
