// Package push takes what a creditor sends about its debts by itself: one
// obligation, many at once, a cancellation, a restoration. Everything passes the
// gate that fetched deliveries pass, and is published in one step or held for a
// person; a row that is wrong never loses the others.
package push

import (
	"context"
	"io"
	"slices"
	"time"

	"racord/hub"
)

// Service takes what creditors send.
type Service struct {
	Roster hub.Roster
	Store  hub.Snapshots
	Intake hub.Intake
	Clock  hub.Clock
}

// Delivery is a body that a creditor sent.
type Delivery struct {
	Form hub.Form
	Full bool      // it replaces everything that was sent before; else rows are merged by their ids
	Rows int       // how many the sender says there are; -1 = not said
	AsOf time.Time // the moment the amounts speak about; zero, or a little ahead = now
	Body io.Reader
}

// Wrong is a row that was not taken.
type Wrong struct {
	Row     int    `json:"row"`             // line of the body, from 1
	Field   string `json:"field,omitempty"` // "" for all of it
	Code    string `json:"code"`
	Problem string `json:"problem"`
}

// Summary is what became of a delivery.
type Summary struct {
	Rows       int       `json:"rows"`
	Taken      int       `json:"taken"`
	Refused    int       `json:"refused"`
	Superseded int       `json:"superseded"` // not shown: something later was said about them
	Outcome    Outcome   `json:"outcome"`
	Reason     string    `json:"reason,omitempty"` // why it is held, for a person
	AsOf       time.Time `json:"as_of"`
	Unlisted   int       `json:"unlisted,omitempty"` // refused, and named by no line of the report because it was long enough
}

// Outcome says whether citizens see it.
type Outcome string

// The outcomes of a delivery.
const (
	Published Outcome = "published"
	Held      Outcome = "held" // a person decides
)

// Send takes a delivery row by row and calls wrong for each that is not taken, in
// their order; an error of wrong ends it. It fails with CodeForbidden for callers
// that are no company, CodeNotFound for another creditor than the caller's, which
// looks like one that does not send,
// CodeConflict when a later word was published or another delivery is under way,
// CodeInvalid and CodeBadData for a body that cannot be read to its end. After a
// failure nothing of the delivery counts.
func (s *Service) Send(ctx context.Context, who hub.Caller, creditor hub.Name, d Delivery, wrong func(Wrong) error) (Summary, error) {
	c, err := s.sender(who, creditor)
	if err != nil {
		return Summary{}, err
	}
	now := s.Clock.Now()
	if d.AsOf.IsZero() {
		d.AsOf = now
	}
	if err := s.inTime(ctx, creditor, d, now); err != nil {
		return Summary{}, err
	}
	if d.AsOf.After(now) { // the sender's clock is ahead; what it says next is later all the same
		d.AsOf = now
	}
	rows, err := c.Inbox.Rows(d.Form, d.Body)
	if err != nil {
		return Summary{}, err
	}
	extent := hub.ExtentChanges
	if d.Full {
		extent, rows = hub.ExtentAll, hub.Once(rows)
	}
	return s.take(ctx, creditor, &batch{extent: extent, asOf: d.AsOf, said: d.Rows, rows: rows, wrong: wrong})
}

// sender gives the connector of a creditor that sends, to that creditor alone.
func (s *Service) sender(who hub.Caller, creditor hub.Name) (*hub.Connector, error) {
	if who.Company == "" {
		return nil, hub.Errorf(hub.CodeForbidden, "This needs the creditor's own token.")
	}
	for _, c := range s.Roster.OnDuty() {
		if c.Creditor.Name == creditor && c.Inbox != nil && who.Company == creditor {
			return c, nil
		}
	}
	return nil, hub.Errorf(hub.CodeNotFound, "This creditor does not send its obligations.")
}

// ahead is how far a sender's clock may be ahead of the hub's.
const ahead = 15 * time.Minute

// inTime refuses what speaks about the future, and a full delivery that is older
// than what is shown.
func (s *Service) inTime(ctx context.Context, creditor hub.Name, d Delivery, now time.Time) error {
	if d.AsOf.After(now.Add(ahead)) {
		return hub.Errorf(hub.CodeInvalid, "The delivery speaks about a moment that lies ahead.")
	}
	_, shown, err := s.Store.Cursor(ctx, creditor)
	switch {
	case hub.CodeOf(err) == hub.CodeNotFound:
		return nil
	case err != nil:
		return err
	case d.Full && d.AsOf.Before(shown):
		return hub.Errorf(hub.CodeConflict, "What is shown speaks about a later moment than this delivery.")
	}
	return nil
}

