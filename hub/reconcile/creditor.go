package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"

	"racord/hub"
)

// statementDays is how many days' statements are read each time: a booking may
// be entered late, or taken back.
const statementDays = 3

// lineMissing is a difference about a line that no statement has.
const lineMissing = "missing_there"

// posted is a line that we believe its creditor booked.
type posted struct {
	payment *hub.Payment
	line    *hub.Line
}

// creditors compares every creditor's statements with our lines, and tells what
// the statements prove about lines that nobody was sure of.
func (s *Service) creditors(ctx context.Context, t *turn, only hub.Date) error {
	open, err := s.open(ctx, hub.JobCreditor)
	if err != nil {
		return err
	}
	read, all := readingsOf(t.run.Cursor), s.said(open)
	today := hub.DateOf(s.Clock.Now())
	first := today
	for _, said := range all {
		first = min(first, said.due(read, today, only))
	}
	ours, err := s.posted(ctx, first, all)
	if err != nil {
		return err
	}
	var failed error
	for _, said := range all {
		failed = errors.Join(failed, about(said.name(), s.creditor(ctx, said, ours[said.connector.Creditor.Name])))
		t.note(read.String())
	}
	return failed
}

// pageSize is how many payments are read at once.
const pageSize = 500

// posted gives, by creditor, the lines that were booked on a day that is compared now,
// of payments that changed on the first day or after it.
func (s *Service) posted(ctx context.Context, first hub.Date, all []*said) (map[hub.Name][]posted, error) {
	from, err := s.started(ctx, first)
	if err != nil {
		return nil, err
	}
	due := map[hub.Name]*said{}
	for _, said := range all {
		due[said.connector.Creditor.Name] = said
	}
	ours := map[hub.Name][]posted{}
	err = s.changed(ctx, from, pageSize, func(page []*hub.Payment, _ hub.Changed) bool {
		for _, p := range page {
			for i := range p.Lines {
				if l := &p.Lines[i]; due[l.Creditor].compares(l) {
					ours[l.Creditor] = append(ours[l.Creditor], posted{p, l})
				}
			}
		}
		return true
	})
	return ours, err
}

// creditor compares the statements of one creditor that are due.
func (s *Service) creditor(ctx context.Context, said *said, ours []posted) error {
	ours, err := s.withLines(ctx, said, ours)
	if err != nil {
		return err
	}
	return s.statements(ctx, said, ours)
}

// withLines adds the lines that open differences are about: their payments may
// not have changed for long.
func (s *Service) withLines(ctx context.Context, of *said, ours []posted) ([]posted, error) {
	had := map[hub.PostingID]bool{}
	for _, o := range ours {
		had[o.payment.PostingID(o.line.No)] = true
	}
	for _, day := range of.days {
		for _, d := range of.open[of.scope(day)] {
			posting := hub.PostingID(d.Name)
			if had[posting] {
				continue
			}
			had[posting] = true
			o, err := s.lineOf(ctx, of.connector.Creditor.Name, posting)
			if err != nil {
				return nil, err
			}
			if o.line != nil && o.line.State == hub.LinePosted {
				ours = append(ours, o)
			}
		}
	}
	return ours, nil
}

// lineOf gives the line of a posting, none when there is none.
func (s *Service) lineOf(ctx context.Context, creditor hub.Name, posting hub.PostingID) (posted, error) {
	id, no, err := s.Store.PaymentOfPosting(ctx, creditor, posting)
	if hub.CodeOf(err) == hub.CodeNotFound {
		return posted{}, nil
	}
	if err != nil {
		return posted{}, err
	}
	p, err := s.Store.Payment(ctx, id)
	if err != nil {
		return posted{}, err
	}
	return posted{p, p.Line(no)}, nil
}

// said is what a creditor's statements say.
type said struct {
	connector *hub.Connector
	open      map[string][]hub.Difference // what was open before, by scope
	reading   *reading
	days      []hub.Date                       // that are compared now, the oldest first
	rows      map[hub.Date][]hub.BookedPosting // of those that could be read
	listed    map[hub.PostingID]bool           // and not taken back
	silent    hub.Date                         // the last day that could not be read; "" = none
}

// said is made for every creditor that gives statements.
func (s *Service) said(open map[string][]hub.Difference) (all []*said) {
	for _, c := range s.Roster.OnDuty() {
		if c.Statement != nil {
			all = append(all, &said{connector: c, open: open, rows: map[hub.Date][]hub.BookedPosting{}, listed: map[hub.PostingID]bool{}})
		}
	}
	return all
}

func (o *said) name() string { return string(o.connector.Creditor.Name) }

// scope names the comparison of a day.
func (o *said) scope(day hub.Date) string { return o.name() + "/" + string(day) }

