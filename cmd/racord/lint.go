package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"racord/config"
)

type lintCommand struct {
	Config string `help:"Configuration file." default:"racord.yaml" type:"path"`
}

// Help says what is looked at.
func (*lintCommand) Help() string {
	return `Reads the configuration, every manifest it points at, and every file and secret
that these name, and prints all that is wrong. Nothing is started, dialled or
written. Exit status 1 says that a hub would not start, or that something would
not work in it.`
}

// Run prints what is wrong, or that nothing is.
func (c *lintCommand) Run(to streams) error {
	conf, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	manifests, err := readManifests(os.DirFS(conf.Creditors), conf.Sandbox.Bases)
	if err != nil {
		return fmt.Errorf("in %s:\n%w", conf.Creditors, err)
	}
	needed := configFiles(conf)
	for _, m := range manifests {
		for _, name := range m.Facts().Secrets {
			needed = append(needed, neededFile{"creditor " + string(m.Creditor.Name), filepath.Join(conf.Secrets, string(m.Creditor.Name), name)})
		}
	}
	var wrong []error
	for _, file := range needed {
		if err := file.look(); err != nil {
			wrong = append(wrong, err)
		}
	}
	if wrong != nil {
		return errors.Join(wrong...)
	}
	_, err = fmt.Fprintf(to.out, "nothing is wrong: %s and %s\n", counted(len(manifests), "manifest"), counted(len(needed), "file"))
	return err
}

// neededFile is a file that must be there, and what for.
type neededFile struct{ who, path string }

// look tells what is wrong with the file. What stands in it is not looked at.
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
