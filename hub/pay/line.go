package pay

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"racord/hub"
)

// post brings one line to its creditor, one step: send it, or find out what
// became of it. What is about to be sent is stored first, so that whoever finds
// the line half done knows that it may have arrived.
func (s *Service) post(ctx context.Context, lease *hub.Lease) error {
	p, err := s.Store.Payment(ctx, lease.Payment)
	if err != nil {
		return err
	}
	l, c := p.Line(lease.No), s.connector(lease.Creditor)
	switch {
	case l == nil:
		return s.done(ctx, lease)
	case c == nil || c.Sink == nil:
		return s.later(ctx, lease, time.Minute)
	case l.State == hub.LineDue:
		return s.send(ctx, lease, c)
	case l.State == hub.LinePosting || l.State == hub.LinePostUnknown:
		return s.findOut(ctx, lease, p, l, c)
	case l.State == hub.LineReversing:
		return s.reverse(ctx, lease, p, l, c)
	}
	return s.done(ctx, lease)
}

// send stores the intent and tells the creditor, in that order, and begins to tell
// it while nobody else can have the line: whoever takes it over counts from there.
func (s *Service) send(ctx context.Context, lease *hub.Lease, c *hub.Connector) error {
	ctx, cancel := context.WithTimeout(ctx, s.conf.Lease)
	defer cancel()
	p, err := s.alter(ctx, lease.Payment, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		return s.sending(tx, lease, p.Line(lease.No), c)
	})
	if err != nil {
		return err
	}
	receipt, err := s.tell(ctx, c, p, p.Line(lease.No))
	return s.told(context.WithoutCancel(ctx), lease, c, receipt, err)
}

// sending notes that a line is about to be sent, and as what: its creditor may be
// told in another way by now than when it was quoted.
func (s *Service) sending(tx hub.PaymentTx, lease *hub.Lease, l *hub.Line, c *hub.Connector) error {
	switch l.State {
	case hub.LineRejected: // it was given back since it was leased
		return hub.Errorf(hub.CodeConflict, "the line is not to be told any more")
	case hub.LineDue:
		l.Class = c.Traits.Paying.Class
	default:
		l.Doubt = true // nobody knows what became of it
	}
	l.Tries++
	l.SentAt, l.SentOn = tx.Now(), countsFor(c, s.Clock.Now())
	if l.FirstSent.IsZero() {
		l.FirstSent = l.SentAt
	}
	tx.Schedule(lease.Work, s.underWayFor(c)) // before, nobody else looks
	return l.Move(hub.LinePosting)
}

// underWayFor is how long after its intent was stored a posting may still be under
// way: it begins within a lease.
func (s *Service) underWayFor(c *hub.Connector) time.Duration { return s.conf.Lease + answerFor(c) }

// answerFor is how long a creditor may take to answer a posting.
func answerFor(c *hub.Connector) time.Duration {
	return max(c.Traits.Paying.Timeout, c.Traits.Timeout, time.Second)
}

func (s *Service) tell(ctx context.Context, c *hub.Connector, p *hub.Payment, l *hub.Line) (hub.Receipt, error) {
	receipts, err := c.Sink.Post(ctx, []hub.Posting{p.Posting(l)})
	switch {
	case err != nil:
		return hub.Receipt{}, err
	case len(receipts) != 1:
		return hub.Receipt{}, hub.Errorf(hub.CodeBadData, "The creditor gave no receipt.")
	}
	return receipts[0], receipts[0].Err
}

// told stores what the creditor answered.
func (s *Service) told(ctx context.Context, lease *hub.Lease, c *hub.Connector, receipt hub.Receipt, err error) error {
	return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		l := p.Line(lease.No)
		switch {
		case err == nil && !receipt.Pending:
			return s.posted(tx, p, l, c, receipt)
		case err == nil:
			l.Receipt = receipt.Number
			return s.unsure(tx, lease, l, s.visible(c))
		case hub.Certainly(err) && refusal(err):
			tx.Done(lease.Work)
			return s.reject(tx, p, p.ChargeOf(l.No), l, string(hub.CodeOf(err)))
		case hub.Certainly(err):
			return s.wait(tx, lease, p, l, c, err)
		}
		return s.lost(tx, lease, p, l, c)
	})
}