// due chooses the days to read: one, or all that are due, of which it gives the
// first; and those of the creditor's open differences.
func (o *said) due(read readings, today, only hub.Date) (first hub.Date) {
	o.reading = read.of(o.name(), today)
	if o.days = []hub.Date{only}; only == "" {
		o.days = o.reading.due(today, statementDays)
	}
	first = o.days[0]
	o.days = sorted(append(o.days, openDays(o.open, o.name())...))
	return first
}

// compares tells whether a line was booked on a day that is compared now. Nobody, of
// whom no statements are read, compares none.
func (o *said) compares(l *hub.Line) bool {
	return o != nil && l.State == hub.LinePosted && slices.Contains(o.days, hub.DateOf(l.BookedAt))
}

// read asks for the statements, and for those of the days after: a line may stand in
// a later one than its own day's. Rows that do not bear a name of ours are somebody
// else's.
func (o *said) read(ctx context.Context, today hub.Date) (failed error) {
	for _, day := range andNext(o.days, statementDays, today) {
		rows, err := o.connector.Statement.Statement(ctx, day)
		if err != nil {
			failed, o.silent = errors.Join(failed, about(string(day), err)), day
			continue
		}
		o.rows[day] = slices.DeleteFunc(slices.Clone(rows), func(r hub.BookedPosting) bool { return !strings.HasPrefix(string(r.ID), "hub:") })
		for _, row := range o.rows[day] {
			o.listed[row.ID] = o.listed[row.ID] || !row.Reversed
		}
	}
	return failed
}

// statements reads and compares the statements. A day is read once nothing that
// belongs to it can be in a later one that is silent.
func (s *Service) statements(ctx context.Context, said *said, ours []posted) error {
	failed := said.read(ctx, hub.DateOf(s.Clock.Now()))
	for _, day := range said.days {
		rows, read := said.rows[day]
		if !read {
			continue
		}
		if err := s.day(ctx, said, day, rows, ours); err != nil {
			failed = errors.Join(failed, about(string(day), err))
		} else if day > said.silent {
			said.reading.read(day)
		}
	}
	return failed
}

// day compares the statement of one day.
func (s *Service) day(ctx context.Context, said *said, day hub.Date, rows []hub.BookedPosting, ours []posted) error {
	found, err := s.statement(ctx, said.connector, day, rows)
	if err != nil {
		return err
	}
	if day < hub.DateOf(s.Clock.Now()) {
		missing, err := s.missing(ctx, said, day, ours)
		if err != nil {
			return err
		}
		found = append(found, missing...)
	}
	return s.Store.Compared(ctx, hub.JobCreditor, said.scope(day), found)
}

// missing lists the lines of a closed day that are in no statement. While a later
// one cannot be read they may be in that: then what was missing still is.
func (s *Service) missing(ctx context.Context, said *said, day hub.Date, ours []posted) (found []hub.Difference, err error) {
	if day > said.silent {
		return s.missingThere(ctx, said.connector, day, ours, said.listed)
	}
	for _, d := range said.open[said.scope(day)] {
		if d.Kind == lineMissing {
			found = append(found, d)
		}
	}
	return found, nil
}

// statement compares the rows of one day.
func (s *Service) statement(ctx context.Context, c *hub.Connector, day hub.Date, rows []hub.BookedPosting) (found []hub.Difference, err error) {
	seen := map[hub.PostingID]bool{}
	for i := range rows {
		row := &rows[i]
		if seen[row.ID] && !row.Reversed {
			found = append(found, hub.Difference{Kind: "twice", Name: string(row.ID), Amount: row.Amount.Minor, Detail: "booked again as " + row.Number})
			continue
		}
		seen[row.ID] = seen[row.ID] || !row.Reversed
		d, err := s.row(ctx, c, day, row)
		if err != nil {
			return nil, err
		}
		if d != nil {
			found = append(found, *d)
		}
	}
	return found, nil
}

// row compares one row of a day with our line, and resolves that.
func (s *Service) row(ctx context.Context, c *hub.Connector, day hub.Date, row *hub.BookedPosting) (*hub.Difference, error) {
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
	return nil, s.Paying.Booked(ctx, id, no, row.Receipt(day, s.Clock.Now()))
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
			said, _, err := c.Finder.Find(ctx, o.payment.Posting(o.line))
			if err != nil {
				return nil, err
			}
			if said == hub.FoundBooked {
				continue
			}
		}
		found = append(found, hub.Difference{Kind: lineMissing, Name: string(id), Amount: -o.line.Amount.Minor, Detail: "not in the statement; our receipt is " + o.line.Receipt})
	}
	return found, nil
}
