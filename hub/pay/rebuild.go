package pay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"racord/hub"
)

// Archive is what rebuilding needs of the store.
type Archive interface {
	hub.Archive
	EachPayment(ctx context.Context, each func(p *hub.Payment) error) error
}

// Rebuilt is what was found after a restore.
type Rebuilt struct {
	Orders   int      // at providers that were not known here
	Payments int      // made anew from them
	Taken    int64    // bani taken by these orders
	Posted   int      // their lines that creditors have booked
	Waiting  int      // their lines that a person must look at
	Woken    int      // payments of the backup that were not final: everybody is asked about them again
	Unknown  []string // orders that do not say which payment they are of
	Returned []string // orders of ended payments of which more was given back than is known here: for a person
	NotAsked int      // ended payments' charges that could not be asked about, or are too many or too old
}

// Rebuild makes the books whole again from those of providers and creditors,
// after an old backup was restored. Nothing must be paid meanwhile. It may be
// done again at any time: what is there stays. It waits until what the lost hub
// told last can be seen.
//
// A payment that is not here is made from its order's manifest; what of it was
// booked is its creditors' word. What they have not booked is for a person,
// because a manifest names no debt. Providers and creditors are asked, too, what
// became of the payments that were under way in the backup; a line that may have
// been told to its creditor since is looked up before it is told again. Of what had
// ended it is asked whether money was given back since.
func (s *Service) Rebuild(ctx context.Context, books Archive) (*Rebuilt, error) {
	r := &Rebuilt{}
	hub.Sleep(ctx, s.lastDeeds())
	open, err := underWay(ctx, books)
	if err != nil {
		return r, err
	}
	known, err := s.knownOrders(ctx, open)
	if err != nil {
		return r, err
	}
	var lost []foundOrder
	for _, psp := range s.PSPs {
		found, err := s.lostOrders(ctx, books, psp)
		if err != nil {
			return r, fmt.Errorf("%s: %w", psp.Name, err)
		}
		lost = append(lost, found...)
	}
	said, err := s.statementsSince(ctx, slices.Concat(known, lost))
	if err != nil {
		return r, err
	}
	for i := range known {
		if err := s.merge(ctx, &known[i], said); err != nil {
			return r, fmt.Errorf("%s/%s: %w", known[i].psp.Name, known[i].Order, err)
		}
	}
	for i := range lost {
		if err := s.rebuild(ctx, &lost[i], said, r); err != nil {
			return r, fmt.Errorf("%s/%s: %w", lost[i].psp.Name, lost[i].Order, err)
		}
	}
	for ; r.Woken < len(open) && err == nil; r.Woken++ {
		_, err = s.Store.ChangePayment(ctx, open[r.Woken], nil, s.wake)
	}
	if err != nil {
		return r, err
	}
	return r, s.findReturned(ctx, books, r)
}

// lastDeeds is how long it may take until what the lost hub asked of providers
// and creditors last is done and can be seen.
func (s *Service) lastDeeds() time.Duration {
	longest := s.settleFor()
	for _, c := range s.Roster.OnDuty() {
		if c.Traits.Paying.Class == hub.ClassB {
			longest = max(longest, s.visible(c)+answerFor(c))
		}
	}
	return longest
}

// rebuild brings one order into the books.
func (s *Service) rebuild(ctx context.Context, o *foundOrder, said map[hub.PostingID]bookedRow, r *Rebuilt) error {
	r.Orders++
	if o.manifest.payment == "" {
		if o.Facts.Captured > 0 || o.Facts == (hub.ChargeFacts{}) {
			r.Unknown = append(r.Unknown, o.psp.Name+"/"+o.Order)
		}
		return nil
	}
	made, err := s.remake(ctx, o)
	if err != nil {
		return err
	}
	if made {
		r.Payments++
	}
	if err := s.merge(ctx, o, said); err != nil || o.Facts.Captured == 0 {
		return err
	}
	p, err := s.Store.Payment(ctx, o.manifest.payment)
	if err != nil {
		return err
	}
	r.Taken += o.Facts.Captured
	for i := range o.manifest.lines {
		switch l := p.Line(o.manifest.lines[i].No); l.State {
		case hub.LinePosted:
			r.Posted++
		case hub.LineStuck, hub.LinePostUnknown:
			r.Waiting++
		}
	}
	return nil
}

// mergeStep is a part of merging that is stored before the next begins.
type mergeStep func(context.Context, hub.PaymentTx, *hub.Payment, *foundOrder, heard) error

