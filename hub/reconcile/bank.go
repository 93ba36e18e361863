package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"racord/hub"
)

const (
	bankDays     = 5                  // whose statements are read each time
	payoutDays   = 30                 // in which a payout arrives, or is looked for
	bankedWithin = 3 * 24 * time.Hour // after the day of the payout
)

// payoutScope is what payouts are compared as, and payoutMissing one that did not
// arrive.
const (
	payoutScope   = "payouts"
	payoutMissing = "missing_there"
)

// bank compares the bank's statements of every account that providers pay out to
// with what providers say they paid out, net of their fees.
func (s *Service) bank(ctx context.Context, t *turn, only hub.Date) error {
	if s.Bank == nil {
		return nil
	}
	var failed error
	read := readingsOf(t.run.Cursor)
	for _, account := range s.accounts() {
		failed = errors.Join(failed, about(account.name, s.account(ctx, account, read.of(account.name, hub.DateOf(s.Clock.Now())), only)))
		t.note(read.String())
	}
	return errors.Join(failed, s.comparePayouts(ctx, read))
}

// account reads the bank's statements of one account that are due, or of one day.
func (s *Service) account(ctx context.Context, a account, reading *reading, only hub.Date) (failed error) {
	days := []hub.Date{only}
	if only == "" {
		days = reading.due(hub.DateOf(s.Clock.Now()), bankDays)
	}
	payouts, err := s.Store.PayoutsSince(ctx, days[0].Back(payoutDays))
	if err != nil {
		return err
	}
	for _, day := range days {
		if err := s.bankDay(ctx, a, day, &payouts); err != nil {
			failed = errors.Join(failed, about(string(day), err))
			continue
		}
		reading.read(day)
	}
	return failed
}

// bankDay reads one day's statement; that of a day on which nothing happened may
// be none.
func (s *Service) bankDay(ctx context.Context, a account, day hub.Date, payouts *[]hub.Payout) error {
	entries, err := s.Bank.Entries(ctx, a.iban, day)
	if hub.CodeOf(err) == hub.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return s.arrived(ctx, a, entries, payouts)
}

// account is one that a provider pays out to.
type account struct{ name, iban string }

func (s *Service) accounts() (all []account) {
	seen := map[string]bool{}
	for _, psp := range s.PSPs {
		for _, merchant := range psp.Accounts() {
			name := accountOf(psp, merchant)
			if iban := s.iban(name); iban != "" && !seen[name] {
				seen[name] = true
				all = append(all, account{name, iban})
			}
		}
	}
	return all
}

func (s *Service) iban(name string) string {
	creditor, id := splitAccount(name)
	for _, c := range s.Roster.OnDuty() {
		for _, a := range c.Creditor.Accounts {
			if c.Creditor.Name == creditor && a.ID == id {
				return a.IBAN
			}
		}
	}
	return ""
}

// arrived stores what the bank booked of payouts, each with the creditor's claim
// that it satisfies. An entry without a reference is the one payout of its amount
// that has not arrived, if there is just one.
func (s *Service) arrived(ctx context.Context, a account, entries []hub.BankEntry, payouts *[]hub.Payout) error {
	by := map[string]*hub.BankEntry{}
	for i := range entries {
		e := &entries[i]
		if len(s.Payers) > 0 && !slices.Contains(s.Payers, e.Payer) {
			continue
		}
		ref := e.Ref
		if ref == "" {
			ref = byAmount(a, e, *payouts)
		}
		if had := by[ref]; had != nil { // the same payout twice on one day
			ref += "+" + e.Number
		}
		by[ref] = e
	}
	for _, ref := range slices.Sorted(maps.Keys(by)) {
		e := by[ref]
		p := hub.Payout{Ref: ref, Account: a.name, Booked: e.Amount.Minor, BankedOn: e.Day}
		if banked(*payouts, p) {
			p.Ref = ref + "+" + e.Number // booked again on another day
		}
		if err := s.Store.BankedPayout(ctx, p, paidOut(a, e)...); err != nil {
			return err
		}
		p.Banked = true
		*payouts = append(*payouts, p)
	}
	return nil
}

