package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"racord/adapters/guard"
	"racord/adapters/upstream"
	"racord/config"
	"racord/connectors"
	"racord/connectors/connectortest"
	"racord/connectors/kinds"
	"racord/hub"
)

type checkCommand struct {
	Manifest string         `arg:"" help:"The creditor's manifest (YAML). Its test: says whom the suite may ask about, and whether it may post test payments." type:"existingfile"`
	Secrets  string         `help:"Directory of secrets: <creditor>/<name>, one file each." default:"secrets" type:"path"`
	Allow    []netip.Prefix `help:"Ranges of addresses inside your own network that may be dialled, such as 10.20.0.0/16. All others must be public."`
	Demo     string         `help:"Data directory of a running demo: its addresses, secrets and clock are used." type:"path"`
	JSON     bool           `help:"Print the report as JSON instead of a table."`
	Timeout  time.Duration  `help:"How long the whole suite may take." default:"5m"`

	reportFiles `embed:""`
}

// Help says how long it takes.
func (*checkCommand) Help() string {
	return `The suite asks the endpoint some dozens of times, never faster than the manifest
declares, and waits for the declared timeout where silence is tried. That takes
seconds with a fast system, and a few minutes with one that allows few calls a
second or whose timeout is long. A line on standard error tells of every clause
as it ends; what --timeout cuts off counts as failed.`
}

// progress writes a line for every clause as it ends, with the time it took.
func progress(to io.Writer) func(connectortest.Result) {
	began := time.Now()
	return func(r connectortest.Result) {
		fmt.Fprintf(to, "%5.1fs  %s: %s\n", time.Since(began).Seconds(), r.Clause, r.Verdict)
		began = time.Now()
	}
}

// errNotPassed makes the command end with status 1 after the table was printed.
var errNotPassed = errors.New("the connector does not pass: the table says what to change")

// Run parses the manifest and runs the suite against the endpoint it names, at
// the rate it declares.
func (c *checkCommand) Run(ctx context.Context, to streams) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	m, err := c.manifest()
	if err != nil {
		return err
	}
	clock, err := c.settle(ctx, m)
	if err != nil {
		return err
	}
	fmt.Fprintf(to.log, "asking %s (%s), at most %d calls at once and %g a second\n", m.Creditor.Name, m.Kind, m.Traits.MaxInflight, m.Traits.RPS)
	env, closeWay := c.env(m, clock)
	defer closeWay()
	suite := connectortest.For(kinds.All(), m, env)
	suite.Told = progress(to.log)
	report := connectortest.Run(ctx, suite)
	if err := c.write(report, to); err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(to.out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.Table(to.out)
	}
	hintAtWall(to.log, reasons(report)...)
	if err == nil && !report.Passed() {
		err = errNotPassed
	}
	return err
}

func reasons(report connectortest.Report) (all []string) {
	for _, result := range report.Results {
		all = append(all, result.Why)
	}
	return all
}

func (c *checkCommand) manifest() (*connectors.Manifest, error) {
	data, err := os.ReadFile(c.Manifest)
	if err != nil {
		return nil, err
	}
	beside := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(c.Manifest), name)) }
	return kinds.All().Parse(c.Manifest, data, beside)
}

// settle points the manifest at a running demo, if one was named, and gives
// business time.
func (c *checkCommand) settle(ctx context.Context, m *connectors.Manifest) (hub.Clock, error) {
	if c.Demo == "" {
		return hub.ClockFunc(time.Now), nil
	}
	facts, err := readDemoFacts(c.Demo)
	if err != nil {
		return nil, err
	}
	for old, now := range facts.Bases {
		m.Rebase(old, now)
	}
	c.Secrets = filepath.Join(c.Demo, "secrets")
	if c.Sign == "" {
		c.Sign = c.Demo
	}
	c.Allow = append(c.Allow, netip.MustParsePrefix("127.0.0.0/8"))
	return followClock(ctx, facts.City+"/__ctl/clock")
}

// env is the world the connector is given, with the limits it declares.
func (c *checkCommand) env(m *connectors.Manifest, clock hub.Clock) (connectors.Env, func()) {
	allowance := guard.Fixed(m.Creditor.Name, guard.LimitsOf(m.Traits))
	way := upstream.New(upstream.Conf{MaxInflight: m.Traits.MaxInflight, Turn: allowance.Turn, Allow: c.Allow, Deny: denied(config.Wall{})})
	env := through(way, allowance)
	env.Secret, env.Clock, env.LocalFiles = secretsOf(c.Secrets, m.Creditor.Name), clock, true
	return env, way.Close
}
