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
}

// IsZero tells whether the manifest names none.
func (d TestDebtors) IsZero() bool { return d == TestDebtors{} }

// debtorsPart is how test debtors stand in a manifest.
type debtorsPart struct {
	Known   debtorPart `json:"known" doc:"Owes something there." required:"true"`
	Other   debtorPart `json:"other" doc:"Is known there too, and is somebody else." required:"true"`
	Unknown debtorPart `json:"unknown" doc:"Is not known there." required:"true"`
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
	d = TestDebtors{p.Known.asked(m.Creditor.Name), p.Other.asked(m.Creditor.Name), p.Unknown.asked(m.Creditor.Name)}
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
	if d.Known == d.Other || d.Known == d.Unknown || d.Other == d.Unknown {
		in.at("test", "known, other and unknown must be three different subjects")
	}
	return d
}
