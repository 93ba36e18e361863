package hub

import "time"

// Name is a creditor's short name, the same in manifests, answers, metrics and
// URLs: a lower-case letter, then 1 to 31 letters, digits, '-' or '_'.
type Name string

// Valid tells whether the name has its form.
func (n Name) Valid() bool {
	if len(n) < 2 || len(n) > 32 || n[0] < 'a' || n[0] > 'z' {
		return false
	}
	for _, c := range []byte(n) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// Creditor is a body that citizens owe money to.
type Creditor struct {
	Name     Name              `json:"creditor"`
	Title    string            `json:"name"`          // as citizens know it
	CUI      string            `json:"cui,omitempty"` // fiscal code, digits
	Category string            `json:"category"`      // tax_office fines water heat gas electricity waste …
	Accounts []CreditorAccount `json:"accounts,omitempty"`
	Contact  string            `json:"contact,omitempty"`
}

// Beneficiary gives the name by which a bank knows the creditor's account.
func (c *Creditor) Beneficiary(account string) string {
	for _, a := range c.Accounts {
		if a.ID == account && a.Beneficiary != "" {
			return a.Beneficiary
		}
	}
	return c.Title
}

// CreditorAccount is an approved bank account of a creditor. An IBAN in an
// answer that is not among them makes the obligation not payable.
type CreditorAccount struct {
	ID          string `json:"id"`
	IBAN        string `json:"iban"`
	Beneficiary string `json:"beneficiary"`
	RevenueCode string `json:"revenue_code,omitempty"`
}

// Fetch is a way in which a creditor can be asked.
type Fetch string

// The ways to ask.
const (
	FetchByParty   Fetch = "by_party"   // by CNP or CUI
	FetchByAccount Fetch = "by_account" // by the creditor's own client code
)

// Window is a daily closed period in Europe/Bucharest. From and To are minutes
// after midnight; a window whose To is not after From crosses midnight.
type Window struct {
	From, To int
}

// Contains tells whether the instant falls inside, and when the window ends.
func (w Window) Contains(t time.Time) (until time.Time, inside bool) {
	local := t.In(Bucharest)
	day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, Bucharest)
	for _, start := range []time.Time{day.AddDate(0, 0, -1), day} {
		from, to := at(start, w.From), at(start, w.To)
		if w.To <= w.From {
			to = at(start.AddDate(0, 0, 1), w.To)
		}
		if !local.Before(from) && local.Before(to) {
			return to, true
		}
	}
	return time.Time{}, false
}

func at(day time.Time, minutes int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, minutes, 0, 0, Bucharest)
}

// Freshness says how long an answer may be shown. All are real time.
type Freshness struct {
	TTL                  time.Duration // shown as fresh
	StaleWhileRevalidate time.Duration // after TTL: shown as stale at once, refreshed behind
	StaleIfError         time.Duration // after TTL: shown as stale when the creditor fails
	Negative             time.Duration // how long "not known here" is remembered
}

// Traits are what a creditor declares about itself in its manifest.
type Traits struct {
	Fetch       []Fetch
	Identifiers []Scheme // which identifiers FetchByParty takes
	MaxInflight int      // concurrent calls over all replicas
	RPS         float64  // calls a second over all replicas
	Timeout     time.Duration
	Freshness   Freshness
	Windows     []Window
	Season      Season
	ProofDoc    string // where a citizen finds the number that proves an account
	Delivery    Delivery
	DebtsOnly   bool // who owes nothing is in no list: an account that is not listed is no unknown one
	Paying      Paying
}

// Season is the time of every year in which a creditor loads the amounts of the
// new one: what it lists is not final and cannot be paid. It begins with the day
// From and ends as the day To begins, in Europe/Bucharest. The zero Season never
// is.
type Season struct {
	From, To YearDay
}

// YearDay is a day of every year.
type YearDay struct {
	Month time.Month
	Day   int
}

// In gives the beginning of the day in a year.
func (d YearDay) In(year int) time.Time {
	return time.Date(year, d.Month, d.Day, 0, 0, 0, 0, Bucharest)
}

// Contains tells whether the instant falls inside, and when the season ends.
func (s Season) Contains(t time.Time) (until time.Time, inside bool) {
	if s == (Season{}) {
		return time.Time{}, false
	}
	local := t.In(Bucharest)
	for _, year := range []int{local.Year() - 1, local.Year()} {
		from, to := s.From.In(year), s.To.In(year)
		if !to.After(from) {
			to = s.To.In(year + 1)
		}
		if !local.Before(from) && local.Before(to) {
			return to, true
		}
	}
	return time.Time{}, false
}

// Delivery says when the deliveries of a feed are due. The zero Delivery
// promises nothing.
type Delivery struct {
	At    int           // minutes after midnight in Europe/Bucharest, every day
	Grace time.Duration // how much later one may come before what is published counts as old
}

// GoodUntil tells until when rows that speak about asOf are up to date: they
// came with the first delivery due after asOf, and the next one replaces them.
// It is zero when nothing is promised.
func (d Delivery) GoodUntil(asOf time.Time) time.Time {
	if d.Grace <= 0 || asOf.IsZero() {
		return time.Time{}
	}
	local := asOf.In(Bucharest)
	due := at(local, d.At)
	if due.Before(local) {
		due = at(local.AddDate(0, 0, 1), d.At)
	}
	return at(due.AddDate(0, 0, 1), d.At).Add(d.Grace)
}

// Can tells whether the creditor can be asked that way.
func (t Traits) Can(f Fetch) bool {
	for _, own := range t.Fetch {
		if own == f {
			return true
		}
	}
	return false
}

// Closed tells whether the creditor is in a declared closed window and when it
// opens again.
func (t Traits) Closed(now time.Time) (until time.Time, closed bool) {
	for _, w := range t.Windows {
		if until, closed := w.Contains(now); closed {
			return until, true
		}
	}
	return time.Time{}, false
}