// lost notes that nobody knows whether a line arrived. One that makes its creditor
// fail is to hold no others up: it is tried ever more seldom.
func (s *Service) lost(tx hub.PaymentTx, lease *hub.Lease, p *hub.Payment, l *hub.Line, c *hub.Connector) error {
	if s.tooLong(tx, l, c) {
		return s.stuck(tx, lease, p, l, "no_answer")
	}
	l.Lost++
	return s.unsure(tx, lease, l, max(s.visible(c), pauseAfter(tx, l, l.Lost, promptly)))
}

// promptly is how many answers of a line may be lost before it has to wait.
const promptly = 3

// refusal tells a creditor's no for good from one for now.
func refusal(err error) bool {
	switch hub.CodeOf(err) {
	case hub.CodeNotPayable, hub.CodeNotFound, hub.CodeAmountChanged:
		return true
	}
	return false
}

// visible is how long to wait before looking for a booking.
func (s *Service) visible(c *hub.Connector) time.Duration {
	return max(c.Traits.Paying.Visible, 200*time.Millisecond)
}

// unsure marks a line that was sent and of which nobody knows whether it arrived.
func (s *Service) unsure(tx hub.PaymentTx, lease *hub.Lease, l *hub.Line, after time.Duration) error {
	tx.Schedule(lease.Work, after)
	l.Doubt = true
	if l.State == hub.LinePosting {
		s.Meter.Lined(l.Creditor, hub.LinePostUnknown, l.Amount)
	}
	return l.Move(hub.LinePostUnknown)
}

// wait lets a line that certainly was not booked be sent again: the later, the more
// often the creditor put this line off. One that is busy, closed or away says when
// it is to be asked again, or is asked soon: that is no used-up try. That a line was
// not booked now says nothing of an earlier time.
func (s *Service) wait(tx hub.PaymentTx, lease *hub.Lease, p *hub.Payment, l *hub.Line, c *hub.Connector, err error) error {
	if s.tooLong(tx, l, c) {
		return s.stuck(tx, lease, p, l, string(hub.CodeOf(err)))
	}
	s.Log.Debug("a posting was not made", "connector", l.Creditor, "payment", p.ID, "no", l.No, "code", hub.CodeOf(err), "error", err)
	wait := hub.RetryAfterOf(err)
	switch hub.CodeOf(err) {
	case hub.CodeBusy, hub.CodeMaintenance, hub.CodeUnavailable:
		l.Tries--
	default:
		l.PutOff++
	}
	wait = max(wait, pause(tx, l, l.PutOff))
	if l.Doubt {
		return s.unsure(tx, lease, l, wait)
	}
	tx.Schedule(lease.Work, wait)
	return l.Move(hub.LineDue)
}

// backoff doubles from two seconds to an hour, anywhere in its upper half.
func backoff(tries int) time.Duration { return upperHalf(doubled(tries)) }

// shortest is the shortest backoff.
const shortest = 2 * time.Second

func doubled(tries int) time.Duration {
	return min(shortest<<min(max(tries, 0), 12), time.Hour)
}

func upperHalf(full time.Duration) time.Duration { return full/2 + rand.N(full/2) }

// pause is the backoff of a line, but no longer than half the time for which
// it has been tried: what failed often in a minute is no reason to wait an hour.
func pause(tx hub.PaymentTx, l *hub.Line, times int) time.Duration {
	tried := tx.Now().Sub(l.FirstSent)
	return upperHalf(min(doubled(times), max(shortest, tried/2)))
}

// pauseAfter is pause once something happened more often than so many times.
func pauseAfter(tx hub.PaymentTx, l *hub.Line, times, prompt int) time.Duration {
	if times < prompt {
		return 0
	}
	return pause(tx, l, times-prompt)
}

// tooLong tells whether a line was tried for so long that a person must look.
func (s *Service) tooLong(tx hub.PaymentTx, l *hub.Line, c *hub.Connector) bool {
	return !l.FirstSent.IsZero() && tx.Now().Sub(l.FirstSent) > c.Traits.Paying.Window()
}

func (s *Service) stuck(tx hub.PaymentTx, lease *hub.Lease, p *hub.Payment, l *hub.Line, why string) error {
	tx.Done(lease.Work)
	l.Reason = why
	s.Meter.Lined(l.Creditor, hub.LineStuck, l.Amount)
	tx.Anomaly("line_stuck", string(p.PostingID(l.No))+" at "+string(l.Creditor)+": "+why)
	s.emit(tx, p, "line.stuck", l.No)
	return l.Move(hub.LineStuck)
}

