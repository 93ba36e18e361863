package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"racord/connectors/connectortest"
	"racord/hub"
)

//go:embed connector_init.yaml
var firstManifest string

type connectorInit struct {
	Creditor string `arg:"" help:"Short name of the creditor: a lower-case letter, then letters, digits, '-' or '_'."`
}

// Run prints a manifest with everything that has to be said.
func (i *connectorInit) Run(to streams) error {
	if !hub.Name(i.Creditor).Valid() {
		return fmt.Errorf("%q is not a short name: a lower-case letter, then 1 to 31 letters, digits, '-' or '_'", i.Creditor)
	}
	_, err := io.WriteString(to.out, strings.ReplaceAll(firstManifest, "CREDITOR", i.Creditor))
	return err
}

type connectorContacts struct {
	Creditor string   `arg:"" help:"The creditor's short name."`
	Address  []string `arg:"" help:"Mail addresses, five at most."`
}

// Run sets the contacts.
func (s *connectorContacts) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string][]string{"contacts": s.Address})
	if err != nil {
		return err
	}
	if err := a.call(ctx, http.MethodPut, connectorPath(s.Creditor, "contacts"), "application/json", body, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(to.out, "noted for dangerous changes: %s\n", strings.Join(s.Address, ", "))
	return err
}

// connectorSecret is what is done with secrets.
type connectorSecret struct {
	Set  secretSet  `cmd:"" help:"Set a secret to what stands on standard input. It is never an argument: those are seen by everybody on the machine."`
	List secretList `cmd:"" help:"List names, fingerprints and dates. Values are never given back."`
	Drop secretDrop `cmd:"" help:"Remove a secret, or only the value before the newest."`
}

type secretSet struct {
	Creditor string `arg:"" help:"The creditor's short name."`
	Name     string `arg:"" help:"Name of the secret: the creditor's name, a hyphen, and more."`
}

// longestSecret in bytes is read of standard input.
const longestSecret = 16 << 10

// Run sends what stands on standard input.
func (s *secretSet) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	value, err := io.ReadAll(io.LimitReader(os.Stdin, longestSecret+1))
	if err != nil {
		return err
	}
	if len(value) == 0 || len(value) > longestSecret {
		return errors.New("standard input must hold the secret, 16 KiB at most")
	}
	var card secretCard
	if err := a.call(ctx, http.MethodPut, connectorPath(s.Creditor, "secrets", s.Name), "text/plain", value, &card); err != nil {
		return err
	}
	_, err = fmt.Fprintf(to.out, "%s is set, fingerprint %s\n", card.Name, card.Fingerprint)
	return err
}

type secretCard struct {
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	SetAt       string `json:"set_at"`
	By          string `json:"by"`
	Previous    *secretCard
}

type secretList struct {
	Creditor string `arg:"" help:"The creditor's short name."`
}

// Run lists secrets.
func (s *secretList) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	var list struct{ Secrets []secretCard }
	if err := a.get(ctx, connectorPath(s.Creditor, "secrets"), &list); err != nil {
		return err
	}
	w := tabwriter.NewWriter(to.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSLOT\tFINGERPRINT\tSET\tBY")
	for _, card := range list.Secrets {
		fmt.Fprintf(w, "%s\tnewest\t%s\t%s\t%s\n", card.Name, card.Fingerprint, card.SetAt, card.By)
		if p := card.Previous; p != nil {
			fmt.Fprintf(w, "%s\tprevious\t%s\t%s\t%s\n", p.Name, p.Fingerprint, p.SetAt, p.By)
		}
	}
	return w.Flush()
}

type secretDrop struct {
	Creditor string `arg:"" help:"The creditor's short name."`
	Name     string `arg:"" help:"Name of the secret."`
	Previous bool   `help:"Only the value before the newest."`
}

// Run removes a secret.
func (s *secretDrop) Run(ctx context.Context, c *connectorCommand) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	path := connectorPath(s.Creditor, "secrets", s.Name)
	if s.Previous {
		path += "?slot=previous"
	}
	return a.call(ctx, http.MethodDelete, path, "", nil, nil)
}

type connectorTry struct {
	ofVersion
	Debtor  string `help:"One of the manifest's test debtors: known, other, unknown or settled. Without it and --account, known." xor:"whom" enum:"known,other,unknown,settled," default:""`
	Account string `help:"An account to ask about instead, by your own code." xor:"whom"`
}

