package einvoice

import (
	"encoding/xml"

	"racord/connectors"
)

// listing is one page of the list of messages.
type listing struct {
	Messages []message `json:"messages"`
	More     bool      `json:"more"`
}

// message is one entry of the list.
type message struct {
	Index string `json:"index"`
}

// check finds what would make a reader go astray or round in circles.
func (l listing) check(after string, limit int) error {
	if len(l.Messages) > limit {
		return connectors.BadData("more messages than were asked for")
	}
	seen := map[string]bool{after: true, "": true}
	for _, m := range l.Messages {
		if seen[m.Index] || len(m.Index) > longestIndex {
			return connectors.BadData("an index is missing or stands twice")
		}
		seen[m.Index] = true
	}
	if l.More && len(l.Messages) == 0 {
		return connectors.BadData("an empty list that says there is more")
	}
	return nil
}

// longestIndex bounds an index, in bytes.
const longestIndex = 64

// bill is a UBL 2.1 Invoice or CreditNote (ISO/IEC 19845), as far as a debt
// needs it. Texts are as they stand in the document.
type bill struct {
	creditNote   bool // amounts are owed to the customer
	id           string
	issued       string
	due          string
	typeCode     string
	currency     string
	terms        string
	periodFrom   string
	periodTo     string
	replaces     []string // numbers of the bills this one corrects
	supplierTax  []string // fiscal codes of the supplier, with or without RO
	customerIDs  []string // the supplier's own codes of the customer
	customerName string
	customerTax  string
	iban         string
	paymentRef   string
	taxTotals    []amount // one for each currency of account
	net          amount   // TaxExclusiveAmount
	gross        amount   // TaxInclusiveAmount
	prepaid      amount
	rounding     amount
	payable      amount
	properties   []property // of the goods on the lines
	label        string     // of the first line's goods
}

// amount is a number with its currency, both as written.
type amount struct{ text, currency string }

// property is a name and a value that a supplier adds to a line.
type property struct{ name, value string }

// node is an element that is looked into. A leaf has a setter.
type node struct {
	children map[xml.Name]*node
	set      func(b *bill, text string, start *opened)
	begin    func(b *bill)
}

const (
	nsInvoice    = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
	nsCreditNote = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
	nsAggregate  = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
	nsBasic      = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
)

type setter = func(b *bill, text string, start *opened)

// text sets a field that may stand once; the first one counts.
func text(field func(*bill) *string) *node {
	return &node{set: func(b *bill, value string, _ *opened) {
		if f := field(b); *f == "" {
			*f = value
		}
	}}
}

func texts(field func(*bill) *[]string) *node {
	return &node{set: func(b *bill, value string, _ *opened) {
		if f := field(b); value != "" && len(*f) < most {
			*f = append(*f, value)
		}
	}}
}

func money(field func(*bill) *amount) *node {
	return &node{set: func(b *bill, value string, start *opened) {
		if f := field(b); f.text == "" {
			*f = amount{value, start.currency}
		}
	}}
}

// most bounds what may repeat.
const most = 64

// cac is an aggregate element, cbc a leaf, by their names in UBL.
func cac(children ...named) *node {
	n := &node{children: make(map[xml.Name]*node, len(children))}
	for _, c := range children {
		n.children[c.name] = c.node
	}
	return n
}

type named struct {
	name xml.Name
	node *node
}

func aggregate(local string, children ...named) named {
	return named{xml.Name{Space: nsAggregate, Local: local}, cac(children...)}
}

func basic(local string, leaf *node) named {
	return named{xml.Name{Space: nsBasic, Local: local}, leaf}
}

// documents are the two roots that are read.
var documents = map[xml.Name]*node{
	{Space: nsInvoice, Local: "Invoice"}:       document("InvoiceTypeCode", "InvoiceLine"),
	{Space: nsCreditNote, Local: "CreditNote"}: document("CreditNoteTypeCode", "CreditNoteLine"),
}

func document(typeCode, line string) *node {
	return cac(
		basic("ID", text(func(b *bill) *string { return &b.id })),
		basic("IssueDate", text(func(b *bill) *string { return &b.issued })),
		basic("DueDate", text(func(b *bill) *string { return &b.due })),
		basic(typeCode, text(func(b *bill) *string { return &b.typeCode })),
		basic("DocumentCurrencyCode", text(func(b *bill) *string { return &b.currency })),
		aggregate("InvoicePeriod",
			basic("StartDate", text(func(b *bill) *string { return &b.periodFrom })),
			basic("EndDate", text(func(b *bill) *string { return &b.periodTo }))),
		aggregate("BillingReference", aggregate("InvoiceDocumentReference",
			basic("ID", texts(func(b *bill) *[]string { return &b.replaces })))),
		supplier(), customer(), means(),
		aggregate("PaymentTerms", basic("Note", text(func(b *bill) *string { return &b.terms }))),
		aggregate("TaxTotal", basic("TaxAmount", &node{set: addTax})),
		totals(), goods(line),
	)
}

func addTax(b *bill, value string, start *opened) {
	if len(b.taxTotals) < most {
		b.taxTotals = append(b.taxTotals, amount{value, start.currency})
	}
}

func supplier() named {
	codes := func() *node { return texts(func(b *bill) *[]string { return &b.supplierTax }) }
	return aggregate("AccountingSupplierParty", aggregate("Party",
		aggregate("PartyTaxScheme", basic("CompanyID", codes())),
		aggregate("PartyLegalEntity", basic("CompanyID", codes()))))
}

func customer() named {
	name := func() *node { return text(func(b *bill) *string { return &b.customerName }) }
	return aggregate("AccountingCustomerParty", aggregate("Party",
		aggregate("PartyIdentification", basic("ID", texts(func(b *bill) *[]string { return &b.customerIDs }))),
		aggregate("PartyName", basic("Name", name())),
		aggregate("PartyLegalEntity",
			basic("RegistrationName", name()),
			basic("CompanyID", text(func(b *bill) *string { return &b.customerTax })))))
}

func means() named {
	return aggregate("PaymentMeans",
		basic("PaymentDueDate", text(func(b *bill) *string { return &b.due })),
		basic("PaymentID", text(func(b *bill) *string { return &b.paymentRef })),
		aggregate("PayeeFinancialAccount", basic("ID", text(func(b *bill) *string { return &b.iban }))))
}

func totals() named {
	return aggregate("LegalMonetaryTotal",
		basic("TaxExclusiveAmount", money(func(b *bill) *amount { return &b.net })),
		basic("TaxInclusiveAmount", money(func(b *bill) *amount { return &b.gross })),
		basic("PrepaidAmount", money(func(b *bill) *amount { return &b.prepaid })),
		basic("PayableRoundingAmount", money(func(b *bill) *amount { return &b.rounding })),
		basic("PayableAmount", money(func(b *bill) *amount { return &b.payable })))
}

func goods(line string) named {
	added := aggregate("AdditionalItemProperty",
		basic("Name", &node{set: nameProperty}), basic("Value", &node{set: valueProperty}))
	added.node.begin = func(b *bill) {
		if len(b.properties) < most {
			b.properties = append(b.properties, property{})
		}
	}
	return aggregate(line, aggregate("Item",
		basic("Name", text(func(b *bill) *string { return &b.label })), added))
}

var nameProperty setter = func(b *bill, value string, _ *opened) {
	if p := &b.properties[len(b.properties)-1]; p.name == "" {
		p.name = value
	}
}

var valueProperty setter = func(b *bill, value string, _ *opened) {
	if p := &b.properties[len(b.properties)-1]; p.value == "" {
		p.value = value
	}
}
