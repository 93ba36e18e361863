package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"
	"unicode"

	"racord/adapters/upstream"
	"racord/connectors/connectortest"
	"racord/connectors/kinds"
	"racord/hub"
)

type tryCommand struct {
	Manifest string         `arg:"" help:"The creditor's manifest (YAML)." type:"existingfile"`
	Ask      string         `help:"Whom to ask about: known, other, unknown or settled of the manifest's test part." default:"known" enum:"known,other,unknown,settled"`
	Account  string         `help:"An account to ask about instead, by the creditor's own code."`
	Secrets  string         `help:"Directory of secrets: <creditor>/<name>, one file each." default:"secrets" type:"path"`
	Allow    []netip.Prefix `help:"Ranges of addresses inside your own network that may be dialled, such as 10.20.0.0/16. All others must be public."`
	Demo     string         `help:"Data directory of a running demo: its addresses, secrets and clock are used." type:"path"`
	JSON     bool           `help:"Print everything as JSON instead of tables."`
}

// Help says what is shown.
func (*tryCommand) Help() string {
	return `One question is asked, and the answer shown as it came, field by field as the
manifest reads it, and as it is refused. Nothing is written down. Personal codes,
the account asked about and credentials are masked. A personal code is never
given on a command line: the manifest's test debtors are nobody's.`
}

// Run asks once and prints what became of the answer.
func (c *tryCommand) Run(ctx context.Context, to streams) error {
	check := checkCommand{Manifest: c.Manifest, Secrets: c.Secrets, Allow: c.Allow, Demo: c.Demo}
	m, err := check.manifest()
	if err != nil {
		return err
	}
	clock, err := check.settle(ctx, m)
	if err != nil {
		return err
	}
	whom := hub.TrialSubject{Debtor: c.Ask}
	if c.Account != "" {
		whom = hub.TrialSubject{Account: c.Account}
	}
	who, err := connectortest.Subject(m, whom)
	if err != nil {
		return err
	}
	env, closeWay := check.env(m, clock)
	defer closeWay()
	dry := connectortest.Try(ctx, kinds.All(), m, env, who)
	hintAtWall(to.log, dry.Detail)
	if !c.JSON {
		return printDryRun(to.out, dry)
	}
	encoder := json.NewEncoder(to.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(dry)
}

// hintAtWall says how a refused address is let through, if one was met.
func hintAtWall(to io.Writer, texts ...string) {
	if strings.Contains(strings.Join(texts, "\n"), upstream.ErrWall.Error()) {
		fmt.Fprintln(to, "An address is inside a private network or this machine. If that is where the system stands, add --allow with its range, such as --allow 10.20.0.0/16.")
	}
}

// printDryRun prints the wire, then a table for every record.
func printDryRun(to io.Writer, dry hub.DryRun) error {
	for _, e := range dry.Exchanges {
		fmt.Fprintf(to, "sent: %s\ncame back: %s\n\n", e.Sent, e.CameBack)
	}
	for i, r := range dry.Records {
		state := "mapped"
		if r.Mapped == nil {
			state = "refused"
		}
		for _, e := range r.Refused {
			state += fmt.Sprintf(": %s at %s (%s)", e.Code, e.Field, e.Detail)
		}
		fmt.Fprintf(to, "record %d, %s\n", i+1, state)
		if err := printFields(to, r.Fields); err != nil {
			return err
		}
	}
	if dry.Code != "" {
		fmt.Fprintf(to, "the answer failed with %s\n", dry.Detail)
	}
	_, err := fmt.Fprintf(to, "%d records\n", len(dry.Records))
	return err
}

func printFields(to io.Writer, fields []hub.DryField) error {
	w := tabwriter.NewWriter(to, 2, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  FIELD\tFROM\tRAW\tOURS\tPROBLEM")
	for _, f := range fields {
		fmt.Fprint(w, "  ")
		for _, cell := range []string{f.Field, f.From, f.Raw, f.Ours, f.Problem} {
			fmt.Fprintf(w, "%s\t", strings.Map(printable, cell))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// printable keeps what a creditor sends from moving the terminal's cursor.
func printable(c rune) rune {
	if unicode.IsControl(c) {
		return '·'
	}
	return c
}
