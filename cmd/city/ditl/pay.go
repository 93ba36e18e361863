package ditl

import (
	"errors"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/codepage"
)

// pay answers the operations about payments.
func (o *Office) pay(asked request, now time.Time) []byte {
	switch asked.operation {
	case opPay:
		return o.register(asked.fields, now)
	case opFind:
		return o.lookup(asked.fields, now)
	case opReverse:
		return o.reverse(asked.fields, now)
	default:
		return o.statement(asked.fields, now)
	}
}

// register books a payment.
func (o *Office) register(fields map[string]string, now time.Time) []byte {
	p, ok := payment(fields)
	switch {
	case !ok:
		return verdict(opPay, badRequest, now)
	case p.Effective.After(now.Add(tolerance)):
		return verdict(opPay, badRequest, now)
	case !o.fits(fields, p, now):
		return verdict(opPay, wrongAccount, now)
	}
	p.Once = !o.book.Manners(book.Ditl).Doubles
	r, again, err := o.book.Enter(book.Ditl, p, now)
	if err != nil {
		return verdict(opPay, codeOf(err), now)
	}
	d := open(opPay)
	d.receipt(r)
	d.field("Repetata", digit(again))
	return d.shut(opPay)
}

// tolerance is how far ahead of the office's clock a payer's may be.
const tolerance = 24 * time.Hour

// maxReference is how long a payer's number may be.
const maxReference = 64

func payment(fields map[string]string) (book.Payment, bool) {
	amount, right := codepage.ReadLei(fields["Suma"])
	paid, err := time.ParseInLocation(timeLayout, fields["DataPlata"], calendar.Bucharest)
	p := book.Payment{
		Reference: fields["NrDocExtern"], Account: fields["Rol"], Debt: fields["IdDebit"], Amount: amount, Effective: paid,
	}
	complete := p.Reference != "" && len(p.Reference) <= maxReference && p.Account != "" && p.Debt != ""
	return p, complete && right && amount > 0 && err == nil
}

// fits reports whether the account and revenue code, where given, are the
// debt's.
func (o *Office) fits(fields map[string]string, p book.Payment, now time.Time) bool {
	c, ok := o.book.Charge(p.Account, p.Debt, calendar.Of(now))
	if !ok {
		return true // which is said when it is entered
	}
	iban, revenue := fields["IBAN"], fields["CodVenit"]
	return (iban == "" || iban == c.IBAN) && (revenue == "" || revenue == c.Revenue)
}

func codeOf(err error) int {
	for cause, code := range map[error]int{
		book.ErrUnknownAccount: unknown, book.ErrUnknownDebt: debtUnknown, book.ErrAlreadyPaid: alreadyPaid,
		book.ErrAmountChanged: amountChanged, book.ErrCancelled: debtCancelled, book.ErrReferenceTaken: referenceTaken,
		book.ErrNoReceipt: notFound, book.ErrReversed: reversed, book.ErrClosed: tooLate,
	} {
		if errors.Is(err, cause) {
			return code
		}
	}
	return badRequest
}

// lookup finds payments by the payer's number.
func (o *Office) lookup(fields map[string]string, now time.Time) []byte {
	reference := fields["NrDocExtern"]
	switch {
	case reference == "":
		return verdict(opFind, badRequest, now)
	case o.book.Manners(book.Ditl).Mute:
		return verdict(opFind, notOffered, now)
	}
	found := o.book.Find(book.Ditl, reference, now)
	if len(found) == 0 {
		return verdict(opFind, notFound, now)
	}
	d := open(opFind)
	d.receipts(found)
	return d.shut(opFind)
}

// reverse undoes a receipt.
func (o *Office) reverse(fields map[string]string, now time.Time) []byte {
	if fields["NrChitanta"] == "" {
		return verdict(opReverse, badRequest, now)
	}
	r, err := o.book.Reverse(book.Ditl, fields["NrChitanta"], now)
	if err != nil {
		return verdict(opReverse, codeOf(err), now)
	}
	d := open(opReverse)
	d.receipt(r)
	d.field("DataStorno", r.ReversedAt.Format(timeLayout))
	return d.shut(opReverse)
}

// statement lists what was booked on a day.
func (o *Office) statement(fields map[string]string, now time.Time) []byte {
	day, err := time.ParseInLocation(dateLayout, fields["Data"], calendar.Bucharest)
	if err != nil {
		return verdict(opStatement, badRequest, now)
	}
	booked, total := o.book.Statement(book.Ditl, calendar.Of(day), now), int64(0)
	for _, r := range booked {
		if !r.Reversed() {
			total += r.Amount
		}
	}
	d := open(opStatement)
	d.field("Data", day.Format(dateLayout))
	d.number("Numar", len(booked))
	d.lei("Total", total)
	d.receipts(booked)
	return d.shut(opStatement)
}

// open begins a good answer.
func open(operation string) *document {
	d := begin()
	d.raw("<" + operation + `Response xmlns="` + ditlSpace + `"><CodEroare>0</CodEroare><MesajEroare/>` + "\n")
	return d
}

func (d *document) shut(operation string) []byte {
	d.raw("</" + operation + "Response>")
	return d.end()
}

func (d *document) receipts(all []book.Receipt) {
	d.raw("<Plati>\n")
	for _, r := range all {
		d.raw("<Plata>")
		d.receipt(r)
		d.raw("</Plata>\n")
	}
	d.raw("</Plati>")
}

func (d *document) receipt(r book.Receipt) {
	d.field("NrChitanta", r.Number)
	d.field("NrDocExtern", r.Reference)
	d.field("Rol", r.Account)
	d.field("IdDebit", r.ExternalID)
	d.lei("Suma", r.Amount)
	d.field("DataPlata", r.EffectiveAt.In(calendar.Bucharest).Format(timeLayout))
	d.field("DataInregistrare", r.BookedAt.Format(timeLayout))
	d.field("Stornata", digit(r.Reversed()))
	d.raw("<Distribuire>")
	for _, p := range r.Parts {
		d.raw("<Debit>")
		d.field("Id", p.ExternalID)
		d.lei("Suma", p.Amount)
		d.lei("Bonificatie", p.Waived)
		d.raw("</Debit>")
	}
	d.raw("</Distribuire>\n")
}

func digit(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}
