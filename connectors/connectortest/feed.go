package connectortest

import (
	"context"
	"hash/maphash"
	"time"

	"racord/hub"
)

// delivery is what a feed brought. Of a large one only the beginning is kept,
// but everything is counted.
type delivery struct {
	debts   []hub.Obligation
	refused []hub.QualityEvent
	twice   string // an external id that stood twice
	rows    int
	due     int64 // bani
	control hub.Control
	next    hub.Cursor
	asOf    time.Time
}

// keepDebts is how many records of a delivery are looked at closely.
const keepDebts = 5000

// longest is how long a delivery may take.
const longest = 10 * time.Minute

// pull reads a delivery from front to back.
func (r *run) pull(ctx context.Context, c *hub.Connector, since hub.Cursor) (*delivery, error) {
	d := &delivery{}
	err := r.call(ctx, longest, func(ctx context.Context) error {
		batch, err := c.Feed.Pull(ctx, since)
		if err != nil {
			return err
		}
		if err := d.read(batch); err != nil {
			_ = batch.Close() // the first failure counts
			return err
		}
		return batch.Close()
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (d *delivery) read(batch hub.Batch) error {
	seed, seen := maphash.MakeSeed(), map[uint64]bool{}
	d.asOf = batch.AsOf()
	for record, err := range batch.Records() {
		if err != nil {
			return err
		}
		d.rows++
		if record.Refused != nil {
			d.refused = append(d.refused, *record.Refused)
			continue
		}
		key := maphash.String(seed, record.Obligation.ExternalID)
		if seen[key] {
			d.twice = record.Obligation.ExternalID
		}
		seen[key] = true
		d.due += record.Obligation.Outstanding.Minor
		if len(d.debts) < keepDebts {
			d.debts = append(d.debts, record.Obligation)
		}
	}
	d.control, d.next = batch.Control(), batch.Next()
	return nil
}

func deliveryArrives(_ context.Context, r *run) finding {
	switch {
	case r.feedErr != nil:
		return failed(r.calm, "the first delivery failed with %v", r.feedErr)
	case len(r.delivery.debts) == 0:
		return failed(r.calm, "the first delivery holds no debts")
	case r.delivery.next == "":
		return failed(r.calm, "the delivery has no cursor")
	}
	return passed()
}

func controlAgrees(_ context.Context, r *run) finding {
	d := r.delivery
	switch {
	case d == nil:
		return skipped("no delivery arrived")
	case d.control.Rows == -1:
		return skipped("the delivery says nothing about itself")
	case d.control.Rows != d.rows:
		return failed(r.calm, "the delivery says %d rows and has %d", d.control.Rows, d.rows)
	case len(d.refused) == 0 && d.control.Total != d.due:
		return failed(r.calm, "the delivery says %s in all and has %s", hub.Bani(d.control.Total), hub.Bani(d.due))
	}
	return passed()
}

// mostDeliveries is after how many it is believed that they never end.
const mostDeliveries = 50

// cursorMoves follows the cursor until there is nothing newer.
func cursorMoves(ctx context.Context, r *run) finding {
	if r.delivery == nil {
		return skipped("no delivery arrived")
	}
	seen, at := map[hub.Cursor]bool{"": true}, r.delivery.next
	for range mostDeliveries {
		if seen[at] {
			return failed(r.calm, "a delivery gave a cursor that stood there before")
		}
		seen[at] = true
		d, err := r.pull(ctx, r.connector, at)
		switch {
		case hub.CodeOf(err) == hub.CodeNotFound:
			return passed()
		case err != nil:
			return failed(r.calm, "the delivery after the first failed with %v; want code not_found when there is nothing newer", err)
		}
		at = d.next
	}
	return failed(r.calm, "deliveries do not end after %d", mostDeliveries)
}
