package connectors

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"racord/hub"
)

// Manifest is a creditor as its file describes it, checked. It is immutable but
// for Rebase, which comes before Open.
type Manifest struct {
	File     string
	Kind     string
	Creditor hub.Creditor
	Traits   hub.Traits
	Calls    map[string]*Call
	Test     TestDebtors

	settings reflect.Value // of the kind's own type
	watch    func(*Reading, *hub.Obligation, *hub.QualityEvent)
}

// header is the shape of a manifest's top level; settings and calls belong to
// the kind.
type header struct {
	Kind     string       `json:"kind" doc:"Protocol the creditor speaks." required:"true"`
	Creditor string       `json:"creditor" doc:"Short name of the creditor: a lower-case letter, then letters, digits, '-' or '_'; 2 to 32 in all." required:"true"`
	Name     string       `json:"name" doc:"Name citizens know the creditor by." required:"true"`
	CUI      string       `json:"cui" doc:"Fiscal code, digits with a right check digit."`
	Category string       `json:"category" doc:"What kind of creditor it is." required:"true" enum:"tax_office|fines|water|heat|gas|electricity|waste|transport|parking|hoa|housing|other"`
	Contact  string       `json:"contact" doc:"Where a citizen asks about a bill: a page, an address or a telephone number."`
	Accounts accountList  `json:"accounts" doc:"Approved bank accounts, or the name of a CSV file beside the manifest with the columns id, iban, beneficiary, revenue_code. An IBAN in an answer that is not among them makes its record not payable."`
	Traits   traitsPart   `json:"traits" doc:"What the creditor can do and bear." required:"true"`
	Test     *debtorsPart `json:"test" doc:"Whom the conformance suite asks about, at the creditor's test system."`
}

type accountPart struct {
	ID          string `json:"id" doc:"Name of the account in this manifest." required:"true"`
	IBAN        string `json:"iban" doc:"Romanian IBAN, 24 characters without blanks. Treasury accounts hold literal X letters." required:"true"`
	Beneficiary string `json:"beneficiary" doc:"Name of the account's owner." required:"true"`
	RevenueCode string `json:"revenue_code" doc:"Budget classification the account collects for."`
}

func (a accountPart) Check(report func(field, problem string)) {
	if !hub.ValidIBAN(a.IBAN) {
		report("iban", fmt.Sprintf("%q is not a Romanian IBAN: 24 characters that begin with RO and whose check digits fit (ISO 13616)", a.IBAN))
	}
}

// parse reads a manifest whose kind is found in the catalog.
func (c Catalog) parse(in *inspection, data []byte) *Manifest {
	entries := in.document(data)
	if len(entries) == 0 {
		return nil
	}
	for i, key := range []string{"kind", "creditor"} {
		if len(entries) <= i || entries[i].key != key {
			in.sawAt(key, entries[min(i, len(entries)-1)].line)
			in.at(key, "a manifest begins with kind: and then creditor:")
			return nil
		}
	}
	name, _ := in.text(entries[0].value, "kind")
	kind, ok := c.Kind(name)
	if !ok {
		in.at("kind", "unknown kind %q; %s", name, oneOf(c.Names()))
		return nil
	}
	m := &Manifest{File: in.file, Kind: name, settings: settingsOf(kind)}
	in.header(entries, m)
	in.kindParts(entries, kind, m)
	return m
}

func settingsOf(kind Kind) reflect.Value {
	settings := reflect.New(kind.settings).Elem()
	settings.Set(kind.defaults)
	return settings
}

// header reads the parts every manifest has.
func (in *inspection) header(entries []entry, m *Manifest) {
	h := header{Traits: defaultTraits()}
	v := reflect.ValueOf(&h).Elem()
	fields := fieldsOf(v.Type())
	seen := map[string]bool{}
	for _, e := range entries {
		if e.key == "settings" || e.key == "calls" {
			continue
		}
		f, known := fields.find(e.key)
		if !known {
			in.at(e.key, "unknown key; %s", oneOf(append(fields.names(), "settings", "calls")))
			continue
		}
		seen[e.key] = true
		in.into(e.value, v.FieldByIndex(f.Index), e.key, f.Tag, 1)
	}
	for _, f := range fields {
		if f.Tag.Get("required") == "true" && !seen[nameOf(f)] {
			in.at("", "%s is missing", nameOf(f))
		}
	}
	m.Creditor = in.creditor(h)
	m.Traits = in.traits(h.Traits, m.Creditor.Name)
	m.Test = in.debtors(h.Test, m)
}

func (in *inspection) creditor(h header) hub.Creditor {
	c := hub.Creditor{Name: hub.Name(h.Creditor), Title: h.Name, CUI: h.CUI, Category: h.Category, Contact: h.Contact}
	if !c.Name.Valid() {
		in.at("creditor", "%q is not a name: a lower-case letter, then letters, digits, '-' or '_', 2 to 32 in all", h.Creditor)
	}
	if h.CUI != "" && (!hub.ValidCUI(h.CUI) || hub.NormalCUI(h.CUI) != h.CUI) {
		in.at("cui", "%q is not a fiscal code: 2 to 10 digits without RO, with a right check digit", h.CUI)
	}
	ids, ibans := map[string]bool{}, map[string]bool{}
	for i, a := range h.Accounts {
		if ids[a.ID] {
			in.atAccount(i, "id", "two accounts are called %q", a.ID)
		}
		if ibans[a.IBAN] {
			in.atAccount(i, "iban", "stands twice")
		}
		ids[a.ID], ibans[a.IBAN] = true, true
		c.Accounts = append(c.Accounts, hub.CreditorAccount(a))
	}
	return c
}

// kindParts reads settings and calls, which the kind declares.
func (in *inspection) kindParts(entries []entry, kind Kind, m *Manifest) {
	in.names = string(m.Creditor.Name) + "-"
	settings, calls := false, false
	for _, e := range entries {
		switch e.key {
		case "settings":
			settings = true
			in.into(e.value, m.settings, "settings", "", 1)
		case "calls":
			calls = true
			if kind.contract != nil {
				in.at("calls", "kind %s has calls of its own, and a manifest describes none", kind.name)
				continue
			}
			m.Calls = in.calls(e.value, kind, m)
			in.payingFits(m, kind)
		}
	}
	if kind.contract != nil {
		m.Calls, calls = in.contracted(kind, m), true
	}
	if !settings && len(fieldsOf(kind.settings)) > 0 {
		in.at("", "settings is missing")
	}
	if !calls {
		in.at("", "calls is missing")
	}
	if m.Traits.DebtsOnly && !kind.listed {
		in.at("traits.lists", "kind %s is told by the creditor who owes nothing", kind.name)
	}
	if kind.agree != nil && len(in.found) == 0 {
		kind.agree(m, in.below(""))
	}
}

// SecretName names a secret of the creditor. A manifest never holds the secret
// itself. Names begin with the creditor's name and '-': a manifest reaches no
// secret of another creditor.
type SecretName string

// secretForm is what names of secrets are made of.
const secretForm = "abcdefghijklmnopqrstuvwxyz0123456789-_"

func (in *inspection) secretName(name, field string) {
	if !strings.HasPrefix(name, in.names) || len(name) == len(in.names) || strings.Trim(name, secretForm) != "" {
		in.at(field, "not the name of a secret of this creditor: names begin with %q, and the secret itself never stands in a manifest", in.names)
	}
}

func (s *SecretName) readNode(in *inspection, node ast.Node, field string, _ reflect.StructTag) {
	name, ok := in.text(node, field)
	if !ok {
		return
	}
	in.secretName(name, field)
	*s = SecretName(name)
}