// merge lays what the provider and the creditors say of an order over what its
// payment says.
func (s *Service) merge(ctx context.Context, o *foundOrder, said map[hub.PostingID]bookedRow) error {
	there, err := s.hear(ctx, o, said)
	if err != nil {
		return err
	}
	_, err = s.Store.ChangePayment(ctx, o.manifest.payment, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		return s.restoreCharge(tx, p, o)
	})
	if err != nil || o.Facts.Captured == 0 {
		return err
	}
	for _, step := range []mergeStep{
		s.taken(o), s.settleAgain, s.refundAgain,
	} {
		_, err := s.Store.ChangePayment(ctx, o.manifest.payment, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
			return step(ctx, tx, p, o, there)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// remake opens the payment of an order that is not here, with what its manifest
// says. It belongs to nobody: whose it was, is not said.
func (s *Service) remake(ctx context.Context, o *foundOrder) (made bool, err error) {
	id := o.manifest.payment
	if _, err := s.Store.Payment(ctx, id); err == nil || hub.CodeOf(err) != hub.CodeNotFound {
		return false, err
	}
	at := o.Facts.AuthorisedAt
	if at.IsZero() {
		at = s.Clock.Now()
	}
	key := hub.RequestKey{Portal: rebuilt, Route: "rebuild", Key: string(id)}
	_, made, err = s.Store.OpenPayment(ctx, key, func(tx hub.PaymentTx) (*hub.Payment, error) {
		return &hub.Payment{
			ID: id, Portal: rebuilt, Quote: hub.QuoteID(rebuilt + "-" + string(id)), Policy: hub.BestEffort,
			OpenedAt: at, ExpiresAt: tx.Now(), Cancelled: true,
		}, nil
	})
	return made, err
}

// restoreCharge adds the order's charge and lines to its payment. What comes of a
// charge that was not captured is the usual: money that is still reserved, or
// paid later, is given back.
func (s *Service) restoreCharge(tx hub.PaymentTx, p *hub.Payment, o *foundOrder) error {
	var numbers []int
	for _, known := range o.manifest.lines {
		numbers = append(numbers, known.No)
		if p.Line(known.No) == nil {
			p.Lines = append(p.Lines, s.rebuiltLine(p.PostingID(known.No), known))
		}
	}
	slices.SortFunc(p.Lines, func(a, b hub.Line) int { return a.No - b.No })
	if p.Charge(o.manifest.charge) == nil {
		amount := o.Amount
		if amount.Currency == "" {
			amount = hub.Bani(max(o.Facts.Authorised, o.Facts.Captured))
		}
		p.Charges = append(p.Charges, hub.Charge{
			No: o.manifest.charge, PSP: o.psp.Name, Merchant: o.merchant, Order: o.Order, Ref: o.Facts.Ref, Lines: numbers,
			Amount: amount, Take: hub.Bani(0), Manual: o.psp.Capturer != nil, State: hub.ChargeCreated,
		})
		slices.SortFunc(p.Charges, func(a, b hub.Charge) int { return a.No - b.No })
	}
	c := p.Charge(o.manifest.charge)
	if c.State == hub.ChargeCreated {
		c.URL = rebuilt // the payer may still have the page
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.conf.LookUpEvery)
		return c.Move(hub.ChargeStarting)
	}
	return nil
}

func (s *Service) rebuiltLine(posting hub.PostingID, known hub.Line) hub.Line {
	l := hub.Line{
		No: known.No, Creditor: known.Creditor, Obligation: hub.NewObligationID(known.Creditor, rebuilt+" "+string(posting)), Amount: known.Amount, Owed: known.Amount, Label: rebuilt, Option: rebuilt,
		Verified: hub.VerifiedSnapshot, State: hub.LineHeld,
	}
	if c := s.connector(known.Creditor); c != nil {
		l.Class = c.Traits.Paying.Class
	}
	return l
}

// takeAgain books the money that an order took, and marks its lines as told.
func (s *Service) takeAgain(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, there heard) error {
	c := p.Charge(o.manifest.charge)
	c.Facts, c.Restored = c.Facts.Fold(o.Facts), true
	c.Take = hub.Bani(c.Facts.Captured)
	if c.State == hub.ChargeCaptured {
		return nil
	}
	if err := c.Move(hub.ChargeCaptured); err != nil {
		return err
	}
	tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No})
	s.bookCapture(tx, p, c)
	rest := c.Facts.Captured
	for no := range there.booked {
		rest -= p.Line(no).Amount.Minor
	}
	for _, l := range linesOf(p, c) {
		if l.State != hub.LineHeld {
			continue
		}
		bring := s.lineTaken
		if _, booked := there.booked[l.No]; !booked {
			if rest < l.Amount.Minor {
				bring = s.lineNotTaken
			} else {
				rest -= l.Amount.Minor
			}
		}
		if err := bring(ctx, tx, p, c, l); err != nil {
			return err
		}
	}
	if rest != 0 {
		tx.Anomaly("rebuilt_unclear", "what was taken is no sum of the order's lines: "+c.Order)
	}
	s.emit(tx, p, "payment.captured", 0)
	return nil
}

