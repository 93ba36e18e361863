package pay

import (
	"context"
	"slices"
	"time"

	"racord/hub"
)

// forever is the end of a claim that a captured line keeps until its creditor
// was seen not to show the debt any more.
const forever = 10 * 365 * 24 * time.Hour

// decide asks the creditors once more about an authorised charge, fixes for ever
// what is taken, and takes it: each line whole, or not at all. When nothing is
// left to take, or all was wanted, the reservation is given back. The charges of
// an all-or-nothing basket are decided in one.
func (s *Service) decide(ctx context.Context, lease *hub.Lease, p *hub.Payment, c *hub.Charge) error {
	if !c.Manual {
		return s.lookUp(ctx, lease, p, c)
	}
	if !s.together(p) || s.Stopped(hub.BarrierCapture) {
		return s.later(ctx, lease, s.conf.LookUpEvery)
	}
	said := s.saidAgain(ctx, p, deciding(p, c.No))
	var decided []int
	p, err := s.alter(ctx, p.ID, lease, func(tx hub.PaymentTx, p *hub.Payment) (err error) {
		decided, err = s.intend(ctx, tx, p, lease.No, said)
		return err
	})
	if err != nil {
		return err
	}
	return s.carryOutAll(ctx, lease, p, decided)
}

// deciding gives the charges that are decided with one: itself, and in an
// all-or-nothing basket whatever else is authorised.
func deciding(p *hub.Payment, no int) (charges []*hub.Charge) {
	for i := range p.Charges {
		c := &p.Charges[i]
		if c.State == hub.ChargeAuthorised && c.Manual && (c.No == no || p.Policy == hub.AllOrNothing) {
			charges = append(charges, c)
		}
	}
	return charges
}

// saidAgain is what the creditors say now of the lines of charges, by number.
func (s *Service) saidAgain(ctx context.Context, p *hub.Payment, charges []*hub.Charge) map[int]error {
	var lines []*hub.Line
	for _, c := range charges {
		lines = append(lines, linesOf(p, c)...)
	}
	said := make(map[int]error, len(lines))
	for i, err := range s.askAgain(ctx, p, lines) {
		said[lines[i].No] = err
	}
	return said
}

// together tells whether a charge may be decided: in an all-or-nothing basket
// once all charges are authorised.
func (s *Service) together(p *hub.Payment) bool {
	if p.Policy != hub.AllOrNothing {
		return true
	}
	for i := range p.Charges {
		switch p.Charges[i].State {
		case hub.ChargeCreated, hub.ChargeStarting, hub.ChargeAwaiting:
			return false
		}
	}
	return true
}

func linesOf(p *hub.Payment, c *hub.Charge) []*hub.Line {
	lines := make([]*hub.Line, len(c.Lines))
	for i, no := range c.Lines {
		lines[i] = p.Line(no)
	}
	return lines
}

// intend stores what is to be taken: the lines that are still owed, and whose
// claims the payment has now. It gives the numbers of the charges that this
// decided.
func (s *Service) intend(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, no int, said map[int]error) (decided []int, err error) {
	charges := slices.DeleteFunc(deciding(p, no), func(c *hub.Charge) bool { return !asked(c, said) })
	left, err := s.keep(ctx, tx, p, charges, said)
	if err != nil {
		return nil, err
	}
	for _, c := range charges {
		if c.Take, err = s.taking(tx, p, c, left); err != nil {
			return nil, err
		}
	}
	if p.Policy == hub.AllOrNothing && slices.ContainsFunc(charges, func(c *hub.Charge) bool { return c.Take != c.Amount && ours(p, c) }) {
		for _, c := range charges {
			c.Take = hub.Bani(0)
		}
	}
	for _, c := range charges {
		c.AskedAt = tx.Now()
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.conf.CallFor+s.conf.LookUpEvery)
		if err := s.turn(tx, p, c); err != nil {
			return nil, err
		}
		decided = append(decided, c.No)
	}
	return decided, nil
}

// asked tells whether the creditors were asked again about all lines of a charge.
func asked(c *hub.Charge, said map[int]error) bool {
	for _, no := range c.Lines {
		if _, ok := said[no]; !ok {
			return false
		}
	}
	return true
}

