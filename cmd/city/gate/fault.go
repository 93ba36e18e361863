package gate

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Kind names a way to misbehave.
type Kind string

// Faults any creditor can show. Files and tables show what of it they can.
const (
	Down         Kind = "down"         // the connection is closed without an answer
	Refuse503    Kind = "refuse_503"   // HTTP 503
	Hang         Kind = "hang"         // silence for Delay, then the right answer
	SlowLoris    Kind = "slow_loris"   // one byte at a time, Delay apart
	RateLimited  Kind = "rate_limited" // 429 with Retry-After; SOAP: busy
	WrongCoding  Kind = "wrong_encoding"
	Malformed    Kind = "malformed"     // the answer stops in the middle
	Huge         Kind = "huge"          // an answer that does not end
	WrongCitizen Kind = "wrong_citizen" // a neighbour's data
	LoginPage    Kind = "login_page"    // 200 text/html
	Maintenance  Kind = "maintenance"
	LostAnswer   Kind = "lost_answer"  // the work is done, the answer is cut
	LostSilence  Kind = "lost_silence" // the work is done, then silence for Delay, then the connection is cut
	Auth         Kind = "auth"         // credentials are refused
)

// Faults of nightly files.
const (
	Late       Kind = "late"        // today's files are not there
	Missing    Kind = "missing"     // one branch is not there
	Truncated  Kind = "truncated"   // the file stops in the middle
	Twice      Kind = "twice"       // one branch's file is there again under a number of its own
	Yesterday  Kind = "yesterday"   // today's name, yesterday's content
	WrongTotal Kind = "wrong_total" // the control line is wrong
	BadMarker  Kind = "bad_marker"  // the marker holds another hash
	NoMarker   Kind = "no_marker"   // the file has no marker
	CP852      Kind = "cp852"       // one branch in another code page
)

// Faults of electronic invoices.
const (
	DuplicateXML   Kind = "duplicate_xml"   // the same invoice again under a new index
	BalanceDiffers Kind = "balance_differs" // the balance is not the sum of the unpaid bills
)

// Faults of payment providers' notifications and of what they decide. A share
// is drawn for each notification by the order's number.
const (
	NotifyLost     Kind = "notify_lost"     // never sent
	NotifyTwice    Kind = "notify_twice"    // sent twice at the same time
	NotifyEarly    Kind = "notify_early"    // sent before the call that caused it is answered
	NotifyLate     Kind = "notify_late"     // sent a virtual Delay later (default 3 h)
	NotifyForged   Kind = "notify_forged"   // a forged "paid" comes first
	NotifyReplayed Kind = "notify_replayed" // the same bytes come again a real Delay later (default 1 s)
	NotifyAltered  Kind = "notify_altered"  // another amount, where no signature covers it, comes first
	FraudReview    Kind = "fraud_review"    // held back, paid a virtual Delay later (default 2 h)
)

// Faults of a service that streams its answers.
const (
	StreamCut    Kind = "stream_cut"    // the stream breaks off after its first message
	NewValue     Kind = "new_value"     // states that the contract does not know
	PlateLetters Kind = "plate_letters" // letters O for zeros in number plates
)

// NullAmount makes a careless application send null where amounts should stand.
const NullAmount Kind = "null_amount"

// NoReference makes a bank leave out what an entry is for.
const NoReference Kind = "no_reference"

var (
	wireKinds    = []Kind{Down, Refuse503, Hang, SlowLoris, RateLimited, WrongCoding, Malformed, Huge, WrongCitizen, LoginPage, Maintenance, LostAnswer, LostSilence, Auth}
	fileKinds    = []Kind{Late, Missing, Truncated, Twice, Yesterday, WrongTotal, BadMarker, NoMarker, CP852}
	invoiceKinds = []Kind{DuplicateXML, BalanceDiffers}
	pspKinds     = []Kind{NotifyLost, NotifyTwice, NotifyEarly, NotifyLate, NotifyForged, NotifyReplayed, NotifyAltered, FraudReview}
	streamKinds  = []Kind{StreamCut, NewValue, PlateLetters, NullAmount}
	bankKinds    = []Kind{NoReference}
)

// Kinds lists all faults.
func Kinds() []Kind {
	return slices.Concat(wireKinds, fileKinds, invoiceKinds, streamKinds, pspKinds, bankKinds)
}

// What a fault of the wire can be limited to.
const (
	Reads = "read" // questions
	Posts = "post" // payments and what undoes them
)

// Fault is a way one creditor misbehaves until it is cleared.
type Fault struct {
	Creditor string        // set by whoever keeps a list of several
	Kind     Kind          //
	Only     string        // Reads or Posts; "" for all calls
	Share    float64       // part of the calls it hits, drawn by seed; 0 means all
	Delay    time.Duration // for Hang and LostSilence (default 30 s), SlowLoris (default 100 ms) and as said at others
}

// meant reports whether the fault is for calls of this sort.
func (f Fault) meant(post bool) bool { return f.Only == "" || (f.Only == Posts) == post }

type faultJSON struct {
	Creditor string  `json:"creditor"`
	Kind     Kind    `json:"kind"`
	Only     string  `json:"only,omitempty"`
	Share    float64 `json:"share,omitempty"`
	Delay    string  `json:"delay,omitempty"`
}

// MarshalJSON writes the delay as Go durations are written, "30s".
func (f Fault) MarshalJSON() ([]byte, error) {
	wire := faultJSON{f.Creditor, f.Kind, f.Only, f.Share, ""}
	if f.Delay > 0 {
		wire.Delay = f.Delay.String()
	}
	return json.Marshal(wire)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Fault) UnmarshalJSON(b []byte) error {
	var wire faultJSON
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	*f = Fault{Creditor: wire.Creditor, Kind: wire.Kind, Only: wire.Only, Share: wire.Share}
	if wire.Delay == "" {
		return nil
	}
	delay, err := time.ParseDuration(wire.Delay)
	f.Delay = delay
	return err
}

// check refuses what no creditor could show.
func (f Fault) check() error {
	if !slices.Contains(Kinds(), f.Kind) {
		return fmt.Errorf("gate: unknown fault %q", f.Kind)
	}
	if f.Only != "" && f.Only != Reads && f.Only != Posts {
		return fmt.Errorf("gate: fault %s: only must be read, post or nothing", f.Kind)
	}
	if f.Share < 0 || f.Share > 1 || f.Delay < 0 {
		return fmt.Errorf("gate: fault %s: share must be in 0..1 and delay positive", f.Kind)
	}
	return nil
}

// Hits is the part of the calls that are hit, 1 for all.
func (f Fault) Hits() float64 {
	if f.Share == 0 {
		return 1
	}
	return f.Share
}

// DelayOr is the delay, or the default when none was set.
func (f Fault) DelayOr(byDefault time.Duration) time.Duration {
	if f.Delay == 0 {
		return byDefault
	}
	return f.Delay
}
