// Command racord is the hub: serve runs it, demo runs it beside a simulated
// city, try shows one answer as it is read, check proves a manifest against its
// creditor, token gives a demo citizen's bearer token, lint looks for mistakes in a
// configuration, migrate prepares the database, verify holds the books against
// those of providers and creditors, reconcile compares them and keeps what
// differs, recover rebuilds the books after an old backup was restored, connector
// registers what a company connects with, keys changes the keys of companies'
// secrets, version says which racord this is.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // business time is Europe/Bucharest on every machine

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "racord:", err)
		stop()
		os.Exit(1)
	}
}

// commands is the whole command line.
type commands struct {
	Serve     serveCommand     `cmd:"" help:"Run the hub of a configuration file."`
	Demo      demoCommand      `cmd:"" help:"Run the hub beside a simulated city of 2,000 people, with nothing else installed."`
	Token     tokenCommand     `cmd:"" help:"Print a bearer token of one of the demo's citizens, companies, approvers or staff: name it with --citizen, --company, --approver or --staff."`
	Try       tryCommand       `cmd:"" help:"Ask a creditor about one test debtor and show raw, mapped and refused side by side."`
	Check     checkCommand     `cmd:"" help:"Run the conformance suite of a manifest against its creditor and print what passed."`
	Lint      lintCommand      `cmd:"" help:"Read a configuration, its manifests and the files they name, and print what is wrong."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the database of a configuration to this version and exit."`
	Verify    verifyCommand    `cmd:"" help:"Hold the books against providers and creditors and print which invariants of money hold."`
	Reconcile reconcileCommand `cmd:"" help:"Compare the books with providers, creditors and the bank now and print what differs."`
	Connector connectorCommand `cmd:"" help:"Bring a connector to the hub: draft, prove, approve, promote, roll back."`
	Keys      keysCommand      `cmd:"" help:"Change the keys under which companies' secrets are kept."`
	Version   versionCommand   `cmd:"" help:"Print which version this is, and what it was built with."`
	Recover   recoverCommand   `cmd:"" help:"Rebuild the books from providers and creditors after an old backup was restored."`
}

// streams are where a command writes: results to out, what happens to log.
type streams struct{ out, log io.Writer }

// run parses the command line and runs one command until it is done or ctx ends.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	var cli commands
	exit := -1
	parser, err := kong.New(&cli,
		kong.Name("racord"),
		kong.Description("The hub between a city hall, its tax office, its fines registers and its utility companies."),
		kong.UsageOnError(),
		kong.Writers(out, log),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{out, log}),
	)
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if exit == 0 {
		return nil // --help
	}
	if err != nil {
		return fmt.Errorf("%w; see racord --help", err)
	}
	return command.Run(&cli.Connector)
}
