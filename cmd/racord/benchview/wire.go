package main

import (
	"time"

	"racord/hub"
)

// debtsPath is where the mock creditors answer; viewPath is where views are.
const (
	debtsPath = "/debts/search"
	viewPath  = "/v1/view"
)

// debtList is what a mock creditor answers.
type debtList struct {
	Person struct {
		CNP  string `json:"cnp"`
		Name string `json:"name"`
	} `json:"person"`
	Debts []debt    `json:"debts"`
	AsOf  time.Time `json:"as_of"`
}

type debt struct {
	ID string `json:"id"`
	PV struct {
		Series       string   `json:"series"`
		Number       string   `json:"number"`
		IssuedOn     hub.Date `json:"issued_on"`
		Communicated hub.Date `json:"communicated_on"`
	} `json:"pv"`
	Kind        string       `json:"kind"`
	Subject     string       `json:"subject"`
	Applied     int64        `json:"applied_bani"`
	Paid        int64        `json:"paid_bani"`
	Outstanding int64        `json:"outstanding_bani"`
	Options     []debtOption `json:"options"`
	Account     struct {
		IBAN    string `json:"iban"`
		Revenue string `json:"revenue_code"`
	} `json:"account"`
	Status hub.ObligationStatus `json:"status"`
}

type debtOption struct {
	Kind       string   `json:"kind"`
	Amount     int64    `json:"amount_bani"`
	LegalBasis string   `json:"legal_basis"`
	Until      hub.Date `json:"until"`
}

// obligation maps a debt to the canonical form, as the hub's manifests do.
func (d *debt) obligation(from hub.Name) hub.Obligation {
	o := hub.Obligation{
		ID: hub.NewObligationID(from, d.ID), ExternalID: d.ID, Kind: "fine." + d.Kind,
		Subject:   &hub.Subject{Type: "vehicle", Label: d.Subject},
		Reference: &hub.Reference{PVSeries: d.PV.Series, PVNumber: d.PV.Number},
		IssuedOn:  d.PV.IssuedOn,
		Total:     hub.Bani(d.Applied), Paid: hub.Bani(d.Paid), Outstanding: hub.Bani(d.Outstanding),
		Status: d.Status, HubState: hub.HubNone,
		Options: make([]hub.PaymentOption, len(d.Options)),
	}
	for i := range d.Options {
		o.Options[i] = d.option(&d.Options[i])
	}
	return o
}

func (d *debt) option(p *debtOption) hub.PaymentOption {
	amount := hub.Bani(p.Amount)
	return hub.PaymentOption{
		ID: p.Kind, Kind: p.Kind, Amount: amount, LegalBasis: p.LegalBasis, AvailableUntil: p.Until,
		Transfers: []hub.Transfer{{Seq: 1, AccountID: accountID, IBAN: d.Account.IBAN, RevenueCode: d.Account.Revenue, Amount: amount}},
	}
}

// accountID names the creditors' one approved account.
const accountID = "main"

// titleOf is a creditor's name as citizens know it.
func titleOf(name string) string { return "Creditor " + name }
