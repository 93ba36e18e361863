package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"racord/adapters/keyring"
	"racord/adapters/sqlite"
	"racord/config"
)

// keysCommand changes the keys under which companies' secrets are kept, beside
// hubs that run.
type keysCommand struct {
	List   keysListCommand   `cmd:"" help:"Print the key-encryption keys, and how many secrets each has wrapped."`
	Add    keysAddCommand    `cmd:"" help:"Make a new key. It waits until rewrap, so that its file can come to every replica first."`
	Rewrap keysRewrapCommand `cmd:"" help:"Use the key that waits from now on, and wrap the secrets under it. Running hubs go on, and follow at once."`
}

// keysPlace says whose keys they are.
type keysPlace struct {
	Config string `help:"Configuration file." default:"racord.yaml" type:"path"`
	Demo   string `help:"Data directory of a running demo, in the configuration's place." type:"path"`
}

// keysDesk is what the commands about keys work with.
type keysDesk struct {
	conf   config.Config
	master []byte
	ring   *keyring.Keyring
	ops    string // where a hub that has the database to itself is asked
}

func (p keysPlace) open() (*keysDesk, error) {
	d := &keysDesk{}
	if err := p.read(d); err != nil {
		return nil, err
	}
	var err error
	if d.master, err = readMasterKey(d.conf.Data); err != nil {
		return nil, fmt.Errorf("no hub has run with this data directory: %w", err)
	}
	d.ring, err = keyring.Open(keysIn(d.conf), d.master)
	return d, err
}

func (p keysPlace) read(d *keysDesk) (err error) {
	if p.Demo == "" {
		d.conf, err = config.Load(p.Config)
		d.ops = "http://" + reachable(d.conf.OpsListen)
		return err
	}
	facts, err := readDemoFacts(p.Demo)
	d.conf, d.ops = config.Default(), facts.Ops
	d.conf.Data = p.Demo
	return err
}

// reachable makes of an address that is listened on one that can be called.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

// keysIn is where the key-encryption keys of a hub lie.
func keysIn(conf config.Config) string { return filepath.Join(conf.Data, "kek") }

// counts looks into the store, also while a hub has it.
func (d *keysDesk) counts(ctx context.Context) (_ map[string]int, err error) {
	store, err := (&desk{conf: d.conf}).storeOf(ctx, d.master, true)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return store.WrappedBy(ctx)
}

// absent names keys that wrapped secrets and whose files are not here.
func (d *keysDesk) absent(counts map[string]int) (names []string) {
	for name := range counts {
		if !slices.ContainsFunc(d.ring.List(), func(k keyring.Key) bool { return k.Name == name }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// whole fails while the store needs a key that is not here: a new key could get
// its name, and what it wrapped could not be wrapped anew.
func (d *keysDesk) whole(ctx context.Context) (counts map[string]int, err error) {
	if counts, err = d.counts(ctx); err != nil {
		return nil, err
	}
	if names := d.absent(counts); len(names) > 0 {
		return nil, fmt.Errorf("%s wrapped secrets and is not in %s: bring its file from another replica or a backup first",
			strings.Join(names, ", "), keysIn(d.conf))
	}
	return counts, nil
}

type keysListCommand struct{ keysPlace }

// Run prints a table of the keys.
func (c *keysListCommand) Run(ctx context.Context, to streams) error {
	d, err := c.open()
	if err != nil {
		return err
	}
	counts, err := d.counts(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(to.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tSTATE\tSECRETS")
	for _, k := range d.ring.List() {
		fmt.Fprintf(table, "%s\t%s\t%d\n", k.Name, k.State, counts[k.Name])
	}
	for _, name := range d.absent(counts) {
		fmt.Fprintf(table, "%s\t%s\t%d\n", name, "not here", counts[name])
	}
	return table.Flush()
}

type keysAddCommand struct{ keysPlace }

// Run makes a key that waits.
func (c *keysAddCommand) Run(ctx context.Context, to streams) error {
	d, err := c.open()
	if err != nil {
		return err
	}
	if _, err := d.whole(ctx); err != nil {
		return err
	}
	name, err := d.ring.Add()
	if err != nil {
		return err
	}
	fmt.Fprintf(to.out, "%s waits in %s\nbring the file to the same place on every replica, then: racord keys rewrap, there and here\n", name, d.ring.File(name))
	return nil
}

type keysRewrapCommand struct{ keysPlace }

// Help says what may go away afterwards.
func (*keysRewrapCommand) Help() string {
	return `It may be stopped and begun again, and run on several replicas. Values are not
touched, and no call waits. Keep the file of an older key as long as you keep
backups of the database that were made before.`
}

// Run wraps all secrets under the newest key.
func (c *keysRewrapCommand) Run(ctx context.Context, to streams) error {
	d, err := c.open()
	if err != nil {
		return err
	}
	counts, err := d.whole(ctx)
	if err != nil {
		return err
	}
	name, err := d.ring.Use()
	if err != nil {
		return err
	}
	left := -counts[name]
	for _, n := range counts {
		left += n
	}
	fmt.Fprintf(to.out, "%s wraps from now on; %d secrets are wrapped under older keys\n", name, left)
	done, err := d.rewrap(ctx, func(done int) { fmt.Fprintf(to.out, "%d of %d\n", done, max(left, done)) })
	if err != nil {
		return fmt.Errorf("after %d of %d secrets, and it may be begun again: %w", done, left, err)
	}
	fmt.Fprintf(to.out, "done: %d secrets wrapped under %s\n", done, name)
	return nil
}

// rewrap wraps here, or lets a hub do it that has the database to itself.
func (d *keysDesk) rewrap(ctx context.Context, progress func(int)) (done int, err error) {
	store, err := (&desk{conf: d.conf}).storeOf(ctx, d.master, false)
	if errors.Is(err, sqlite.ErrInUse) {
		return d.askHub(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	sealed, err := vaultOf(d.conf, d.master, store)
	if err != nil {
		return 0, err
	}
	return sealed.Rewrap(ctx, progress)
}

// askHub presses the operators' button of the hub that runs here.
func (d *keysDesk) askHub(ctx context.Context) (done int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.ops+"/keys/rewrap", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("a hub has the database, and does not answer at ops_listen: %w", err)
	}
	defer answer.Body.Close()
	var said struct {
		Rewrapped int    `json:"rewrapped"`
		Detail    string `json:"detail"`
	}
	err = json.NewDecoder(http.MaxBytesReader(nil, answer.Body, 4096)).Decode(&said)
	if err != nil || answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("the hub at %s answered %s %s", d.ops, answer.Status, said.Detail)
	}
	return said.Rewrapped, nil
}
