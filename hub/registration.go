package hub

import (
	"context"
	"time"
)

// Registration is all the hub keeps of one creditor's connector: its versions,
// and what persons did to them and said about them.
type Registration struct {
	Creditor Name
	Contacts []Contact // whom the company wants to be told; oldest first, only added to or ended
	Versions []Version // oldest first, numbered from 1
	Proofs   []AccountProof
	Notices  []ContactNotice
}

// Version is one manifest of a connector and how far it has come. Its text is
// only changed while it is a draft.
type Version struct {
	No        int
	Stage     Stage
	Share     int       // per cent of the citizens in canary
	Pays      bool      // payments are allowed: it is live, and two persons proved its accounts
	Class     Class     // of postings as the suite measured it; "" = not measured
	Since     time.Time // in this stage
	Lifted    int       // how often it was let out of quarantine; the store counts
	Author    Login     // who wrote the text as it is now
	CreatedAt time.Time
	Submitted time.Time // zero while it is a draft
	ShownAt   time.Time // when citizens saw it first; zero = never
	Digest    string    // of the text; a report or an approval is about this very text
	Facts     ManifestFacts
	Report    *Report    // the latest of the conformance suite
	Begun     int        // suites that were begun since and have not ended
	Moves     []Move     // only added to
	Approvals []Approval // only added to
	// Text is what a change writes; nil leaves it as it is stored. Reading a
	// registration does not fill it in: see Registrations.Text.
	Text *ManifestText
}

// ManifestText is a manifest with the files it names.
type ManifestText struct {
	YAML  []byte         `json:"yaml"`
	Files []ManifestFile `json:"files,omitempty"` // by name
}

// ManifestFile is a file that a manifest names, such as a long list of accounts.
type ManifestFile struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

// ManifestFacts are what the gates look at in a manifest.
type ManifestFacts struct {
	Kind      string            `json:"kind,omitempty"`
	Title     string            `json:"name,omitempty"`
	Addresses []string          `json:"addresses,omitempty"` // where the connector calls, sorted
	Accounts  []CreditorAccount `json:"accounts,omitempty"`
	Secrets   []string          `json:"secrets,omitempty"`  // names, sorted
	Class     Class             `json:"class,omitempty"`    // of postings as claimed; "" = takes none
	Delivers  bool              `json:"delivers,omitempty"` // it answers from what it delivers, and is never asked itself
}

// Move is one step of a version through the stages.
type Move struct {
	At    time.Time
	By    Login // the zero Login is the hub itself
	As    Office
	From  Stage // "" at its beginning
	To    Stage
	Share int // per cent of the citizens, in canary
	Why   string
}

// Office is in what right somebody acts.
type Office string

// The offices. The hub's own moves have none.
const (
	OfficeCompany  Office = "company"
	OfficeApprover Office = "approver"
)

// Approval is one person's word that a version may call its creditor and be
// shown to citizens.
type Approval struct {
	By   Login
	At   time.Time
	Note string
}

// AccountProof is one person's word that a bank account belongs to the creditor.
type AccountProof struct {
	IBAN        string
	Beneficiary string
	By          Login
	At          time.Time
	How         string // bank_letter treasury_list call_back test_transfer
}

// Contact is where a company is told of dangerous changes. One that was replaced
// is told for a while longer.
type Contact struct {
	Address string
	Since   time.Time
	Until   time.Time // zero = still
}

// ContactNotice is what one of a company's contacts is to be told. It is durable:
// it stands here before the change it is about can happen, and is brought to the
// contact until that has it (see Letters).
type ContactNotice struct {
	At      time.Time
	Contact string
	Version int    // 0 = about no version
	Kind    string // address_changed accounts_changed contact_changed
	Detail  string
	Letters []LetterState `json:"-"` // how far it has come, by channel; only read
}

// Report is what the conformance suite found about one text.
type Report struct {
	At       time.Time `json:"at"`
	Digest   string    `json:"digest"` // of the text it is about
	Passed   bool      `json:"passed"`
	Class    Class     `json:"class,omitempty"` // of postings as measured
	Document []byte    `json:"document"`        // the signed report, JSON
}