// byAmount finds the only payout to an account that has not arrived and is for
// so much; without one the entry keeps the bank's own number.
func byAmount(a account, e *hub.BankEntry, payouts []hub.Payout) string {
	found := ""
	for i := range payouts {
		p := &payouts[i]
		if p.Account != a.name || p.Net != e.Amount.Minor || !p.Settled || p.Day > e.Day || banked(payouts, hub.Payout{Account: p.Account, Ref: p.Ref, BankedOn: e.Day}) {
			continue
		}
		if found != "" {
			return "bank:" + e.Number
		}
		found = p.Ref
	}
	if found == "" {
		return "bank:" + e.Number
	}
	return found
}

// banked tells whether a payout had arrived already on another day.
func banked(payouts []hub.Payout, p hub.Payout) bool {
	return slices.ContainsFunc(payouts, func(o hub.Payout) bool {
		return o.Account == p.Account && o.Ref == p.Ref && o.Banked && o.BankedOn != p.BankedOn
	})
}

// paidOut: the creditor has what it was owed, as far as it arrived.
func paidOut(a account, e *hub.BankEntry) []hub.Booking {
	creditor, id := splitAccount(a.name)
	debit, credit, amount := hub.AccountPayable(creditor), hub.AccountBank(creditor, id), e.Amount
	if amount.Minor < 0 {
		debit, credit, amount = credit, debit, hub.Bani(-amount.Minor)
	}
	if amount.Minor == 0 {
		return nil
	}
	return []hub.Booking{hub.TransferBooking("paid_out:"+a.name+":"+string(e.Day)+":"+e.Number, "paid_out", "", debit, credit, amount)}
}

// comparePayouts lists the payouts about which the bank and a provider do not
// agree. While statements of an account cannot be read a payout may be in them:
// then it is missing only if it was.
func (s *Service) comparePayouts(ctx context.Context, read readings) error {
	today := s.Clock.Now()
	payouts, err := s.Store.PayoutsSince(ctx, hub.DateOf(today).Back(payoutDays))
	if err != nil {
		return err
	}
	open, err := s.open(ctx, hub.JobBank)
	if err != nil {
		return err
	}
	var found []hub.Difference
	for i := range payouts {
		p := &payouts[i]
		d := comparePayout(p, today)
		if d == nil {
			continue
		}
		d.Name = p.Account + "/" + p.Ref
		if d.Kind != payoutMissing || !read.unreadSince(p.Account, p.Day) || isOpen(open[payoutScope], *d) {
			found = append(found, *d)
		}
	}
	return s.Store.Compared(ctx, hub.JobBank, payoutScope, found)
}

// comparePayout tells what the bank and a provider do not agree about.
func comparePayout(p *hub.Payout, today time.Time) *hub.Difference {
	switch {
	case p.Settled && p.Banked && p.Net != p.Booked:
		return &hub.Difference{Kind: "other_amount", Amount: p.Booked - p.Net, Detail: "net of the fee another amount was due"}
	case p.Settled && !p.Banked && p.Net != 0 && today.After(p.Day.End().Add(bankedWithin)):
		return &hub.Difference{Kind: payoutMissing, Amount: -p.Net, Detail: "paid out by " + p.PSP + ", and not on the account"}
	case p.Banked && !p.Settled && p.Booked < 0 && today.After(p.BankedOn.End()):
		return &hub.Difference{Kind: "missing_here", Amount: p.Booked, Detail: "it left the account, and is in no settlement"}
	case p.Banked && !p.Settled && today.After(p.BankedOn.End()):
		return &hub.Difference{Kind: "missing_here", Amount: p.Booked, Detail: "on the account, and in no settlement"}
	}
	return nil
}

// isOpen tells whether a difference was found before.
func isOpen(open []hub.Difference, d hub.Difference) bool {
	return slices.ContainsFunc(open, func(o hub.Difference) bool { return o.Kind == d.Kind && o.Name == d.Name })
}
