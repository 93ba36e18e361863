package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/goccy/go-yaml"

	"racord/hub"
)

// connectorCommand works on one creditor's connector over the hub's API.
type connectorCommand struct {
	Hub   string `help:"Root of the hub's API." default:"http://127.0.0.1:8080" env:"RACORD_HUB"`
	Token string `help:"File that holds the bearer token. Without it, the token comes from the environment variable RACORD_TOKEN." type:"path" placeholder:"FILE"`

	Init     connectorInit     `cmd:"" help:"Print a manifest to begin with."`
	List     connectorList     `cmd:"" help:"List the connectors you may see."`
	Validate connectorValidate `cmd:"" help:"Check a manifest; print what is wrong, with file, line and field."`
	Draft    connectorDraft    `cmd:"" help:"Put a manifest, and the files it names, as the creditor's draft."`
	Contacts connectorContacts `cmd:"" help:"Say who is told of dangerous changes."`
	Secret   connectorSecret   `cmd:"" help:"Set, list and remove secrets."`
	Try      connectorTry      `cmd:"" help:"Ask about one subject and show what becomes of the answer."`
	Submit   connectorSubmit   `cmd:"" help:"Submit the draft: its text is fixed and the conformance suite runs."`
	Prove    connectorProve    `cmd:"" help:"Run the conformance suite again, for a version that is being proved."`
	Report   connectorReport   `cmd:"" help:"Print the report of the conformance suite."`
	Show     connectorShow     `cmd:"" help:"Show a version and what stands before its next stage."`
	Approve  connectorApprove  `cmd:"" help:"Approve a version (approvers)."`
	Accounts connectorAccounts `cmd:"" help:"Say that a version's accounts are its creditor's (approvers, two of them)."`
	Promote  connectorPromote  `cmd:"" help:"Take a version to shadow, canary or live."`
	Suspend  connectorStep     `cmd:"" help:"Put a version aside."`
	Resume   connectorResume   `cmd:"" help:"Take a suspended version back into service."`
	Retire   connectorStep     `cmd:"" help:"End a version for good."`
	Lift     connectorStep     `cmd:"" help:"End the quarantine of a version that was in shadow or canary (approvers). One that is live is let out by the operator: DELETE /quarantine/CREDITOR on the operations listener."`
	History  connectorHistory  `cmd:"" help:"Every step of every version: when, who, from where to where, why."`
	Diff     connectorDiff     `cmd:"" help:"What differs between two versions."`
	Rollback connectorRollback `cmd:"" help:"Begin a draft with the text of an old version, which --version names."`
}

// Help says in which order it goes.
func (*connectorCommand) Help() string {
	return `From nothing to live, for a creditor called water:

  export RACORD_HUB=https://racord.example.ro RACORD_TOKEN=…
  racord connector init water > water.yaml        # then say where your system is
  racord connector validate water.yaml
  racord connector draft water.yaml
  racord connector contacts water it@water.example
  racord connector secret set water water-key < key.txt
  racord connector try water --debtor known
  racord connector submit water
  racord connector report water
  racord connector show water                     # what stands before the next stage: approvals, time, calls
  racord connector promote water --to shadow      # when an approver has approved
  racord connector promote water --to canary --share 10
  racord connector promote water --to live

Payments come on when the version is live and two approvers have said that the
accounts are the creditor's (connector accounts). A version is named by --version; without it, the newest is meant. Exit status 1
says that the hub refused, and standard error why.`
}

// api is the way to the hub's API.
type api struct {
	root, bearer string
	client       *http.Client
}

// refusal is a problem document (RFC 9457).
type refusal struct {
	Status int         `json:"status"`
	Code   string      `json:"code"`
	Detail string      `json:"detail"`
	Errors []hub.Field `json:"errors"`
}

// Error gives the sentence and then one line for each thing that is wrong.
func (r *refusal) Error() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s (%s)", r.Detail, r.Code)
	for _, f := range r.Errors {
		fmt.Fprintf(&out, "\n%s", placeOf(f))
	}
	return out.String()
}

// placeOf writes a problem as compilers do, so that editors find its place.
func placeOf(f hub.Field) string {
	var parts []string
	if f.File != "" {
		parts = append(parts, fmt.Sprintf("%s:%d", f.File, f.Line))
	}
	if f.Pointer != "" {
		parts = append(parts, f.Pointer)
	}
	return strings.Join(append(parts, f.Detail), ": ")
}

// longestAnswer in bytes is read of the hub.
const longestAnswer = 8 << 20

