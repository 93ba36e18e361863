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
	DebtsOnly   bool // who owes nothing is in no list: an account that is not listed owes nothing, it is not unknown
	Paying      Paying
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

// OpenSince tells when the last declared closed window was over. The zero time is
// one of a creditor that declares none.
func (t Traits) OpenSince(now time.Time) (since time.Time) {
	for _, w := range t.Windows {
		if ended := w.Ended(now); ended.After(since) {
			since = ended
		}
	}
	return since
}
