package connectors

import (
	"racord/hub"
)

// TestDebtors are whom the conformance suite asks about, at the creditor's test
// system. Nobody real stands in a manifest.
type TestDebtors struct {
	Known   hub.Asked // owes something
	Other   hub.Asked // known too, and somebody else
	Unknown hub.Asked // not known there
	Settled hub.Asked // known, and owes nothing; zero when none is named
	Owes    hub.Money // what Known owes in all; zero when it is not said
	Paying  TestPaying
}

// TestPaying allows the conformance suite to post payments, at the creditor's test
// system. The zero TestPaying allows none.
type TestPaying struct {
	Payer hub.Asked // whose debts are paid, with money that does not exist
	Most  hub.Money // the most that is posted in all
}

// IsZero tells whether the manifest names none.
func (d TestDebtors) IsZero() bool { return d == TestDebtors{} }

// debtorsPart is how test debtors stand in a manifest.
type debtorsPart struct {
	Known   debtorPart  `json:"known" doc:"Owes something there." required:"true"`
	Other   debtorPart  `json:"other" doc:"Is known there too, and is somebody else." required:"true"`
	Unknown debtorPart  `json:"unknown" doc:"Is not known there." required:"true"`
	Settled *debtorPart `json:"settled" doc:"Is known there, and owes nothing."`
	Owes    int         `json:"owes" doc:"What known owes in all, in bani, as the creditor's own screens show it." min:"1"`
	Paying  *tillPart   `json:"paying" doc:"Allows the suite to post payments. Only where the settings lead to a test system: nobody pays what it posts."`
}

// tillPart is how TestPaying stands in a manifest.
type tillPart struct {
	Payer debtorPart `json:"payer" doc:"Whose debts the suite pays." required:"true"`
	Most  int        `json:"most" doc:"The most bani it posts in all." required:"true" min:"100" max:"100000000"`
}

// debtorPart names one subject.
type debtorPart struct {
	CNP     string `json:"cnp" doc:"A CNP with serial 000, which is never issued to anybody."`
	CUI     string `json:"cui" doc:"A fiscal code."`
	Account string `json:"account" doc:"A code of the creditor's own."`
}

// Check finds what cannot be asked about, and real people.
func (d debtorPart) Check(report func(field, problem string)) {
	given := 0
	for _, value := range []string{d.CNP, d.CUI, d.Account} {
		if value != "" {
			given++
		}
	}
	switch {
	case given != 1:
		report("", "needs exactly one of cnp, cui, account")
	case d.CNP != "" && (len(d.CNP) != 13 || d.CNP[9:12] != "000"):
		report("cnp", "must be nobody's: a CNP whose serial (digits 10 to 12) is 000")
	case d.CNP != "" && !hub.ValidCNP(d.CNP):
		report("cnp", "not a CNP: 13 digits with a date and a right check digit")
	case d.CUI != "" && !hub.ValidCUI(d.CUI):
		report("cui", "not a fiscal code: 2 to 10 digits with a right check digit")
	}
}

func (d debtorPart) asked(creditor hub.Name) hub.Asked {
	switch {
	case d.CNP != "":
		return hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: d.CNP}}
	case d.CUI != "":
		return hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCUI, Value: d.CUI}}
	default:
		return hub.Asked{Account: hub.AccountRef{Creditor: creditor, Code: d.Account}}
	}
}

// debtors gives the test debtors, and finds those the creditor cannot be asked
// about.
func (in *inspection) debtors(p *debtorsPart, m *Manifest) (d TestDebtors) {
	if p == nil {
		return d
	}
	d = TestDebtors{Known: p.Known.asked(m.Creditor.Name), Other: p.Other.asked(m.Creditor.Name), Unknown: p.Unknown.asked(m.Creditor.Name)}
	if p.Settled != nil {
		d.Settled = p.Settled.asked(m.Creditor.Name)
	}
	if p.Owes > 0 {
		d.Owes = hub.Bani(int64(p.Owes))
	}
	if p.Paying != nil {
		d.Paying = TestPaying{p.Paying.Payer.asked(m.Creditor.Name), hub.Bani(int64(p.Paying.Most))}
	}
	way := hub.FetchByParty
	if d.Known.ByAccount() {
		way = hub.FetchByAccount
	}
	if !m.Traits.Can(way) {
		in.at("test.known", "the creditor cannot be asked that way: traits.fetch does not list %s", way)
	}
	if d.Known.ByAccount() != d.Other.ByAccount() || d.Known.ByAccount() != d.Unknown.ByAccount() {
		in.at("test", "all three must be asked about in the same way: by person or by account")
	}
	if p.Paying != nil && d.Paying.Payer.ByAccount() != d.Known.ByAccount() {
		in.at("test.paying.payer", "must be asked about in the same way as the others")
	}
	if p.Paying != nil && m.Traits.Paying.Class == "" {
		in.at("test.paying", "the creditor takes no payments: traits.paying is missing")
	}
	if p.Settled != nil && d.Settled.ByAccount() != d.Known.ByAccount() {
		in.at("test.settled", "must be asked about in the same way as the others")
	}
	if d.Known == d.Other || d.Known == d.Unknown || d.Other == d.Unknown {
		in.at("test", "known, other and unknown must be three different subjects")
	}
	if d.Settled == d.Known || p.Settled != nil && d.Settled == d.Unknown {
		in.at("test.settled", "must be neither known nor unknown: one owes something, the other is a stranger")
	}
	return d
}
