package hub

import "context"

// Payout is money that a provider says it paid out at once, and that the bank
// says it booked. Either side may be known first.
type Payout struct {
	PSP      string // "" while only the bank knows it
	Ref      string // the provider's number of it, which the bank repeats
	Merchant string
	Account  string // creditor/account
	Day      Date   // business day of the payout
	Settled  bool   // the provider told it
	Gross    int64  // bani, negative when more went back than came in
	Fee      int64
	Net      int64
	Banked   bool // the bank told it
	Booked   int64
	BankedOn Date
}

// Payouts remembers payouts. What one side says again replaces what it said
// before, and touches nothing of the other.
type Payouts interface {
	// SettledPayout and BankedPayout store what a side said, with its bookings.
	SettledPayout(ctx context.Context, p Payout, b ...Booking) error
	BankedPayout(ctx context.Context, p Payout, b ...Booking) error
	// PayoutsSince lists the payouts of a day and after it, and older ones about
	// which the two sides do not agree, by day.
	PayoutsSince(ctx context.Context, day Date) ([]Payout, error)
	// SettledNames gives what was booked of settlements under names that begin so,
	// by name: whose payment it is of, "" = of none.
	SettledNames(ctx context.Context, prefix string) (map[string]PaymentID, error)
}
