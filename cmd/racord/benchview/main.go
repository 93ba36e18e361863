// Command benchview measures the view against its peers: a plain typed net/http
// fan-out that answers the same bytes, and an nginx proxy_cache in front of
// them. Hub, six mock creditors and load run on loopback, the contenders in
// turn; what counts are the ratios of one run. The hub is the real program with
// limits raised by its configuration.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"racord/cmd/racord/gauge"
)

// The roles this program plays as a child of itself.
const (
	roleUpstreams = "upstreams"
	roleYardstick = "yardstick"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "benchview:", err)
		stop()
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	load          load
	rounds        int
	citizens      int
	redisCitizens int
	only          string
	hub           string
	profile       string
}

func parse(args []string, log io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("benchview", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.IntVar(&o.rounds, "rounds", 3, "alternating runs of each contender")
	flags.DurationVar(&o.load.length, "length", 8*time.Second, "length of one run")
	flags.IntVar(&o.load.connections, "connections", 64, "connections of the load")
	flags.IntVar(&o.load.threads, "threads", 2, "threads of the load")
	flags.IntVar(&o.citizens, "citizens", 1000, "simulated citizens")
	flags.IntVar(&o.redisCitizens, "redis-citizens", 5000, "simulated citizens of the Redis measurement, more than a megabyte of pages")
	flags.StringVar(&o.only, "only", "", "regular expression of the measurements to run: "+strings.Join(names(), ", "))
	flags.StringVar(&o.hub, "hub", "", "hub to measure instead of one built now")
	flags.StringVar(&o.profile, "profile", "", "directory for profiles of the hub (CPU, allocations), taken instead of measurements")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.rounds < 1 || o.load.length < time.Second || o.citizens < o.load.connections || o.redisCitizens < o.citizens {
		return o, fmt.Errorf("need at least 1 round of 1s, as many citizens as connections, and as many redis-citizens as citizens")
	}
	return o, nil
}

func names() (list []string) {
	for _, s := range scenes() {
		list = append(list, s.name)
	}
	return list
}

// run plays a role, or measures.
func run(ctx context.Context, args []string, in io.Reader, out, log io.Writer) error {
	if len(args) > 0 && (args[0] == roleUpstreams || args[0] == roleYardstick) {
		return play(untilEOF(ctx, in), args, out)
	}
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	if absent := missing("wrk", "nginx", "redis-server"); len(absent) > 0 {
		return fmt.Errorf("needs %s: run make bench-deps deps, or apt-get install wrk nginx-light redis-server", strings.Join(absent, ", "))
	}
	return measure(ctx, o, out, log)
}

func play(ctx context.Context, args []string, out io.Writer) error {
	if args[0] == roleUpstreams {
		return serveUpstreams(ctx, out)
	}
	return serveYardstick(ctx, args[1:], out)
}

// untilEOF gives a context that ends with the parent process, which holds the
// other end of the input.
func untilEOF(ctx context.Context, in io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	return ctx
}

// measure runs the chosen scenes and reports.
func measure(ctx context.Context, o options, out, log io.Writer) error {
	chosen, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	dir, err := os.MkdirTemp("", "benchview-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // nginx's workers may be another user
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(log, format+"\n", args...) }
	s := &stage{bench: &bench{dir: dir, load: o.load, rounds: o.rounds, say: say}}
	defer s.close()
	if err := s.open(ctx, o); err != nil {
		return err
	}
	if err := s.agree(ctx); err != nil {
		return err
	}
	if o.profile != "" {
		return s.profileTo(ctx, o.profile)
	}
	figures, failed := s.play(ctx, chosen)
	return errors.Join(gauge.Report(out, facts(s, o), figures), failed)
}

// play runs the chosen scenes. One that fails does not take the others along.
func (s *stage) play(ctx context.Context, chosen *regexp.Regexp) (figures []gauge.Figure, failed error) {
	for _, scene := range scenes() {
		if !chosen.MatchString(scene.name) || ctx.Err() != nil {
			continue
		}
		seen, err := scene.run(s, ctx)
		if err != nil {
			err = fmt.Errorf("%s: %w", scene.name, err)
			s.say("%v", err)
			failed = errors.Join(failed, err)
			continue
		}
		figures = append(figures, seen...)
	}
	return figures, errors.Join(failed, ctx.Err())
}

// facts say what was measured on what.
func facts(s *stage, o options) []string {
	return []string{
		fmt.Sprintf("%d cores, %s, %d connections, %d × %s a contender, medians; ratios are medians of pairs.",
			runtime.NumCPU(), runtime.Version(), o.load.connections, o.rounds, o.load.length),
		fmt.Sprintf("One view: %d creditors, %d bytes, %d citizens; SQLite, one process.", len(creditors), len(s.answers[0].body), o.citizens),
	}
}
