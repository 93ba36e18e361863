package hub

import "context"

// Bank tells what was booked on an account on a day. It returns CodeNotFound
// when there is no statement: not yet, or the bank was closed.
type Bank interface {
	Entries(ctx context.Context, iban string, day Date) ([]BankEntry, error)
}

// BankEntry is one transaction of a bank's statement.
type BankEntry struct {
	Ref    string // what the payer gave it: a provider's number of its payout; "" = nothing
	Number string // the bank's own, unique on the account
	Payer  string // IBAN of the other side; "" = not said
	Amount Money  // negative when money left the account
	Day    Date   // on which it was booked
	Text   string // basic Latin; may hold names
}