func (s *Service) lineTaken(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line) error {
	if _, _, _, err := tx.Hold(ctx, p.ID, l, tx.Now().Add(forever)); err != nil {
		return err
	}
	s.bookAllocation(tx, p, c, l)
	l.PaidAt = s.paidAt(c)
	return l.Move(hub.LineDue)
}

func (s *Service) lineNotTaken(_ context.Context, tx hub.PaymentTx, p *hub.Payment, _ *hub.Charge, l *hub.Line) error {
	return s.drop(tx, p, l, "not_taken")
}

// settleAgain draws the consequence of what creditors have booked, and of what
// was given back.
func (s *Service) settleAgain(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, there heard) error {
	c := p.Charge(o.manifest.charge)
	back, clear := returned(p, c, o.Facts.Refunded, there)
	for _, l := range linesOf(p, c) {
		if !undecided(l) || p.ChargeOf(l.No).No != c.No {
			continue
		}
		row, isBooked := there.booked[l.No]
		var err error
		switch {
		case isBooked:
			err = s.postedAgain(tx, p, l, row)
		case back[l.No]:
			err = s.refusedAgain(tx, p, c, l)
		case clear && (l.ExternalID != "" || l.Reference != ""): // a line of the backup
			err = s.maybeTold(tx, l)
			tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor}, 0)
		default:
			err = s.stuckAgain(ctx, tx, p, l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// undecided tells whether a creditor's word about a line is still to come.
func undecided(l *hub.Line) bool {
	switch l.State {
	case hub.LineDue, hub.LinePosting, hub.LinePostUnknown:
		return true
	}
	return false
}

// returned tells which lines the provider gave the money back for, of a sum of
// which a part may be known already: all that nobody booked, if it is enough for
// all, else those of which their creditors say so. The one that it is exactly the
// amount of comes first. It is not clear when something of the sum is left.
func returned(p *hub.Payment, c *hub.Charge, sum int64, there heard) (back map[int]bool, clear bool) {
	for i := range p.Refunds {
		if r := &p.Refunds[i]; r.Charge == c.No && (r.AtProvider() || !r.State.Final()) {
			sum -= r.Amount.Minor
		}
	}
	var open, absent []*hub.Line
	all := int64(0)
	for _, l := range linesOf(p, c) {
		if _, isBooked := there.booked[l.No]; isBooked || !undecided(l) {
			continue
		}
		all += l.Amount.Minor
		open = append(open, l)
		if there.absent[l.No] {
			absent = append(absent, l)
		}
	}
	if sum < all {
		open = absent
	}
	back = map[int]bool{}
	for _, fits := range []func(amount int64) bool{
		func(amount int64) bool { return amount == sum },
		func(amount int64) bool { return amount <= sum },
	} {
		for _, l := range open {
			if !back[l.No] && fits(l.Amount.Minor) {
				back[l.No] = true
				sum -= l.Amount.Minor
			}
		}
	}
	return back, sum <= 0
}

// refundAgain ends the refunds that the provider had carried out, and has the
// others looked up before they are asked for: the lost hub may have been about to.
func (s *Service) refundAgain(_ context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, _ heard) error {
	c := p.Charge(o.manifest.charge)
	for i := range p.Refunds {
		r := &p.Refunds[i]
		if r.Charge != c.No || r.State != hub.RefundRequested {
			continue
		}
		if err := s.doubt(tx, p, r); err != nil {
			return err
		}
		if o.Facts.Refunded >= r.Before+r.Amount.Minor {
			if err := s.refunded(tx, p, c, r); err != nil {
				return err
			}
		}
	}
	if p.State().Final() && len(p.Refunds) == 0 {
		s.emit(tx, p, "payment."+string(p.State()), 0)
	}
	return nil
}

// doubt has a refund looked up before it is asked for: the lost hub may have.
func (s *Service) doubt(tx hub.PaymentTx, p *hub.Payment, r *hub.Refund) error {
	r.Before, r.AskedAt, r.AskedOn = 0, tx.Now(), hub.DateOf(s.Clock.Now())
	for i := range p.Refunds {
		if o := &p.Refunds[i]; o.No < r.No && o.Charge == r.Charge && (o.AtProvider() || !o.State.Final()) {
			r.Before += o.Amount.Minor
		}
	}
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkRefund, No: r.No}, 0)
	return errors.Join(r.Move(hub.RefundRefunding), r.Move(hub.RefundUnknown))
}

// rebuilt is why a line or refund is what it is.
const rebuilt = "rebuilt"