// open reads the token and gives the way to the API. The token is never an
// argument: those are seen by everybody on the machine.
func (c *connectorCommand) open() (*api, error) {
	token := os.Getenv("RACORD_TOKEN")
	if c.Token != "" {
		text, err := os.ReadFile(c.Token)
		if err != nil {
			return nil, err
		}
		token = string(text)
	}
	if token = strings.TrimSpace(token); token == "" {
		return nil, errors.New("no token: name its file with --token, or set RACORD_TOKEN")
	}
	root, err := url.Parse(c.Hub)
	if err != nil || root.Host == "" {
		return nil, fmt.Errorf("--hub %q is not an address of the form https://host", c.Hub)
	}
	const patience = hub.TryFor + time.Minute // nothing takes longer than a dry run
	client := &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token goes nowhere else
	}
	return &api{strings.TrimRight(c.Hub, "/"), token, client}, nil
}

// call asks the hub and reads its answer into a value; a *[]byte takes it as it
// is. A refusal is an error.
func (a *api) call(ctx context.Context, method, path, kind string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, a.root+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+a.bearer)
	if body != nil {
		request.Header.Set("Content-Type", kind)
	}
	answer, err := a.client.Do(request)
	if err != nil {
		return fmt.Errorf("the hub at %s does not answer (--hub or RACORD_HUB says where it is): %w", a.root, errors.Unwrap(err))
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		said := &refusal{Status: answer.StatusCode}
		if json.Unmarshal(data, said) != nil || said.Code == "" {
			return fmt.Errorf("%s %s: the hub answered %s", method, path, answer.Status)
		}
		return said
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *[]byte:
		*into = data
		return nil
	default:
		return json.Unmarshal(data, into)
	}
}

func (a *api) send(ctx context.Context, path string, body, into any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return a.call(ctx, http.MethodPost, path, "application/json", encoded, into)
}

func (a *api) get(ctx context.Context, path string, into any) error {
	return a.call(ctx, http.MethodGet, path, "", nil, into)
}

