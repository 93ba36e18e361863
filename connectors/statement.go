package connectors

import (
	"context"

	"racord/hub"
)

// statement lists what was booked.
type statement struct{ payer }

var _ hub.Statement = statement{}

// Statement reads all pages of a day.
func (s statement) Statement(ctx context.Context, day hub.Date) ([]hub.BookedPosting, error) {
	v, sheets := &Vars{Day: day}, pile{}
	err := s.send(ctx, v, func(r *Reading, verdict Verdict) error {
		rows, err := r.Booked(verdict.Content)
		if err != nil {
			return err
		}
		if s.call.Pages() {
			return sheets.add(v.Page, rows)
		}
		sheets.rows = append(sheets.rows, rows...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sheets.rows, nil
}

// pile is the pages of one statement.
type pile struct {
	rows []hub.BookedPosting
	on   map[hub.BookedPosting]int // the page on which a row stood first
}

// add takes a page. All pages together hold no more rows than one might.
func (p *pile) add(page int, rows []hub.BookedPosting) error {
	if len(p.rows)+len(rows) > MaxBooked {
		return BadData("more than %d records", MaxBooked)
	}
	p.rows = append(p.rows, rows...)
	return p.check(page, rows)
}

// check refuses a page that has rows of an earlier one: the creditor does not look
// at the number of the page, or something was booked while it was read. Each such
// row would be a payment that was booked twice. A row that names no posting may be
// there twice, and so may one that is twice on a page: this is what the creditor
// says it did.
func (p *pile) check(page int, rows []hub.BookedPosting) error {
	if p.on == nil {
		p.on = make(map[hub.BookedPosting]int, len(rows))
	}
	for _, row := range rows {
		first, known := p.on[row]
		switch {
		case row.ID == "":
		case known && first < page:
			return BadData("page %d repeats a record of page %d: the list changed while it was read", page, first)
		case !known:
			p.on[row] = page
		}
	}
	return nil
}
