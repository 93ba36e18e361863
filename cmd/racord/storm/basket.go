package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"racord/hub"
	"racord/hub/judge"
)

// basket is what a payer wants to pay at once.
type basket struct {
	no    int
	payer *payer
	debts []debt
}

// promise is what a payer's portal remembers of a payment.
type promise struct {
	mu sync.Mutex
	judge.Promise
}

// pack puts the payers' debts into baskets of one to four.
func (s *storm) pack(dice *rand.Rand) (all []basket) {
	for _, p := range s.payers {
		for rest := p.debts; len(rest) > 0 && len(all) < s.baskets; {
			n := min(1+dice.IntN(4), len(rest))
			all = append(all, basket{len(all), p, rest[:n]})
			rest = rest[n:]
		}
	}
	dice.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// quoted is a quote as a portal reads it.
type quoted struct {
	Quote string
	Lines []quotedLine
}

type quotedLine struct {
	No                      int
	Creditor, State, Reason string
	Amount                  struct{ Amount int64 }
}

func (q *quoted) confirmed() (lines []quotedLine) {
	for _, l := range q.Lines {
		if l.State == "confirmed" {
			lines = append(lines, l)
		}
	}
	return lines
}

// payment is a payment as a portal reads it.
type payment struct {
	ID         hub.PaymentID
	State      hub.PaymentState
	Final      bool
	NextAction *struct{ URL string } `json:"next_action"`
	Lines      []struct {
		No    int
		State hub.LineState
	}
}

// pay brings one basket from the quote to the end of the payer's part. A quote
// that ran out is asked for again, as a payer would.
func (s *storm) pay(ctx context.Context, b basket) {
	for try := range 6 {
		token, err := s.tokenOf(ctx, b.payer)
		if err != nil {
			s.tally.because(err.Error())
			continue
		}
		q, ok := s.quote(ctx, token, b)
		if !ok {
			continue
		}
		pr, p, refused := s.openPayment(ctx, token, b, q, try)
		if p == nil {
			s.tally.because("payment: " + refused)
			if refused == "conflict" {
				break // another payment has the debts
			}
			continue
		}
		if s.finish(ctx, token, b, pr, p) {
			s.tally.add(&s.tally.paid, 1)
			return
		}
	}
	s.tally.add(&s.tally.refused, 1)
}

// quote asks what may be paid, once more when a creditor was silent. It is good
// when a line is.
func (s *storm) quote(ctx context.Context, token string, b basket) (q quoted, ok bool) {
	var lines []map[string]string
	for _, d := range b.debts {
		lines = append(lines, map[string]string{"creditor": d.Creditor, "obligation": d.obligation()})
	}
	for range 2 {
		q = quoted{}
		if !s.asked(ctx, call{method: http.MethodPost, path: "/v1/quotes", token: token, body: map[string]any{"lines": lines}}, &q) {
			s.tally.because("quote: no answer")
			return q, false
		}
		if len(q.confirmed()) == len(q.Lines) {
			return q, true
		}
		s.pause(ctx, 200*time.Millisecond)
	}
	if len(q.confirmed()) > 0 {
		return q, true
	}
	for _, l := range q.Lines {
		s.tally.because("quote: " + l.Reason + " of " + l.Creditor)
	}
	return q, false
}

// openPayment opens a payment under a key of the basket's own, and remembers
// what the payer was shown.
func (s *storm) openPayment(ctx context.Context, token string, b basket, q quoted, try int) (pr *promise, p *payment, refused string) {
	key := fmt.Sprintf("basket-%d-%d", b.no, try)
	pr = &promise{Promise: judge.Promise{Key: key}}
	for _, l := range q.confirmed() {
		pr.Lines = append(pr.Lines, judge.Promised{No: l.No, Amount: l.Amount.Amount})
	}
	policy := hub.BestEffort
	if b.no%4 == 0 {
		policy = hub.AllOrNothing
	}
	for _, a := range s.ask(ctx, call{method: http.MethodPost, path: "/v1/payments", token: token, key: key, body: map[string]any{
		"quote": q.Quote, "policy": policy, "return_url": s.city.url + "/back",
	}}) {
		opened := &payment{}
		switch {
		case !a.good():
			refused = a.code()
		case a.read(opened):
			pr.Payments = append(pr.Payments, opened.ID)
			p = opened
		}
	}
	if p != nil {
		s.mu.Lock()
		s.opened = append(s.opened, pr)
		s.mu.Unlock()
	}
	return pr, p, refused
}

// payerTakes is how long a payer stays at it, and lookEvery how often his portal
// asks how the payment stands, of two replicas each time.
const (
	payerTakes = 75 * time.Second
	lookEvery  = 300 * time.Millisecond
)

// finish is the payer on the provider's pages until his part is done. It tells
// whether the payment was carried on.
func (s *storm) finish(ctx context.Context, token string, b basket, pr *promise, p *payment) bool {
	if b.no%50 == 7 {
		s.giveUp(ctx, token, p)
		return true
	}
	s.unrest(ctx, b)
	visited, trail := "", newTrail(p)
	defer func() { s.trailed(b, p, trail) }()
	for until := time.Now().Add(payerTakes); time.Now().Before(until) && ctx.Err() == nil; {
		if p.NextAction != nil && p.NextAction.URL != visited && s.visit(ctx, p.NextAction.URL) {
			visited = p.NextAction.URL
			p = s.resume(ctx, token, pr, p) // his browser is back at the portal
			trail.note(p)
		}
		if p.Final || p.NextAction == nil && beyondPayer(p.State) {
			pr.told(p)
			return p.State != hub.PaymentFailed && p.State != hub.PaymentExpired
		}
		s.pause(ctx, lookEvery)
		p = s.look(ctx, token, pr, p)
		trail.note(p)
	}
	s.tally.add(&s.tally.unpaid, 1)
	s.say("basket %d: payment %s is %s after all the time a payer has", b.no, p.ID, p.State)
	return true
}

// look asks how the payment stands, and for the next page where there is one to
// come.
func (s *storm) look(ctx context.Context, token string, pr *promise, p *payment) *payment {
	now := &payment{}
	if !s.asked(ctx, call{method: http.MethodGet, path: "/v1/payments/" + string(p.ID), token: token}, now) {
		return p
	}
	if now.NextAction == nil && (now.State == hub.PaymentClaimed || now.State == hub.PaymentAuthorised) {
		return s.resume(ctx, token, pr, now)
	}
	pr.told(now)
	return now
}

// resume asks for the payer's next page, when he is back from one or it is time
// for the next.
func (s *storm) resume(ctx context.Context, token string, pr *promise, p *payment) *payment {
	now := &payment{}
	if !s.asked(ctx, call{method: http.MethodPost, path: "/v1/payments/" + string(p.ID) + "/resume", token: token}, now) {
		now = p
	}
	pr.told(now)
	return now
}

// beyondPayer tells whether the rest is the hub's to do.
func beyondPayer(state hub.PaymentState) bool {
	switch state {
	case hub.PaymentCaptured, hub.PaymentCapturing, hub.PaymentCaptureUnknown, hub.PaymentVoiding:
		return true
	}
	return false
}

// visit is the payer's browser on a page, up to the card form, and the card. It
// tells whether he came so far: if not, he tries again.
func (s *storm) visit(ctx context.Context, page string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return false
	}
	for range 5 { // what does not open is opened again
		got, err := browser.Do(request)
		if err != nil {
			continue
		}
		_ = got.Body.Close()
		if to, err := got.Location(); err == nil {
			page = to.String()
		}
		if got.StatusCode < 500 {
			break
		}
	}
	err = s.city.control(ctx, http.MethodPost, "psp/pay", map[string]string{"url": page}, nil)
	if err != nil && ctx.Err() == nil {
		s.tally.because("page: " + err.Error())
	}
	return err == nil
}

