// Command city runs the simulated city of Napoca-Test: creditors that speak
// the protocols such bodies really speak, two payment providers, a bank, an
// identity provider, and books that what they say can be held against. All
// people, debts and payments are invented; people and debts follow from a seed.
//
//	POST /ditl/ws                 tax office, SOAP 1.1 in windows-1250
//	POST /fines/v1/debts/search   local police, JSON with an API key
//	GET  /water/api/v2/…          water, JSON with OAuth 2.0
//	sftp /out/termo_*.csv         district heating, nightly files
//	SQL  v_solduri                waste, a view in SQLite or PostgreSQL
//	GET  /electricity/api/…       electricity, e-invoices in ZIP files
//	gRPC napoca.parking.v1        parking, by its .proto
//	POST /roadfines/v1/…          road fines, mutual TLS and signed JSON
//	GET  /oidc/…                  OpenID Connect
//	POST /netopia/…               payments, Netopia API v2
//	POST /euplatesc/…             payments, EuPlătesc
//	GET  /bank/statements/…       camt.053 statements
//
// The control channel steers it: GET /__ctl/state, credentials, counters,
// people and truth; GET and POST /__ctl/clock; GET, POST and DELETE
// /__ctl/faults; POST /__ctl/seed, payments and counters/reset.
//
// Payments: GET /__ctl/books/{creditor} is every receipt in a creditor's book;
// POST /__ctl/debts/change with {"creditor","person","external_id"} and one of
// "outstanding_bani", "cancel" and "paid_elsewhere" changes a debt; GET and PUT
// /__ctl/manners/{creditor} is how it treats payments ("doubles", "mute",
// "batch", "final", "shows_after", "days"); GET /__ctl/reports?person= are the
// reports in somebody's hand, registered or not; POST /__ctl/day with
// {"until":"05:30"} moves the clock to the next such time of day and runs the
// batches on the way. A fault with "only":"post" is met by payments alone.
//
// Providers: GET /__ctl/psp/{provider}/book and /__ctl/psp/accounts; POST
// /__ctl/psp/pay, /__ctl/psp/{provider}/orders/{order}/{chargeback|reversal|
// release|refund}, /__ctl/psp/{provider}/extras and /__ctl/psp/euplatesc/capture.
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

	"racord/cmd/city/town"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "city:", err)
		os.Exit(1)
	}
}

// run starts the city, says where it is, and stops it when ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	conf, err := flags(args, stderr)
	if err != nil {
		return err
	}
	t, err := town.Start(ctx, conf)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "ready\n  creditors   %s\n  road fines  %s\n  heating     sftp://%s/out\n  waste       %s %s\n  identity    %s/oidc\n  payments    %s/netopia %s/euplatesc\n  bank        %s/bank\n  control     %s/__ctl/state\n",
		t.URL(), t.SecureURL(), t.SFTPAddr(), t.WasteDriver(), t.WasteDSN(), t.URL(), t.URL(), t.URL(), t.URL(), t.URL())
	<-ctx.Done()
	return t.Close()
}

func flags(args []string, stderr io.Writer) (town.Config, error) {
	var conf town.Config
	set := flag.NewFlagSet("city", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprintln(stderr, "Usage: city [flags]\n\nRuns the simulated city of Napoca-Test: its creditors, two payment\nproviders, a bank, an identity provider and a control channel under /__ctl.\nAll people, debts and payments are invented.\n\nFlags:")
		set.PrintDefaults()
	}
	set.StringVar(&conf.Listen, "listen", "127.0.0.1:0", "HTTP `address`; port 0 takes a free one")
	set.StringVar(&conf.SFTPListen, "sftp-listen", "127.0.0.1:0", "SFTP `address` of the heating company")
	set.StringVar(&conf.TLSListen, "tls-listen", "127.0.0.1:0", "HTTPS `address` of the register of road fines")
	set.StringVar(&conf.DataDir, "data", "", "`folder` for the waste operator's SQLite file (default: a temporary one)")
	set.StringVar(&conf.Size, "size", "S", "S = 2,000 people, M = 40,000, L = 400,000")
	set.Int64Var(&conf.Seed, "seed", 1, "the same `number` gives the same city")
	set.StringVar(&conf.Latency, "latency", "calm", "how long creditors think: none, calm or real")
	set.StringVar(&conf.PostgresDSN, "waste-postgres", "", "superuser `DSN`: put the waste view on PostgreSQL")
	set.BoolVar(&conf.PSPExtras, "psp-extras", false, "payment providers offer refunds, listings and amounts their documentation lacks")
	if err := set.Parse(args); err != nil {
		return conf, err
	}
	if set.NArg() > 0 {
		return conf, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return conf, nil
}
