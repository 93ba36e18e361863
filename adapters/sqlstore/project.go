package sqlstore

import (
	"database/sql"
	"slices"
	"time"

	"racord/hub"
)

// rows is what the tables hold of a payment beside its body, by number.
type rows struct {
	charges map[int]chargeRow
	lines   map[int]lineRow
	refunds map[int]refundRow
}

type chargeRow struct {
	psp, number   string
	state         hub.ChargeState
	amount, taken int64
}

type lineRow struct {
	creditor   hub.Name
	obligation hub.ObligationID
	amount     int64
	state      hub.LineState
	hub        hub.HubState
	since      int64
	remains    int64
	covers     string
}

type refundRow struct {
	charge int
	amount int64
	state  hub.RefundState
}

// rowsOf gives what the tables are to hold of a payment.
func rowsOf(p *hub.Payment) rows {
	r := rows{make(map[int]chargeRow, len(p.Charges)), make(map[int]lineRow, len(p.Lines)), make(map[int]refundRow, len(p.Refunds))}
	for i := range p.Charges {
		c := &p.Charges[i]
		r.charges[c.No] = chargeRow{c.PSP, c.Order, c.State, c.Amount.Minor, c.Facts.Captured}
	}
	for i := range p.Lines {
		l := &p.Lines[i]
		r.lines[l.No] = lineRow{l.Creditor, l.Obligation, l.Amount.Minor, l.State, l.HubState(), micros(since(p, l)), l.Leaves(),
			joined(l.Covers)}
	}
	for i := range p.Refunds {
		f := &p.Refunds[i]
		r.refunds[f.No] = refundRow{f.Charge, f.Amount.Minor, f.State}
	}
	return r
}

// since is the business time at which the hub's state of a line began.
func since(p *hub.Payment, l *hub.Line) (at time.Time) {
	switch l.HubState() {
	case hub.HubPaidWaitingPosting:
		at = l.PaidAt
	case hub.HubPosted:
		at = l.BookedAt
	case hub.HubSettled:
		at = l.ClearedAt
	case hub.HubMismatch:
		at = l.ClearBy
	}
	if at.IsZero() {
		at = p.OpenedAt
	}
	return at
}

// remember notes what the tables hold before the payment is changed.
func (c *change) remember(p *hub.Payment) { c.rows = rowsOf(p) }

// project gives the statements that bring the tables up to date. Rows that did
// not change are left alone. A change may take two steps at once; both are
// written, because the walls know single steps only.
func (c *change) project(p *hub.Payment) (batch []Statement) {
	now, add := rowsOf(p), c.store.engine.Add
	var halfway, final [3][][]any
	for i := range p.Charges {
		no := p.Charges[i].No
		was, is := c.rows.charges[no], now.charges[no]
		if mid, two := between(chargeSteps, was.state, is.state); two {
			halfway[0] = append(halfway[0], is.values(p, no, mid, c.now))
		}
		if was != is {
			final[0] = append(final[0], is.values(p, no, is.state, c.step(&p.Charges[i])))
		}
	}
	for i := range p.Lines {
		no := p.Lines[i].No
		was, is := c.rows.lines[no], now.lines[no]
		if mid, two := between(lineSteps, was.state, is.state); two {
			halfway[1] = append(halfway[1], is.values(p, no, mid, c.now))
		}
		if was != is {
			final[1] = append(final[1], is.values(p, no, is.state, c.now))
		}
	}
	for i := range p.Refunds {
		no := p.Refunds[i].No
		was, is := c.rows.refunds[no], now.refunds[no]
		if mid, two := between(refundSteps, was.state, is.state); two {
			halfway[2] = append(halfway[2], is.values(p, no, mid))
		}
		if was != is {
			final[2] = append(final[2], is.values(p, no, is.state))
		}
	}
	for i, t := range []*Table{&chargesTable, &linesTable, &refundsTable} {
		batch = append(batch, add(t, halfway[i])...)
		batch = append(batch, add(t, final[i])...)
	}
	batch = append(batch, c.sights(p, now)...)
	return append(batch, c.marks(p, now)...)
}

// What stands in columns that nobody reads: charges.merchant, charges.ref,
// refunds.line and refunds.changed_at. A migration drops them once no replica is
// left that still names them when it writes.
const (
	unused = ""
	never  = int64(0)
)

// step is when a charge made its last step: asking a provider again for the same is
// none.
func (c *change) step(ch *hub.Charge) time.Time {
	switch ch.State {
	case hub.ChargeCapturing, hub.ChargeCaptureUnknown, hub.ChargeVoiding, hub.ChargeVoidUnknown:
		if !ch.AskedAt.IsZero() {
			return ch.AskedAt
		}
	}
	return c.now
}

func (r chargeRow) values(p *hub.Payment, no int, state hub.ChargeState, now time.Time) []any {
	number := sql.NullString{String: r.number, Valid: r.number != ""}
	return []any{string(p.ID), int64(no), r.psp, unused, number, unused, string(state), r.amount, r.taken, micros(now)}
}

func (r lineRow) values(p *hub.Payment, no int, state hub.LineState, now time.Time) []any {
	return []any{string(p.ID), int64(no), string(p.Party), string(r.creditor), string(r.obligation), r.amount, string(state),
		string(r.hub), r.since, r.remains, micros(now), r.covers}
}

func (r refundRow) values(p *hub.Payment, no int, state hub.RefundState) []any {
	return []any{string(p.ID), int64(no), int64(r.charge), never, r.amount, string(state), never}
}

// The steps that the walls allow, with the first ones from nowhere. A test
// compares them with the table.
var (
	chargeSteps = starting(hub.ChargeEdges, hub.ChargeCreated)
	lineSteps   = starting(hub.LineEdges, hub.LineHeld, hub.LineDropped)
	refundSteps = starting(hub.RefundEdges, hub.RefundRequested)
)

func starting[S ~string](edges map[S][]S, first ...S) map[S][]S {
	all := map[S][]S{"": first}
	for from, to := range edges {
		all[from] = to
	}
	return all
}

// between finds the state in the middle when going from one to another takes two
// steps. What takes more is left for the walls to refuse.
func between[S ~string](steps map[S][]S, from, to S) (mid S, two bool) {
	if from == to || slices.Contains(steps[from], to) {
		return "", false
	}
	for _, mid := range steps[from] {
		if slices.Contains(steps[mid], to) {
			return mid, true
		}
	}
	return "", false
}
