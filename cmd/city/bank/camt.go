package bank

import (
	"encoding/xml"
	"fmt"

	"racord/cmd/city/calendar"
	"racord/cmd/city/gate"
	"racord/cmd/city/pspbook"
)

// The part of camt.053.001.08 that a statement needs, in the order the schema
// wants.
type (
	document struct {
		XMLName xml.Name  `xml:"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08 Document"`
		Stmt    statement `xml:"BkToCstmrStmt"`
	}
	statement struct {
		MsgID   string `xml:"GrpHdr>MsgId"`
		Created string `xml:"GrpHdr>CreDtTm"`
		Stmt    stmt   `xml:"Stmt"`
	}
	stmt struct {
		ID      string    `xml:"Id"`
		Number  int       `xml:"ElctrncSeqNb"`
		Created string    `xml:"CreDtTm"`
		From    string    `xml:"FrToDt>FrDtTm"`
		To      string    `xml:"FrToDt>ToDtTm"`
		Account acct      `xml:"Acct"`
		Bal     []balance `xml:"Bal"`
		Summary summary   `xml:"TxsSummry"`
		Entries []entry   `xml:"Ntry"`
	}
	acct struct {
		IBAN     string `xml:"Id>IBAN"`
		Currency string `xml:"Ccy"`
		Owner    string `xml:"Ownr>Nm"`
		Servicer string `xml:"Svcr>FinInstnId>Nm"`
	}
	balance struct {
		Code   string `xml:"Tp>CdOrPrtry>Cd"` // OPBD, CLBD
		Amount amount `xml:"Amt"`
		Side   string `xml:"CdtDbtInd"`
		Date   string `xml:"Dt>Dt"`
	}
	summary struct {
		Number int    `xml:"TtlNtries>NbOfNtries"`
		Sum    string `xml:"TtlNtries>Sum"`
	}
	amount struct {
		Currency string `xml:"Ccy,attr"`
		Lei      string `xml:",chardata"`
	}
	entry struct {
		Ref     string  `xml:"NtryRef"`
		Amount  amount  `xml:"Amt"`
		Side    string  `xml:"CdtDbtInd"`
		Status  string  `xml:"Sts>Cd"`
		Booked  string  `xml:"BookgDt>Dt"`
		Value   string  `xml:"ValDt>Dt"`
		BankRef string  `xml:"AcctSvcrRef"`
		Domain  txCode  `xml:"BkTxCd>Domn"`
		Details details `xml:"NtryDtls>TxDtls"`
	}
	txCode struct {
		Code   string `xml:"Cd"`
		Family string `xml:"Fmly>Cd"`
		Sub    string `xml:"Fmly>SubFmlyCd"`
	}
	details struct {
		BankRef string   `xml:"Refs>AcctSvcrRef"`
		EndID   string   `xml:"Refs>EndToEndId"`
		Amount  amount   `xml:"Amt"`
		Side    string   `xml:"CdtDbtInd"`
		Parties *parties `xml:"RltdPties,omitempty"`
		Text    string   `xml:"RmtInf>Ustrd,omitempty"`
	}
	parties struct {
		Debtor       *party  `xml:"Dbtr,omitempty"`
		DebtorIBAN   *idIBAN `xml:"DbtrAcct,omitempty"`
		Creditor     *party  `xml:"Cdtr,omitempty"`
		CreditorIBAN *idIBAN `xml:"CdtrAcct,omitempty"`
	}
	party struct {
		Name string `xml:"Pty>Nm"`
	}
	idIBAN struct {
		IBAN string `xml:"Id>IBAN"`
	}
)

// payout is a settlement and who pays it.
type payout struct {
	Payer
	pspbook.Settlement
}

// document is the statement of an account for a day.
func (b *Bank) document(account pspbook.Account, day calendar.Day) document {
	opening := total(b.payouts(account, 0, day-1))
	booked := b.payouts(account, day, day)
	closing, at := opening+total(booked), (day+1).At(ready, 0).Format("2006-01-02T15:04:05-07:00")
	id := fmt.Sprintf("%s-%d", day.Compact(), account.PosID)
	s := stmt{
		ID: id, Number: int(day), Created: at, From: day.At(0, 0).Format("2006-01-02T15:04:05-07:00"),
		To:      day.At(23, 59).Format("2006-01-02T15:04:05-07:00"),
		Account: acct{account.IBAN, "RON", account.Name, servicer(account.IBAN)},
		Bal:     []balance{balanced("OPBD", opening, day), balanced("CLBD", closing, day)},
	}
	s.Summary = summary{len(booked), pspbook.Lei(absolute(booked))}
	_, bare := b.gate.On(gate.NoReference)
	for i, p := range booked {
		s.Entries = append(s.Entries, entered(p, i+1, bare))
	}
	return document{Stmt: statement{MsgID: "STMT-" + id, Created: at, Stmt: s}}
}

// payouts are the settlements booked on an account from one day to another.
// Those that come to nothing are not.
func (b *Bank) payouts(account pspbook.Account, from, to calendar.Day) []payout {
	var booked []payout
	for _, payer := range b.payers {
		for _, s := range payer.Book.Settlements(payer.Prefix, account, from, to) {
			if s.Transferred != 0 {
				booked = append(booked, payout{payer, s})
			}
		}
	}
	return booked
}

func total(all []payout) (sum int64) {
	for _, p := range all {
		sum += p.Transferred
	}
	return sum
}

func absolute(all []payout) (sum int64) {
	for _, p := range all {
		sum += max(p.Transferred, -p.Transferred)
	}
	return sum
}

func lei(bani int64) (amount, string) {
	if bani < 0 {
		return amount{"RON", pspbook.Lei(-bani)}, "DBIT"
	}
	return amount{"RON", pspbook.Lei(bani)}, "CRDT"
}

func balanced(code string, bani int64, day calendar.Day) balance {
	value, side := lei(bani)
	return balance{code, value, side, day.ISO()}
}

// entered is the one entry of a payout; bare leaves out what it is for.
func entered(p payout, number int, bare bool) entry {
	value, side := lei(p.Transferred)
	ref := fmt.Sprintf("%s%04d", p.Payout.Compact(), number)
	e := entry{
		Ref: fmt.Sprint(number), Amount: value, Side: side, Status: "BOOK", Booked: p.Payout.ISO(), Value: p.Payout.ISO(), BankRef: ref,
		Domain:  txCode{"PMNT", "RCDT", "DMCT"},
		Details: details{BankRef: ref, EndID: p.Number, Amount: value, Side: side},
	}
	who, account := &party{p.Name}, &idIBAN{p.IBAN}
	if side == "DBIT" {
		e.Domain.Family = "ICDT"
		e.Details.Parties = &parties{Creditor: who, CreditorIBAN: account}
	} else {
		e.Details.Parties = &parties{Debtor: who, DebtorIBAN: account}
	}
	if bare {
		e.Details.EndID = "NOTPROVIDED"
		return e
	}
	e.Details.Text = fmt.Sprintf("%s DECONT %s DIN %s TRANZACTII %d BRUT %s COMISION %s TVA %s",
		p.Name, p.Number, p.Day.RO(), len(p.Items), pspbook.Lei(p.Gross), pspbook.Lei(p.Fee), pspbook.Lei(p.VAT))
	return e
}

// servicer is who keeps an account.
func servicer(iban string) string {
	if iban[4:8] == "TREZ" {
		return "Trezoreria Napoca-Test"
	}
	return "Banca Sandbox"
}
