package pay

import (
	"context"
	"maps"
	"sync"
	"time"

	"racord/hub"
)

// quoteLines asks every creditor of the basket at once and gives the lines in
// the basket's order.
func (s *Service) quoteLines(ctx context.Context, folder *hub.Folder, items []Item) []QuotedLine {
	ctx, cancel := context.WithTimeout(ctx, s.conf.VerifyFor)
	defer cancel()
	lines := make([]QuotedLine, len(items))
	var asked sync.WaitGroup
	for name, of := range byCreditor(items) {
		asked.Go(func() {
			c := s.connector(name)
			found := s.search(ctx, c, c.Questions(folder))
			for _, i := range of {
				lines[i] = s.confirmed(ctx, c, items[i], s.quoted(ctx, c, items[i], found))
			}
		})
	}
	asked.Wait()
	return lines
}

// refusePaid refuses lines of whose debt something was paid through the hub, by
// whomever, and is only not taken off yet. Opening a payment of one would fail.
func (s *Service) refusePaid(ctx context.Context, lines []QuotedLine) error {
	var asked []hub.Debt
	for i := range lines {
		if q := &lines[i]; q.State == Confirmed {
			asked = append(asked, q.debts()...)
		}
	}
	paid, err := s.Store.PaidOf(ctx, asked)
	if err != nil {
		return err
	}
	for i := range lines {
		if q := &lines[i]; q.State == Confirmed {
			if why := q.paidHere(paid); why != "" {
				q.refuse(why)
			}
		}
	}
	return nil
}

func byCreditor(items []Item) map[hub.Name][]int {
	of := map[hub.Name][]int{}
	for i := range items {
		of[items[i].Creditor] = append(of[items[i].Creditor], i)
	}
	return of
}

// finding is what a creditor said about a party: every obligation with the
// question that brought it, and why some question brought nothing.
type finding struct {
	obligations map[hub.ObligationID]found
	nested      hub.Nested
	err         error // of a question without an answer, or not a whole one
}

// unsure notes why something that is not listed may be due all the same. That
// another question was about nobody says less.
func (f *finding) unsure(err error) {
	if f.err == nil || hub.CodeOf(f.err) == hub.CodeNotFound {
		f.err = err
	}
}

type found struct {
	hub.Obligation
	asked   hub.Asked
	answer  *hub.Answer
	fetched time.Time // real time, of an answer that was remembered
}

// search asks a creditor all it has to be asked about a party.
func (s *Service) search(ctx context.Context, c *hub.Connector, questions []hub.Asked) finding {
	f := finding{obligations: map[hub.ObligationID]found{}, nested: hub.Nested{}}
	switch {
	case len(questions) == 0 && c.Traits.Can(hub.FetchByAccount):
		f.err = hub.Errorf(hub.CodeNotFound, "You have proved no account at this creditor.")
	case len(questions) == 0:
		f.err = hub.Errorf(hub.CodeNotFound, hub.NoCode)
	}
	for _, asked := range questions {
		answer, err := c.Source.Obligations(ctx, asked)
		var fetched time.Time
		if err != nil && s.closed(c) {
			answer, fetched, err = s.lastWord(ctx, c, asked, err)
		}
		if err != nil {
			f.unsure(err)
			continue
		}
		if len(answer.Refused) > 0 {
			f.unsure(errDamaged)
		}
		for _, o := range answer.Obligations {
			f.obligations[o.ID] = found{o, asked, &answer, fetched}
		}
		maps.Copy(f.nested, hub.NestedIn(answer.Obligations))
	}
	return f
}

// closed tells whether the creditor is in a closure that it declared, and lets
// its last word stand in for a while.
func (s *Service) closed(c *hub.Connector) bool {
	_, closed := c.Traits.Closed(s.Clock.Now())
	return closed && c.Traits.Paying.QuoteMaxAge > 0 && s.Pages != nil
}

// lastWord gives what a creditor that is closed answered last, as the view
// remembers it, or why there is no answer.
func (s *Service) lastWord(ctx context.Context, c *hub.Connector, asked hub.Asked, why error) (hub.Answer, time.Time, error) {
	answer, fetched, err := s.Pages.Remembered(ctx, c.Creditor.Name, asked)
	if err != nil {
		return hub.Answer{}, time.Time{}, why
	}
	return answer, fetched, nil
}

// paidSince tells why what is remembered of an obligation counts no more: something
// of it was paid through the hub since, by whomever. The margin is for clocks that
// differ.
func (s *Service) paidSince(ctx context.Context, c *hub.Connector, o *found, k kin) *hub.Error {
	if o.fetched.IsZero() {
		return nil
	}
	for _, id := range append(k.all(), o.ID) {
		taken, err := s.Store.TakenSince(ctx, c.Creditor.Name, id, o.fetched.Add(-time.Minute))
		if err != nil || taken {
			return hub.Errorf(hub.CodeMaintenance, "The creditor is closed now, and something was paid since it answered last.")
		}
	}
	return nil
}

