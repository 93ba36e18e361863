package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"racord/adapters/postgres"
	"racord/adapters/pspwire"
	"racord/config"
	"racord/connectors"
	"racord/connectors/kinds"
	"racord/hub"
)

type lintCommand struct {
	Config string `help:"Configuration file." default:"racord.yaml" type:"path"`
	Strict bool   `help:"Fail also on what is only to be looked at."`
}

// Help says what is looked at.
func (*lintCommand) Help() string {
	return `Reads the configuration, every manifest it points at, and every file and secret
that these name, holds the names in one against those in the other, and prints all
that is wrong. Nothing is started, dialled or written. Exit status 1 says that a hub
would not start, or that something would not work in it. "To be looked at" is what
is right only when a company registers its connector itself, or nobody is to pay.`
}

// Run prints what is wrong, or that nothing is.
func (c *lintCommand) Run(ctx context.Context, to streams) error {
	conf, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	manifests, err := readManifests(os.DirFS(conf.Creditors), conf.Sandbox.Bases)
	if err != nil {
		return fmt.Errorf("in %s:\n%w", conf.Creditors, err)
	}
	wrong, doubtful := conf.Compare(c.Config, accountsOf(manifests))
	needed := append(configFiles(conf), creditorFiles(conf, manifests)...)
	for _, file := range needed {
		wrong = errors.Join(wrong, file.look())
	}
	if wrong == nil {
		wrong = opens(ctx, conf, manifests)
	}
	if doubtful != nil {
		fmt.Fprintf(to.out, "to be looked at:\n%v\n", doubtful)
	}
	if wrong != nil || doubtful != nil && c.Strict {
		return cmp.Or(wrong, errDoubtful)
	}
	_, err = fmt.Fprintf(to.out, "nothing is wrong: %s and %s\n", counted(len(manifests), "manifest"), counted(len(needed), "file"))
	return err
}

var errDoubtful = errors.New("what is to be looked at counts as wrong (--strict)")

// accountsOf gives the creditors of the manifests, with the accounts that citizens
// may pay into.
func accountsOf(manifests []*connectors.Manifest) map[string][]string {
	all := map[string][]string{}
	for _, m := range manifests {
		var accounts []string
		for _, a := range m.Creditor.Accounts {
			accounts = append(accounts, a.ID)
		}
		all[string(m.Creditor.Name)] = accounts
	}
	return all
}

// opens tells what a hub would not open: what the files say is read as it does,
// where there is nothing to call.
func opens(ctx context.Context, conf config.Config, manifests []*connectors.Manifest) (wrong error) {
	env := nowhere(hub.ClockFunc(time.Now))
	env.LocalFiles = true
	for _, m := range manifests {
		if _, err := kinds.All().Open(ctx, env, m); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("creditor %s: %w", m.Creditor.Name, err))
		}
	}
	for _, p := range conf.Providers {
		if _, err := openProvider(p, pspwire.Env{Now: time.Now}); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("provider %s: %w", p.Terms().Name, err))
		}
	}
	return errors.Join(wrong, opensOthers(conf))
}

// opensOthers is the same for the database, the relay and who is told of payments.
func opensOthers(conf config.Config) (wrong error) {
	if file := conf.Store.PostgresFile; file != "" {
		dsn, err := os.ReadFile(file)
		if err = cmp.Or(err, postgres.CheckDSN(strings.TrimSpace(string(dsn)))); err != nil {
			wrong = fmt.Errorf("store.postgres_file: %w", err)
		}
	}
	if conf.Mail.Host != "" {
		if _, err := openRelay(conf); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("mail: %w", err))
		}
	}
	for i, w := range conf.Webhooks {
		if _, err := webhookSecrets(w.SecretFile); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("webhooks[%d].secret_file: %w", i, err))
		}
	}
	return wrong
}

// neededFile is a file that must be there, and what for.
type neededFile struct{ who, path string }

// look tells whether the file is there. What stands in it is read by opens.
func (f neededFile) look() error {
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("%s: %w", f.who, err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() == 0 {
		return fmt.Errorf("%s: %s is empty", f.who, f.path)
	}
	return nil
}

// configFiles lists the files that the configuration itself names.
func configFiles(conf config.Config) []neededFile {
	all := []neededFile{
		{"store.postgres_file", conf.Store.PostgresFile}, {"redis.password_file", conf.Redis.PasswordFile},
		{"mail.password_file", conf.Mail.PasswordFile}, {"mail.ca_file", conf.Mail.CAFile},
		{"bank", secretFile(conf, "bank", conf.Bank.APIKey)},
	}
	for i, w := range conf.Webhooks {
		all = append(all, neededFile{fmt.Sprintf("webhooks[%d].secret_file", i), w.SecretFile})
	}
	for _, p := range conf.Providers {
		name := p.Terms().Name
		for _, secret := range providerSecrets(p) {
			all = append(all, neededFile{"provider " + name, secretFile(conf, name, secret)})
		}
		if p.Netopia != nil {
			all = append(all, neededFile{"provider " + name, p.Netopia.PublicKeyFile})
		}
	}
	return slices.DeleteFunc(all, func(f neededFile) bool { return f.path == "" })
}

// creditorFiles lists the secrets that the manifests name.
func creditorFiles(conf config.Config, manifests []*connectors.Manifest) (all []neededFile) {
	for _, m := range manifests {
		name := string(m.Creditor.Name)
		for _, secret := range m.Facts().Secrets {
			all = append(all, neededFile{"creditor " + name, secretFile(conf, name, secret)})
		}
	}
	return all
}

// providerSecrets names the secrets of a contract; those that are not set are
// empty.
func providerSecrets(p config.Provider) (names []string) {
	switch {
	case p.Netopia != nil:
		names = []string{p.Netopia.APIKey}
	case p.EuPlatesc != nil:
		names = []string{p.EuPlatesc.Key, p.EuPlatesc.UserKey, p.EuPlatesc.UserAPI}
		for _, name := range p.EuPlatesc.Keys {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	return slices.Compact(names)
}

// secretFile is where a secret stands, "" for none.
func secretFile(conf config.Config, whose, name string) string {
	if name == "" {
		return ""
	}
	return filepath.Join(conf.Secrets, whose, name)
}