// posted books a line that its creditor accepted.
func (s *Service) posted(tx hub.PaymentTx, p *hub.Payment, l *hub.Line, c *hub.Connector, receipt hub.Receipt) error {
	if l.State == hub.LinePosted {
		tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor})
		return nil
	}
	if err := l.Move(hub.LinePosted); err != nil {
		return err
	}
	now := s.Clock.Now()
	l.Receipt, l.BookedAt, l.Reason, l.Doubt = receipt.Number, receipt.BookedAt, "", false
	if l.BookedAt.IsZero() {
		l.BookedAt = now
	}
	l.ClearBy = now.Add(c.Traits.Paying.ClearsIn)
	s.Meter.Lined(l.Creditor, l.State, l.Amount)
	s.bookPosted(tx, p, l)
	tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor})
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkClear, No: l.No}, firstLook)
	s.emit(tx, p, "line.posted", l.No)
	if p.State().Final() {
		s.emit(tx, p, "payment."+string(p.State()), 0)
	}
	return nil
}

// findOut learns what became of a line that was sent: by asking the creditor, by
// sending it again where that does no harm, or from the creditor's statement. What
// was sent in the way of an earlier version is never sent in that of another: two
// ways may be two bookings.
func (s *Service) findOut(ctx context.Context, lease *hub.Lease, p *hub.Payment, l *hub.Line, c *hub.Connector) error {
	same := l.Class == c.Traits.Paying.Class
	switch {
	case l.Class == hub.ClassA && l.Receipt == "" && same:
		return s.send(ctx, lease, c)
	case c.Finder != nil:
		return s.find(ctx, lease, p, l, c)
	case c.Statement != nil && l.Class == hub.ClassC:
		return s.findInStatement(ctx, lease, p, l, c)
	case l.Class == hub.ClassF && same:
		return s.send(ctx, lease, c)
	}
	return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		return s.stuck(tx, lease, p, p.Line(lease.No), "no_answer")
	})
}

// find looks the posting up. That it is absent counts only once a booking would
// have to be visible, and lets it be sent again only in the way it was sent.
func (s *Service) find(ctx context.Context, lease *hub.Lease, p *hub.Payment, l *hub.Line, c *hub.Connector) error {
	found, receipt, err := c.Finder.Find(ctx, p.Posting(l))
	return s.found(ctx, lease, c, hub.Finding{Found: found, Receipt: receipt, Err: err})
}

// found draws the consequence of what was found.
func (s *Service) found(ctx context.Context, lease *hub.Lease, c *hub.Connector, f hub.Finding) error {
	if f.Err != nil {
		return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error { return s.puzzled(tx, lease, p, c, f.Err) })
	}
	return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		l := p.Line(lease.No)
		l.Reason = "" // what its creditor said before
		early := tx.Now().Sub(l.SentAt) < s.visible(c)+s.underWayFor(c)
		switch {
		case f.Found == hub.FoundBooked:
			return s.posted(tx, p, l, c, f.Receipt)
		case f.Found == hub.FoundRefused:
			tx.Done(lease.Work)
			return s.reject(tx, p, p.ChargeOf(l.No), l, "refused_by_creditor")
		case f.Found == hub.FoundAbsent && !early && (l.Class == hub.ClassC || l.Class != c.Traits.Paying.Class):
			return s.stuck(tx, lease, p, l, "not_booked")
		case f.Found == hub.FoundAbsent && !early && s.tooLong(tx, l, c):
			return s.stuck(tx, lease, p, l, "no_answer")
		case f.Found == hub.FoundAbsent && !early:
			l.Doubt = false
			tx.Schedule(lease.Work, pauseAfter(tx, l, l.Lost, promptly))
			return l.Move(hub.LineDue)
		}
		return s.puzzled(tx, lease, p, c, nil)
	})
}

// puzzled looks again later, for as long as it makes sense.
func (s *Service) puzzled(tx hub.PaymentTx, lease *hub.Lease, p *hub.Payment, c *hub.Connector, err error) error {
	l := p.Line(lease.No)
	if s.lookedTooLong(tx, l, c) {
		return s.stuck(tx, lease, p, l, cmp.Or(l.Reason, "no_answer"))
	}
	wait := max(hub.RetryAfterOf(err), min(s.visible(c), 2*time.Second))
	if err == nil || hub.CodeOf(err) == hub.CodeBadData { // a file's confirmation comes next morning, and what it says stays
		wait = max(wait, min(tx.Now().Sub(l.SentAt)/lookShare(l.Class), 5*time.Minute))
	}
	return s.unsure(tx, lease, l, wait)
}