// ours tells whether a charge still pays its lines, and no other does.
func ours(p *hub.Payment, c *hub.Charge) bool {
	return !slices.ContainsFunc(c.Lines, func(no int) bool { return p.ChargeOf(no).No != c.No })
}

// turn turns a charge to what was decided.
func (s *Service) turn(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	if c.Take.Minor == 0 {
		return s.giveBack(tx, p, c)
	}
	return c.Move(hub.ChargeCapturing)
}

// share is a charge's part in a line: of several that were begun for it, one pays.
type share struct{ charge, line int }

// taking is what a charge is to take, for itself; what it does not take is let go.
func (s *Service) taking(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, left map[share]string) (hub.Money, error) {
	take := int64(0)
	for _, l := range linesOf(p, c) {
		why := left[share{c.No, l.No}]
		if why == "" {
			take += l.Amount.Minor
			continue
		}
		if err := s.leaveOut(tx, p, c, l, why); err != nil {
			return hub.Money{}, err
		}
	}
	return hub.Bani(s.allowed(p, c, take)), nil
}

// allowed decides between taking a part and taking nothing.
func (s *Service) allowed(p *hub.Payment, c *hub.Charge, take int64) int64 {
	psp := s.psp(c.PSP)
	short := take < c.Amount.Minor
	switch {
	case p.Cancelled, c.Facts.Authorised < take,
		short && p.Policy == hub.AllOrNothing, broken(p),
		short && (psp == nil || !psp.Traits.PartialCapture):
		return 0
	}
	return take
}

// broken tells whether an all-or-nothing basket has lost one of its charges.
func broken(p *hub.Payment) bool {
	if p.Policy != hub.AllOrNothing {
		return false
	}
	for i := range p.Lines {
		if p.Lines[i].State == hub.LineDropped {
			return true
		}
	}
	return false
}

// keep holds for good the claims of what is taken, of all charges at once, and tells
// why the rest is not.
func (s *Service) keep(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, charges []*hub.Charge, said map[int]error) (left map[share]string, err error) {
	left = map[share]string{}
	var wanted []*hub.Line
	by := map[int]*hub.Charge{}
	for _, c := range charges {
		for _, l := range linesOf(p, c) {
			if why := s.unwanted(p, c, l, said[l.No]); why != "" {
				left[share{c.No, l.No}] = why
				continue
			}
			wanted, by[l.No] = append(wanted, l), c
		}
	}
	held, err := holdForGood(ctx, tx, p, wanted)
	if err != nil {
		return nil, err
	}
	for _, l := range wanted {
		if !held[l.No] {
			left[share{by[l.No].No, l.No}] = "claimed_by_another"
			continue
		}
		if err := revive(l); err != nil {
			return nil, err
		}
		l.PaidAt = s.paidAt(by[l.No])
	}
	return left, nil
}

// unwanted tells why a line is not to be taken whoever claims it, or "". A
// creditor that is silent does not undo what it confirmed, if its word was still
// good when the payer authorised.
func (s *Service) unwanted(p *hub.Payment, c *hub.Charge, l *hub.Line, said error) string {
	switch {
	case said != nil && (verdict(said) || !s.goodAtAuthorisation(p, c, l)):
		return string(hub.CodeOf(said))
	case p.ChargeOf(l.No).No != c.No:
		return "paid_by_another_charge"
	}
	return ""
}

// holdForGood claims the obligations of lines for ever, all at once, and tells by
// number which lines have theirs.
func holdForGood(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, lines []*hub.Line) (map[int]bool, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	answers, err := tx.HoldAll(ctx, p.ID, lines, tx.Now().Add(forever))
	held := make(map[int]bool, len(lines))
	for i := range answers {
		held[lines[i].No] = answers[i].Held
	}
	return held, err
}

// revive takes a line up again whose payer's time was over, and whose debt was
// still free.
func revive(l *hub.Line) error {
	if l.State != hub.LineDropped {
		return nil
	}
	return l.Move(hub.LineHeld)
}

// goodAtAuthorisation tells whether the creditor's word held when the payer
// authorised.
func (s *Service) goodAtAuthorisation(_ *hub.Payment, c *hub.Charge, l *hub.Line) bool {
	return l.ValidUntil.IsZero() || s.paidAt(c).Before(l.ValidUntil)
}

