// Package roster keeps the connectors on duty in step with what is registered:
// every replica opens the versions that serve, shows a canary to its share of the
// citizens, compares a shadow with what is shown, and takes a version out of
// service by itself when it fails too often or answers about somebody else.
//
// A change is a new list: whoever has the old one goes on with it, nobody waits,
// and a connector that left is closed after the calls that may still run on it.
package roster

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"racord/hub"
)

// Store is what the roster follows, and where it says what it saw.
type Store interface {
	hub.Deployments
	hub.Trials
}

// Opened is a version that can be called until it is closed.
type Opened struct {
	Connector *hub.Connector
	Close     func()
	Tests     []hub.Asked // the creditor's own test debtors, whom a shadow may always ask about
}

// Parts are what a Roster is made from. Held, Lifts, Changed and Unopened may be nil.
// Held tells which creditors' live versions are in quarantine, whether or not they
// could be opened, and Lifts how often they were let out. Changed
// is told every new list, Unopened which creditors come to have a version that
// should serve and cannot be opened, and which have none any more; one at a time.
type Parts struct {
	Own      []*hub.Connector // the operator's own manifests: on duty unless a registered version is live
	Store    Store
	Open     func(ctx context.Context, d hub.Deployment) (Opened, error)
	Keys     *hub.Keys // for pseudonyms in mismatches
	Log      *slog.Logger
	Held     func(creditor hub.Name) bool
	Lifts    func(creditor hub.Name) int
	Changed  func(fleet []*hub.Connector)
	Unopened func(creditor hub.Name, in bool)
}

// Conf sets the pace and the limits. The zero value of a field takes its default.
type Conf struct {
	Every    time.Duration // between two looks at what is registered; default 1 s
	Linger   time.Duration // how long calls may run on a connector that left; default 30 s
	Tests    time.Duration // between two questions about test debtors to a shadow found by account only; default 30 s
	Shadow   time.Duration // between two questions to a shadow, at least; default 200 ms
	Budget   float64       // share of a canary's calls that may fail, over all replicas; default 0.1
	Least    int           // calls before the budget counts, over all replicas; default 20
	Forgiven time.Duration // how long a canary's failures count; default 10 min
}

func (c Conf) withDefaults() Conf {
	return Conf{
		Every: cmp.Or(c.Every, time.Second), Linger: cmp.Or(c.Linger, 30*time.Second), Shadow: cmp.Or(c.Shadow, 200*time.Millisecond),
		Tests: cmp.Or(c.Tests, 30*time.Second), Budget: cmp.Or(c.Budget, 0.1), Least: cmp.Or(c.Least, 20), Forgiven: cmp.Or(c.Forgiven, 10*time.Minute),
	}
}

// Roster is a hub.Roster that follows what is registered.
type Roster struct {
	Parts
	conf   Conf
	onDuty atomic.Pointer[[]*hub.Connector]
	tally  tally

	mu       sync.Mutex // of what follows
	epoch    int64      // of the list that is known; -1 = it is to be read again
	applied  int64      // of the list that the crew is of
	crew     map[post]*member
	banned   map[post]bool   // taken out of service here, and perhaps not yet in the store
	forgiven int             // how often one of these was let come back
	unopened map[post]string // why a version cannot be opened

	cancel   context.CancelFunc // ends what is asked of the store; nil before Start
	stopping chan struct{}      // closed under the lock: nothing is begun after that
	ended    sync.WaitGroup
}

// post is a version in one of its roles: one that comes from canary to live is
// opened anew.
type post struct {
	creditor hub.Name
	version  int
	live     bool
}

func postOf(d hub.Deployment) post {
	return post{d.Creditor, d.Version, d.Stage == hub.StageLive || d.Stage.Halts()}
}

// member is a version that is open.
type member struct {
	hub.Deployment
	opened Opened
	shadow *shadow  // when it is one
	watch  *watched // when it is on its way
	absent bool     // it cannot be opened, and another stands in its place
}

// New makes a Roster on which the operator's own connectors are.
func New(parts Parts, conf Conf) *Roster {
	r := &Roster{Parts: parts, conf: conf.withDefaults(), crew: map[post]*member{}, banned: map[post]bool{}, epoch: -1, applied: -1, stopping: make(chan struct{})}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	r.tally.sums = map[post]*hub.Trial{}
	r.publish()
	return r
}

// OnDuty gives the connectors on duty. The list is immutable.
func (r *Roster) OnDuty() []*hub.Connector { return *r.onDuty.Load() }

var _ hub.Roster = (*Roster)(nil)

// Start brings the list up to date before it returns, and then follows. It fails
// with what the store fails with; a version that cannot be opened is logged, stands
// there unavailable, and is tried again.
func (r *Roster) Start(ctx context.Context) error {
	if err := r.Look(ctx); err != nil {
		return err
	}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.ended.Go(func() { r.follow(ctx) })
	return nil
}

