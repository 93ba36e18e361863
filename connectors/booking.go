package connectors

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

// bookingMap says where an answer tells what was booked.
type bookingMap struct {
	Posting    *Field     `json:"posting" doc:"The posting's name, as the creditor repeats it. A record under another name is of another posting; without it, every record is of the one asked about." as:"text"`
	Number     *Field     `json:"number" doc:"Number of the creditor's receipt." as:"text"`
	BookedAt   *Field     `json:"booked_at" doc:"The moment it was booked. Without it, when the answer came." as:"instant"`
	ExternalID *Field     `json:"external_id" doc:"The creditor's own id of the debt." as:"text"`
	Amount     *Field     `json:"amount" doc:"What was booked. One that differs from what was paid is no proof." as:"amount"`
	Pending    *condition `json:"pending" doc:"When it is taken, but not booked yet."`
	Refused    *condition `json:"refused" doc:"When it was taken, and refused later."`
	Reversed   *condition `json:"reversed" doc:"When it was booked, and taken back."`
}

// shareMap is a part of an amount and the debt it is booked to.
type shareMap struct {
	selection
	ExternalID *Field `json:"external_id" doc:"External id of the debt." as:"text" required:"true"`
	Label      *Field `json:"label" doc:"As a citizen names it." as:"text"`
	Amount     *Field `json:"amount" doc:"The part." as:"amount" required:"true"`
}

// booking is one record of what a creditor booked.
type booking struct {
	posting, externalID, number string
	bookedAt                    time.Time
	amount                      hub.Money
	hasAmount                   bool
	pending, refused, reversed  bool
}

// booking reads what v says was booked.
func (r *Reading) booking(v Value) (b booking, refused *refusal) {
	m, s := r.call.answer.Booking, &r.scope
	s.record, s.here, s.stack = v, v, s.stack[:0]
	r.count++
	if b.posting, refused = m.Posting.readText(s); refused != nil {
		return b, refused
	}
	if b.number, refused = m.Number.readText(s); refused != nil {
		return b, refused
	}
	if b.externalID, refused = m.ExternalID.readText(s); refused != nil {
		return b, refused
	}
	if b.bookedAt, refused = m.BookedAt.readInstant(s); refused != nil {
		return b, refused
	}
	var minor int64
	if minor, b.hasAmount, refused = m.Amount.readAmount(s); refused != nil {
		return b, refused
	}
	b.posting, b.amount = strings.TrimSpace(b.posting), hub.Bani(minor)
	b.pending, b.refused, b.reversed = m.Pending.is(s), m.Refused.is(s), m.Reversed.is(s)
	return b, nil
}

// is tells whether there is a condition and it holds.
func (c *condition) is(s *scope) bool { return c != nil && c.holds(s) }

// Verdict is what an answer of paying says as a whole.
type Verdict struct {
	Done    bool      // it was done before
	Found   hub.Found // of find; "" = the content says
	Content Value     // what is to be read
}

// Judge looks for a refusal in the answer to a call of paying. An error is
// certain only where a rule of the manifest says so. Otherwise it is like
// Classify.
func (r *Reading) Judge(status int, root Value, retryAfter time.Duration) (Verdict, error) {
	r.look(root)
	i := r.rule(status, root)
	if i < 0 {
		return Verdict{Content: root}, OfStatus(status, retryAfter)
	}
	rule := &r.call.answer.Errors[i]
	switch {
	case rule.Done && !rule.Under.IsZero():
		return Verdict{Done: true, Content: rule.Under.find(&r.scope)}, nil
	case rule.Done:
		return Verdict{Done: true, Content: root}, nil
	case rule.Found != "":
		return Verdict{Found: hub.Found(rule.Found)}, nil
	}
	return Verdict{}, r.refusedBy(i, retryAfter)
}

// Receipt reads the answer to post. That the posting was taken and refused is
// CodeNotPayable for certain. It fails with CodeBadData, and then the posting may
// be booked, when the answer is about another one, states another amount or gives
// no number.
func (r *Reading) Receipt(p *hub.Posting, root Value) (hub.Receipt, error) {
	if root == nil {
		return hub.Receipt{}, BadData("booking: there is nothing")
	}
	r.look(root)
	b, refused := r.booking(root)
	switch {
	case refused != nil:
		return hub.Receipt{}, BadData("booking: %s", refused.Error())
	case b.reversed:
		return hub.Receipt{}, BadData("booking: the answer says that it was taken back, which is no answer to post")
	}
	if err := b.proves(p); err != nil {
		return hub.Receipt{}, err
	}
	if b.refused {
		return hub.Receipt{}, hub.NotDone(Failure(hub.CodeNotPayable, errors.New("it was taken and refused")))
	}
	return r.receipt(p, b)
}

// proves tells whether a booking can be that of the posting.
func (b *booking) proves(p *hub.Posting) error {
	switch {
	case b.posting != "" && b.posting != string(p.ID):
		return BadData("booking.posting: the answer is about another posting")
	case b.hasAmount && b.amount != p.Amount:
		return BadData("booking.amount: another amount was booked than was paid")
	}
	return nil
}

