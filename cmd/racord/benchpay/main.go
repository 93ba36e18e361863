// Command benchpay measures paying against what its database could do at best:
// payments per second from quote to posted, through the real service and store,
// beside bare batch transactions of the same rows on the same database, one for
// each change of state. Both take turns in one run; what counts are the ratios.
// The payment provider and the creditors live in this process and answer at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"racord/cmd/racord/gauge"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "benchpay:", err)
		stop()
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	rounds  int
	length  time.Duration
	payers  []int
	workers int
	only    string
	profile string
}

const usage = `benchpay measures paying, from quote to posted, beside bare batch transactions
of the same rows on the same database. It makes a PostgreSQL and SQLite files of
its own below the temporary directory (TMPDIR chooses the disk) and removes them.

`

func parse(args []string, log io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("benchpay", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.Usage = func() { fmt.Fprint(log, usage); flags.PrintDefaults() }
	flags.IntVar(&o.rounds, "rounds", 3, "alternating runs of each contender")
	flags.DurationVar(&o.length, "length", 5*time.Second, "length of one run, after a second to warm up; at most 20s, so that no look whether a debt is cleared falls into it")
	payers := flags.String("payers", "16,64", "how many pay at once, one measurement for each")
	flags.IntVar(&o.workers, "workers", 0, "payments.workers of the configuration; 0 is its default")
	flags.StringVar(&o.only, "only", "", "measure one database: postgres or sqlite")
	flags.StringVar(&o.profile, "profile", "", "write a CPU profile of the service of each measurement's first round into this directory")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.payers, err = counts(*payers); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	case o.rounds < 1 || o.length < 100*time.Millisecond || o.length > 20*time.Second:
		return o, errors.New("-rounds is at least 1, -length from 100ms to 20s")
	case o.workers < 0:
		return o, errors.New("-workers is at least 0")
	case o.only != "" && o.only != postgresName && o.only != sqliteName:
		return o, fmt.Errorf("-only: %s or %s", postgresName, sqliteName)
	}
	return o, nil
}

// mostPayers is how many connections the bare transactions may have: PostgreSQL's
// default is 100.
const mostPayers = 90

func counts(text string) (list []int, err error) {
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > mostPayers {
			return nil, fmt.Errorf("-payers: %q is not a number from 1 to %d", word, mostPayers)
		}
		list = append(list, n)
	}
	return list, nil
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "benchpay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL may be another user
		return err
	}
	server, err := startPostgres(ctx, dir)
	if err != nil {
		return err
	}
	defer server.stop()
	b := &bench{options: o, dir: dir, say: func(format string, args ...any) { fmt.Fprintf(log, format+"\n", args...) }}
	changes, err := count(ctx, server)
	if err != nil {
		return fmt.Errorf("counting the rows of a payment: %w", err)
	}
	var figures []gauge.Figure
	for _, db := range []database{&postgresBench{server: server}, &sqliteBench{dir: dir}} {
		if o.only != "" && o.only != db.name() {
			continue
		}
		seen, err := b.measure(ctx, db, changes)
		figures = append(figures, seen...)
		if err != nil {
			return errors.Join(gauge.Report(out, facts(o, changes), figures), err)
		}
	}
	return gauge.Report(out, facts(o, changes), figures)
}

// facts say what was measured on what.
func facts(o options, changes script) []string {
	return []string{
		fmt.Sprintf("%d cores, %s, %d × %s a contender, medians; ratios are medians of pairs.", runtime.NumCPU(), runtime.Version(), o.rounds, o.length),
		fmt.Sprintf("One payment: %d lines of %d creditors, one charge with a split, reserved and then captured, a notification.", len(creditors), len(creditors)),
		"Provider and creditors are ports in this process and answer at once; nobody is told by webhook. Every commit is synced to the disk.",
		fmt.Sprintf("Bare: the rows of a payment as triggers counted them in PostgreSQL: %d changes of state, %d rows.", len(changes.steps), changes.rows()),
		"Each change is one transaction: one batch on PostgreSQL, prepared statements on SQLite (alone, or grouped as they come).",
		"The service's leases, look-ups and queries come on top and are in no bare transaction.",
	}
}
