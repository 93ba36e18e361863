package judge

import (
	"context"
	"maps"
	"slices"
	"strings"

	"racord/hub"
)

// journal holds a payment's bookings against its lines, and against what its
// provider has of the payer's money.
func (t *trial) journal(p *hub.Payment, bookings []hub.Booking) {
	sums, seen := map[string]int64{}, map[string]bool{}
	for _, b := range bookings {
		if err := b.Check(); err != nil {
			t.wrong("I5", b.ID, "%v", err)
		}
		if seen[b.ID] {
			t.wrong("I5", b.ID, "it is booked twice")
		}
		seen[b.ID] = true
		for _, leg := range b.Legs {
			sums[leg.Account] += leg.Debit - leg.Credit
			t.sums[leg.Account] += leg.Debit - leg.Credit
		}
		t.strays(b)
	}
	if !Finished(p) {
		return
	}
	t.clearing(p, bookings)
	for account, want := range t.expected(p) {
		if sums[account] != want {
			t.wrong("I6", account, "the journal says %d, the payment %d", sums[account], want)
		}
	}
}

// strays: to a payment's accounts only its own bookings book.
func (t *trial) strays(b hub.Booking) {
	for _, leg := range b.Legs {
		if ofPayment(leg.Account) && !isOf(leg.Account, b.Payment) {
			t.wrong("I5", b.ID, "it books to %s, which is another payment's", leg.Account)
		}
	}
}

// nobodys looks at the bookings that belong to no payment.
func (t *trial) nobodys(ctx context.Context) error {
	bookings, err := t.hub.Bookings(ctx, "")
	for _, b := range bookings {
		if err := b.Check(); err != nil {
			t.wrong("I5", b.ID, "%v", err)
		}
		t.strays(b)
	}
	return err
}

// expected is what the accounts of a finished payment have to hold, by its lines.
func (t *trial) expected(p *hub.Payment) map[string]int64 {
	want := map[string]int64{hub.AccountHeld(p.ID): 0, hub.AccountRefund(p.ID): 0}
	for i := range p.Lines {
		l := &p.Lines[i]
		line, creditor := hub.AccountLine(p.PostingID(l.No)), hub.AccountPayable(l.Creditor)
		want[line] += 0
		want[creditor] += 0
		switch l.State {
		case hub.LinePosted:
			want[creditor] -= l.Amount.Minor
		case hub.LineStuck:
			want[line] -= l.Amount.Minor
		}
	}
	for i := range p.Refunds {
		if r := &p.Refunds[i]; r.State == hub.RefundFailed {
			want[hub.AccountRefund(p.ID)] -= r.Amount.Minor
		}
	}
	return want
}

// clearing: what the journal says a provider has is what the provider says.
func (t *trial) clearing(p *hub.Payment, bookings []hub.Booking) {
	says := map[string]int64{}
	for _, b := range bookings {
		switch b.Kind {
		case "captured", "refunded", "disputed", "won", "unknown_money":
			for _, leg := range b.Legs {
				if psp, ok := strings.CutPrefix(leg.Account, hub.AccountClearing("")); ok {
					says[psp] += leg.Debit - leg.Credit
				}
			}
		}
	}
	for _, o := range t.ordersOf(p.ID) {
		says[o.PSP] -= o.Captured - o.Refunded - min(o.Disputed, o.Captured-o.Refunded) // providers tell of the whole order
	}
	for psp, off := range says {
		if off < 0 || off > contested(p, psp) {
			t.wrong("I1", p.ID, "the journal and %s differ by %d", psp, off)
		}
	}
}

// contested is what a person has yet to say of: the payer is owed it, and may have it
// from his bank, which took the charge's money back.
func contested(p *hub.Payment, psp string) (sum int64) {
	for i := range p.Refunds {
		r := &p.Refunds[i]
		if c := p.Charge(r.Charge); r.State == hub.RefundFailed && c.PSP == psp && c.State == hub.ChargeDisputed {
			sum += r.Amount.Minor
		}
	}
	return sum
}

// whole looks at the hub's books as a whole: the journal's sum, the accounts of
// payments, and the claims.
func (t *trial) whole(ctx context.Context) error {
	if err := t.nobodys(ctx); err != nil {
		return err
	}
	balances, err := t.hub.Balances(ctx)
	if err != nil {
		return err
	}
	sum := int64(0)
	for _, account := range slices.Sorted(maps.Keys(balances)) {
		sum += balances[account]
		if ofPayment(account) && balances[account] != t.sums[account] {
			t.wrong("I5", account, "its balance is %d, its bookings add up to %d", balances[account], t.sums[account])
		}
	}
	if sum != 0 {
		t.wrong("I5", "journal", "it is off by %d", sum)
	}
	claims, err := t.hub.Claims(ctx)
	if err != nil {
		return err
	}
	t.claims(claims)
	return nil
}

// ofPayment tells whether only payments book to the account.
func ofPayment(account string) bool {
	for _, prefix := range []string{"held:", "line:", "refund_payable:"} {
		if strings.HasPrefix(account, prefix) {
			return true
		}
	}
	return false
}

// isOf tells whether the account is of this payment.
func isOf(account string, p hub.PaymentID) bool {
	return p != "" && (account == hub.AccountHeld(p) || account == hub.AccountRefund(p) || strings.HasPrefix(account, "line:hub:"+string(p)+":"))
}

type claimed struct {
	creditor   hub.Name
	obligation hub.ObligationID
	payment    hub.PaymentID
}

// claims: one for every line whose creditor may still show the debt; none for a
// line that was let go. That two payments never have one debt's at once is the
// store's own key: of payments that were read one after the other, both may have had
// it.
func (t *trial) claims(claims []hub.Claim) {
	kept := map[claimed]bool{}
	for _, c := range claims {
		kept[claimed{c.Creditor, c.Obligation, c.Payment}] = true
	}
	for _, p := range t.payments {
		for i := range p.Lines {
			l := &p.Lines[i]
			has := kept[claimed{l.Creditor, l.Obligation, p.ID}]
			switch needs := l.State == hub.LinePosted && l.ClearedAt.IsZero() || l.State == hub.LineStuck; {
			case needs && !has:
				t.wrong("I11", p.PostingID(l.No), "it is %s, and its claim is gone", l.State)
			case has && Finished(p) && (l.State == hub.LineDropped || l.State == hub.LineRejected || l.State == hub.LineRefunded):
				t.wrong("I10", p.PostingID(l.No), "it is %s, and keeps its claim", l.State)
			}
		}
	}
}