// refusedAgain is for a line whose money the provider gave back before.
func (s *Service) refusedAgain(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line) error {
	l.Reason = rebuilt
	tx.Release(l)
	s.bookRefusal(tx, p, l)
	p.Refunds = append(p.Refunds, hub.Refund{
		No: len(p.Refunds) + 1, Charge: c.No, Line: l.No, Amount: l.Amount, Reason: rebuilt, State: hub.RefundRequested, WantedAt: tx.Now(),
	})
	return l.Move(hub.LineRejected)
}

// stuckAgain is for a line whose money was taken, that its creditor has not
// booked, and whose debt nobody knows any more, or whose money may be given back.
func (s *Service) stuckAgain(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, l *hub.Line) error {
	l.Reason = rebuilt
	if _, _, _, err := tx.Hold(ctx, p.ID, l, tx.Now().Add(forever)); err != nil {
		return err
	}
	tx.Anomaly("line_stuck", string(p.PostingID(l.No))+" at "+string(l.Creditor)+": taken before the backup was restored, and not booked")
	if l.State == hub.LineDue {
		if err := l.Move(hub.LinePosting); err != nil {
			return err
		}
	}
	tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor})
	return l.Move(hub.LineStuck)
}

// postedAgain is posted for a line whose creditor booked it before the restore.
// Where nobody knows any more whom it was shown to, that it is not shown any more
// is not proved.
func (s *Service) postedAgain(tx hub.PaymentTx, p *hub.Payment, l *hub.Line, row bookedRow) error {
	if row.ExternalID != "" {
		l.ExternalID, l.Obligation = row.ExternalID, hub.NewObligationID(l.Creditor, row.ExternalID)
	}
	if l.State == hub.LineDue {
		if err := l.Move(hub.LinePosting); err != nil {
			return err
		}
	}
	if c := s.connector(l.Creditor); c != nil && l.Asked != (hub.Whom{}) {
		return s.posted(tx, p, l, c, hub.Receipt{Number: row.Number, BookedAt: row.at})
	}
	if err := l.Move(hub.LinePosted); err != nil {
		return err
	}
	now := s.Clock.Now()
	l.Receipt, l.BookedAt, l.ClearBy, l.ClearedAt = row.Number, row.at, now, now
	if l.BookedAt.IsZero() {
		l.BookedAt = l.PaidAt
	}
	s.bookPosted(tx, p, l)
	s.emit(tx, p, "line.posted", l.No)
	return nil
}

// statementsSince reads what creditors booked since the first of the orders.
func (s *Service) statementsSince(ctx context.Context, orders []foundOrder) (map[hub.PostingID]bookedRow, error) {
	said := map[hub.PostingID]bookedRow{}
	first := time.Time{}
	for i := range orders {
		if at := orders[i].Facts.AuthorisedAt; !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if first.IsZero() {
		return said, nil
	}
	for _, c := range s.Roster.OnDuty() {
		if c.Statement == nil {
			continue
		}
		for day := hub.DateOf(first); day <= hub.DateOf(s.Clock.Now()); day = hub.DateOf(day.End().Add(12 * time.Hour)) {
			rows, err := c.Statement.Statement(ctx, day)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Creditor.Name, err)
			}
			for _, row := range rows {
				if !row.Reversed {
					said[row.ID] = bookedRow{row, row.Receipt(day, s.Clock.Now()).BookedAt}
				}
			}
		}
	}
	return said, nil
}

// bookedRow is what a creditor booked, and when; zero = it did not say.
type bookedRow struct {
	hub.BookedPosting
	at time.Time
}

// heard is what creditors say of an order's lines, by number.
type heard struct {
	booked map[int]bookedRow
	absent map[int]bool // asked for, and not there
}

// hear gives what creditors say of an order's lines. One without statements is
// asked about each.
func (s *Service) hear(ctx context.Context, o *foundOrder, said map[hub.PostingID]bookedRow) (heard, error) {
	there := heard{map[int]bookedRow{}, map[int]bool{}}
	p := &hub.Payment{ID: o.manifest.payment}
	for i := range o.manifest.lines {
		l := &o.manifest.lines[i]
		id := p.PostingID(l.No)
		if row, isBooked := said[id]; isBooked {
			there.booked[l.No] = row
			continue
		}
		c := s.connector(l.Creditor)
		if o.Facts.Captured == 0 || c == nil || c.Finder == nil {
			continue
		}
		asked := p.Posting(l)
		asked.PaidAt = o.Facts.AuthorisedAt
		found, receipt, err := c.Finder.Find(ctx, asked)
		switch {
		case err != nil:
			return there, err
		case found == hub.FoundBooked:
			there.booked[l.No] = bookedRow{hub.BookedPosting{ID: id, Number: receipt.Number, Amount: l.Amount}, receipt.BookedAt}
		case found != hub.FoundNotVisible:
			there.absent[l.No] = true
		}
	}
	return there, nil
}
