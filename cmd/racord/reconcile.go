package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"racord/adapters/camt"
	"racord/adapters/upstream"
	"racord/hub"
	"racord/hub/pay"
	"racord/hub/reconcile"
)

// openReconciling starts what compares the books. A hub without a provider has
// none.
func (h *runningHub) openReconciling(setup hubSetup) {
	if len(h.payments.PSPs) == 0 {
		return
	}
	bank, stopBank := openBank(setup)
	h.onClose(func(context.Context) error { stopBank(); return nil })
	h.comparing = reconcile.New(reconcile.Parts{
		Roster: h.fleet, Store: h.store, PSPs: h.payments.PSPs, Bank: bank, Payers: setup.Config.Bank.Payers, Paying: h.payments,
		Audit: auditOf(h.store), Clock: setup.Clock, Log: h.log,
	})
	h.behind(func(ctx context.Context) {
		if _, err := h.comparing.Ahead(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("order numbers could not be looked up", "operation", "reconcile", "code", string(hub.CodeOf(err)))
		}
	})
	h.behind(h.comparing.Run)
}

// compare is the operators' button for one job.
func (h *runningHub) compare(ctx context.Context, job hub.Job, day hub.Date) error {
	if h.comparing == nil {
		return hub.Errorf(hub.CodeNotFound, "There is no payment provider to compare with.")
	}
	return h.comparing.Do(ctx, job, day, true)
}

// openBank opens the way to the bank's statements; nil when none is configured.
func openBank(setup hubSetup) (bank hub.Bank, stop func()) {
	conf := setup.Config.Bank
	if conf.URL == "" {
		return nil, func() {}
	}
	way := upstream.New(upstream.Conf{MaxInflight: 2, Allow: allowed(setup, "bank"), Deny: denied(setup.Config.Wall)})
	return camt.New(camt.Conf{URL: conf.URL, APIKey: conf.APIKey}, camt.Env{
		HTTP: way.Read, Secret: secretsOf(setup.Config.Secrets, "bank"),
	}), way.Close
}

// barriers remembers which barriers are up, asked for every second: whoever is
// about to take money asks it and not the database.
type barriers struct {
	up atomic.Pointer[map[hub.Barrier]hub.Raised]
}

// watchBarriers asks once, so that the first answer is right, and goes on until
// the hub stops.
func (h *runningHub) watchBarriers(ctx context.Context) (*barriers, error) {
	b := &barriers{}
	if err := b.ask(ctx, h.store); err != nil {
		return nil, err
	}
	h.behind(func(ctx context.Context) {
		for hub.Sleep(ctx, time.Second) {
			_ = b.ask(ctx, h.store) // what was known stays
		}
	})
	return b, nil
}

func (b *barriers) ask(ctx context.Context, store hub.Barriers) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	up, err := store.Barriers(ctx)
	if err == nil {
		b.up.Store(&up)
	}
	return err
}

func (b *barriers) stopped(barrier hub.Barrier) bool {
	_, up := (*b.up.Load())[barrier]
	return up
}

type reconcileCommand struct {
	where
	Job     string        `help:"One job only: provider, settlement, creditor, bank, audit or ageing." enum:",provider,settlement,creditor,bank,audit,ageing" default:""`
	Day     string        `help:"The business day to compare, YYYY-MM-DD, for jobs that go by days."`
	Timeout time.Duration `help:"How long it may take." default:"30m"`
}

// Help says what to do beside a hub that has the database to itself.
func (*reconcileCommand) Help() string {
	return `With PostgreSQL it runs beside the replicas. With SQLite one process has the
database, so a running hub does it itself: POST /jobs/JOB on its operations
listener, one job at a time, and GET /differences.`
}

// errDifferent makes the command end with status 1 after the list was printed.
var errDifferent = errors.New("the books differ: the list says in what")

// Run compares now, and prints what two books do not agree about.
func (c *reconcileCommand) Run(ctx context.Context, to streams) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	day := hub.Date("")
	if c.Day != "" {
		if day, err = hub.ParseDate(c.Day); err != nil {
			return fmt.Errorf("--day: %w", err)
		}
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	comparing, failed := d.comparing(), d.absent
	for _, job := range hub.Jobs {
		if c.Job == "" || c.Job == string(job) {
			failed = errors.Join(failed, comparing.Do(ctx, job, day, true))
		}
	}
	found, err := d.store.Differences(ctx, hub.DifferenceQuery{Job: hub.Job(c.Job)})
	if err != nil {
		return errors.Join(failed, err)
	}
	if err := listDifferences(to.out, found); err != nil {
		return err
	}
	if len(found) > 0 {
		failed = errors.Join(failed, errDifferent)
	}
	return failed
}

// comparing makes the service of a desk.
func (d *desk) comparing() *reconcile.Service {
	bank, stop := openBank(hubSetup{Config: d.conf})
	d.closers = append(d.closers, func() error { stop(); return nil })
	return reconcile.New(reconcile.Parts{
		Roster: d.fleet, Store: d.store, PSPs: d.psps, Bank: bank, Payers: d.conf.Bank.Payers, Paying: d.paying(),
		Audit: auditOf(d.store), Clock: d.clock,
	})
}

// paying is the service that lines are told by. It does no work by itself.
func (d *desk) paying() *pay.Service {
	conf := d.conf.Payments
	return pay.New(pay.Parts{Roster: d.fleet, Folders: d.store, Store: d.store, PSPs: d.psps, Clock: d.clock},
		pay.Conf{CallFor: time.Duration(conf.CallFor), LookUpEvery: time.Duration(conf.LookUpEvery)})
}

func listDifferences(out io.Writer, found []hub.Difference) error {
	fmt.Fprintf(out, "%d differences\n", len(found))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, d := range found {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\tsince %s\t%s\n", d.Job, d.Scope, d.Kind, d.Name, hub.Bani(d.Amount), d.Since.Format(time.DateTime), d.Detail)
	}
	return table.Flush()
}