// receipt makes a receipt of a booking. One that is pending is known by the
// posting's own name until it has a number.
func (r *Reading) receipt(p *hub.Posting, b booking) (hub.Receipt, error) {
	switch {
	case b.number == "" && b.pending:
		b.number = string(p.ID)
	case b.number == "" && r.call.answer.Booking.Number != nil:
		return hub.Receipt{}, BadData("booking.number: the answer gives no number of a receipt")
	}
	if b.bookedAt.IsZero() {
		b.bookedAt = r.now
	}
	return hub.Receipt{ID: p.ID, Number: b.number, BookedAt: b.bookedAt, Pending: b.pending}, nil
}

// Search looks for a posting in one page of an answer to find. Bookings that
// were taken back do not count, one that is pending is FoundNotVisible; nothing
// that fits is FoundAbsent. It fails with
// CodeBadData when a record cannot be read, or the posting stands there with
// another amount.
func (r *Reading) Search(p *hub.Posting, root Value) (hub.Found, hub.Receipt, error) {
	records, err := r.records(root)
	if err != nil {
		return "", hub.Receipt{}, err
	}
	best := hub.FoundAbsent
	for _, v := range records {
		b, refused := r.booking(v)
		if refused != nil {
			return "", hub.Receipt{}, BadData("%s: %s", r.event(refused).Field, refused.detail)
		}
		if b.reversed || r.call.answer.Booking.Posting != nil && b.posting != string(p.ID) {
			continue
		}
		if err := b.proves(p); err != nil {
			return "", hub.Receipt{}, err
		}
		switch {
		case b.refused:
			best = hub.FoundRefused
			continue
		case b.pending:
			return hub.FoundNotVisible, hub.Receipt{}, nil
		}
		receipt, err := r.receipt(p, b)
		return hub.FoundBooked, receipt, err
	}
	return best, hub.Receipt{}, nil
}

// About lists the names of the postings that one page of an answer to find speaks
// of. It fails with CodeBadData when a record cannot be read.
func (r *Reading) About(root Value) (names []string, err error) {
	records, err := r.records(root)
	if err != nil {
		return nil, err
	}
	for _, v := range records {
		b, refused := r.booking(v)
		if refused != nil {
			return nil, BadData("%s: %s", r.event(refused).Field, refused.detail)
		}
		names = append(names, b.posting)
	}
	return names, nil
}

// Booked reads one page of an answer to statement. It fails with CodeBadData
// when a record cannot be read: a statement with gaps proves nothing.
func (r *Reading) Booked(root Value) (rows []hub.BookedPosting, err error) {
	records, err := r.records(root)
	if err != nil {
		return nil, err
	}
	for _, v := range records {
		b, refused := r.booking(v)
		switch {
		case refused != nil:
			return nil, BadData("%s: %s", r.event(refused).Field, refused.detail)
		case !b.hasAmount:
			return nil, BadData("%s: there is nothing", r.event(&refusal{where: "amount"}).Field)
		case b.refused || b.pending:
			continue
		}
		rows = append(rows, hub.BookedPosting{
			ID: hub.PostingID(b.posting), ExternalID: b.externalID, Number: b.number, Amount: b.amount, Reversed: b.reversed,
		})
	}
	return rows, nil
}

// records gives the records of one page. In answers of paying, the answer itself
// is the one record where items says nothing. They are good until the next page.
func (r *Reading) records(root Value) ([]Value, error) {
	r.look(root)
	part := &r.call.answer
	if part.Items.IsZero() && slices.Contains(PayingCalls(), r.call.Name) {
		return []Value{root}, nil
	}
	mark := len(r.scope.stack)
	list := part.Items.each(&r.scope, r.scope.collect())
	clear(r.list.room)
	r.list.room = append(r.list.room[:0], r.scope.stack[mark:]...)
	records := r.list.room
	r.scope.stack = r.scope.stack[:mark]
	switch {
	case !list && !(part.MayOmit && part.Items.find(&r.scope) == nil):
		return nil, BadData("%s is not a list", part.Items)
	case len(records) > r.call.Bounds().Records:
		return nil, BadData("more than %d records", r.call.Bounds().Records)
	}
	return records, nil
}

// shares reads what a quote's payment is booked to. A damaged part makes all of
// it worthless.
func (r *Reading) shares() (all []hub.Share) {
	s := &r.scope
	for i := range r.call.answer.Extinguish {
		part := &r.call.answer.Extinguish[i]
		for at := part.seats(s); at.next(s); {
			id, refused := part.ExternalID.required(s)
			minor, present, damaged := part.Amount.readAmount(s)
			if refused != nil || damaged != nil || !present {
				at.end(s)
				return nil
			}
			label := s.spare(part.Label.readText(s))
			all = append(all, hub.Share{Obligation: hub.NewObligationID(r.creditor.Name, id), Label: label, Amount: hub.Bani(minor)})
		}
	}
	return all
}

// refusedBy is the failure that the rule with this number stands for.
func (r *Reading) refusedBy(i int, retryAfter time.Duration) error {
	rule := &r.call.answer.Errors[i]
	if retryAfter == 0 {
		retryAfter = rule.RetryAfter
	}
	failure := Failure(hub.Code(rule.Code), fmt.Errorf("rule errors[%d] of call %s", i, r.call.Name))
	failure.RetryAfter, failure.Certain = retryAfter, rule.Certain != nil && *rule.Certain
	return failure
}
