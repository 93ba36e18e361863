package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Provider is a contract with a payment provider. Exactly one of its kinds is
// set. The order of the list is the city's order of preference.
type Provider struct {
	Kind      string
	Netopia   *Netopia
	EuPlatesc *EuPlatesc
}

// Terms are what the contracts of all kinds have. Secrets are named, and stand in
// the directory of secrets under the provider's name: <secrets>/<name>/<secret>.
type Terms struct {
	Kind      string            `yaml:"kind"`      // netopia or euplatesc
	Name      string            `yaml:"name"`      // default: the kind; in metrics, addresses and the ledger
	Title     string            `yaml:"title"`     // as payers know it
	Merchants map[string]string `yaml:"merchants"` // creditor/account-id → merchant account at the provider
	PageLife  Duration          `yaml:"page_life"` // how long a payer has on the provider's page
	Extras    []string          `yaml:"extras"`    // abilities agreed on that the provider does not document
}

// Netopia is a contract with NETOPIA Payments, API v2.
type Netopia struct {
	Terms         `yaml:",inline"`
	BaseURL       string  `yaml:"base_url"`        // https://secure.mobilpay.ro/pay
	Signature     string  `yaml:"signature"`       // posSignature of the account that takes orders
	APIKey        string  `yaml:"api_key"`         // name of the secret
	PublicKeyFile string  `yaml:"public_key_file"` // PEM: what notifications are signed with
	LargestCharge int64   `yaml:"largest_charge"`  // bani; 0 = no limit
	Contact       Contact `yaml:"contact"`
}

// Contact is the city hall's own, sent in the payer's place.
type Contact struct {
	Email      string `yaml:"email"`
	Phone      string `yaml:"phone"`
	City       string `yaml:"city"`
	County     string `yaml:"county"`
	PostalCode string `yaml:"postal_code"`
}

// EuPlatesc is a contract with EuPlătesc.ro.
type EuPlatesc struct {
	Terms      `yaml:",inline"`
	PageURL    string            `yaml:"page_url"`    // default the provider's
	ManagerURL string            `yaml:"manager_url"` // default the provider's
	Key        string            `yaml:"key"`         // name of the secret of merchants without one of their own
	Keys       map[string]string `yaml:"keys"`        // merchant id → name of its secret
	UserKey    string            `yaml:"user_key"`    // name of the secret
	UserAPI    string            `yaml:"user_api"`    // name of the secret
	Capture    string            `yaml:"capture"`     // manual (default) or automatic
}

// The extras of each kind.
var (
	netopiaExtras   = []string{"refund", "list", "settlement"}
	euplatescExtras = []string{"amounts"}
)

// Terms gives what the kinds have in common.
func (p Provider) Terms() Terms {
	switch {
	case p.Netopia != nil:
		return p.Netopia.Terms
	case p.EuPlatesc != nil:
		return p.EuPlatesc.Terms
	default:
		return Terms{Kind: p.Kind}
	}
}

// UnmarshalYAML reads a contract by its kind. A mistake is told with the line of
// the field it is in.
func (p *Provider) UnmarshalYAML(node ast.Node) error {
	fields, ok := node.(*ast.MappingNode)
	if !ok {
		return misplaced(node, "is not a provider; write kind: netopia or kind: euplatesc and its fields")
	}
	kind := valueOf(fields, "kind")
	if kind == nil {
		return &placed{lineOf(node), "a provider has no kind; write kind: netopia or kind: euplatesc"}
	}
	switch p.Kind = text(kind); p.Kind {
	case "netopia":
		p.Netopia = &Netopia{}
		return decodeProvider(fields, p.Netopia, &p.Netopia.Terms, p.Netopia.check)
	case "euplatesc":
		p.EuPlatesc = &EuPlatesc{}
		return decodeProvider(fields, p.EuPlatesc, &p.EuPlatesc.Terms, p.EuPlatesc.check)
	default:
		return misplaced(kind, "is not a kind of provider; write netopia or euplatesc")
	}
}

// decodeProvider reads the fields strictly, fills the name in and looks for
// values that cannot work.
func decodeProvider(fields *ast.MappingNode, into any, terms *Terms, check func(refusal)) error {
	if err := yaml.NodeToValue(fields, into, yaml.Strict()); err != nil {
		return err
	}
	if terms.Name == "" {
		terms.Name = terms.Kind
	}
	var first error
	refuse := func(field, what string, args ...any) {
		if first != nil {
			return
		}
		at := ast.Node(fields)
		if node := valueOf(fields, field); node != nil {
			at = node
		}
		first = &placed{lineOf(at), field + ": " + fmt.Sprintf(what, args...)}
	}
	terms.check(refuse)
	check(refuse)
	return first
}

