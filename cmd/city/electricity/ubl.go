package electricity

import (
	"strconv"

	"racord/cmd/city/book"
	"racord/cmd/city/dice"
	"racord/cmd/city/people"
)

const (
	customization = "urn:cen.eu:en16931:2017#compliant#urn:efactura.mfinante.ro:CIUS-RO:1.0.1"
	supplierName  = "Lumina Napoca-Test SA"
	supplierIBAN  = "RO12SBXB0000999900000002"
	vatPercent    = 21
)

// supplierCUI is longer than any fiscal code given so far.
var supplierCUI = people.CUI(998_000_001)

// xml is UBL being written; elements come in the order of the schema.
type xml struct{ b []byte }

func (x *xml) raw(s string) { x.b = append(x.b, s...) }

func (x *xml) text(s string) {
	for i := range len(s) {
		switch s[i] {
		case '&':
			x.raw("&amp;")
		case '<':
			x.raw("&lt;")
		case '>':
			x.raw("&gt;")
		default:
			x.b = append(x.b, s[i])
		}
	}
}

// leaf writes <cbc:name>value</cbc:name>.
func (x *xml) leaf(name, value string) {
	x.raw("<cbc:" + name + ">")
	x.text(value)
	x.raw("</cbc:" + name + ">\n")
}

func (x *xml) money(name string, bani int64) {
	x.raw("<cbc:" + name + ` currencyID="RON">`)
	x.b = appendLei(x.b, bani)
	x.raw("</cbc:" + name + ">\n")
}

// in writes <cac:name>…</cac:name> around what inside writes.
func (x *xml) in(name string, inside func()) {
	x.raw("<cac:" + name + ">\n")
	inside()
	x.raw("</cac:" + name + ">\n")
}

// appendInvoice writes an invoice as UBL 2.1 with the Romanian customisation.
func appendInvoice(b []byte, client book.Client, inv book.Invoice) []byte {
	x := &xml{b}
	x.raw(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"` +
		` xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"` +
		` xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">` + "\n")
	x.head(inv)
	x.in("AccountingSupplierParty", x.supplier)
	x.in("AccountingCustomerParty", func() { x.customer(client) })
	x.payment(inv)
	x.totals(inv)
	x.lines(client, inv)
	x.raw("</Invoice>\n")
	return x.b
}

func (x *xml) head(inv book.Invoice) {
	x.leaf("CustomizationID", customization)
	x.leaf("ID", inv.Number)
	x.leaf("IssueDate", inv.Issued.ISO())
	if !hidesDueDate(inv) {
		x.leaf("DueDate", inv.Due.ISO())
	}
	x.leaf("InvoiceTypeCode", "380")
	x.leaf("DocumentCurrencyCode", "RON")
	x.in("InvoicePeriod", func() {
		x.leaf("StartDate", inv.From.ISO())
		x.leaf("EndDate", inv.To.ISO())
	})
	if inv.Cancels != "" {
		x.in("BillingReference", func() {
			x.in("InvoiceDocumentReference", func() { x.leaf("ID", inv.Cancels) })
		})
	}
}

// hidesDueDate is true for three invoices of a hundred: their due date is in
// the payment terms only.
func hidesDueDate(inv book.Invoice) bool {
	d := dice.New(int64(inv.Month), inv.Number)
	return d.Chance(30)
}

func (x *xml) supplier() {
	x.in("Party", func() {
		x.address("Str. Luminii-Test 1", "Napoca-Test")
		x.in("PartyTaxScheme", func() {
			x.leaf("CompanyID", "RO"+supplierCUI)
			x.in("TaxScheme", func() { x.leaf("ID", "VAT") })
		})
		x.in("PartyLegalEntity", func() {
			x.leaf("RegistrationName", supplierName)
			x.leaf("CompanyID", "J12/0001/2001")
		})
	})
}

func (x *xml) customer(c book.Client) {
	x.in("Party", func() {
		x.in("PartyIdentification", func() { x.leaf("ID", c.Code) })
		x.address(c.Address, "Napoca-Test")
		x.in("PartyLegalEntity", func() {
			x.leaf("RegistrationName", c.Holder)
			x.leaf("CompanyID", c.TaxCode)
		})
	})
}

func (x *xml) address(street, city string) {
	x.in("PostalAddress", func() {
		x.leaf("StreetName", street)
		x.leaf("CityName", city)
		x.leaf("CountrySubentity", "RO-CJ")
		x.in("Country", func() { x.leaf("IdentificationCode", "RO") })
	})
}

func (x *xml) payment(inv book.Invoice) {
	x.in("PaymentMeans", func() {
		x.leaf("PaymentMeansCode", "42")
		x.leaf("PaymentID", inv.Number)
		x.in("PayeeFinancialAccount", func() {
			x.leaf("ID", supplierIBAN)
			x.leaf("Name", supplierName)
		})
	})
	if hidesDueDate(inv) {
		x.in("PaymentTerms", func() { x.leaf("Note", "Termen de plată: "+inv.Due.RO()) })
	}
}

// net is the amount before VAT; the VAT is what is left, so it may be 0.01 off
// the percentage.
func net(inv book.Invoice) int64 {
	sign := int64(1)
	if inv.Amount < 0 {
		sign = -1
	}
	return (inv.Amount*100 + sign*(100+vatPercent)/2) / (100 + vatPercent)
}

func (x *xml) totals(inv book.Invoice) {
	before := net(inv)
	x.in("TaxTotal", func() {
		x.money("TaxAmount", inv.Amount-before)
		x.in("TaxSubtotal", func() {
			x.money("TaxableAmount", before)
			x.money("TaxAmount", inv.Amount-before)
			x.in("TaxCategory", x.category)
		})
	})
	x.in("LegalMonetaryTotal", func() {
		x.money("LineExtensionAmount", before)
		x.money("TaxExclusiveAmount", before)
		x.money("TaxInclusiveAmount", inv.Amount)
		x.money("PayableAmount", inv.Amount)
	})
}

func (x *xml) category() {
	x.leaf("ID", "S")
	x.leaf("Percent", strconv.Itoa(vatPercent)+".00")
	x.in("TaxScheme", func() { x.leaf("ID", "VAT") })
}

// lines are the energy and the fixed charge, which add up to the net amount.
func (x *xml) lines(client book.Client, inv book.Invoice) {
	before := net(inv)
	energy := before * 85 / 100
	x.line(client, 1, "Energie electrică activă", energy)
	x.line(client, 2, "Abonament și taxe de rețea", before-energy)
}

func (x *xml) line(client book.Client, n int, name string, bani int64) {
	quantity := "1"
	if bani < 0 {
		quantity = "-1"
		bani = -bani // a storno turns the quantity round, not the price
	}
	x.in("InvoiceLine", func() {
		x.leaf("ID", strconv.Itoa(n))
		x.raw(`<cbc:InvoicedQuantity unitCode="C62">` + quantity + "</cbc:InvoicedQuantity>\n")
		signed := bani
		if quantity == "-1" {
			signed = -bani
		}
		x.money("LineExtensionAmount", signed)
		x.in("Item", func() {
			x.leaf("Name", name)
			x.in("ClassifiedTaxCategory", x.category)
			x.in("AdditionalItemProperty", func() {
				x.leaf("Name", "POD")
				x.leaf("Value", client.POD)
			})
		})
		x.in("Price", func() { x.money("PriceAmount", bani) })
	})
}