// quoted makes a line of what the creditor said about an item.
func (s *Service) quoted(ctx context.Context, c *hub.Connector, item Item, f finding) QuotedLine {
	o, ok := f.obligations[item.Obligation]
	switch {
	case !ok && f.err != nil:
		return refused(c, item, hub.CodeOf(f.err), hub.MessageOf(f.err))
	case !ok:
		return refused(c, item, hub.CodeNotFound, "The creditor does not list this debt any more.")
	}
	if why := s.unpayable(c, &o); why != nil {
		return refused(c, item, why.Code, why.Message)
	}
	k := f.kinOf(o.ID)
	if why := s.paidSince(ctx, c, &o, k); why != nil {
		return refused(c, item, why.Code, why.Message)
	}
	option, changed, why := choose(&o.Obligation, item.Wanted, c.Traits.Paying.Partial)
	if why != nil {
		return refused(c, item, why.Code, why.Message)
	}
	q := QuotedLine{State: Confirmed, NextChange: o.NextChange, Line: s.line(c, &o, option), kin: k}
	q.Line.Covers = f.owed(option.Covers)
	q.kin.inner = append(q.kin.inner, q.Line.Covers...)
	if why := s.lapsed(&q.Line); why != nil {
		return refused(c, item, why.Code, why.Message)
	}
	if changed {
		q.State, q.Code, q.Reason = AmountChanged, hub.CodeAmountChanged, "The amount has changed since you saw it."
	}
	return q
}

func refused(c *hub.Connector, item Item, code hub.Code, reason string) QuotedLine {
	l := hub.Line{Creditor: c.Creditor.Name, Obligation: item.Obligation, Option: item.Option, Amount: item.Amount}
	return QuotedLine{State: Refused, Code: code, Reason: reason, Line: l}
}

// unpayable tells why an obligation cannot be paid through the hub now.
func (s *Service) unpayable(c *hub.Connector, o *found) *hub.Error {
	now := s.Clock.Now()
	until, inSeason := c.Traits.Season.Contains(now)
	switch {
	case !c.TakesPayments():
		return hub.Errorf(hub.CodeUnsupported, "This creditor takes no payments here.")
	case o.NotPayable != "":
		return hub.Errorf(hub.CodeNotPayable, "%s", o.NotPayable)
	case inSeason:
		return hub.Errorf(hub.CodeNotPayable, "The creditor is loading the amounts of the new year; they can be paid from %s.", until.Format("2 January 2006"))
	case o.answer.Provisional:
		return hub.Errorf(hub.CodeNotPayable, "The creditor says that the amounts are not final.")
	case o.Outstanding.Minor <= 0 || o.Outstanding.Currency != hub.RON:
		return hub.Errorf(hub.CodeNotPayable, "Nothing is owed.")
	case !payableStatus[o.Status]:
		return hub.Errorf(hub.CodeNotPayable, "The creditor does not take payments for this debt now.")
	case !o.answer.ValidUntil.IsZero() && !now.Before(o.answer.ValidUntil):
		return hub.Errorf(hub.CodeUnavailable, "The creditor's last word is too old.")
	case o.answer.Published && now.Sub(o.answer.AsOf) > c.Traits.Paying.QuoteMaxAge:
		return hub.Errorf(hub.CodeUnavailable, "The creditor's last word is too old.")
	}
	return nil
}

var payableStatus = map[hub.ObligationStatus]bool{
	"": true, hub.StatusOpen: true, hub.StatusPartiallyPaid: true,
}

// choose finds the option that is wanted. changed tells that it costs something
// else than the payer saw.
func choose(o *hub.Obligation, w hub.Wanted, partial bool) (option hub.PaymentOption, changed bool, why *hub.Error) {
	for _, option = range o.Options {
		if option.ID == w.Option || w.Option == "" && option.Amount == o.Outstanding {
			return amounted(o, option, w.Amount, partial)
		}
	}
	if w.Option == "" && len(o.Options) == 1 {
		return amounted(o, o.Options[0], w.Amount, partial)
	}
	return option, false, hub.Errorf(hub.CodeNotPayable, "The creditor does not offer this way to pay any more.")
}

// inParts are the kinds of options of which less may be paid. The others are worth
// what they are only as a whole: a discount, half a fine, one instalment.
var inParts = map[string]bool{"full": true, "custom": true}

// wholly are the kinds of options that leave nothing to pay, whatever they cost.
var wholly = map[string]bool{"reduced_fine": true, "early_full_year": true}

func amounted(o *hub.Obligation, option hub.PaymentOption, amount hub.Money, partial bool) (hub.PaymentOption, bool, *hub.Error) {
	if len(option.Transfers) == 0 {
		return option, false, hub.Errorf(hub.CodeNotPayable, "The creditor has not said where the money goes.")
	}
	if amount.Minor == 0 || amount == option.Amount {
		return option, false, nil
	}
	if !partial || !inParts[option.Kind] || amount.Minor > min(option.Amount.Minor, o.Outstanding.Minor) || len(option.Transfers) > 1 {
		return option, true, nil
	}
	option.Amount = amount
	option.Transfers = []hub.Transfer{option.Transfers[0]}
	option.Transfers[0].Amount = amount
	return option, false, nil
}

