// Package guard stands between the hub and a creditor's system. It never sends
// more than the creditor declared, over all replicas together; it stops asking
// a system that fails and notices when it is well again; it keeps every call
// inside its deadline; and it never asks a connector again that answered about
// somebody else.
//
// A call passes, in this order: quarantine, closed window, pause, deadline,
// breaker, bulkhead, attempt. What is refused on the way never reached the
// creditor and says nothing about it. What changes the creditor's books passes a
// gate of its own, is never repeated, and is refused with the word that nothing
// was done (hub.Certainly).
package guard

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"racord/hub"
)

// Conf sets the limits of a guard. The zero value of a field takes its default.
type Conf struct {
	Timeout time.Duration // of a call to a creditor that declares none; default 1.5 s
	Reserve time.Duration // kept back from the caller's deadline; default 50 ms
	Queue   int           // calls that may wait for a slot; default 16
	Wait    time.Duration // how long they wait at most; default 100 ms
	Linger  time.Duration // how long the slot of a call that was cut off stays taken; default 200 ms
	Patient time.Duration // how long a feed waits for a slot; default 10 s
	Probing time.Duration // how often a creditor in unannounced maintenance is asked at most; default 30 s
}

func (c Conf) withDefaults() Conf {
	c.Timeout = cmp.Or(c.Timeout, 1500*time.Millisecond)
	c.Reserve = cmp.Or(c.Reserve, 50*time.Millisecond)
	c.Wait = cmp.Or(c.Wait, 100*time.Millisecond)
	c.Linger = cmp.Or(c.Linger, 200*time.Millisecond)
	c.Patient = cmp.Or(c.Patient, 10*time.Second)
	c.Probing = cmp.Or(c.Probing, 30*time.Second)
	if c.Queue == 0 {
		c.Queue = 16
	}
	return c
}

// Parts are what a guard works with. Only Allowance and Clock are needed.
type Parts struct {
	Allowance *Allowance   // the creditor's slots, which all versions of its connector use
	Posting   *Allowance   // how many of them postings may use; nil = this process alone makes them
	Clock     hub.Clock    // business time, for closed windows
	Ward      *Ward        // who is in quarantine; nil = nobody ever
	Meter     Meter        // bound to the connector; nil = nobody counts
	Log       *slog.Logger // nil = silence
}

// Connector gives a connector whose every call passes the guard. The parts that
// are nil stay nil. Its calls fail with what the creditor's system fails with,
// and with CodeBusy (no slot, or the creditor asked us to wait), CodeMaintenance
// (in a declared window), CodeUnavailable (the breaker is open), CodeForeignData
// (in quarantine), each without asking and with RetryAfter where it is known.
func Connector(c *hub.Connector, parts Parts, conf Conf) *hub.Connector {
	conf = conf.withDefaults()
	mine := newShare(parts.Allowance)
	read := newGate(c, mine, parts, conf, ClassRead)
	guarded := *c
	if ward, name := parts.Ward, c.Creditor.Name; ward != nil {
		guarded.Held = func() bool { return ward.Holds(name) }
		guarded.Lifts = func() int { return ward.Lifts(name) }
	}
	if c.Source != nil {
		guarded.Source = source{read, c.Source}
	}
	if c.Linker != nil {
		guarded.Linker = linker{read, c.Linker}
	}
	if c.Probe != nil {
		guarded.Probe = probe{read, c.Probe}
	}
	if c.Feed != nil {
		guarded.Feed = feed{newGate(c, mine, parts, conf, ClassFeed), c.Feed}
	}
	payingParts(&guarded, c, read, parts, conf)
	return &guarded
}

type source struct {
	gate *gate
	next hub.Source
}

func (s source) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	var answer hub.Answer
	err := s.gate.pass(ctx, OpObligations, func(ctx context.Context) (err error) {
		answer, err = s.next.Obligations(ctx, who)
		return err
	})
	if err != nil {
		return hub.Answer{}, err
	}
	return answer, nil
}

type linker struct {
	gate *gate
	next hub.Linker
}

func (l linker) Prove(ctx context.Context, account hub.AccountRef, proof hub.Proof) error {
	return l.gate.pass(ctx, OpProve, func(ctx context.Context) error {
		return l.next.Prove(ctx, account, proof)
	})
}

type probe struct {
	gate *gate
	next hub.Probe
}

func (p probe) Ping(ctx context.Context) error {
	return p.gate.pass(ctx, OpPing, p.next.Ping)
}

var (
	_ hub.Source = source{}
	_ hub.Linker = linker{}
	_ hub.Probe  = probe{}
)