// paidAt is the business time at which the payer authorised: creditors count
// from it.
func (s *Service) paidAt(c *hub.Charge) time.Time {
	if at := c.Facts.AuthorisedAt; !at.IsZero() {
		return at
	}
	return s.Clock.Now()
}

func (s *Service) leaveOut(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line, why string) error {
	if l.State != hub.LineHeld || p.ChargeOf(l.No).No != c.No {
		return nil
	}
	if err := s.drop(tx, p, l, why); err != nil {
		return err
	}
	s.emit(tx, p, "line.dropped", l.No)
	return nil
}

// giveBack turns to returning the reservation. Lines that were kept are let go.
func (s *Service) giveBack(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	for _, l := range linesOf(p, c) {
		if err := s.leaveOut(tx, p, c, l, "not_taken"); err != nil {
			return err
		}
	}
	return c.Move(hub.ChargeVoiding)
}

// carryOutAll asks the providers for what was decided of several charges, at once.
// Of the others no lease is held: whatever is found out about them meanwhile counts.
func (s *Service) carryOutAll(ctx context.Context, lease *hub.Lease, p *hub.Payment, decided []int) error {
	return s.atOnce(ctx, len(decided), func(i int) error {
		under := lease
		if decided[i] != lease.No {
			under = nil
		}
		return s.carryOut(ctx, under, p, p.Charge(decided[i]))
	})
}

// carryOut asks the provider for what was decided.
func (s *Service) carryOut(ctx context.Context, under *hub.Lease, p *hub.Payment, c *hub.Charge) error {
	psp := s.psp(c.PSP)
	if psp == nil || psp.Capturer == nil {
		return hub.Errorf(hub.CodeUnavailable, "The payment provider is not configured any more.")
	}
	call, cancel := context.WithTimeout(ctx, s.conf.CallFor)
	defer cancel()
	switch c.State {
	case hub.ChargeCapturing:
		err := psp.Capturer.Capture(call, refOf(c), c.Take, key(p, "capture", c.No))
		return s.answered(ctx, under, p.ID, c.No, err, hub.ChargeCaptureUnknown, hub.ChargeFacts{Captured: c.Take.Minor})
	case hub.ChargeVoiding:
		err := psp.Capturer.Void(call, refOf(c), key(p, "void", c.No))
		return s.answered(ctx, under, p.ID, c.No, err, hub.ChargeVoidUnknown, hub.ChargeFacts{Voided: true})
	}
	return nil
}

// answered stores how the provider answered. After anything but a yes the charge
// is looked up before anything else.
func (s *Service) answered(ctx context.Context, under *hub.Lease, id hub.PaymentID, no int, err error, unknown hub.ChargeState, yes hub.ChargeFacts) error {
	_, failed := s.alter(ctx, id, under, func(tx hub.PaymentTx, p *hub.Payment) error {
		c := p.Charge(no)
		if err == nil {
			return s.fold(ctx, tx, p, c, word{ChargeFacts: yes})
		}
		if moved := c.Move(unknown); moved != nil {
			return nil // it was found out meanwhile
		}
		s.Meter.Charged(c.PSP, c.State, c.Amount)
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.patience(c))
		return nil
	})
	return failed
}

// recapture lets a capture that the provider says did not happen be repeated: it
// was looked up, and an order is captured once at most.
func (s *Service) recapture(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	if s.insist(tx, p, c) {
		tx.Anomaly("capture_unknown", "the provider neither captures nor gives up: "+c.Order)
	}
	return c.Move(hub.ChargeCapturing)
}

// revoid lets giving a reservation back be repeated.
func (s *Service) revoid(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	if s.insist(tx, p, c) {
		tx.Anomaly("void_unknown", "the provider does not give a reservation back: "+c.Order)
	}
	return c.Move(hub.ChargeVoiding)
}

// insist notes that a provider is asked for the same once more. It tells when a
// person is to be called: nothing has come of it for an hour, and then every half
// hour.
func (s *Service) insist(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) (call bool) {
	c.Again++
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.conf.CallFor+s.patience(c))
	return tx.Now().Sub(c.AskedAt) > time.Hour && c.Again%callEvery == 0
}

// callEvery is how often a provider is asked again between two calls of a person: it
// is about once a minute by then.
const callEvery = 30