func connectorPath(creditor string, parts ...string) string {
	path := "/v1/connectors/" + url.PathEscape(creditor)
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// shownVersion is what the commands show of a version.
type shownVersion struct {
	Version  int         `json:"version"`
	Stage    string      `json:"stage"`
	Share    int         `json:"share"`
	Pays     bool        `json:"pays"`
	Class    string      `json:"class"`
	Next     string      `json:"next"`
	Problems []hub.Field `json:"problems"`
	Gates    []struct {
		Gate, Detail string
		Met          bool
	} `json:"gates"`
	Report *struct {
		At     time.Time `json:"at"`
		Passed bool      `json:"passed"`
	} `json:"report"`
	History []struct {
		At                    time.Time
		By, As, From, To, Why string
		Share                 int
	} `json:"history"`
}

// ofVersion names a version; the newest when no is 0.
type ofVersion struct {
	Creditor string `arg:"" help:"The creditor's short name."`
	Version  int    `help:"Number of the version. Default: the newest."`
}

// path gives the address of a version and of what is done with it.
func (o *ofVersion) path(ctx context.Context, a *api, then ...string) (string, error) {
	if o.Version == 0 {
		var record struct{ Versions []shownVersion }
		if err := a.get(ctx, connectorPath(o.Creditor), &record); err != nil {
			return "", err
		}
		if len(record.Versions) == 0 {
			return "", fmt.Errorf("%s has no version yet", o.Creditor)
		}
		o.Version = record.Versions[0].Version
	}
	return connectorPath(o.Creditor, append([]string{"versions", fmt.Sprint(o.Version)}, then...)...), nil
}

// show prints a version and what stands before its next stage.
func (v *shownVersion) show(to io.Writer) error {
	fmt.Fprintf(to, "version %d: %s", v.Version, v.Stage)
	if v.Share > 0 {
		fmt.Fprintf(to, " (%d%% of the citizens)", v.Share)
	}
	if v.Pays {
		fmt.Fprint(to, ", takes payments")
	}
	if v.Class != "" {
		fmt.Fprintf(to, ", class %s measured", v.Class)
	}
	fmt.Fprintln(to)
	for _, p := range v.Problems {
		fmt.Fprintln(to, placeOf(p))
	}
	if len(v.Gates) == 0 {
		return nil
	}
	fmt.Fprintf(to, "before %s:\n", v.Next)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, g := range v.Gates {
		met := "missing"
		if g.Met {
			met = "met"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", g.Gate, met, g.Detail)
	}
	return w.Flush()
}

type connectorList struct{}

// Run lists connectors.
func (*connectorList) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	var list struct {
		Connectors []struct {
			Creditor, Name, Kind          string
			Versions, Draft, Coming, Live int
			Pays                          bool
		}
	}
	if err := a.get(ctx, "/v1/connectors", &list); err != nil {
		return err
	}
	w := tabwriter.NewWriter(to.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CREDITOR\tKIND\tLIVE\tCOMING\tDRAFT\tPAYS\tNAME")
	for _, o := range list.Connectors {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%v\t%s\n", o.Creditor, o.Kind, orDash(o.Live), orDash(o.Coming), orDash(o.Draft), o.Pays, o.Name)
	}
	return w.Flush()
}

func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// manifestFile is a manifest on this machine.
type manifestFile struct {
	Manifest string `arg:"" help:"The manifest (YAML)." type:"existingfile"`
	Creditor string `help:"The creditor's short name. Default: what the manifest says."`
}

// read gives the text and the creditor it is for.
func (m *manifestFile) read() (text []byte, creditor string, err error) {
	if text, err = os.ReadFile(m.Manifest); err != nil || m.Creditor != "" {
		return text, m.Creditor, err
	}
	if creditor = creditorOf(text); creditor == "" {
		return nil, "", fmt.Errorf("%s does not say creditor: whose it is; say --creditor", m.Manifest)
	}
	return text, creditor, nil
}

// creditorOf reads whose a manifest is, whatever else is wrong with it: the hub says
// that.
func creditorOf(text []byte) string {
	for line := range bytes.Lines(text) {
		var said struct{ Creditor string }
		if bytes.HasPrefix(line, []byte("creditor:")) && yaml.Unmarshal(line, &said) == nil {
			return said.Creditor
		}
	}
	return ""
}

// here names the manifest as it is called on this machine: the hub knows it by
// its creditor.
func (m *manifestFile) here(creditor string, found []hub.Field) []hub.Field {
	for i := range found {
		if found[i].File == creditor+".yaml" {
			found[i].File = m.Manifest
		}
	}
	return found
}

// named lists the CSV files that stand beside the manifest and are named in it.
func (m *manifestFile) named(text []byte) (files []string) {
	all, _ := filepath.Glob(filepath.Join(filepath.Dir(m.Manifest), "*.csv")) // the pattern is good
	for _, file := range all {
		if bytes.Contains(text, []byte(filepath.Base(file))) {
			files = append(files, file)
		}
	}
	return files
}

// body is the manifest, in a form when it names files.
func (m *manifestFile) body(text []byte) (kind string, body []byte, err error) {
	files := m.named(text)
	if len(files) == 0 {
		return "application/yaml", text, nil
	}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	err = parts.WriteField("manifest", string(text))
	for _, file := range files {
		data, readErr := os.ReadFile(file)
		part, partErr := parts.CreateFormFile("files", filepath.Base(file))
		if err = errors.Join(err, readErr, partErr); err != nil {
			return "", nil, err
		}
		_, err = part.Write(data)
	}
	err = errors.Join(err, parts.Close())
	return parts.FormDataContentType(), form.Bytes(), err
}

type connectorValidate struct{ manifestFile }

// Run prints what is wrong with a manifest.
func (v *connectorValidate) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	text, creditor, err := v.read()
	if err != nil {
		return err
	}
	kind, body, err := v.body(text)
	if err != nil {
		return err
	}
	var found struct{ Problems []hub.Field }
	if err := a.call(ctx, http.MethodPost, connectorPath(creditor, "validate"), kind, body, &found); err != nil {
		return err
	}
	return problems(to.out, v.here(creditor, found.Problems))
}

// counted says 1 problem, 2 problems.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// problems prints what is wrong, and ends the command with it.
func problems(to io.Writer, found []hub.Field) error {
	for _, p := range found {
		fmt.Fprintln(to, placeOf(p))
	}
	if len(found) > 0 {
		return fmt.Errorf("%s", counted(len(found), "problem"))
	}
	fmt.Fprintln(to, "nothing is wrong")
	return nil
}

type connectorDraft struct{ manifestFile }

// Run puts the draft, then the files it names.
func (d *connectorDraft) Run(ctx context.Context, c *connectorCommand, to streams) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	text, creditor, err := d.read()
	if err != nil {
		return err
	}
	var v shownVersion
	if err := a.call(ctx, http.MethodPut, connectorPath(creditor, "draft"), "application/yaml", text, &v); err != nil {
		return err
	}
	for _, file := range d.named(text) {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		v = shownVersion{}
		if err := a.call(ctx, http.MethodPut, connectorPath(creditor, "draft", "files", filepath.Base(file)), "text/csv", data, &v); err != nil {
			return err
		}
	}
	fmt.Fprintf(to.out, "version %d is the draft of %s\n", v.Version, creditor)
	return problems(to.out, d.here(creditor, v.Problems))
}