// Registrations keeps the connectors that companies bring.
type Registrations interface {
	// Registered lists the creditors that have a registration, by name.
	Registered(ctx context.Context) ([]Name, error)
	// InStage lists the creditors that have a version in a stage, by name.
	InStage(ctx context.Context, stage Stage) ([]Name, error)
	// Registration gives all but the texts. It returns CodeNotFound for a creditor
	// that has none.
	Registration(ctx context.Context, creditor Name) (Registration, error)
	// ChangeRegistration lets change work on a creditor's registration while
	// nobody else can, and stores what it leaves, or nothing when it fails. The
	// first change makes the registration. What is only added to stays as it was;
	// a version that moves to another stage begins a new Trial.
	ChangeRegistration(ctx context.Context, creditor Name, change func(*Registration) error) (Registration, error)
	// Text gives a version's text. It returns CodeNotFound when there is none.
	Text(ctx context.Context, creditor Name, version int) (ManifestText, error)
}

// Version finds a version by number, nil when there is none.
func (r *Registration) Version(no int) *Version {
	if no < 1 || no > len(r.Versions) {
		return nil
	}
	return &r.Versions[no-1]
}

// In gives the version that is in one of the stages, the newest of several, nil
// when there is none.
func (r *Registration) In(stages ...Stage) *Version {
	for i := len(r.Versions) - 1; i >= 0; i-- {
		for _, s := range stages {
			if r.Versions[i].Stage == s {
				return &r.Versions[i]
			}
		}
	}
	return nil
}

// Shown gives the version that citizens saw last apart from one, nil when there
// is none: what a new version is compared with before it may call.
func (r *Registration) Shown(except int) (last *Version) {
	for i := range r.Versions {
		v := &r.Versions[i]
		if v.No != except && !v.ShownAt.IsZero() && (last == nil || !v.ShownAt.Before(last.ShownAt)) {
			last = v
		}
	}
	return last
}

// Candidate is a version's text, to be proved or tried.
type Candidate struct {
	Creditor Name
	Version  int // 0 = a text that is not kept
	Digest   string
	Text     ManifestText
}

// Prover runs the conformance suite against the creditor a candidate describes.
// A connector that does not pass is a report, not an error; it fails with
// CodeInvalid when the manifest cannot be opened and CodeUnavailable when the
// suite cannot be run.
type Prover interface {
	Prove(ctx context.Context, c Candidate, secrets SecretStore) (Report, error)
}

// TryFor is how long a dry run may take.
const TryFor = 2 * time.Minute

// Trier asks the creditor a candidate describes about one subject and shows what
// became of every record. It fails as Prover does; what the creditor fails with
// stands in the DryRun. It ends within TryFor.
type Trier interface {
	Try(ctx context.Context, c Candidate, whom TrialSubject, secrets SecretStore) (DryRun, error)
}

// TrialSubject is whom a dry run asks about: one of the manifest's test debtors,
// or an account of the creditor's own.
type TrialSubject struct {
	Debtor  string // known, other, unknown or settled; "" = Account
	Account string
}

// DryRun is one citizen's answer on its way from the creditor to the hub.
type DryRun struct {
	Exchanges []DryExchange `json:"exchanges"` // what went over the wire; credentials, personal and account codes masked
	Records   []DryRecord   `json:"records"`
	Code      Code          `json:"code,omitempty"`   // what the answer as a whole failed with
	Detail    string        `json:"detail,omitempty"` // and why
}

// DryExchange is one call of a dry run.
type DryExchange struct {
	Sent     string `json:"sent"`
	CameBack string `json:"came_back"`
}

// DryField is a field of a record, as it came and as it was read.
type DryField struct {
	Field   string `json:"field"` // ours: outstanding, reference.invoice …
	From    string `json:"from"`  // what the manifest says about it
	Raw     string `json:"raw,omitempty"`
	Ours    string `json:"ours,omitempty"`
	Problem string `json:"problem,omitempty"` // why the record is refused
}

// DryRecord is one record: as it came, and as it was read or refused.
type DryRecord struct {
	Raw     string         `json:"raw"`
	Fields  []DryField     `json:"fields,omitempty"` // single fields, side by side
	Mapped  *Obligation    `json:"mapped,omitempty"`
	Refused []QualityEvent `json:"refused,omitempty"`
}
