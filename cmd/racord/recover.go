package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"racord/hub"
)

type recoverCommand struct {
	where
	Fence   bool          `help:"Only raise the barrier: nobody begins to pay and nothing is brought on until the books were rebuilt."`
	Keep    bool          `help:"Leave the barrier up when all is found."`
	Timeout time.Duration `help:"How long it may take." default:"1h"`
}

// Help says how it goes.
func (*recoverCommand) Help() string {
	return `When an old backup was restored: raise the barrier with --fence before any replica
is started on it, then run this. With PostgreSQL replicas may answer views
meanwhile; with SQLite the hub must be stopped, because one process has the
database.`
}

// Run rebuilds the books after an old backup was restored: behind a barrier
// against new payments, which falls when all is merged.
func (c *recoverCommand) Run(ctx context.Context, to streams) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	d.warn(to.log)
	if err := d.store.RaiseBarrier(ctx, hub.BarrierOpen, "the books are being rebuilt"); err != nil {
		return err
	}
	if c.Fence {
		fmt.Fprintln(to.out, "nothing is paid or brought on until racord recover is done")
		return nil
	}
	found, err := d.paying().Rebuild(ctx, d.store)
	fmt.Fprintf(to.out, "%d payments of the backup were under way: everybody is asked about them\n", found.Woken)
	fmt.Fprintf(to.out, "%d orders at providers were not known, with %s taken: %d payments rebuilt, %d lines booked at their creditors, %d wait\n",
		found.Orders, hub.Bani(found.Taken), found.Payments, found.Posted, found.Waiting)
	for _, order := range found.Unknown {
		fmt.Fprintf(to.out, "  %s does not say which payment it is of: a person has to look\n", order)
	}
	for _, order := range found.Returned {
		fmt.Fprintf(to.out, "  %s was given back of a payment that had ended: a person has to look\n", order)
	}
	if found.NotAsked > 0 {
		fmt.Fprintf(to.out, "%d charges of payments that had ended were not asked about: settlements tell what was given back of them\n", found.NotAsked)
	}
	if err != nil || c.Keep {
		return err
	}
	if err := d.store.LowerBarrier(ctx, hub.BarrierOpen); err != nil {
		return err
	}
	fmt.Fprintln(to.out, "payments are taken again")
	return nil
}
