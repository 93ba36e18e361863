// Package identity is the door's keeper: it verifies the bearer tokens of
// configured OpenID Connect issuers (RFC 9068 access tokens), tells who stands
// behind them, and enrols a citizen the hub sees for the first time. A token it
// cannot prove good is not good.
package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"
	"unsafe"

	"racord/hub"

	"golang.org/x/sync/singleflight"
)

// Conf says whose tokens are good. The zero value of a duration or number
// takes its default.
type Conf struct {
	Issuers []Issuer

	Leeway       time.Duration // by which clocks may differ; default 60 s
	RememberFor  time.Duration // how long a verified token is not verified again; default and at most 60 s
	RememberMany int           // how many tokens are remembered; default 100,000
	KeysFresh    time.Duration // after which an issuer's keys are read again; default 10 min
	KeysKept     time.Duration // how long the last good keys serve when the issuer is silent; default 24 h
	KeysPause    time.Duration // between two readings of an issuer's keys; default 5 s
	CodesFresh   time.Duration // after which an issuer is asked again about a citizen; default 24 h
	CodesPause   time.Duration // between two such questions about one citizen that bring nothing; default 10 min
	CodesWait    time.Duration // how long the citizen waits for that; default 500 ms
	Patience     time.Duration // for one question to an issuer; default 5 s
}

// Issuer is an OpenID Connect provider and what its tokens must say.
type Issuer struct {
	URL        string   // exactly as in the tokens' iss
	Audience   string   // must be among a token's aud; default "racord"
	Portals    []string // registered portals: a token's azp must be one of them
	Services   []string // portals that bring tokens of their own (client credentials); without any, all may
	Algorithms []string // some of EdDSA, ES256, PS256; default all three
}

const mostRemembered = 60 * time.Second

func (c Conf) withDefaults() Conf {
	orElse(&c.Leeway, 60*time.Second)
	orElse(&c.RememberFor, mostRemembered)
	orElse(&c.RememberMany, 100_000)
	orElse(&c.KeysFresh, 10*time.Minute)
	orElse(&c.KeysKept, 24*time.Hour)
	orElse(&c.KeysPause, 5*time.Second)
	orElse(&c.CodesFresh, 24*time.Hour)
	orElse(&c.CodesPause, 10*time.Minute)
	orElse(&c.CodesWait, 500*time.Millisecond)
	orElse(&c.Patience, 5*time.Second)
	c.RememberFor = min(c.RememberFor, mostRemembered)
	return c
}

func orElse[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Parts are what a Doorman works with.
type Parts struct {
	Folders hub.Folders
	HTTP    *http.Client // the way out to the issuers
	Clock   hub.Clock    // real time: tokens do not follow business time
	Log     *slog.Logger // may be nil
}

// Doorman is a hub.Doorman over OpenID Connect.
type Doorman struct {
	conf     Conf
	folders  hub.Folders
	now      func() time.Time
	log      *slog.Logger
	issuers  map[string]*issuer
	memory   memory
	renewals *renewals
	flights  singleflight.Group // one verification for all who bring the same token
	base     context.Context
	stop     context.CancelFunc
	running  sync.WaitGroup
}

var _ hub.Doorman = (*Doorman)(nil)

// New makes a Doorman. It asks the issuers nothing yet. It fails with
// CodeInvalid when there is no issuer or no portal to trust, or an algorithm
// that is not to be trusted.
func New(conf Conf, parts Parts) (*Doorman, error) {
	if len(conf.Issuers) == 0 {
		return nil, hub.Errorf(hub.CodeInvalid, "identity needs at least one issuer")
	}
	conf = conf.withDefaults()
	d := &Doorman{
		conf: conf, folders: parts.Folders, now: parts.Clock.Now, log: parts.Log,
		issuers: map[string]*issuer{}, memory: newMemory(conf.RememberMany), renewals: newRenewals(),
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.base, d.stop = context.WithCancel(context.Background())
	client := careful(parts.HTTP, conf.Patience)
	for _, trusted := range conf.Issuers {
		i, err := newIssuer(trusted, d, client)
		if err != nil {
			return nil, err
		}
		d.issuers[trusted.URL] = i
	}
	return d, nil
}

// Knock asks every issuer for its keys without waiting for them: the first
// citizen finds them here, and an issuer that cannot be reached is in the log
// before he comes.
func (d *Doorman) Knock() {
	for _, i := range d.issuers {
		i.ask(d.now())
	}
}

// Close ends the questions to issuers that are under way and waits for them.
func (d *Doorman) Close() {
	d.stop()
	d.running.Wait()
}

// longestToken in bytes is refused unread above it.
const longestToken = 8 << 10

// Admit tells who stands behind a bearer token. Besides CodeUnauthenticated and
// CodeUnavailable it fails with CodeForbidden for a citizen whose issuer gives
// no personal or company code, and with what the store fails with.
func (d *Doorman) Admit(ctx context.Context, bearer string) (hub.Caller, error) {
	if bearer == "" || len(bearer) > longestToken {
		return hub.Caller{}, refused(errShape)
	}
	name := sha256.Sum256(unsafe.Slice(unsafe.StringData(bearer), len(bearer))) // read in place: a copy a request is too many
	if caller, ok := d.memory.recall(name, d.now()); ok {
		return caller, nil
	}
	return d.admitOnce(ctx, name, bearer)
}

// admitOnce verifies a token on behalf of all who bring it at the same time.
// The first of them may leave.
func (d *Doorman) admitOnce(ctx context.Context, name [sha256.Size]byte, bearer string) (hub.Caller, error) {
	d.running.Add(1)
	answer := d.flights.DoChan(string(name[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(d.base, 2*d.conf.Patience)
		defer cancel()
		return d.admit(ctx, name, bearer)
	})
	select {
	case result := <-answer:
		d.running.Done()
		caller, _ := result.Val.(hub.Caller)
		return caller, result.Err
	case <-ctx.Done():
		go func() { <-answer; d.running.Done() }()
		return hub.Caller{}, ctx.Err()
	}
}

// admit runs on a goroutine of its own, where a panic over a hostile token would
// end the process.
func (d *Doorman) admit(ctx context.Context, name [sha256.Size]byte, bearer string) (caller hub.Caller, err error) {
	defer func() {
		if recover() != nil {
			caller, err = hub.Caller{}, refused(errors.New("the token broke its reader"))
		}
	}()
	t, err := d.verify(ctx, bearer)
	if err != nil {
		return hub.Caller{}, err
	}
	caller = t.caller(d.issuers[t.Issuer])
	if caller.Citizen {
		if err := d.welcome(ctx, d.issuers[t.Issuer], caller.Login, bearer); err != nil {
			return hub.Caller{}, err
		}
	}
	now := d.now()
	d.memory.keep(name, caller, now, earlier(t.expires(), now.Add(d.conf.RememberFor)))
	return caller, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