// captured books money that was taken and turns the lines over to their
// creditors. What the payer cannot have meant any more is given back.
func (s *Service) captured(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, said word) error {
	work := hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}
	tx.Done(work)
	switch c.State {
	case hub.ChargeCaptured:
		return nil
	case hub.ChargeDisputed:
		return s.won(tx, p, c)
	}
	from := c.State
	if err := c.Move(hub.ChargeCaptured); err != nil {
		tx.Anomaly("illegal_step", err.Error()+": "+c.Order)
		return nil
	}
	s.Meter.Charged(c.PSP, c.State, hub.Bani(c.Facts.Captured))
	s.bookCapture(tx, p, c)
	if givenBack(c) {
		tx.Anomaly("given_back_before", "the provider had given money back before we knew that it was taken: "+c.Order)
		c.Restored = true // what it gave back is what we are about to
	}
	lines := paidBy(p, c)
	held, err := s.holdTaken(ctx, tx, p, c, s.unchanged(c, lines, said), from)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if err := s.owe(tx, p, c, l, held[l.No]); err != nil {
			return err
		}
	}
	s.bookRest(tx, p, c)
	s.emit(tx, p, "payment.captured", 0)
	return nil
}

// paidBy gives the lines that a charge whose money was taken pays. What it took
// for others bookRest gives back.
func paidBy(p *hub.Payment, c *hub.Charge) (lines []*hub.Line) {
	for _, l := range linesOf(p, c) {
		switch {
		case c.Manual && l.State == hub.LineDropped && c.Take.Minor > 0: // left out of what was taken
		case p.ChargeOf(l.No).No != c.No: // another charge pays it
		case l.State == hub.LineHeld || l.State == hub.LineDropped:
			lines = append(lines, l)
		}
	}
	return lines
}

// holdTaken claims lines whose money was taken, unless the payer cannot have
// meant it any more, or has it back.
func (s *Service) holdTaken(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, lines []*hub.Line, from hub.ChargeState) (map[int]bool, error) {
	if late := c.Manual && c.Take.Minor == 0 || from == hub.ChargeCancelled || p.Cancelled; late || givenBack(c) {
		return nil, nil
	}
	return holdForGood(ctx, tx, p, lines)
}

// unchanged gives the lines that are still what the payer paid for. Where money is
// taken without asking us, the last word was the creditor's before the page: another
// payment may have paid a debt since, and an amount that it named may have come.
func (s *Service) unchanged(c *hub.Charge, lines []*hub.Line, said word) (list []*hub.Line) {
	for _, l := range lines {
		changed := !l.ChangesAt.IsZero() && !s.paidAt(c).Before(l.ChangesAt)
		if c.Manual || !changed && !said.taken[l.No] {
			list = append(list, l)
		}
	}
	return list
}

// givenBack tells whether all that was taken is with the payer again, as when staff
// gave an order back in the provider's console.
func givenBack(c *hub.Charge) bool {
	return c.Facts.Captured > 0 && c.Facts.Refunded >= c.Facts.Captured
}

// owe turns a line whose money was taken over to its creditor, or to a refund
// when the payment lost the right to pay it.
func (s *Service) owe(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line, held bool) error {
	s.bookAllocation(tx, p, c, l)
	if !held {
		return s.reject(tx, p, c, l, "too_late")
	}
	if err := revive(l); err != nil {
		return err
	}
	if l.PaidAt.IsZero() {
		l.PaidAt = s.paidAt(c)
	}
	if err := l.Move(hub.LineDue); err != nil {
		return err
	}
	s.Meter.Lined(l.Creditor, l.State, l.Amount)
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor}, 0)
	return nil
}

// reject gives a line's money back: its creditor refused it for certain, or it
// came too late. The debt is free at once, however long the refund takes: nobody
// will post this line any more.
func (s *Service) reject(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line, why string) error {
	if err := l.Move(hub.LineRejected); err != nil {
		return err
	}
	l.Reason = why
	s.Meter.Lined(l.Creditor, l.State, l.Amount)
	tx.Release(l)
	s.bookRefusal(tx, p, l)
	s.refundLater(tx, p, c.No, l.No, l.Amount, why)
	s.emit(tx, p, "line.rejected", l.No)
	return nil
}