func (r *Roster) follow(ctx context.Context) {
	for r.wait(r.conf.Every) {
		if err := r.Look(ctx); err != nil && ctx.Err() == nil {
			r.Log.Warn("what is registered cannot be followed", "code", hub.CodeOf(err), "error", err)
		}
	}
}

// stopped tells whether the roster is at its end. The caller holds the lock.
func (r *Roster) stopped() bool {
	select {
	case <-r.stopping:
		return true
	default:
		return false
	}
}

// Stop ends the following, says what was seen, and closes what is open. It waits
// for what is under way as long as ctx allows.
func (r *Roster) Stop(ctx context.Context) error {
	if r.cancel != nil {
		r.cancel()
	}
	r.mu.Lock()
	if !r.stopped() {
		close(r.stopping)
	}
	for at, m := range r.crew {
		m.end()
		delete(r.crew, at)
	}
	r.mu.Unlock()
	ended := make(chan struct{})
	go func() { r.ended.Wait(); close(ended) }()
	select {
	case <-ended:
		return r.report(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lookFor is how long the store may take to say what changed, and again to be told
// what was seen.
const lookFor = 5 * time.Second

// Look brings the list up to date, and tells the store what was seen since. One at
// a time looks.
func (r *Roster) Look(ctx context.Context) error {
	err := r.catchUp(ctx)
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	return errors.Join(err, r.report(ctx), r.judge(ctx))
}

// catchUp asks for a newer list. What is opened for it may take as long as it does.
func (r *Roster) catchUp(ctx context.Context) error {
	r.mu.Lock()
	known, forgiven := r.epoch, r.forgiven
	r.mu.Unlock()
	asking, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	list, epoch, err := r.Store.Deployed(asking, known)
	if err == nil && epoch != known {
		r.apply(ctx, list, epoch, forgiven)
	}
	return err
}

// apply opens what is new, replaces the list, and closes what left. Nobody waits
// while versions are opened: not a call whose answer takes its version out of
// service, and not Stop. A list that was read while somebody was forgiven may be from
// before the store knew that this one left: the next look reads another.
func (r *Roster) apply(ctx context.Context, list []hub.Deployment, epoch int64, forgiven int) {
	r.mu.Lock()
	crew, banned, over := maps.Clone(r.crew), maps.Clone(r.banned), r.stopped() || r.forgiven != forgiven
	r.mu.Unlock()
	if over {
		return
	}
	list = slices.DeleteFunc(list, func(d hub.Deployment) bool { return banned[postOf(d)] })
	next, unopened := r.muster(ctx, list, crew)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped() || r.forgiven != forgiven || ctx.Err() != nil {
		discard(next, crew)
		return
	}
	r.note(unopened)
	if whole := r.withoutLeft(next, crew); len(unopened) > 0 || !whole {
		r.replace(next, epoch, -1) // so that they are tried again
	} else {
		r.replace(next, epoch, epoch)
	}
}

// muster gives the members that a list asks for, and why some could not be opened.
func (r *Roster) muster(ctx context.Context, list []hub.Deployment, crew map[post]*member) (next map[post]*member, unopened map[post]error) {
	next, unopened = map[post]*member{}, map[post]error{}
	for _, d := range list {
		at := postOf(d)
		if m, err := r.member(ctx, crew[at], d); err != nil {
			unopened[at] = err
		} else {
			next[at] = m
		}
	}
	for _, d := range list {
		if at := postOf(d); unopened[at] != nil && d.Stage != hub.StageShadow { // which nobody misses
			next[at] = r.standIn(crew[at], d, next, crew)
		}
	}
	return next, unopened
}

// member gives the version as it is open already, or opens it.
func (r *Roster) member(ctx context.Context, was *member, d hub.Deployment) (*member, error) {
	if was != nil && !was.absent && was.Since.Equal(d.Since) && was.Stage == d.Stage && was.Pays == d.Pays {
		return was.as(d), nil
	}
	opened, err := r.Open(ctx, d)
	if err != nil {
		return nil, err
	}
	c := opened.Connector
	c.Version, c.Lifted = d.Version, d.Lifted
	r.counted(c, d.Creditor)
	if !d.Pays {
		c.StopPaying()
	}
	m := &member{Deployment: d, opened: opened}
	switch {
	case d.Stage.Halts():
		c.Feed, c.Linker, c.Probe = nil, nil, nil
		r.halt(c, d)
	case d.Stage != hub.StageLive && c.Source != nil:
		m.watch = &watched{r: r, next: c.Source, at: postOf(d), canary: d.Stage == hub.StageCanary}
		c.Source = m.watch
	}
	return m, nil
}

// counted lets a connector know how often its creditor's live version was let out of
// quarantine.
func (r *Roster) counted(c *hub.Connector, creditor hub.Name) {
	if r.Lifts != nil {
		c.Lifts = func() int { return r.Lifts(creditor) }
	}
}

// as gives a member that goes on under other words, such as another share.
func (m *member) as(d hub.Deployment) *member {
	kept := *m
	kept.Deployment = d
	return &kept
}

// same tells whether two members are one that goes on.
func (m *member) same(other *member) bool {
	return m != nil && other != nil && m.opened.Connector == other.opened.Connector
}

// discard closes what was opened for a list that came too late.
func discard(next, crew map[post]*member) {
	for at, m := range next {
		if !m.same(crew[at]) {
			m.opened.Close()
		}
	}
}

// withoutLeft leaves out who was taken out of service while the list was made, and
// tells whether there was nobody. The caller holds the lock.
func (r *Roster) withoutLeft(next, crew map[post]*member) (whole bool) {
	left := map[post]*member{}
	for at, m := range next {
		if r.banned[at] || crew[at] != nil && r.crew[at] != crew[at] {
			left[at] = m
			delete(next, at)
		}
	}
	discard(left, crew)
	return len(left) == 0
}

// replace puts the next crew in the place of the one there is, and closes who left.
// The caller holds the lock.
func (r *Roster) replace(next map[post]*member, applied, epoch int64) {
	moved := applied != r.applied || len(next) != len(r.crew)
	for at, m := range r.crew {
		if !m.same(next[at]) {
			moved = true
			r.leave(m)
		}
	}
	for at, m := range next {
		if m.Stage == hub.StageShadow && m.shadow == nil {
			m.shadow = r.cast(at, m.opened.Connector, m.opened.Tests)
		}
	}
	if r.crew, r.applied, r.epoch = next, applied, epoch; moved {
		r.publish()
	}
}

// leave closes a member when no call can run on it any more.
func (r *Roster) leave(m *member) {
	if m.shadow != nil {
		m.shadow.stop()
	}
	time.AfterFunc(r.conf.Linger, m.opened.Close)
}

func (m *member) end() {
	if m.shadow != nil {
		m.shadow.stop()
	}
	m.opened.Close()
}

// ban takes a version out of service on this replica, at once, and lets the store
// be told.
func (r *Roster) ban(at post, tell func()) (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.banned[at] || r.stopped() {
		return false
	}
	r.ended.Go(tell)
	r.banned[at] = true
	if m := r.crew[at]; m != nil {
		r.leave(m)
		delete(r.crew, at)
	}
	r.publish()
	return true
}

// publish makes the list of what is there.
func (r *Roster) publish() {
	live, coming := map[hub.Name]*hub.Connector{}, map[hub.Name]*member{}
	for _, c := range r.Own {
		live[c.Creditor.Name] = c
	}
	for at, m := range r.crew {
		if at.live {
			if live[at.creditor] == nil || !m.Stage.Halts() {
				live[at.creditor] = m.opened.Connector
			}
		} else {
			coming[at.creditor] = m
		}
	}
	fleet := make([]*hub.Connector, 0, len(live)+len(coming))
	for name, c := range live {
		fleet = append(fleet, accompanied(c, coming[name]))
	}
	for name, m := range coming {
		if live[name] == nil {
			fleet = append(fleet, m.alone())
		}
	}
	slices.SortFunc(fleet, func(a, b *hub.Connector) int {
		return strings.Compare(string(a.Creditor.Name), string(b.Creditor.Name))
	})
	r.onDuty.Store(&fleet)
	if r.Changed != nil {
		r.Changed(fleet)
	}
}

// alone is a creditor that has no live version yet, or none any more: payments may
// be under way, and ask what is still owed.
func (m *member) alone() *hub.Connector {
	c := &hub.Connector{Creditor: m.opened.Connector.Creditor, Hidden: true, Source: absent{}}
	if m.Stage == hub.StageCanary {
		c.Canary, c.Share = m.opened.Connector, m.Share
	} else if m.shadow != nil {
		c.Shadow, c.Overhear = m.opened.Connector, m.shadow.overhear
	}
	m.feeds(c)
	return c
}

// feeds lets a version on its way read what the creditor delivers where no live one
// does: what it publishes is shown to nobody before it is. Beside a live one it does
// not, for what is published is the creditor's, not a version's.
func (m *member) feeds(c *hub.Connector) {
	c.Feed, c.Inbox, c.FedBy = m.opened.Connector.Feed, m.opened.Connector.Inbox, m.Version
}

// accompanied is a live version with the one that is on its way beside it.
func accompanied(live *hub.Connector, m *member) *hub.Connector {
	if m == nil {
		return live
	}
	c := *live
	if _, stopped := live.Source.(halted); stopped && !m.absent {
		m.feeds(&c)
	}
	switch {
	case m.absent: // nobody is sent from what works to what does not
	case m.Stage == hub.StageCanary:
		c.Canary, c.Share = m.opened.Connector, m.Share
	case m.shadow != nil && c.Source != nil:
		c.Source = m.shadow.behind(c.Source)
	}
	return &c
}
