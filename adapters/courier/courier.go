// Package courier brings companies what they must hear about their connectors: a
// changed address, changed accounts, changed contacts. A letter is carried by its
// channel again and again until it arrives, or for thirty days; so it arrives at
// least once, under a name that never changes. While there is no such way here it
// waits, however long.
package courier

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"racord/adapters/errand"
	"racord/hub"
)

// Carrier makes one attempt to deliver a letter. It fails with CodeUnsupported
// when there is no such way to its receiver, which settles the letter, and with
// any other code when it is to be tried again. The message of its error is kept
// and shown: it names no person and no secret.
type Carrier func(ctx context.Context, l hub.Letter) error

// Parts are what a Courier is made from. A letter of a channel without a carrier
// waits. Log may be nil.
type Parts struct {
	Letters  hub.Letters
	Carriers map[hub.Channel]Carrier
	Log      *slog.Logger
}

// Conf sets the pace. The zero value of a field takes its default.
type Conf struct {
	Every   time.Duration   // how often letters are looked for; default 5 s
	Timeout time.Duration   // of one attempt; default 30 s
	Waits   []time.Duration // before the second attempt, the third and so on; the last repeats; default 30 s to 6 h
	GiveUp  time.Duration   // how old a letter gets; default 30 days
}

func (c Conf) withDefaults() Conf {
	c.Every = cmp.Or(c.Every, 5*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.GiveUp = cmp.Or(c.GiveUp, 30*24*time.Hour)
	if len(c.Waits) == 0 {
		c.Waits = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour}
	}
	return c
}

// Courier brings letters.
type Courier struct {
	Parts
	conf Conf
}

// New makes a Courier. Run sets it to work.
func New(parts Parts, conf Conf) *Courier {
	if parts.Log == nil {
		parts.Log = slog.New(slog.DiscardHandler)
	}
	return &Courier{parts, conf.withDefaults()}
}

// atOnce is how many letters are carried at once.
const atOnce = 8

// Run brings letters until ctx ends. Other replicas do the same; a short lease
// keeps them apart.
func (c *Courier) Run(ctx context.Context) {
	for again := true; again; again = hub.Sleep(ctx, c.conf.Every) {
		for ctx.Err() == nil && c.round(ctx) == atOnce {
		}
	}
}

// round takes as many letters as are carried at once, and carries them.
func (c *Courier) round(ctx context.Context) int {
	letters, err := c.Letters.LeaseLetters(ctx, atOnce, c.conf.Timeout+30*time.Second)
	if err != nil {
		c.complain(ctx, "letters to companies cannot be leased", err)
		return 0
	}
	errand.Each(letters, func(l *hub.Letter) { c.bring(ctx, *l) }, func(l *hub.Letter, where slog.Attr) {
		c.Log.Error("carrying a letter panicked", c.about(l), where)
	})
	return len(letters)
}

func (c *Courier) about(l *hub.Letter) slog.Attr {
	return slog.Group("", slog.String("operation", "letter_bring"), slog.String("connector", string(l.Creditor)),
		slog.Int("notice", l.No), slog.String("channel", string(l.Channel)))
}

func (c *Courier) complain(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		c.Log.Warn(what, slog.String("operation", "letter_bring"), slog.String("code", string(hub.CodeOf(err))))
	}
}

// bring makes one attempt and notes how it went. One that the end of the process
// cut off is not noted: its lease runs out, and another replica makes it again.
func (c *Courier) bring(ctx context.Context, l hub.Letter) {
	err := c.carry(ctx, l)
	if err != nil && ctx.Err() != nil {
		return
	}
	try := c.judged(&l, err)
	err = errand.Note(ctx, func(ctx context.Context) error { return c.Letters.SettleLetter(ctx, l, try) })
	if err != nil {
		c.complain(context.WithoutCancel(ctx), "a letter's attempt was not noted and will be made again", err)
	}
}

func (c *Courier) carry(ctx context.Context, l hub.Letter) error {
	carry := c.Carriers[l.Channel]
	if carry == nil {
		return hub.Errorf(hub.CodeUnavailable, "This hub has no way to send by %s.", l.Channel)
	}
	ctx, cancel := context.WithTimeout(ctx, c.conf.Timeout)
	defer cancel()
	return carry(ctx, l)
}

// judged says what becomes of a letter after an attempt.
func (c *Courier) judged(l *hub.Letter, err error) hub.LetterTry {
	if err == nil {
		c.Log.Info("a company was told", c.about(l))
		return hub.LetterTry{}
	}
	try := hub.LetterTry{Code: hub.CodeOf(err), Detail: hub.MessageOf(err)}
	switch {
	case try.Code == hub.CodeUnsupported:
	case c.Carriers[l.Channel] != nil && !l.At.IsZero() && time.Since(l.At) > c.conf.GiveUp:
		try.GivenUp = true
		c.Log.Error("a letter to a company was given up", c.about(l), slog.String("code", string(try.Code)), slog.Int("tries", l.Tries+1))
	default:
		c.Log.Warn("a company was not told", c.about(l), slog.String("code", string(try.Code)), slog.Int("tries", l.Tries+1))
		wait := errand.Spread(c.conf.Waits[min(l.Tries, len(c.conf.Waits)-1)])
		try.Again = &wait
	}
	return try
}
