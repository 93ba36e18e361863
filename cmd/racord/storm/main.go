// Command storm pays thousands of baskets through a hub that is killed over and
// over, with its database and its cache, and then holds the hub's ledger against
// the books of the providers and the creditors. The hub is the real program, the
// city a process of its own that is never killed. The last line of the output is
// the verdict.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
		stop()
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	store    string
	baskets  int
	kills    int // of the hub, at least
	pgKills  int // of PostgreSQL, at least
	replicas int
	mornings time.Duration // between two, about: bills change with the days, and what was wanted is gone
	within   time.Duration // all is to be final so long after
	clients  int
	seed     uint64
	racord   string
	city     string
	keep     string
}

// sizes are the storms that are run: the baskets, and the kills they survive at
// least.
var sizes = map[string]options{
	"small":       {store: "postgres", baskets: 500, kills: 40, pgKills: 3, replicas: 3, mornings: 20 * time.Second},
	"full":        {store: "postgres", baskets: 10_000, kills: 1000, pgKills: 50, replicas: 3, mornings: 80 * time.Second},
	"sqlite":      {store: "sqlite", baskets: 120, kills: 20, replicas: 1, mornings: 20 * time.Second},
	"sqlite-full": {store: "sqlite", baskets: 3000, kills: 300, replicas: 1, mornings: 40 * time.Second},
	"calm":        {store: "postgres", baskets: 200, replicas: 3},
	"calm-sqlite": {store: "sqlite", baskets: 200, replicas: 1},
}

func parse(args []string, log io.Writer) (options, error) {
	var asked options
	flags := flag.NewFlagSet("storm", flag.ContinueOnError)
	flags.SetOutput(log)
	size := flags.String("size", "small", "small, full, sqlite, sqlite-full, calm or calm-sqlite")
	flags.IntVar(&asked.baskets, "baskets", 0, "how many baskets, instead of the size's")
	flags.DurationVar(&asked.within, "within", time.Minute, "how soon all has to be final after the storm")
	flags.IntVar(&asked.clients, "clients", 40, "payers at once")
	flags.Uint64Var(&asked.seed, "seed", uint64(time.Now().UnixNano()), "what is drawn follows from it")
	flags.StringVar(&asked.racord, "racord", "", "hub to storm instead of one built now")
	flags.StringVar(&asked.city, "city", "", "city program instead of one built now")
	flags.StringVar(&asked.keep, "keep", "", "directory to work in, which stays")
	if err := flags.Parse(args); err != nil {
		return asked, err
	}
	o, known := sizes[*size]
	if !known || asked.clients < 1 || asked.baskets < 0 || asked.within <= 0 {
		return asked, fmt.Errorf("there is no storm of size %q, or of so few clients", *size)
	}
	o.within, o.clients, o.seed, o.racord, o.city, o.keep = asked.within, asked.clients, asked.seed, asked.racord, asked.city, asked.keep
	if asked.baskets > 0 {
		o.baskets = asked.baskets
	}
	return o, nil
}

// errFailed makes the command end with status 1 after the verdict was printed.
var errFailed = errors.New("the storm was not survived: the lines above say what was found")

// run opens the stage, lets the storm loose, and judges.
func run(ctx context.Context, args []string, out, log io.Writer) (err error) {
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	dir := o.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "racord-storm-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if err := errors.Join(os.MkdirAll(dir, 0o711), os.Chmod(dir, 0o711)); err != nil { // PostgreSQL may be another user
		return err
	}
	s := &storm{options: o, dir: dir, say: func(format string, args ...any) { fmt.Fprintf(log, format+"\n", args...) }}
	defer s.close()
	s.say("seed %d, in %s", o.seed, dir)
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.rage(ctx); err != nil {
		return err
	}
	return s.judge(ctx, out)
}
