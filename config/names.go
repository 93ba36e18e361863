package config

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/ast"
)

// Compare holds the names in a configuration against the creditors that have
// manifests, each with the ids of the accounts that citizens may pay into. What
// is wrong keeps a hub from starting, or money from its account. What is doubtful
// is right only when a company registers its own connector, or when nobody is to
// pay. Both name the line in the file that the configuration was read from.
func (c Config) Compare(file string, creditors map[string][]string) (wrong, doubtful error) {
	lines := sync.OnceValue(func() *ast.File {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil
		}
		return linesOf(data)
	})
	bad, odd := mistakes{file: file, lines: lines}, mistakes{file: file, lines: lines}
	if len(c.Issuers) == 0 {
		bad.add("issuers", "is missing: a hub that believes nobody does not start")
	}
	c.compareMerchants(creditors, bad.add, odd.add)
	c.compareReceivers(creditors, odd.add)
	return bad.joined(), odd.joined()
}

// compareMerchants looks for accounts that no manifest has, and for those that no
// provider pays out to.
func (c *Config) compareMerchants(creditors map[string][]string, bad, odd func(key, what string)) {
	paid := map[string]bool{}
	for i, p := range c.Providers {
		for account := range p.Terms().Merchants {
			paid[account] = true
			key := fmt.Sprintf("providers[%d].merchants.'%s'", i, account)
			name, id, _ := strings.Cut(account, "/")
			switch accounts, known := creditors[name]; {
			case !known:
				odd(key, unknownCreditor)
			case !slices.Contains(accounts, id):
				bad(key, fmt.Sprintf("the manifest of %s has no such account; it has %s", name, cmp.Or(some(accounts), "none")))
			}
		}
	}
	if len(c.Providers) == 0 {
		return
	}
	for name, accounts := range creditors {
		left := slices.DeleteFunc(slices.Clone(accounts), func(id string) bool { return paid[name+"/"+id] })
		if len(left) > 0 {
			odd("providers", fmt.Sprintf("none has a merchant account for %s of %s: what is owed there cannot be paid", some(left), name))
		}
	}
}

// some names a few of many.
func some(names []string) string {
	const few = 3
	if more := len(names) - few; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), more)
	}
	return strings.Join(names, ", ")
}

// unknownCreditor is said of a name that no manifest has.
const unknownCreditor = "no manifest is of that name: it is right only for a company that registers its connector itself"

// compareReceivers looks for creditors that are told something, or have openings
// in the wall, and have no manifest. Providers and the bank may have openings, too.
func (c *Config) compareReceivers(creditors map[string][]string, odd func(key, what string)) {
	for i, w := range c.Webhooks {
		if _, known := creditors[w.Creditor]; !known && w.Creditor != "" {
			odd(fmt.Sprintf("webhooks[%d].creditor", i), unknownCreditor)
		}
	}
	others := []string{"bank"}
	for _, p := range c.Providers {
		others = append(others, p.Terms().Name)
	}
	for name := range c.Wall.Creditors {
		if _, known := creditors[name]; !known && !slices.Contains(others, name) {
			odd("wall.creditors."+name, unknownCreditor)
		}
	}
}
