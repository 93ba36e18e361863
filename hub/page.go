package hub

import (
	"bytes"
	"context"
	"time"
)

// PageState says how far a page can be trusted.
type PageState string

// The states of a page.
const (
	PageFresh        PageState = "fresh"          // the creditor's answer, young enough
	PagePartial      PageState = "partial"        // an answer of which some records were refused
	PageStale        PageState = "stale"          // a remembered answer
	PageProvisional  PageState = "provisional"    // the creditor says the amounts are not final
	PageMissing      PageState = "missing"        // no answer, nothing remembered
	PageMaintenance  PageState = "maintenance"    // closed, nothing remembered
	PageNotLinked    PageState = "not_linked"     // no account of the citizen is known to the hub
	PageNotKnownHere PageState = "not_known_here" // the creditor says it does not know the citizen
	PageQuarantined  PageState = "quarantined"    // the connector answered about somebody else
)

// Page is what one creditor answered about one subject, encoded once when it
// was fetched. A Page is immutable.
type Page struct {
	Creditor    Name
	State       PageState // fresh, partial, provisional or not_known_here, as fetched
	AsOf        time.Time // business time
	ValidUntil  time.Time // business time; zero = not said
	FetchedAt   time.Time // real time
	FreshUntil  time.Time // real time, jittered
	ServeUntil  time.Time // real time: the last moment it may be shown as stale
	Due         int64     // bani, see Due
	Obligations []byte    // the JSON elements of the obligations, comma-separated, without brackets
	Quality     []byte    // the JSON elements of the refused records, likewise
	Version     uint64    // changes with the content
}

// PageKey names a page in a cache. It is a keyed pseudonym and holds no
// personal code.
type PageKey string

// Clone gives a page that stands in memory of its own.
func (p *Page) Clone() *Page {
	own := *p
	own.Obligations, own.Quality = bytes.Clone(p.Obligations), bytes.Clone(p.Quality)
	return &own
}

// PageCache remembers pages. Get sets into[i] to the page of keys[i] and leaves
// nil what it does not have; it may forget anything at any time, but never
// returns another key's page, nor one that was altered. An error means the cache
// is out of reach; what it found before is still good. Its pages may be lent. Put
// keeps a page until its ServeUntil. Drop forgets. One Get is one round trip however
// many keys.
type PageCache interface {
	Get(ctx context.Context, keys []PageKey, into []*Page) (Loan, error)
	Put(ctx context.Context, key PageKey, p *Page) error
	Drop(ctx context.Context, keys ...PageKey) error
}

// Loan is the memory that pages out of a cache stand in, or a creditor's answer.
// Whoever is done with all of it may Return it, once, and must not read it any more;
// a page that is kept longer is cloned before. Who never returns one only leaves it to
// the garbage collector, and a nil Loan is not to be returned: that memory stands for
// ever.
type Loan interface{ Return() }
