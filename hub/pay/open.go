package pay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

// Order is a payer's wish to pay a quote.
type Order struct {
	Key       string // the client's Idempotency-Key
	Token     string // of the quote
	Policy    hub.Policy
	ReturnURL string // with the payment's id at every PaymentInURL
	Language  string // of the provider's page: ro hu en
}

// hash is what must be the same when the key comes again.
func (o Order) hash() [32]byte {
	return sha256.Sum256([]byte(strings.Join([]string{o.Token, string(o.Policy), o.ReturnURL, o.Language}, "\x00")))
}

// Open claims the quote's obligations and gives a payment whose first charge has
// a page for the payer. The same key gives the same payment again. It fails with
// CodeInvalid (not a quote of the caller's, or another request under the key),
// CodeAmountChanged (the quote has run out, or is outdated), CodeConflict (an obligation is being
// paid already, with RetryAfter, and with the Payment when it is the caller's own;
// or the quote was used), CodeNotPayable (no provider takes the basket) and
// CodeUnavailable (nothing was taken; ErrNotStarted when no provider answers: that
// payment is over, and the same key fails so again).
func (s *Service) Open(ctx context.Context, who hub.Login, portal string, o Order) (*hub.Payment, error) {
	folder, err := s.Folders.Folder(ctx, who)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, folder.Party.ID, portal, o)
}

func (s *Service) open(ctx context.Context, party hub.PartyID, portal string, o Order) (*hub.Payment, error) {
	q, err := unseal(s.Keys, o.Token)
	if err != nil {
		return nil, err
	}
	if s.Stopped(hub.BarrierOpen) || s.Stopped(hub.BarrierCapture) {
		return nil, errStopped()
	}
	if err := s.Store.RoomToPay(ctx); err != nil {
		return nil, err
	}
	key := hub.RequestKey{Portal: portal, Party: party, Route: "payment_open", Key: o.Key, Hash: o.hash()}
	p, opened, err := s.Store.OpenPayment(ctx, key, func(tx hub.PaymentTx) (*hub.Payment, error) {
		return s.build(ctx, tx, q, party, portal, o)
	})
	if err != nil {
		return nil, s.inTheWay(ctx, err, party, portal)
	}
	if opened {
		s.Meter.Opened(p.Charges[0].PSP)
	}
	if p, err = s.begin(ctx, p); err != nil {
		return nil, err
	}
	return granted(p)
}

// granted is the answer to whoever opens: a payment that has a page, or is past it.
// One that may still end without any is not promised to anybody.
func granted(p *hub.Payment) (*hub.Payment, error) {
	if why := stillborn(p); why != nil {
		return nil, why
	}
	if next(p) != nil && !paged(p) {
		return nil, errOpening()
	}
	return p, nil
}

// paged tells whether a charge has had a page that the payer can have seen.
func paged(p *hub.Payment) bool {
	return slices.ContainsFunc(p.Charges, func(c hub.Charge) bool { return c.URL != "" })
}

func errOpening() error {
	busy := hub.Errorf(hub.CodeConflict, "This payment is being opened. Ask again in a moment.")
	busy.RetryAfter = time.Second
	return busy
}

// build makes the payment inside its transaction: claims, charges, and the work
// that another replica takes up when this one dies.
func (s *Service) build(ctx context.Context, tx hub.PaymentTx, q *paper, party hub.PartyID, portal string, o Order) (*hub.Payment, error) {
	if err := q.good(party, portal, s.Clock.Now()); err != nil {
		return nil, err
	}
	p := &hub.Payment{
		ID: hub.PaymentID(hub.NewID()), Party: party, Portal: portal, Quote: q.ID, Policy: o.Policy, ReturnURL: o.ReturnURL,
		Language: o.Language, OpenedAt: s.Clock.Now(), ExpiresAt: tx.Now().Add(s.conf.PageLife), Lines: q.Lines,
	}
	if err := s.claim(ctx, tx, p, q.Kin); err != nil {
		return nil, err
	}
	plans, err := s.route(p, pointers(p.Lines), nil)
	if err != nil {
		return nil, err
	}
	for _, plan := range plans {
		if err := addCharge(ctx, tx, p, plan); err != nil {
			return nil, err
		}
	}
	s.emit(tx, p, "payment.opened", 0)
	return p, nil
}

// claim takes every obligation of the basket, or none. That nobody has their kin
// is seen by claiming that with them, and letting it go again.
func (s *Service) claim(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, kin map[int][]hub.ObligationID) error {
	beside := besides(p.Lines, kin)
	lines := append(pointers(p.Lines), beside...)
	held, err := tx.HoldAll(ctx, p.ID, lines, p.ExpiresAt.Add(claimMargin))
	if err != nil {
		return err
	}
	for i, h := range held {
		if !h.Held {
			return &claimed{by: h.By, err: alreadyClaimed(tx, lines[i].No, h.FreeAt)}
		}
	}
	for _, l := range beside {
		tx.Release(l)
	}
	return nil
}

// claimMargin is how much longer a claim lasts than the payer's time, so that a
// payment at the last moment still has it.
const claimMargin = time.Minute

// alreadyClaimed says which line of the quote it is about, and when its obligation
// is free again.
func alreadyClaimed(tx hub.PaymentTx, line int, freeAt time.Time) *hub.Error {
	err := hub.Errorf(hub.CodeConflict, "This debt is being paid already.")
	err.Fields = []hub.Field{{Pointer: "/quote", Code: hub.CodeConflict, Detail: fmt.Sprintf("line %d of the quote is being paid already", line)}}
	err.RetryAfter = min(max(freeAt.Sub(tx.Now()), time.Second), 24*time.Hour)
	return err
}

