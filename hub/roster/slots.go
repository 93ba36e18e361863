package roster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"racord/hub"
)

// Secrets gives a connector its own company's secrets, by name: the newest, or those
// from before the latest change when that was refused (see TwoSlots).
func Secrets(store hub.SecretStore, creditor hub.Name) func(ctx context.Context, name string) (hub.Secret, error) {
	return func(ctx context.Context, name string) (hub.Secret, error) {
		list, err := store.SecretsOf(ctx, creditor, name)
		switch {
		case err != nil:
			return hub.Secret{}, err
		case len(list) == 0:
			return hub.Secret{}, hub.Errorf(hub.CodeAuth, "The connector has no secret of this name.")
		}
		a, _ := ctx.Value(attemptKey{}).(attempt) // without one, the newest
		return list[min(a.slotOf(name, list[0].SetAt()), len(list)-1)], nil
	}
}

type attemptKey struct{}

// attempt is a call with one of two slots: 0 holds the newest secrets, 1 those from
// before the latest change.
type attempt struct {
	slot  int
	names *names
}

// slotOf gives the slot of one name, that was set last at a moment.
func (a attempt) slotOf(name string, set time.Time) int {
	if a.names == nil || !a.names.changed(name, set) {
		return 0
	}
	return a.slot
}

// together is how far apart secrets may be set that belong to one change, such as a
// user name and its password.
const together = time.Hour

// names knows when the secrets that a connector asks for were set last.
type names struct {
	mu  sync.Mutex
	set map[string]time.Time
}

// changed notes a name, and tells whether it belongs to the latest change.
func (n *names) changed(name string, set time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.set[name] = set
	for _, other := range n.set {
		if other.Sub(set) > together {
			return false
		}
	}
	return true
}

// TwoSlots asks again with the secrets from before the latest change when the
// creditor refuses the newest: a company that changes a secret need not do so in the
// same moment as its system. Which one was taken is remembered for a moment, so that postings,
// which are never repeated, go with it too.
func TwoSlots(c *hub.Connector) *hub.Connector {
	twice, r := *c, &rotation{names: names{set: map[string]time.Time{}}}
	if c.Source != nil {
		twice.Source = patientSource{r, c.Source}
	}
	if c.Quoter != nil {
		twice.Quoter = patientQuoter{r, c.Quoter}
	}
	if c.Finder != nil {
		twice.Finder = patientFinder{r, c.Finder}
	}
	if c.LotFinder != nil {
		twice.LotFinder = patientLotFinder{r, c.LotFinder}
	}
	if c.Statement != nil {
		twice.Statement = patientStatement{r, c.Statement}
	}
	if c.Linker != nil {
		twice.Linker = patientLinker{r, c.Linker}
	}
	if c.Probe != nil {
		twice.Probe = patientProbe{r, c.Probe}
	}
	if c.Sink != nil {
		twice.Sink = patientSink{r, c.Sink}
	}
	if c.Reverser != nil {
		twice.Reverser = patientReverser{r, c.Reverser}
	}
	return &twice
}

// rotation remembers which of two secrets the creditor takes.
type rotation struct {
	names names
	older atomic.Int64 // until when the one before the newest is tried first, in nanoseconds
}

// olderFor is how long nobody tries the newest after it was refused.
const olderFor = time.Second

// with gives a call the secret that was taken last.
func (r *rotation) with(ctx context.Context) (context.Context, int) {
	if time.Now().UnixNano() < r.older.Load() {
		return r.in(ctx, 1), 1
	}
	return r.in(ctx, 0), 0
}

func (r *rotation) in(ctx context.Context, slot int) context.Context {
	return context.WithValue(ctx, attemptKey{}, attempt{slot, &r.names})
}

// patiently calls with one secret, and with the other when that is refused.
func (r *rotation) patiently(ctx context.Context, call func(context.Context) error) error {
	first, slot := r.with(ctx)
	err := call(first)
	if hub.CodeOf(err) != hub.CodeAuth || ctx.Err() != nil {
		return err
	}
	again := call(r.in(ctx, 1-slot))
	switch {
	case hub.CodeOf(again) == hub.CodeAuth:
	case slot == 0:
		r.older.Store(time.Now().Add(olderFor).UnixNano())
	default:
		r.older.Store(0)
	}
	return again
}

type patientSource struct {
	*rotation
	next hub.Source
}

func (p patientSource) Obligations(ctx context.Context, who hub.Asked) (answer hub.Answer, err error) {
	err = p.patiently(ctx, func(ctx context.Context) error { answer, err = p.next.Obligations(ctx, who); return err })
	return answer, err
}

type patientQuoter struct {
	*rotation
	next hub.Quoter
}

func (p patientQuoter) Quote(ctx context.Context, who hub.Asked, wanted []hub.Wanted) (quoted []hub.Quoted, err error) {
	err = p.patiently(ctx, func(ctx context.Context) error { quoted, err = p.next.Quote(ctx, who, wanted); return err })
	return quoted, err
}

type patientFinder struct {
	*rotation
	next hub.Finder
}

func (p patientFinder) Find(ctx context.Context, posting hub.Posting) (found hub.Found, receipt hub.Receipt, err error) {
	err = p.patiently(ctx, func(ctx context.Context) error { found, receipt, err = p.next.Find(ctx, posting); return err })
	return found, receipt, err
}

type patientLotFinder struct {
	*rotation
	next hub.LotFinder
}

func (p patientLotFinder) FindLot(ctx context.Context, postings []hub.Posting) (found []hub.Finding, err error) {
	err = p.patiently(ctx, func(ctx context.Context) error { found, err = p.next.FindLot(ctx, postings); return err })
	return found, err
}

type patientStatement struct {
	*rotation
	next hub.Statement
}

func (p patientStatement) Statement(ctx context.Context, day hub.Date) (booked []hub.BookedPosting, err error) {
	err = p.patiently(ctx, func(ctx context.Context) error { booked, err = p.next.Statement(ctx, day); return err })
	return booked, err
}

type patientLinker struct {
	*rotation
	next hub.Linker
}

func (p patientLinker) Prove(ctx context.Context, account hub.AccountRef, proof hub.Proof) error {
	return p.patiently(ctx, func(ctx context.Context) error { return p.next.Prove(ctx, account, proof) })
}

type patientProbe struct {
	*rotation
	next hub.Probe
}

func (p patientProbe) Ping(ctx context.Context) error { return p.patiently(ctx, p.next.Ping) }

type patientSink struct {
	*rotation
	next hub.Sink
}

func (p patientSink) Post(ctx context.Context, postings []hub.Posting) ([]hub.Receipt, error) {
	ctx, _ = p.with(ctx)
	return p.next.Post(ctx, postings)
}

type patientReverser struct {
	*rotation
	next hub.Reverser
}

func (p patientReverser) Reverse(ctx context.Context, posting hub.Posting, receipt string) error {
	ctx, _ = p.with(ctx)
	return p.next.Reverse(ctx, posting, receipt)
}
