package hub

import (
	"cmp"
	"context"
	"time"
)

// Wanted is what a payer wants to pay: an option of an obligation, and the
// amount when it is not the option's own.
type Wanted struct {
	Obligation ObligationID
	ExternalID string // the creditor's own id of the debt, when it is known
	Option     string // "" = all that is outstanding
	Amount     Money  // zero = the option's own amount
}

// Quoted is a creditor's word about one thing wanted. Err is nil for what can be
// paid; otherwise CodeNotFound, CodeNotPayable or CodeAmountChanged.
type Quoted struct {
	Wanted       Wanted
	Obligation   Obligation // as it stands now
	Option       PaymentOption
	AsOf         time.Time // business time
	ValidUntil   time.Time // business time; zero = not said
	Extinguishes []Share   // where the creditor declares its rule: what a part payment is booked to
	Err          error
}

// Share is a part of an amount and the obligation it is booked to.
type Share struct {
	Obligation ObligationID `json:"obligation"`
	Label      string       `json:"label,omitempty"`
	Amount     Money        `json:"amount"`
}

// Quoter says what may be paid now. Without one, the connector's Source is asked
// what is due. It fails like Source.
type Quoter interface {
	Quote(ctx context.Context, who Asked, wanted []Wanted) ([]Quoted, error)
}

// PostingID is the stable name under which a creditor is told of a payment.
type PostingID string

// Posting tells a creditor that one of its debts was paid.
type Posting struct {
	ID         PostingID
	Creditor   Name
	Obligation ObligationID
	ExternalID string // the creditor's own id of the debt
	Account    string // the creditor's own code of the account
	Reference  string // for a payment without a debt: what the payer typed
	Option     string
	Amount     Money
	PaidAt     time.Time // business time of the authorisation
	Transfers  []Transfer
	File       string // class F: the creditor's file that it was put into; "" = not known
}

// Receipt is a creditor's word that it booked a posting. Err is nil, or why this
// one of several was refused (see Sink).
type Receipt struct {
	ID       PostingID
	Number   string    // the creditor's own
	BookedAt time.Time // business time
	Pending  bool      // taken, to be confirmed later: a file that was put in its place
	Err      error
}

// Class says what a creditor's system does with a posting that is sent twice.
type Class string

// The classes of posting.
const (
	ClassA Class = "A" // knows the posting's id: repeating it is harmless
	ClassB Class = "B" // does not, but can be asked whether it booked it
	ClassC Class = "C" // neither: sent at most once
	ClassF Class = "F" // files: the same file may be put there again
)

// Sink books payments at a creditor: one posting at a time, unless its class is
// F. An error with Certain set says that nothing was booked, of any; with any
// other the posting may be booked or not. A refusal for good is Certain with
// CodeNotPayable, CodeNotFound or CodeAmountChanged.
type Sink interface {
	Post(ctx context.Context, postings []Posting) ([]Receipt, error)
}

// Found is a creditor's answer about a posting.
type Found string

// What a creditor can say about a posting.
const (
	FoundBooked     Found = "booked"
	FoundAbsent     Found = "absent"
	FoundNotVisible Found = "not_visible" // not yet, but it may be
	FoundRefused    Found = "refused"     // taken in a file, and refused later
)

// Finder looks a posting up by its id.
type Finder interface {
	Find(ctx context.Context, p Posting) (Found, Receipt, error)
}

// LotFinder looks several postings up at once. The findings are in the order of
// the postings. It fails as Finder does.
type LotFinder interface {
	FindLot(ctx context.Context, postings []Posting) ([]Finding, error)
}

// Finding is what a creditor said about one of several postings.
type Finding struct {
	Found   Found
	Receipt Receipt // of what it booked
	Err     error   // why this one could not be told
}

// Reverser takes a booked posting back at the creditor. Its errors are those of
// Sink; reversing twice is harmless.
type Reverser interface {
	Reverse(ctx context.Context, p Posting, receipt string) error
}

// Statement lists what a creditor booked on a day, ours and not ours.
type Statement interface {
	Statement(ctx context.Context, day Date) ([]BookedPosting, error)
}

// BookedPosting is one row of a creditor's statement.
type BookedPosting struct {
	ID         PostingID // as the creditor repeats it; may be of somebody else
	ExternalID string
	Number     string
	Amount     Money
	Reversed   bool
}

// Receipt is what a row in the statement of a day stands for: booked on that day,
// whenever it is read. The hour is not said; it is noon, or now while that is to
// come.
func (b *BookedPosting) Receipt(day Date, now time.Time) Receipt {
	at := day.Start().Add(12 * time.Hour)
	if at.After(now) {
		at = now
	}
	return Receipt{ID: b.ID, Number: b.Number, BookedAt: at}
}

// Who says which debts a part payment extinguishes.
const (
	CreditorOrder = "creditor_order"
	PayerDirected = "payer_directed"
)

// Paying is what a creditor declares about taking payments. The zero Paying
// takes none.
type Paying struct {
	Class           Class         // "" = takes no payments through the hub
	Visible         time.Duration // class B: how long a booking may take to be found
	QuoteMaxAge     time.Duration // without a live answer: how old the last published one may be
	Partial         bool          // less than an option's amount may be paid
	Allocation      string        // who says what a part payment extinguishes: CreditorOrder or PayerDirected
	WithoutDebt     bool          // a reference and an amount are enough
	ClearsIn        time.Duration // business time after booking, by which the debt is not shown any more
	CutOff          int           // class F: minutes after midnight by which the day's file must be there
	MaxInflight     int           // concurrent postings over all replicas; 0 = 1
	Timeout         time.Duration // of one posting; 0 = that of other calls
	TransientWindow time.Duration // how long sending, and then looking, is tried before a person is called; 0 = 72 h
}

// Window is how long sending, and then looking, is tried before a person is called.
func (p *Paying) Window() time.Duration { return cmp.Or(p.TransientWindow, 72*time.Hour) }
