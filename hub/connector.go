package hub

import (
	"context"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Asked is what a creditor is asked about: one identifier or one account.
type Asked struct {
	Party      PartyID    // for correlation inside the hub; never sent to a creditor
	Identifier Identifier // by party; empty when Account is set
	Account    AccountRef // by account
}

// ByAccount tells whether an account is asked about, not a party.
func (a Asked) ByAccount() bool { return a.Account.Code != "" }

// Answer is what a creditor said about one subject. It is three-way: debts are
// listed; or there is no error and no debt: nothing is due; or an error of
// CodeNotFound: not known here.
type Answer struct {
	Obligations []Obligation
	Refused     []QualityEvent // records left out because they could not be trusted
	Provisional bool           // the creditor says the amounts are not final
	Published   bool           // the creditor's last delivery, not a live answer
	AsOf        time.Time      // the moment the amounts speak about
	ValidUntil  time.Time      // when they may change; zero = not said
	Loan        Loan           // of the memory its obligations stand in; nil = for ever
}

// Source answers live questions. It fails with CodeNotFound (not known here),
// CodeBusy, CodeMaintenance, CodeAuth, CodeBadData, CodeForeignData,
// CodeTimeout or CodeUnavailable.
type Source interface {
	Obligations(ctx context.Context, who Asked) (Answer, error)
}

// Feed delivers a creditor's obligations in bulk, as files or lists. Pull
// returns CodeNotFound when there is nothing newer than the cursor, CodeBadData
// when what is there is damaged as a whole (hash, control total, truncation).
type Feed interface {
	Pull(ctx context.Context, since Cursor) (Batch, error)
}

// Cursor marks how far a feed was read. The zero Cursor is the beginning.
type Cursor string

// onTrial begins a cursor of a version on its way; its number and a zero byte
// follow.
const onTrial = "version "

// ReadBy is the cursor as a version on its way leaves it. What it read, another
// version reads anew: it may have read it wrongly.
func (c Cursor) ReadBy(version int) Cursor {
	return Cursor(onTrial+strconv.Itoa(version)+"\x00") + c
}

// Reader tells which version on its way read so far, 0 for one that was live, and
// gives the feed's own cursor.
func (c Cursor) Reader() (version int, own Cursor) {
	head, rest, _ := strings.Cut(string(c), "\x00")
	number, marked := strings.CutPrefix(head, onTrial)
	version, err := strconv.Atoi(number)
	if !marked || err != nil {
		return 0, c
	}
	return version, Cursor(rest)
}

// Batch is one delivery, read once from front to back and then closed. Next and
// Control are known only after Records has ended.
type Batch interface {
	Extent() Extent                    // how much of what the creditor lists it speaks about
	AsOf() time.Time                   // the moment the amounts speak about
	Records() iter.Seq2[Record, error] // an error ends the batch: nothing of it counts
	Control() Control
	Next() Cursor
	Close() error
}

// Extent is how much of what a creditor lists a delivery speaks about.
type Extent int

// The extents of deliveries.
const (
	ExtentAll     Extent = iota // everything: it replaces what was listed before
	ExtentChanges               // what changed: rows it does not list are still as they were
	ExtentRows                  // its own rows, and nothing else
)

// Record is one line of a batch: an obligation of an account, or a refusal. A
// refusal keeps the account and the obligation's external id where they can be
// read: whoever asks for that account must hear that something is missing.
type Record struct {
	Account    string
	Obligation Obligation
	Refused    *QualityEvent
	Line       int    // where it stood in what was sent; 0 = not said
	Twin       string // another account that the refusal may be about; "" = none (see Once)
}

// Control is what the delivery says about itself.
type Control struct {
	Rows  int   // -1 = not said
	Total int64 // bani; meaningful when Rows is not -1
}

// Inbox reads what a creditor sends by itself: a row is a Record, or a refusal
// that never loses the next. The body is read while the records are; an error
// ends them, and says that nothing of it counts. Rows fails with CodeUnsupported
// for another form, and with CodeInvalid when the head of the body does not fit.
type Inbox interface {
	Rows(form Form, body io.Reader) (iter.Seq2[Record, error], error)
}

// Form is how obligations that are sent are written: a media type.
type Form string

// The forms of obligations.
const (
	FormJSON   Form = "application/json"     // one
	FormNDJSON Form = "application/x-ndjson" // one a line
	FormCSV    Form = "text/csv"             // likewise, under a line of names
)

// Intake takes what a creditor sends through the gate that fetched deliveries
// pass.
type Intake interface {
	// Take publishes the batch, or holds it for a person. One of everything has
	// each id once (see Once). It fails with what the
	// batch ends with, and with CodeConflict while another delivery of the creditor
	// is on its way or an earlier one waits for a person; what was published before
	// is then unchanged.
	Take(ctx context.Context, creditor Name, batch Batch) (Taken, error)
}

// Taken is what became of a batch.
type Taken struct {
	Held       string // why it waits for a person; "" = it is published
	Superseded int    // rows that are not shown, because the creditor has said something later about them
}

// Linker proves accounts. Without one, a proof is compared with the numbers and
// amounts that the account's own obligations carry. Prove returns
// CodeNotFound when the account is unknown or the proof does not fit: the two
// are never told apart.
type Linker interface {
	Prove(ctx context.Context, account AccountRef, proof Proof) error
}

// Probe tells whether the creditor can be reached.
type Probe interface {
	Ping(ctx context.Context) error
}

// Connector is a creditor with the parts it can do. A part that is nil is a
// thing the creditor cannot do.
type Connector struct {
	Creditor  Creditor
	Traits    Traits
	Source    Source
	Feed      Feed
	Inbox     Inbox
	Linker    Linker
	Probe     Probe
	Quoter    Quoter
	Sink      Sink
	Finder    Finder
	LotFinder LotFinder
	Reverser  Reverser
	Statement Statement

	Version int        // of a registered connector; 0 is the operator's own manifest
	Lifted  int        // how often this version was let out of quarantine
	Canary  *Connector // a version on its way that a share of the citizens is shown; nil = none
	Share   int        // how many per cent they are
	FedBy   int        // the version on its way whose Feed and Inbox these are, where none is live; 0 = its own
	Hidden  bool       // there is no live version: only those in the canary's share are shown anything
	// Shadow is a version that is asked, behind, what it would be asked if it were
	// shown. Nil = none, or one that listens to a live version.
	Shadow   *Connector
	Overhear func(Asked) // gives the Shadow a question; it never waits

	// Held tells whether the connector is in quarantine: nothing that it ever said may
	// be shown. It asks nobody and takes no time. Nil is never.
	Held func() bool

	// Lifts counts how often the creditor's live connector was let out of quarantine,
	// whichever version that was. It asks nobody and takes no time. Nil is never.
	Lifts func() int

	// Room tells how many postings this replica may begin now, so that it leaves
	// those it may not begin to the others. Nil is any number.
	Room func() int
}

// For gives the version that a party is shown, nil when it is shown none. A share
// that grows takes nobody out who was in it.
func (c *Connector) For(party PartyID) *Connector {
	switch {
	case c.Canary != nil && lot(c.Creditor.Name, party) < c.Share:
		return c.Canary
	case c.Hidden:
		return nil
	}
	return c
}

// Quarantined tells whether nothing that the connector ever said may be shown now.
func (c *Connector) Quarantined() bool { return c.Held != nil && c.Held() }

// Term is the time between two quarantines of a connector. What it said in one may
// be of a mix-up, and is not shown in another.
type Term struct {
	Version  int32 // how often the version was let out
	Creditor int32 // how often whatever was live of the creditor was
}

// Term gives the term that runs. Whoever asks first whether the connector is
// Quarantined, and then for its Term, never gets one that a quarantine has ended.
func (c *Connector) Term() Term {
	t := Term{Version: int32(c.Lifted)}
	if c.Lifts != nil {
		t.Creditor = int32(c.Lifts())
	}
	return t
}

// TakesPayments tells whether the creditor's debts can be paid through the hub.
func (c *Connector) TakesPayments() bool { return c.Sink != nil && c.Traits.Paying.Class != "" }

// TakesReferences tells whether something that the creditor does not list yet can
// be paid by what stands on paper.
func (c *Connector) TakesReferences() bool {
	return c.TakesPayments() && c.Traits.Paying.WithoutDebt && len(c.Creditor.Accounts) > 0
}

// StopPaying takes away all that payments go through.
func (c *Connector) StopPaying() {
	c.Quoter, c.Sink, c.Finder, c.LotFinder, c.Reverser, c.Statement, c.Room = nil, nil, nil, nil, nil, nil, nil
}

// lot is a party's place among a hundred, another one at each creditor (FNV-1a).
func lot(creditor Name, party PartyID) int {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, part := range [...]string{string(creditor), "\x00", string(party)} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * prime
		}
	}
	return int((h ^ h>>32) % 100)
}

// Questions lists what the creditor has to be asked to know all that a party
// owes: one question for each identifier it takes, one for each account that is
// linked.
func (c *Connector) Questions(folder *Folder) (list []Asked) {
	if c.Traits.Can(FetchByParty) {
		for _, id := range folder.Party.Identifiers {
			if slices.Contains(c.Traits.Identifiers, id.Scheme) {
				list = append(list, Asked{Party: folder.Party.ID, Identifier: id})
			}
		}
	}
	if c.Traits.Can(FetchByAccount) {
		for i := range folder.Links {
			if account := folder.Links[i].Account; account.Creditor == c.Creditor.Name {
				list = append(list, Asked{Party: folder.Party.ID, Account: account})
			}
		}
	}
	return list
}

// Roster gives the connectors on duty. The slice is immutable: a change gives a
// new one.
type Roster interface {
	OnDuty() []*Connector
}

// Fleet is a Roster that never changes.
type Fleet []*Connector

// OnDuty gives the fleet.
func (f Fleet) OnDuty() []*Connector { return f }

var _ Roster = Fleet(nil)
