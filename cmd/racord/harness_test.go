package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"racord/adapters/testserver"
	"racord/cmd/city/town"
)

// program is the racord binary, built once for all tests: they use what
// operators use.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "racord-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "racord")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return testserver.Main(m)
}

// startTown starts a city that answers at once.
func startTown(t *testing.T, conf town.Config) *town.Town {
	t.Helper()
	conf.Seed, conf.DataDir = max(conf.Seed, 1), t.TempDir()
	city, err := town.Start(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = city.Close() })
	return city
}

// site is a configuration on disk and what its replicas logged.
type site struct {
	t    *testing.T
	dir  string
	file string
	city *town.Town
}

// plan is what a test wants to be different. Front stands in front of the
// city's HTTP doors; More is appended to racord.yaml; Edit changes manifests.
type plan struct {
	Front string
	More  string
	Edit  *strings.Replacer
}

// newSite writes what an operator would write for the city.
func newSite(t *testing.T, city *town.Town, p plan) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), city: city}
	s.file = filepath.Join(s.dir, "racord.yaml")
	if p.Front == "" {
		p.Front = city.URL()
	}
	s.copyManifests(p.Edit)
	for name, value := range city.Credentials() {
		creditor, _, _ := strings.Cut(name, "-")
		s.write(filepath.Join("secrets", creditor, name), value)
	}
	s.write("racord.yaml", fmt.Sprintf(`
listen: 127.0.0.1:0
ops_listen: 127.0.0.1:0
data: data
drain: 0s
creditors: creditors
secrets: secrets
issuers:
  - url: %s/oidc
    portals: [demo-portal, demo-portal-service, demo-desk, demo-company-desk]
wall:
  allow: [127.0.0.0/8]
sandbox:
  clock: %s/__ctl/clock
  bases:
    http://127.0.0.1:8090: %s
    127.0.0.1:8022: %s
    https://127.0.0.1:8443: %s
%s`, city.URL(), city.URL(), p.Front, city.SFTPAddr(), city.SecureURL(), p.More))
	return s
}

func (s *site) copyManifests(edit *strings.Replacer) {
	s.t.Helper()
	files, err := filepath.Glob("../../config/creditors/*")
	if err != nil || len(files) == 0 {
		s.t.Fatalf("no manifests (%v)", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		changed := string(text)
		if edit != nil {
			changed = edit.Replace(changed)
		}
		s.write(filepath.Join("creditors", filepath.Base(file)), changed)
	}
}

// besideDemo gives the files that stand beside the demo's manifests.
func besideDemo(name string) ([]byte, error) { return os.ReadFile("../../config/creditors/" + name) }

func (s *site) write(name, text string) string {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// replica is a running racord serve.
type replica struct {
	t        *testing.T
	url, ops string
	cmd      *exec.Cmd
	log      *record
	ended    chan struct{}
}

// record gathers what a program prints.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// start runs a replica and waits until it says that it is ready.
func (s *site) start() *replica {
	s.t.Helper()
	r := &replica{t: s.t, log: &record{}, ended: make(chan struct{})}
	r.cmd = exec.Command(program, "serve", "--config", s.file)
	r.cmd.Stderr = r.log
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for (r.url == "" || r.ops == "") && lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "API "); ok {
			r.url = strings.TrimSpace(url)
		} else if _, url, ok := strings.Cut(lines.Text(), "operations "); ok {
			r.ops = strings.TrimSpace(url)
		}
	}
	go func() { _ = r.cmd.Wait(); close(r.ended) }()
	s.t.Cleanup(func() { r.kill() })
	if r.ops == "" {
		r.kill()
		s.t.Fatalf("racord serve did not become ready:\n%s", r.log)
	}
	return r
}

// kill ends a replica without a word.
func (r *replica) kill() {
	_ = r.cmd.Process.Kill()
	<-r.ended
}

// stop asks a replica to end and waits for it.
func (r *replica) stop() error {
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(40 * time.Second):
		r.t.Error("racord serve did not end within 40 s of SIGTERM")
		r.kill()
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("exit status %d:\n%s", code, r.log)
	}
	return nil
}

// answer is the view as a portal reads it.
type answer struct {
	ViewID         string      `json:"view_id"`
	Complete       bool        `json:"complete"`
	TotalConfirmed amount      `json:"total_confirmed"`
	TotalLastKnown amount      `json:"total_last_known"`
	NotCounted     []uncounted `json:"not_counted"`
	Pages          []sheet     `json:"pages"`
}

type amount struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type uncounted struct {
	Creditor string `json:"creditor"`
	Reason   string `json:"reason"`
}

type sheet struct {
	Creditor    string `json:"creditor"`
	State       string `json:"state"`
	Reason      string `json:"reason"`
	Payable     bool   `json:"payable"`
	Obligations []struct {
		ExternalID  string `json:"external_id"`
		Status      string `json:"status"`
		Total       amount `json:"total"`
		Paid        amount `json:"paid"`
		Outstanding amount `json:"outstanding"`
		Account     string `json:"account"`
	} `json:"obligations"`
}

// portal asks one replica with one citizen's token.
type portal struct {
	url, token string
}

var browser = &http.Client{
	Timeout:   2 * time.Minute,
	Transport: &http.Transport{MaxIdleConns: 2048, MaxIdleConnsPerHost: 2048},
}

func (p portal) do(ctx context.Context, method, path string, body any) (status int, header http.Header, data []byte, err error) {
	var sent io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return 0, nil, nil, err
		}
		sent = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, sent)
	if err != nil {
		return 0, nil, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	got, err := browser.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer got.Body.Close()
	data, err = io.ReadAll(got.Body)
	return got.StatusCode, got.Header, data, err
}

func (p portal) view(ctx context.Context, query string) (answer, error) {
	status, _, data, err := p.do(ctx, http.MethodGet, "/v1/view"+query, nil)
	if err != nil {
		return answer{}, err
	}
	if status != http.StatusOK {
		return answer{}, fmt.Errorf("status %d: %s", status, data)
	}
	var a answer
	return a, json.Unmarshal(data, &a)
}

// linkAll links every account of a person that has something to prove it with.
func (p portal) linkAll(ctx context.Context, person town.Person) error {
	for creditor, accounts := range person.Accounts {
		for _, account := range accounts {
			if account.Proof.Invoice == "" || account.Proof.AmountBani == 0 {
				continue
			}
			if err := p.link(ctx, creditor, account); err != nil {
				return fmt.Errorf("%s %s %s: %w", person.ID, creditor, account.Code, err)
			}
		}
	}
	return nil
}

// link links one account; a creditor that is busy is asked again, as a portal
// would.
func (p portal) link(ctx context.Context, creditor string, account town.Account) error {
	for try := 0; ; try++ {
		status, _, data, err := p.do(ctx, http.MethodPost, "/v1/links", map[string]any{
			"creditor": creditor, "account": account.Code,
			"proof": map[string]any{"invoice": account.Proof.Invoice, "amount": amount{account.Proof.AmountBani, "RON"}},
		})
		switch {
		case err != nil:
			return err
		case status == http.StatusCreated:
			return nil
		case status != http.StatusServiceUnavailable || try == 50:
			return fmt.Errorf("status %d: %s", status, data)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// raised are limits that let one test client ask as much as it wants.
const raised = `
limits:
  citizen_per_minute: 10000000
  calls_per_minute: 10000000
  portal_per_minute: 100000000
  in_flight: 20000
`