// refusal refuses the value of a field.
type refusal func(field, what string, args ...any)

var (
	nameForm     = regexp.MustCompile(`^[a-z][a-z0-9_-]{1,31}$`) // as creditors' names
	accountForm  = regexp.MustCompile(`^[a-z][a-z0-9_-]{1,31}/[A-Za-z0-9._-]{1,64}$`)
	merchantForm = regexp.MustCompile(`^[!-~]{1,50}$`)
)

func (t *Terms) check(refuse refusal) {
	if !nameForm.MatchString(t.Name) {
		refuse("name", "%q is not a name; write a lower-case letter and then letters, digits, - or _", t.Name)
	}
	if len(t.Merchants) == 0 {
		refuse("merchants", "must map at least one creditor's account")
	}
	for account, merchant := range t.Merchants {
		if !accountForm.MatchString(account) {
			refuse("merchants", "%q is not a creditor's account; write creditor/account-id", account)
		}
		if !merchantForm.MatchString(merchant) {
			refuse("merchants", "%q of %s is not a merchant account", merchant, account)
		}
	}
	if life := time.Duration(t.PageLife); life != 0 && (life < time.Minute || life > time.Hour) {
		refuse("page_life", "must be from 1m to 1h")
	}
}

func (n *Netopia) check(refuse refusal) {
	if !isRoot(n.BaseURL) || strings.HasSuffix(n.BaseURL, "/") {
		refuse("base_url", "must be an absolute URL without credentials, query and a slash at the end")
	}
	if n.Signature == "" {
		refuse("signature", "must be the posSignature of the account that takes orders")
	}
	isSecret(refuse, "api_key", n.APIKey)
	if n.PublicKeyFile == "" {
		refuse("public_key_file", "must name the file with the provider's public key: without it no notification can be believed")
	}
	for account, merchant := range n.Merchants {
		if id, err := strconv.ParseUint(merchant, 10, 31); err != nil || id == 0 || merchant[0] == '0' {
			refuse("merchants", "%q of %s is not a posID, a number", merchant, account)
		}
	}
	if n.LargestCharge < 0 {
		refuse("largest_charge", "must not be negative")
	}
	areExtras(refuse, n.Extras, netopiaExtras)
}

func (e *EuPlatesc) check(refuse refusal) {
	for field, address := range map[string]string{"page_url": e.PageURL, "manager_url": e.ManagerURL} {
		if address != "" && !isRoot(address) {
			refuse(field, "must be an absolute URL without credentials and query")
		}
	}
	if e.Key != "" {
		isSecret(refuse, "key", e.Key)
	}
	for _, name := range e.Keys {
		isSecret(refuse, "keys", name)
	}
	for account, merchant := range e.Merchants {
		if e.Key == "" && e.Keys[merchant] == "" {
			refuse("keys", "merchant %q of %s has no key", merchant, account)
		}
	}
	isSecret(refuse, "user_key", e.UserKey)
	isSecret(refuse, "user_api", e.UserAPI)
	if e.Capture == "" {
		e.Capture = "manual"
	}
	if e.Capture != "manual" && e.Capture != "automatic" {
		refuse("capture", "%q is neither manual nor automatic", e.Capture)
	}
	areExtras(refuse, e.Extras, euplatescExtras)
}

// isSecret refuses what is not the name of a secret. The value is not repeated:
// it may be the secret itself.
func isSecret(refuse refusal, field, name string) {
	if !nameForm.MatchString(name) {
		refuse(field, "must be the name of a secret, not the secret: a file under the directory of secrets")
	}
}

func areExtras(refuse refusal, extras, known []string) {
	for _, extra := range extras {
		if !slices.Contains(known, extra) {
			refuse("extras", "%q is not one of %s", extra, strings.Join(known, ", "))
		}
	}
}

// isRoot tells whether a text is an absolute URL of HTTP and no more.
func isRoot(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// valueOf gives the value of a field, or nil.
func valueOf(fields *ast.MappingNode, name string) ast.Node {
	for _, field := range fields.Values {
		if text(field.Key) == name {
			return field.Value
		}
	}
	return nil
}

// lineOf gives the line a value begins in.
func lineOf(node ast.Node) int {
	if fields, ok := node.(*ast.MappingNode); ok && len(fields.Values) > 0 {
		return fields.Values[0].Key.GetToken().Position.Line
	}
	return node.GetToken().Position.Line
}

// checkProviders refuses two contracts of one name.
func (c *Config) checkProviders(refuse func(key, what string)) {
	seen := map[string]bool{}
	for i, p := range c.Providers {
		name := p.Terms().Name
		if seen[name] {
			refuse(fmt.Sprintf("providers[%d].name", i), fmt.Sprintf("%q is the name of another provider", name))
		}
		seen[name] = true
	}
}