// unclear is the reason of a line of which its creditor said what cannot be.
const unclear = string(hub.CodeBadData)

// unclearly calls a person, once, for a line of which its creditor says what cannot
// be, such as another amount. It is looked for on: that may be put right.
func (s *Service) unclearly(ctx context.Context, lease *hub.Lease, c *hub.Connector, err error) error {
	return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		if l := p.Line(lease.No); l.Reason != unclear {
			l.Reason = unclear
			tx.Anomaly("booking_unclear", string(p.PostingID(l.No))+" at "+string(l.Creditor)+": "+err.Error())
		}
		return s.puzzled(tx, lease, p, c, err)
	})
}

// lookShare is the part of a line's age after which it is looked for again. A
// statement is read once for all lines of a day; what else is looked for costs the
// creditor a question each time.
func lookShare(class hub.Class) time.Duration {
	if class == hub.ClassC {
		return 16
	}
	return 8
}

// lookedTooLong tells whether what became of a line was looked for so long, since it
// was sent, that a person must look. It was not while a creditor of class C has days
// left on which it may book it, and one of class F mornings on which it may say so.
func (s *Service) lookedTooLong(tx hub.PaymentTx, l *hub.Line, c *hub.Connector) bool {
	if tx.Now().Sub(l.SentAt) <= c.Traits.Paying.Window() {
		return false
	}
	switch l.Class {
	case hub.ClassC:
		return daysOver(l, s.Clock.Now())
	case hub.ClassF:
		return daysOver(l, s.Clock.Now().Add(-confirmsWithin))
	}
	return true
}

// confirmsWithin is how long after the end of a day the file may come that says what
// was booked on it.
const confirmsWithin = 12 * time.Hour

// countsFor is the business day to which a creditor counts what it is told now: what
// is put after the hour of the day's file is in the next one's.
func countsFor(c *hub.Connector, now time.Time) hub.Date {
	day, local := hub.DateOf(now), now.In(hub.Bucharest)
	if c.Traits.Paying.Class == hub.ClassF && 60*local.Hour()+local.Minute() >= c.Traits.Paying.CutOff {
		return day.Next()
	}
	return day
}

// daysOver tells whether the days on which a line may have been booked are over at a
// business time.
func daysOver(l *hub.Line, at time.Time) bool {
	days := bookableOn(l)
	return at.After(days[len(days)-1].End())
}

// findInStatement looks for a line of class C in what the creditor booked on the
// days on which it may have. It is never sent again: when they are over and it is
// on none, a person decides. A day that was closed when it was read is not read
// again for it.
func (s *Service) findInStatement(ctx context.Context, lease *hub.Lease, p *hub.Payment, l *hub.Line, c *hub.Connector) error {
	now := s.Clock.Now()
	read, notOn, failed := now, l.NotOn, error(nil)
	for _, day := range bookableOn(l) {
		if day <= l.NotOn {
			continue
		}
		if now.Before(day.Start()) {
			break
		}
		statement := s.statements.of(ctx, c, day, s.Clock)
		if booked, ok := statement.booked[p.PostingID(l.No)]; ok {
			return s.told(ctx, lease, c, booked.Receipt(day, now), nil)
		}
		failed = errors.Join(failed, statement.err)
		if statement.at.Before(read) {
			read = statement.at
		}
		if failed == nil && statement.at.After(day.End().Add(closesWithin)) {
			notOn = day
		}
	}
	return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		l := p.Line(lease.No)
		l.NotOn = notOn
		if failed == nil && daysOver(l, read) {
			return s.stuck(tx, lease, p, l, "not_in_statement")
		}
		return s.puzzled(tx, lease, p, c, failed)
	})
}

// booksWithin is how many working days a creditor may take to book what it was
// told.
const booksWithin = 2

// closesWithin is how long after its end a day may still be booked into.
const closesWithin = 12 * time.Hour

// bookableOn are the days on which a creditor may have booked a line, in order:
// that of the payment, from which it counts, and those from the one on which it was
// sent on: what is told before a weekend is booked after it.
func bookableOn(l *hub.Line) []hub.Date {
	paid := hub.DateOf(l.PaidAt)
	return slices.Compact(append([]hub.Date{paid}, max(l.SentOn, paid).Through(booksWithin)...))
}