// Run prints each record as it came, as it is read, and why it is refused.
func (t *connectorTry) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	path, err := t.path(ctx, a, "try")
	if err != nil {
		return err
	}
	body := map[string]string{"debtor": cmp.Or(t.Debtor, "known")}
	if t.Account != "" {
		body = map[string]string{"account": t.Account}
	}
	var run hub.DryRun
	if err := a.send(ctx, path, body, &run); err != nil {
		return err
	}
	return showDryRun(to.out, &run)
}

func showDryRun(to io.Writer, run *hub.DryRun) error {
	for _, e := range run.Exchanges {
		fmt.Fprintf(to, "sent       %s\ncame back  %s\n", e.Sent, e.CameBack)
	}
	for i, r := range run.Records {
		fmt.Fprintf(to, "\nrecord %d\n  raw      %s\n", i+1, r.Raw)
		if r.Mapped != nil {
			read, err := json.Marshal(r.Mapped)
			if err != nil {
				return err
			}
			fmt.Fprintf(to, "  read     %s\n", read)
		}
		for _, q := range r.Refused {
			fmt.Fprintf(to, "  refused  %s: %s: %s\n", q.Field, q.Code, q.Detail)
		}
	}
	if run.Code != "" {
		fmt.Fprintf(to, "\nthe answer as a whole: %s: %s\n", run.Code, run.Detail)
	}
	return nil
}

type connectorShow struct{ ofVersion }

// Run shows a version, and what the company was told because of it.
func (s *connectorShow) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	path, err := s.path(ctx, a)
	if err != nil {
		return err
	}
	var v shownVersion
	if err := a.get(ctx, path, &v); err != nil {
		return err
	}
	var record struct{ Notices []shownNotice }
	if err := a.get(ctx, connectorPath(s.Creditor), &record); err != nil {
		return err
	}
	return errors.Join(v.show(to.out), showNotices(to.out, record.Notices, s.Version))
}

// shownNotice is what the commands show of a notice to a contact.
type shownNotice struct {
	At                    time.Time
	Contact, Kind, Detail string
	Version               int
	Deliveries            []struct {
		Channel, State string
		Tries          int
		LastError      string `json:"last_error"`
	}
}

