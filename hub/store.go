package hub

import (
	"context"
	"time"
)

// Snapshots keeps what feeds delivered, by creditor and account. A delivery is
// staged row by row, looked at, and then published in one step or held for a
// person: readers see only published rows. Rows are sealed, account codes are
// kept as pseudonyms.
type Snapshots interface {
	// Stage opens an empty delivery. One of everything will replace all published
	// rows of the creditor that speak no later, another is merged into them by
	// external id. It returns CodeConflict while another delivery of the creditor
	// is being staged; a staging to which nobody added for a minute is discarded.
	Stage(ctx context.Context, creditor Name, extent Extent, asOf time.Time) (StageID, error)
	// Add stages rows, or none, and keeps the staging alive. A later row with the
	// external id of an earlier one replaces it. A refused one replaces nothing: it
	// stands beside what there is.
	Add(ctx context.Context, stage StageID, rows []SnapshotRow) error
	// Sums compares what is staged with what is published. Refused rows are in
	// neither.
	Sums(ctx context.Context, stage StageID) (staged, published SnapshotSums, err error)
	// Publish shows the delivery and moves the creditor's cursor. It counts the rows
	// that are not shown because a later one with their external id is. It returns
	// CodeConflict for a full delivery that speaks about an earlier moment than what
	// is shown, which stays staged.
	Publish(ctx context.Context, stage StageID, next Cursor) (superseded int, err error)
	// Hold keeps the delivery unpublished until a person decides, with the
	// reason; Discard drops it.
	Hold(ctx context.Context, stage StageID, next Cursor, reason string) error
	Discard(ctx context.Context, stage StageID) error
	// Held lists the deliveries that wait for a person, oldest first.
	Held(ctx context.Context) ([]HeldDelivery, error)
	// Release publishes a held delivery. It returns CodeNotFound when it is not
	// held any more, and CodeConflict when a later word was published since: a
	// full delivery gives way to any later one but of single rows, another only to
	// a full one, and of rows with one external id the later stays.
	Release(ctx context.Context, stage StageID) error
	// Cursor tells how far the creditor's feed was published or held, and about
	// what moment the published deliveries speak: zero while there are none but of
	// single rows. It returns CodeNotFound before the first of any.
	Cursor(ctx context.Context, creditor Name) (next Cursor, asOf time.Time, err error)
	// Snapshot gives the published rows of one account, and what was refused. A
	// refused row is there until its creditor delivers everything anew, or a row
	// that speaks as late has its external id; one without an external id until
	// such a row has its account. One without an account is said to all as the Stray.
	// Where a full delivery has one, that is also among what was refused of every
	// account of which a row is gone with it, for as long as each later one has one, too.
	// It returns CodeNotFound before the first publication; an account without rows
	// gives none.
	//
	// A row speaks about the moment of its delivery, or of a later one that is not
	// of single rows. An account speaks about the earliest moment of its rows: that
	// one was put this morning says nothing about the others.
	Snapshot(ctx context.Context, account AccountRef) (Snapshot, error)
}

// StageID names a staged delivery.
type StageID string

// SnapshotRow is one obligation of an account in a delivery, or a record that was
// refused.
type SnapshotRow struct {
	Account    string // the creditor's code; stored as a pseudonym. Empty = it could not be read
	Obligation Obligation
	Refused    *QualityEvent // of the obligation, only ExternalID counts then, if it could be read
}

// SnapshotSums is what the publication gate looks at.
type SnapshotSums struct {
	Rows     int64
	Accounts int64
	Due      int64 // bani, the positive outstanding amounts
}

// HeldDelivery is a delivery that waits for a person.
type HeldDelivery struct {
	Stage    StageID
	Creditor Name
	AsOf     time.Time
	Reason   string
	HeldAt   time.Time
}

// Snapshot is what is published about one account.
type Snapshot struct {
	AsOf        time.Time // zero = an account without rows, of a creditor that sent single rows only
	Obligations []Obligation
	Refused     []QualityEvent // records of this account that were left out
	Stray       *QualityEvent  // one that may be any account's; nil = there is none
}

// Holder is the name of a running replica: the configured one, which the next
// process goes on with, or one that is new at every start.
type Holder string

// SlotWish is what a holder wants of a creditor's slots.
type SlotWish struct {
	Creditor Name
	Total    int           // how many there are, over all holders
	Want     int           // how many the holder wants
	TTL      time.Duration // how long it keeps them without renewing
}

// Slots shares a creditor's declared concurrency between replicas. Time is the
// store's own.
type Slots interface {
	// Beat says that the holder is alive for ttl more, and tells how many
	// holders are alive now and the caller's place among them (0 is the oldest).
	Beat(ctx context.Context, holder Holder, ttl time.Duration) (alive, place int, err error)
	// Keep renews the holder's slots of the creditors it names, once each, takes
	// free or expired ones up to what is wanted, gives back those above, and tells
	// how many it holds, in the order of the wishes. Over all holders there are
	// never more than the total. On an error all is as before.
	Keep(ctx context.Context, holder Holder, wishes ...SlotWish) (held []int, err error)
	// Leave gives back everything the holder has.
	Leave(ctx context.Context, holder Holder) error
}

// Quarantines remembers connectors that answered about somebody else. A
// quarantined connector is not asked until a person lifts it.
type Quarantines interface {
	Quarantine(ctx context.Context, creditor Name, reason string, at time.Time) error
	Lift(ctx context.Context, creditor Name) error
	Quarantined(ctx context.Context) (map[Name]time.Time, error)
	// Lifted tells how often each connector was let out. Counts only grow, each in
	// the same step that lets the connector out.
	Lifted(ctx context.Context) (map[Name]int, error)
}

// Clear lets what rests unsealed be looked through for what must not.
type Clear interface {
	// EachClear gives every text in clear that is long enough for a personal code
	// and has that many digits side by side, and where it stands, but for numbers
	// that providers gave.
	EachClear(ctx context.Context, each func(table, column, text string) error) error
}

// Store is everything the hub keeps in a database. SQLite and PostgreSQL both
// pass its one contract suite.
type Store interface {
	Folders
	Links
	Attempts
	Snapshots
	Slots
	Quarantines
	Payments
	Books
	Chain
	Clear
	Archive
	Outbox
	Pulses
	Barriers
	Differences
	Payouts
	Registrations
	Letters
	Deployments
	Trials
	SealedSecrets
	// Ready tells whether the database answers.
	Ready(ctx context.Context) error
	Close() error
}