func (s *Service) take(ctx context.Context, creditor hub.Name, b *batch) (Summary, error) {
	taken, err := s.Intake.Take(ctx, creditor, b)
	if err != nil {
		return Summary{}, err
	}
	sum := Summary{Rows: b.count, Refused: b.refused, Superseded: taken.Superseded, Outcome: Published, AsOf: b.asOf.UTC()}
	sum.Taken = sum.Rows - sum.Refused - sum.Superseded
	if taken.Held != "" {
		sum.Outcome, sum.Reason = Held, taken.Held
	}
	return sum, nil
}

// Put takes one obligation in JSON under its id. Beside what Send fails with, it
// fails with CodeInvalid when the obligation itself is wrong, with its field.
func (s *Service) Put(ctx context.Context, who hub.Caller, creditor hub.Name, id string, body io.Reader) (Summary, error) {
	c, err := s.sender(who, creditor)
	if err != nil {
		return Summary{}, err
	}
	rows, err := c.Inbox.Rows(hub.FormJSON, body)
	if err != nil {
		return Summary{}, err
	}
	for record, err := range rows {
		if err == nil {
			err = fits(&record, id)
		}
		if err != nil {
			return Summary{}, err
		}
		return s.take(ctx, creditor, s.one(record))
	}
	return Summary{}, hub.Errorf(hub.CodeInvalid, "There is no obligation.")
}

// fits refuses an obligation that is wrong, or another than the one addressed.
func fits(r *hub.Record, id string) error {
	wrong := r.Refused
	if wrong == nil && r.Obligation.ExternalID != id {
		wrong = &hub.QualityEvent{Code: "other_id", Field: "id", Detail: "not the id in the address"}
	}
	if wrong == nil {
		return nil
	}
	err := hub.Errorf(hub.CodeInvalid, "The obligation is not valid; errors says where.")
	err.Fields = []hub.Field{{Pointer: "/" + wrong.Field, Code: hub.Code(wrong.Code), Detail: wrong.Detail}}
	return err
}

// Cancel makes an obligation that was sent one that is not owed. It is kept, so
// that it can be restored. Cancelling twice is harmless. It fails with
// CodeNotFound when the account has no such obligation, and like Send.
func (s *Service) Cancel(ctx context.Context, who hub.Caller, creditor hub.Name, account, id string) (Summary, error) {
	return s.change(ctx, who, creditor, account, id, func(o *hub.Obligation) { o.Status = hub.StatusCancelled })
}

// Restore makes a cancelled obligation owed again, with the amounts it had.
// Restoring one that is not cancelled is harmless. It fails like Cancel.
func (s *Service) Restore(ctx context.Context, who hub.Caller, creditor hub.Name, account, id string) (Summary, error) {
	return s.change(ctx, who, creditor, account, id, func(o *hub.Obligation) {
		if o.Status == hub.StatusCancelled {
			o.Status = standing(o)
		}
	})
}

// change reads the obligation once no other delivery of the creditor can come
// between: while the batch's records are read.
func (s *Service) change(ctx context.Context, who hub.Caller, creditor hub.Name, account, id string, to func(*hub.Obligation)) (Summary, error) {
	if _, err := s.sender(who, creditor); err != nil {
		return Summary{}, err
	}
	b := s.one(hub.Record{})
	b.rows = func(yield func(hub.Record, error) bool) {
		o, err := s.shown(ctx, hub.AccountRef{Creditor: creditor, Code: account}, id)
		if err == nil {
			to(&o)
		}
		yield(hub.Record{Account: account, Obligation: o}, err)
	}
	return s.take(ctx, creditor, b)
}

// shown gives an obligation as it is published.
func (s *Service) shown(ctx context.Context, account hub.AccountRef, id string) (hub.Obligation, error) {
	snapshot, err := s.Store.Snapshot(ctx, account)
	if err != nil && hub.CodeOf(err) != hub.CodeNotFound {
		return hub.Obligation{}, err
	}
	i := slices.IndexFunc(snapshot.Obligations, func(o hub.Obligation) bool { return o.ExternalID == id })
	if i < 0 {
		return hub.Obligation{}, hub.Errorf(hub.CodeNotFound, "This account has no such obligation.")
	}
	return snapshot.Obligations[i], nil
}

// one is a batch of one record, as of now. It says nothing about any other.
func (s *Service) one(r hub.Record) *batch {
	return &batch{extent: hub.ExtentRows, asOf: s.Clock.Now(), said: -1, rows: func(yield func(hub.Record, error) bool) { yield(r, nil) }}
}

// standing is where an obligation stands by its amounts.
func standing(o *hub.Obligation) hub.ObligationStatus {
	switch {
	case o.Outstanding.Minor < 0:
		return hub.StatusCredit
	case o.Outstanding.Minor == 0:
		return hub.StatusPaid
	case o.Paid.Minor > 0:
		return hub.StatusPartiallyPaid
	default:
		return hub.StatusOpen
	}
}
