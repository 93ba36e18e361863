package einvoice

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"racord/connectors"
	"racord/hub"
)

// columns are what a manifest's map can name. Amounts are lei with a point, and
// negative on a credit note; credit is what was paid before, negative on a bill.
// net, vat, rounding and credit add up to payable. Dates are YYYY-MM-DD.
var columns = []string{
	"id", "issued", "due", "period_from", "period_to", "customer_code", "customer_name",
	"iban", "payment_ref", "net", "vat", "rounding", "credit", "payable", "property", "label", "type",
}

// reading is a bill that was checked, ready for the map.
type reading struct {
	values  []string // one for each of columns
	remarks []hub.QualityEvent
}

// rules are what a creditor's bills must fulfil.
type rules struct {
	cui      string // fiscal code of the supplier, digits
	property string // name of the line property that tells the place of consumption
}

// check turns a bill into columns, or tells why it must be refused.
func (r rules) check(b *bill) (reading, *hub.QualityEvent) {
	if !r.supplied(b) {
		return reading{}, refuse("wrong_supplier", "AccountingSupplierParty", "another company's bill")
	}
	if b.id == "" || len(b.customerIDs) == 0 {
		return reading{}, refuse("missing_field", "ID, AccountingCustomerParty.PartyIdentification", "a bill needs a number and a customer code")
	}
	if b.currency != hub.RON || b.payable.currency != hub.RON {
		return reading{}, refuse("foreign_currency", "DocumentCurrencyCode", "only bills in RON are taken")
	}
	sums, bad := b.sums()
	if bad != nil {
		return reading{}, bad
	}
	due, remarks := b.dueOn()
	out := reading{remarks: remarks}
	out.values = []string{
		b.id, b.issued, due, b.periodFrom, b.periodTo, b.customerIDs[0], b.customerName,
		strings.ReplaceAll(b.iban, " ", ""), b.paymentRef,
		lei(sums.net), lei(sums.vat), lei(sums.rest()), lei(-sums.prepaid), lei(sums.payable), b.property(r.property), b.label, b.kind(),
	}
	return out, nil
}

// names are the columns of a bill that was refused: only those that say which it
// is and whose.
func (b *bill) names() []string {
	values := make([]string, len(columns))
	values[slices.Index(columns, "id")] = b.id
	if len(b.customerIDs) > 0 {
		values[slices.Index(columns, "customer_code")] = b.customerIDs[0]
	}
	return values
}

func refuse(code, field, detail string) *hub.QualityEvent {
	return &hub.QualityEvent{Code: code, Field: field, Detail: detail}
}

func (r rules) supplied(b *bill) bool {
	for _, code := range b.supplierTax {
		if hub.NormalCUI(strings.ReplaceAll(code, " ", "")) == r.cui {
			return true
		}
	}
	return false
}

func (b *bill) property(name string) string {
	for _, p := range b.properties {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// kind tells what the document is in one word: bill, credit_note or storno,
// which practice sends as an invoice with a negative amount.
func (b *bill) kind() string {
	switch {
	case b.creditNote || b.typeCode == "381":
		return "credit_note"
	case strings.HasPrefix(b.payable.text, "-") && len(b.replaces) > 0:
		return "storno"
	default:
		return "bill"
	}
}

// sums are the amounts of a bill in bani, negative on a credit note.
type sums struct{ net, vat, rounding, prepaid, payable int64 }

// rest is the rounding of the bill, and of the VAT on its lines.
func (s sums) rest() int64 { return s.payable - s.net - s.vat + s.prepaid }

// tolerance is how far totals may differ because of the rounding of VAT on
// lines, in bani.
const tolerance = 1

func (b *bill) sums() (s sums, bad *hub.QualityEvent) {
	gross, sign := int64(0), int64(1) // bani
	if b.creditNote {
		sign = -1
	}
	for _, part := range []struct {
		from  amount
		into  *int64
		field string
		must  bool // EN 16931 BT-109, BT-112, BT-115
	}{
		{b.net, &s.net, "TaxExclusiveAmount", true}, {b.gross, &gross, "TaxInclusiveAmount", true}, {b.payable, &s.payable, "PayableAmount", true},
		{b.tax(), &s.vat, "TaxTotal", false}, {b.rounding, &s.rounding, "PayableRoundingAmount", false}, {b.prepaid, &s.prepaid, "PrepaidAmount", false},
	} {
		if part.from.text == "" && !part.must {
			continue
		}
		bani, err := connectors.MoneyDecimal(part.from.text)
		if err != nil {
			return s, refuse("bad_amount", "LegalMonetaryTotal."+part.field, err.Error())
		}
		if bani > largest || bani < -largest {
			return s, refuse("bad_amount", "LegalMonetaryTotal."+part.field, "larger than any bill")
		}
		*part.into = sign * bani
	}
	if apart(s.net+s.vat, gross) || apart(gross-s.prepaid+s.rounding, s.payable) {
		return s, refuse("bad_total", "LegalMonetaryTotal", "the parts do not add up to what is to be paid")
	}
	return s, nil
}

// largest is the largest amount of a bill, in bani: sums of a few cannot
// overflow.
const largest = 1_000_000_000_000_000

func apart(a, b int64) bool { return a-b > tolerance || b-a > tolerance }

// tax gives the total in the currency of the bill; there may be a second one in
// the currency of account.
func (b *bill) tax() amount {
	for _, t := range b.taxTotals {
		if t.currency == b.currency {
			return t
		}
	}
	return amount{}
}

// dueOn gives the due date, or finds it in the terms of payment: a date, or a
// number of days after the issue.
func (b *bill) dueOn() (due string, remarks []hub.QualityEvent) {
	if b.due != "" {
		return b.due, nil
	}
	if due = dateIn(b.terms); due == "" {
		due = b.afterDays()
	}
	if due == "" {
		return "", []hub.QualityEvent{{Code: "due_date_missing", Field: "DueDate"}}
	}
	return due, []hub.QualityEvent{{Code: "due_date_from_terms", Field: "PaymentTerms.Note"}}
}

var (
	dateISO  = regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}\b`)
	dateRO   = regexp.MustCompile(`\b\d{1,2}[./]\d{1,2}[./]\d{4}\b`)
	someDays = regexp.MustCompile(`(?i)\b(\d{1,3})\s*(?:de\s+)?(?:zile|zi|days|day)\b`)
)

func dateIn(terms string) string {
	if found := dateISO.FindString(terms); found != "" {
		if d, err := hub.ParseDate(found); err == nil {
			return string(d)
		}
	}
	if found := dateRO.FindString(terms); found != "" {
		if d, err := connectors.DateRO(found); err == nil {
			return string(d)
		}
	}
	return ""
}

func (b *bill) afterDays() string {
	found := someDays.FindStringSubmatch(b.terms)
	issued, err := time.Parse(time.DateOnly, b.issued)
	if found == nil || err != nil {
		return ""
	}
	days, err := strconv.Atoi(found[1])
	if err != nil {
		return ""
	}
	return issued.AddDate(0, 0, days).Format(time.DateOnly)
}

// lei writes bani as a decimal number with a point.
func lei(bani int64) string {
	return strings.TrimSuffix(hub.Bani(bani).String(), " "+hub.RON)
}