// giveUp is a payer who cancels, and half the time pays all the same on the page
// that is still open.
func (s *storm) giveUp(ctx context.Context, token string, p *payment) {
	s.asked(ctx, call{method: http.MethodPost, path: "/v1/payments/" + string(p.ID) + "/cancel", token: token}, &payment{})
	if p.NextAction != nil && rand.IntN(2) == 0 {
		s.visit(ctx, p.NextAction.URL)
	}
	s.tally.add(&s.tally.given, 1)
}

// unrest lets 5 % of the bills change, 3 % be paid elsewhere and 2 % be cancelled
// while somebody pays them.
func (s *storm) unrest(ctx context.Context, b basket) {
	for _, d := range b.debts {
		body := map[string]any{"creditor": d.Creditor, "person": b.payer.id, "external_id": d.ExternalID}
		switch x := rand.IntN(100); {
		case x < 5:
			body["outstanding_bani"] = max(d.Outstanding+rand.Int64N(2000)-1000, 1)
		case x < 8:
			body["paid_elsewhere"] = true
		case x < 10:
			body["cancel"] = true
		default:
			continue
		}
		go func() {
			s.pause(ctx, rand.N(3*time.Second))
			_ = s.city.control(ctx, http.MethodPost, "debts/change", body, nil) // it may be paid already
		}()
	}
}

// told remembers what the payer was last shown.
func (pr *promise) told(p *payment) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	for _, l := range p.Lines {
		for i := range pr.Lines {
			if pr.Lines[i].No == l.No {
				pr.Lines[i].Told = l.State
			}
		}
	}
}
