package push

import (
	"fmt"
	"iter"
	"time"

	"racord/hub"
)

// batch is what was sent, on its way through the gate. Its rows pass one at a
// time: nothing of it is kept.
type batch struct {
	extent hub.Extent
	asOf   time.Time
	said   int // rows the sender says there are; -1 = not said
	rows   iter.Seq2[hub.Record, error]
	wrong  func(Wrong) error // hears of refusals; may be nil

	count, refused int
	due            int64 // bani
}

var _ hub.Batch = (*batch)(nil)

// Extent tells how much it speaks about.
func (b *batch) Extent() hub.Extent { return b.extent }

// AsOf gives the moment it speaks about.
func (b *batch) AsOf() time.Time { return b.asOf }

// Control gives the number of rows the sender says there are. The sum is that of
// the rows: senders do not say one.
func (b *batch) Control() hub.Control { return hub.Control{Rows: b.said, Total: b.due} }

// Next gives a cursor that never stood before.
func (b *batch) Next() hub.Cursor {
	return hub.Cursor(b.asOf.UTC().Format(time.RFC3339Nano) + "/" + hub.NewID())
}

// Close has nothing to close: the body is the caller's.
func (b *batch) Close() error { return nil }

// Records gives the rows, and tells of the refused ones on the way.
func (b *batch) Records() iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		for record, err := range b.rows {
			if err == nil {
				err = b.saw(&record)
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// saw counts a row. In the hub's own words the field of a refusal says the row
// as well.
func (b *batch) saw(r *hub.Record) error {
	b.count++
	if r.Refused == nil {
		b.due += r.Obligation.Outstanding.Minor
		return nil
	}
	b.refused++
	e := *r.Refused
	if b.wrong != nil {
		if err := b.wrong(Wrong{Row: r.Line, Field: e.Field, Code: e.Code, Problem: e.Detail}); err != nil {
			return err
		}
	}
	e.Field = fmt.Sprintf("row %d: %s", r.Line, e.Field)
	r.Refused = &e
	return nil
}
