package camt

import "encoding/xml"

// namespace is the one version that is read: camt.053.001.08, the bank-to-customer
// statement of ISO 20022.
const namespace = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"

// The part of a statement that matters here. Names are the schema's.
type (
	document struct {
		XMLName    xml.Name    `xml:"Document"`
		Statements []statement `xml:"BkToCstmrStmt>Stmt"`
	}
	statement struct {
		IBAN     string    `xml:"Acct>Id>IBAN"`
		Balances []balance `xml:"Bal"`
		Entries  []entry   `xml:"Ntry"`
		Total    *total    `xml:"TxsSummry>TtlNtries"`
	}
	balance struct {
		Code   string `xml:"Tp>CdOrPrtry>Cd"`
		Amount amount `xml:"Amt"`
		Side   string `xml:"CdtDbtInd"`
	}
	total struct {
		Count string `xml:"NbOfNtries"`
		Sum   string `xml:"Sum"`
	}
	amount struct {
		Currency string `xml:"Ccy,attr"`
		Text     string `xml:",chardata"`
	}
	entry struct {
		Ref      string    `xml:"NtryRef"`
		Amount   amount    `xml:"Amt"`
		Side     string    `xml:"CdtDbtInd"`
		Reversal bool      `xml:"RvslInd"`
		Status   string    `xml:"Sts>Cd"`
		Day      string    `xml:"BookgDt>Dt"`
		Moment   string    `xml:"BookgDt>DtTm"`
		BankRef  string    `xml:"AcctSvcrRef"`
		Details  []details `xml:"NtryDtls>TxDtls"`
	}
	details struct {
		BankRef  string   `xml:"Refs>AcctSvcrRef"`
		EndToEnd string   `xml:"Refs>EndToEndId"`
		Amount   *amount  `xml:"Amt"`
		Side     string   `xml:"CdtDbtInd"`
		Debtor   string   `xml:"RltdPties>DbtrAcct>Id>IBAN"`
		Creditor string   `xml:"RltdPties>CdtrAcct>Id>IBAN"`
		Text     []string `xml:"RmtInf>Ustrd"`
	}
)