func (s *Service) line(c *hub.Connector, o *found, option hub.PaymentOption) hub.Line {
	l := hub.Line{
		Creditor: c.Creditor.Name, Obligation: o.ID, ExternalID: o.ExternalID, Asked: hub.Whom(o.asked), Account: o.Account,
		Option: option.ID, Label: label(&o.Obligation, option), Amount: option.Amount,
		Owed: o.Outstanding, PaidBefore: o.Paid, Whole: wholly[option.Kind],
		Transfers: option.Transfers, Class: c.Traits.Paying.Class, Verified: hub.VerifiedLive,
		ValidUntil: o.answer.ValidUntil, State: hub.LineHeld,
	}
	if o.answer.Published {
		l.Verified = hub.VerifiedSnapshot
	}
	if o.NextChange != nil {
		l.ValidUntil = earlier(l.ValidUntil, o.NextChange.At)
	}
	if option.AvailableUntil != "" {
		l.ValidUntil = earlier(l.ValidUntil, option.AvailableUntil.End())
	}
	l.ChangesAt = changesAt(&o.Obligation, option)
	return l
}

// changesAt is from when an option will cost something else, or not be there any
// more, as its creditor says; zero = not said.
func changesAt(o *hub.Obligation, option hub.PaymentOption) (at time.Time) {
	if o.NextChange != nil && o.NextChange.NewOutstanding != nil {
		at = o.NextChange.At
	}
	if option.AvailableUntil != "" {
		at = earlier(at, option.AvailableUntil.End())
	}
	return at
}

// lapsed tells why a line is not confirmed: what its creditor said of the amount is
// over. That is silence and no refusal, so whoever authorised before has paid in time.
func (s *Service) lapsed(l *hub.Line) *hub.Error {
	if l.ValidUntil.IsZero() || s.Clock.Now().Before(l.ValidUntil) {
		return nil
	}
	return hub.Errorf(hub.CodeUnavailable, "The creditor's word on this amount is over, and it has given no new one.")
}

// label is how a person knows the line: the kind, and what it is about.
func label(o *hub.Obligation, option hub.PaymentOption) string {
	if option.Label != "" {
		return option.Label
	}
	return o.Kind
}

// askAgain asks the creditors of lines once more, just before money is taken. What
// it gives stands at the line's place: confirmed, refused, changed, or an error
// of the creditor's silence.
func (s *Service) askAgain(ctx context.Context, p *hub.Payment, lines []*hub.Line) []error {
	ctx, cancel := context.WithTimeout(ctx, s.conf.VerifyFor)
	defer cancel()
	said := make([]error, len(lines))
	var asked sync.WaitGroup
	for i, l := range lines {
		asked.Go(func() { said[i] = s.stillOwed(ctx, l, s.openedAt(p).Add(-longestQuote)) })
	}
	asked.Wait()
	return said
}

// stillOwed is nil when the creditor confirms the line as it was quoted and nothing
// of its kin was paid, a refusal of CodeNotFound, CodeNotPayable or
// CodeAmountChanged, or the error of a creditor that gives no answer. What was paid
// through the hub since the line was quoted is known without the creditor.
func (s *Service) stillOwed(ctx context.Context, l *hub.Line, quoted time.Time) error {
	c := s.connector(l.Creditor)
	if c == nil {
		return hub.Errorf(hub.CodeUnavailable, "The creditor is not connected any more.")
	}
	if l.Reference != "" {
		return nil // there is no debt to ask about
	}
	q := s.quoted(ctx, c, Item{l.Creditor, hub.Wanted{Obligation: l.Obligation, Option: l.Option, Amount: l.Amount}},
		s.search(ctx, c, []hub.Asked{hub.Asked(l.Asked)}))
	said := hub.Errorf(q.Code, "%s", q.Reason)
	switch {
	case q.State == Confirmed:
		return s.kinPaid(ctx, &q)
	case verdict(said):
		return said
	}
	if taken, err := s.Store.TakenSince(ctx, l.Creditor, l.Obligation, quoted); err != nil || taken {
		return hub.Errorf(hub.CodeAmountChanged, "Something of this was paid since it was quoted, and the creditor does not answer.")
	}
	return said
}

// openedAt is the real time at which a payment was opened.
func (s *Service) openedAt(p *hub.Payment) time.Time { return p.ExpiresAt.Add(-s.conf.PageLife) }

// verdict tells a creditor's refusal from its silence.
func verdict(err error) bool {
	switch hub.CodeOf(err) {
	case hub.CodeNotFound, hub.CodeNotPayable, hub.CodeAmountChanged, hub.CodeUnsupported, hub.CodeForeignData:
		return true
	}
	return false
}