// showNotices prints the notices that a version or no version gave cause for, and
// how far each has come.
func showNotices(to io.Writer, all []shownNotice, version int) error {
	all = slices.DeleteFunc(all, func(n shownNotice) bool { return n.Version != version && n.Version != 0 })
	if len(all) == 0 {
		return nil
	}
	fmt.Fprintln(to, "told to the contacts on record:")
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, n := range all {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t", n.At.Format("2006-01-02 15:04"), n.Contact, n.Kind, n.Detail)
		for i, d := range n.Deliveries {
			if i > 0 {
				fmt.Fprint(w, ", ")
			}
			fmt.Fprintf(w, "%s %s", d.Channel, strings.ReplaceAll(d.State, "_", " "))
			if d.LastError != "" {
				fmt.Fprintf(w, " after %d tries (%s)", d.Tries, d.LastError)
			}
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

type connectorReport struct {
	ofVersion
	JSON bool `help:"Print the report as it was signed, for machines and for the record."`
}

// Run prints what passed and what to change, or the document.
func (r *connectorReport) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	path, err := r.path(ctx, a, "report")
	if err != nil {
		return err
	}
	var document []byte
	if err := a.get(ctx, path, &document); err != nil {
		return err
	}
	if r.JSON {
		_, err = fmt.Fprintf(to.out, "%s\n", document)
		return err
	}
	var kept struct {
		Report       *connectortest.Report
		Code, Detail string // of a suite that could not be run
	}
	if err := json.Unmarshal(document, &kept); err != nil {
		return err
	}
	if kept.Report == nil {
		return fmt.Errorf("the suite could not be run: %s (%s): racord connector prove runs it again", kept.Detail, kept.Code)
	}
	return kept.Report.Table(to.out)
}

// step takes a version somewhere and shows it.
func (o *ofVersion) step(ctx context.Context, c *connectorCommand, to streams, verb string, body any) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	path, err := o.path(ctx, a, verb)
	if err != nil {
		return err
	}
	var v shownVersion
	if body == nil {
		err = a.call(ctx, http.MethodPost, path, "", nil, &v)
	} else {
		err = a.send(ctx, path, body, &v)
	}
	if err != nil {
		return err
	}
	return v.show(to.out)
}

type connectorSubmit struct{ ofVersion }

// Run submits the draft.
func (s *connectorSubmit) Run(ctx context.Context, c *connectorCommand, to streams) error {
	return s.step(ctx, c, to, "submit", nil)
}

type connectorProve struct{ ofVersion }

// Run runs the suite again.
func (p *connectorProve) Run(ctx context.Context, c *connectorCommand, to streams) error {
	return p.step(ctx, c, to, "prove", nil)
}

type connectorResume struct{ ofVersion }

// Run resumes a version.
func (s *connectorResume) Run(ctx context.Context, c *connectorCommand, to streams) error {
	return s.step(ctx, c, to, "resume", nil)
}

type connectorRollback struct {
	Creditor string `arg:"" help:"The creditor's short name."`
	Version  int    `help:"Number of the version whose text it is." required:""`
}

// Run begins a draft with an old text.
func (s *connectorRollback) Run(ctx context.Context, c *connectorCommand, to streams) error {
	of := ofVersion{Creditor: s.Creditor, Version: s.Version}
	return of.step(ctx, c, to, "rollback", nil)
}

type connectorApprove struct {
	ofVersion
	Note string `help:"What was looked at."`
}

// Run approves a version.
func (s *connectorApprove) Run(ctx context.Context, c *connectorCommand, to streams) error {
	return s.step(ctx, c, to, "approve", map[string]string{"note": s.Note})
}

type connectorAccounts struct {
	ofVersion
	How string `help:"How they were proved: bank_letter, treasury_list, call_back or test_transfer." enum:"bank_letter,treasury_list,call_back,test_transfer" required:""`
}

// Run proves the accounts of a version.
func (s *connectorAccounts) Run(ctx context.Context, c *connectorCommand, to streams) error {
	return s.step(ctx, c, to, "accounts", map[string]string{"how": s.How})
}

type connectorPromote struct {
	ofVersion
	To    string `help:"The next stage: shadow, canary or live." enum:"shadow,canary,live" required:""`
	Share int    `help:"How many per cent of the citizens are shown it, for canary." placeholder:"1-99"`
}

// Run promotes a version.
func (s *connectorPromote) Run(ctx context.Context, c *connectorCommand, to streams) error {
	body := map[string]any{"to": s.To}
	if s.Share != 0 {
		body["share"] = s.Share
	}
	return s.step(ctx, c, to, "promote", body)
}

// connectorStep is a step that is taken for a reason: suspend, retire, lift.
type connectorStep struct {
	ofVersion
	Why string `help:"Why. It stands in the history." required:""`
}

// Run takes the step the command is called by.
func (s *connectorStep) Run(ctx context.Context, c *connectorCommand, to streams, called *kong.Context) error {
	words := strings.Fields(called.Command())
	return s.step(ctx, c, to, words[1], map[string]string{"why": s.Why})
}

type connectorHistory struct {
	Creditor string `arg:"" help:"The creditor's short name."`
}

// Run prints every step of every version.
func (h *connectorHistory) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	var record struct{ Versions []shownVersion }
	if err := a.get(ctx, connectorPath(h.Creditor), &record); err != nil {
		return err
	}
	w := tabwriter.NewWriter(to.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VERSION\tWHEN\tWHO\tFROM\tTO\tWHY")
	for _, v := range record.Versions {
		for i := len(v.History) - 1; i >= 0; i-- {
			m := v.History[i]
			who, stage := m.By, m.To
			if who == "" {
				who = "(the hub)"
			}
			if m.Share > 0 {
				stage = fmt.Sprintf("%s %d%%", m.To, m.Share)
			}
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", v.Version, m.At.In(hub.Bucharest).Format("2006-01-02 15:04:05"), who, m.From, stage, m.Why)
		}
	}
	return w.Flush()
}

type connectorDiff struct {
	Creditor string `arg:"" help:"The creditor's short name."`
	From     int    `arg:"" help:"Number of the earlier version."`
	To       int    `arg:"" help:"Number of the later version."`
}

// Run prints what differs.
func (d *connectorDiff) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	query := url.Values{"from": {fmt.Sprint(d.From)}, "to": {fmt.Sprint(d.To)}}
	var text []byte
	if err := a.get(ctx, connectorPath(d.Creditor, "diff")+"?"+query.Encode(), &text); err != nil {
		return err
	}
	_, err = to.out.Write(text)
	return err
}
