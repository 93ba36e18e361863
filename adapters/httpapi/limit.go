package httpapi

import (
	"fmt"
	"hash/maphash"
	"strconv"
	"sync"
	"time"

	"racord/hub"
)

// limits are the quotas of citizens and portals on this replica.
type limits struct {
	views, calls, portals *limiter
	starts, payments      *limiter // quotes and payments opened; everything else about payments
	references            *limiter // what a portal does for payers who did not sign in
	sends                 *limiter // what a creditor sends
}

func newLimits(conf Conf) limits {
	portals := newLimiter("portal", conf.PortalPerMinute, nil)
	return limits{
		views:   newLimiter("views", conf.CitizenPerMinute, portals),
		calls:   newLimiter("calls", conf.CallsPerMinute, portals),
		portals: portals,

		starts:     newLimiter("starts", conf.StartsPerMinute, portals),
		payments:   newLimiter("payments", conf.PaymentsPerMinute, portals),
		references: newLimiter("references", conf.ReferencesPerMinute, portals),
		sends:      newLimiter("sends", conf.SendsPerMinute, portals),
	}
}

// take uses up one request of the caller's own quota and of its portal's. The
// portal's is not used up by what the caller's own refuses.
func (l *limits) take(t *tally, own *limiter, caller *hub.Caller, now time.Time) error {
	t.own, t.portal = own, l.portals
	t.ownLeft = own.take(caller.Login, now)
	if !t.ownLeft.ok {
		t.portalLeft = l.portals.look(hub.Login{Subject: caller.Portal}, now)
		return tooMany("You ask too often. Wait a moment.", t.ownLeft)
	}
	t.portalLeft = l.portals.take(hub.Login{Subject: caller.Portal}, now)
	if !t.portalLeft.ok {
		return tooMany("The portal asks too often. Wait a moment.", t.portalLeft)
	}
	return nil
}

func tooMany(message string, q quota) error {
	err := hub.Errorf(hub.CodeTooMany, "%s", message)
	err.RetryAfter = q.again
	return err
}

// tally is what is left of the quotas after a request
// (draft-ietf-httpapi-ratelimit-headers).
type tally struct {
	own, portal         *limiter
	ownLeft, portalLeft quota
}

func (t *tally) policy() []string {
	if t.own == nil {
		return nil
	}
	return t.own.policy
}

// String gives the RateLimit header: `"views";r=29;t=2, "portal";r=59990;t=1`.
func (t *tally) String() string {
	var room [96]byte
	b := t.ownLeft.append(room[:0], t.own.name)
	b = t.portalLeft.append(append(b, ", "...), t.portal.name)
	return string(b)
}

// quota is what is left to one key.
type quota struct {
	ok    bool
	left  int
	full  time.Duration // until all of it is there again
	again time.Duration // until the next request is let through
}

func (q quota) append(b []byte, name string) []byte {
	b = append(append(append(b, '"'), name...), `";r=`...)
	b = strconv.AppendInt(b, int64(q.left), 10)
	return strconv.AppendInt(append(b, ";t="...), seconds(q.full), 10)
}

// seconds rounds up to whole ones, as headers have them.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// window is the time in which a quota grows back.
const window = time.Minute

const shards = 64

// limiter lets so many requests a minute through for each key, and the whole
// minute's share at once when nothing was used. It keeps one instant a key: the
// moment at which the quota would be full again (GCRA). Keys stand for themselves by
// a hash of 64 bits that differs in every process: two that collide share a quota.
type limiter struct {
	name   string
	policy []string // of the RateLimit-Policy header
	most   int
	each   time.Duration // what one request takes from the window
	began  time.Time     // instants are counted from here, by the clock that is never set
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu     sync.Mutex
	fullAt map[uint64]time.Duration
	sweep  int // look for forgotten keys when there are so many
}

func newLimiter(name string, perMinute int, portals *limiter) *limiter {
	l := &limiter{
		name: name, most: perMinute, each: max(window/time.Duration(perMinute), 1),
		began: time.Now(), seed: maphash.MakeSeed(),
	}
	l.policy = []string{fmt.Sprintf("%q;q=%d;w=60", name, perMinute)}
	if portals != nil {
		l.policy[0] += ", " + portals.policy[0]
	}
	for i := range l.shards {
		l.shards[i].fullAt, l.shards[i].sweep = map[uint64]time.Duration{}, 64
	}
	return l
}

// of gives the hash that a key goes by, and where its instant is kept.
func (l *limiter) of(key hub.Login) (uint64, *shard) {
	hash := maphash.Comparable(l.seed, key)
	return hash, &l.shards[hash%shards]
}

// take uses up one request of the key's quota, if there is one.
func (l *limiter) take(key hub.Login, at time.Time) quota {
	hash, s := l.of(key)
	now := at.Sub(l.began)
	s.mu.Lock()
	defer s.mu.Unlock()
	full := max(s.fullAt[hash], now)
	next := full + l.each
	if next-now > window {
		return l.quota(false, full-now)
	}
	s.fullAt[hash] = next
	if len(s.fullAt) > s.sweep {
		s.forget(now)
	}
	return l.quota(true, next-now)
}

// look tells what is left and uses nothing up.
func (l *limiter) look(key hub.Login, at time.Time) quota {
	hash, s := l.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.quota(true, max(s.fullAt[hash]-at.Sub(l.began), 0))
}

func (l *limiter) quota(ok bool, used time.Duration) quota {
	q := quota{ok: ok, left: int((window - used) / l.each), full: used}
	if !ok {
		q.left, q.again = 0, used+l.each-window
	}
	return q
}

// forget drops the keys whose quota is full: they are as good as new.
func (s *shard) forget(now time.Duration) {
	for hash, full := range s.fullAt {
		if full <= now {
			delete(s.fullAt, hash)
		}
	}
	s.sweep = max(64, 2*len(s.fullAt))
}