// claimed is an error that knows whose the claim is.
type claimed struct {
	by  hub.PaymentID
	err *hub.Error
}

func (c *claimed) Error() string { return c.err.Error() }

func (c *claimed) Unwrap() error { return c.err }

// inTheWay lets an error name the payment that has the claim when it is the
// party's own, or one that the portal carries for somebody who did not sign in: it
// may be carried on or given up at once.
func (s *Service) inTheWay(ctx context.Context, err error, party hub.PartyID, portal string) error {
	var held *claimed
	if !errors.As(err, &held) {
		return err
	}
	p, unknown := s.Store.Payment(ctx, held.by)
	if unknown == nil && p.Party == party && (party != "" || p.Portal == portal && portal != "") {
		held.err.Payment = p.ID
	}
	return err
}

func pointers(lines []hub.Line) []*hub.Line {
	list := make([]*hub.Line, len(lines))
	for i := range lines {
		list[i] = &lines[i]
	}
	return list
}

// addCharge adds a planned charge. Its work is due once whoever asked for the
// payment had time to start it.
func addCharge(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, plan plan) error {
	order, err := tx.NextOrder(ctx, plan.psp.Name, plan.merchant)
	if err != nil {
		return err
	}
	c := hub.Charge{
		No: len(p.Charges) + 1, PSP: plan.psp.Name, Merchant: plan.merchant, Order: order, Lines: plan.lines,
		Amount: plan.amount, Take: hub.Bani(0), Manual: plan.psp.Capturer != nil, State: hub.ChargeCreated,
	}
	p.Charges = append(p.Charges, c)
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, startFor)
	return nil
}

// startFor is how long a request has to start its charge before a worker does.
const startFor = 5 * time.Second

// errStopped is what payers are told while a barrier is up. Nothing was asked of
// anybody.
func errStopped() error {
	err := hub.Errorf(hub.CodeUnavailable, "No payments are taken at the moment: our books are being checked. Nothing was taken; try again later.")
	err.RetryAfter = time.Minute
	return err
}

// begin starts the first charge that has no page yet. Whoever comes at the same
// time is told to come back.
func (s *Service) begin(ctx context.Context, p *hub.Payment) (*hub.Payment, error) {
	c := next(p)
	if c == nil || c.State == hub.ChargeAwaiting || !time.Now().Before(p.ExpiresAt) {
		return p, nil
	}
	if c.State == hub.ChargeStarting {
		return nil, errOpening()
	}
	if s.Stopped(hub.BarrierOpen) {
		return nil, errStopped()
	}
	return s.start(ctx, p.ID, c.No)
}

// next is the charge that the payer has to see to, if any: one at a time.
func next(p *hub.Payment) *hub.Charge {
	for i := range p.Charges {
		switch c := &p.Charges[i]; c.State {
		case hub.ChargeCreated, hub.ChargeStarting, hub.ChargeAwaiting:
			return c
		}
	}
	return nil
}

// NextAction gives the page the payer must go to now, or "". Once the payer's time
// is over, or the provider has said anything of what was done there, it is none.
func NextAction(p *hub.Payment) string {
	c := next(p)
	if c == nil || c.State != hub.ChargeAwaiting || p.Cancelled || !time.Now().Before(p.ExpiresAt) ||
		c.Facts != (hub.ChargeFacts{Ref: c.Facts.Ref}) {
		return ""
	}
	return c.URL
}

// InReview tells whether the provider looks at what the payer did, for fraud say,
// before it decides. That may take hours, and nobody has anything to do.
func InReview(p *hub.Payment) bool {
	c := next(p)
	return c != nil && c.State == hub.ChargeAwaiting && c.Facts.Review
}

// Payment gives a payment of the caller's own, else CodeNotFound.
func (s *Service) Payment(ctx context.Context, who hub.Login, id hub.PaymentID) (*hub.Payment, error) {
	folder, err := s.Folders.Folder(ctx, who)
	if err != nil {
		return nil, err
	}
	p, err := s.Store.Payment(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.Party != folder.Party.ID || p.Party == "" {
		return nil, errNoPayment()
	}
	return p, nil
}

func errNoPayment() error { return hub.Errorf(hub.CodeNotFound, "You have no such payment.") }

// Resume gives the payer's next page again, starting the next charge when the
// one before is authorised. The provider of a page that the payer has had is asked
// first whether it was paid there. It fails like Payment and Open.
func (s *Service) Resume(ctx context.Context, who hub.Login, id hub.PaymentID) (*hub.Payment, error) {
	p, err := s.Payment(ctx, who, id)
	if err != nil {
		return nil, err
	}
	return s.resume(ctx, p)
}

func (s *Service) resume(ctx context.Context, p *hub.Payment) (*hub.Payment, error) {
	c := next(p)
	switch {
	case p.Cancelled || c == nil:
		return p, nil
	case c.State == hub.ChargeAwaiting:
		return s.back(ctx, p, c.No)
	}
	return s.begin(ctx, p)
}

// emit tells the world of a payment's event; line 0 is the whole payment.
func (s *Service) emit(tx hub.PaymentTx, p *hub.Payment, kind string, line int) {
	p.Events++
	e := hub.Event{Type: kind, Payment: p.ID, Seq: p.Events, Line: line}
	if l := p.Line(line); l != nil {
		e.Creditor = l.Creditor
	}
	tx.Emit(e)
}

// key names one operation at a provider, for ever the same.
func key(p *hub.Payment, op string, no int) string { return fmt.Sprintf("hub:%s:%s:%d", p.ID, op, no) }
