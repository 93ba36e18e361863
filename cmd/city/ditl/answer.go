package ditl

import (
	"net/http"
	"strconv"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/codepage"
)

// nameWidth is what the office pads names to.
const nameWidth = 30

// How the office writes times and dates.
const (
	timeLayout = "02.01.2006 15:04:05"
	dateLayout = "02.01.2006"
)

// document is an envelope being written in windows-1250.
type document struct{ b []byte }

func begin() *document {
	d := &document{b: make([]byte, 0, 4096)}
	d.raw(`<?xml version="1.0" encoding="windows-1250"?>` + "\n" +
		`<soap:Envelope xmlns:soap="` + soapSpace + `"><soap:Body>`)
	return d
}

func (d *document) end() []byte { return append(d.b, "</soap:Body></soap:Envelope>\n"...) }

func (d *document) raw(s string) { d.b = append(d.b, s...) }

// text writes character data, escaped.
func (d *document) text(s string) {
	from := 0
	for i := range len(s) {
		var escaped string
		switch s[i] {
		case '&':
			escaped = "&amp;"
		case '<':
			escaped = "&lt;"
		case '>':
			escaped = "&gt;"
		case '"':
			escaped = "&quot;"
		default:
			continue
		}
		d.b = codepage.Windows1250.Append(d.b, s[from:i])
		d.raw(escaped)
		from = i + 1
	}
	d.b = codepage.Windows1250.Append(d.b, s[from:])
}

func (d *document) field(name, value string) {
	d.raw("<" + name + ">")
	d.text(value)
	d.raw("</" + name + ">")
}

func (d *document) number(name string, n int) { d.field(name, strconv.Itoa(n)) }

func (d *document) lei(name string, bani int64) {
	d.raw("<" + name + ">")
	d.b = codepage.AppendLei(d.b, bani)
	d.raw("</" + name + ">")
}

// listing is the answer about a known taxpayer, up to the time it was made.
func listing(roles []book.Role) []byte {
	d := begin()
	d.raw(`<ListaDebiteResponse xmlns="` + ditlSpace + `"><CodEroare>0</CodEroare><MesajEroare/>` + "\n")
	for _, r := range roles {
		d.taxpayer(r)
	}
	d.raw("<Debite>\n")
	for _, r := range roles {
		for _, c := range r.Charges {
			d.charge(r.Number, c)
		}
		for _, b := range r.Bonuses {
			d.bonus(r.Number, b)
		}
	}
	d.raw("</Debite>")
	return d.b
}

// timed completes a listing.
func timed(listing []byte, now time.Time) []byte {
	d := &document{append(make([]byte, 0, len(listing)+128), listing...)}
	d.field("DataCalcul", now.Format(timeLayout))
	d.raw("</ListaDebiteResponse>")
	return d.end()
}

func (d *document) taxpayer(r book.Role) {
	d.raw("<Contribuabil>")
	d.field("Rol", r.Number)
	d.field("CNP", r.Code)
	d.field("Nume", padded(r.Holder))
	d.field("Adresa", padded(r.Address))
	d.raw("</Contribuabil>\n")
}

func (d *document) charge(role string, c book.Charge) {
	d.raw("<Debit>")
	d.field("Id", c.ID)
	d.field("CodVenit", c.Revenue)
	d.field("Denumire", c.Label)
	d.number("An", c.Year)
	d.number("Rata", c.Instalment)
	d.field("Scadenta", c.Due.RO())
	d.lei("Debit", c.Principal)
	d.lei("Majorari", c.Late)
	d.lei("Incasat", c.Collected)
	d.lei("Sold", c.Outstanding())
	d.field("IBAN", c.IBAN)
	d.field("Rol", role)
	d.field("Obiect", padded(c.Object))
	d.raw("</Debit>\n")
}

func (d *document) bonus(role string, b book.Bonus) {
	d.raw(`<BonificatieAnIntegral Rol="` + role + `" CodVenit="` + b.Revenue + `" An="` + strconv.Itoa(b.Year) +
		`" Procent="` + strconv.Itoa(b.Percent) + `,00" Suma="`)
	d.b = codepage.AppendLei(d.b, b.Amount)
	d.raw(`" PanaLa="` + b.Until.RO() + `"/>` + "\n")
}

// verdict is the answer without data.
func verdict(operation string, code int, now time.Time) []byte {
	d := begin()
	d.raw("<" + operation + `Response xmlns="` + ditlSpace + `">`)
	d.number("CodEroare", code)
	d.field("MesajEroare", messages[code])
	if operation == opList {
		d.raw("<Debite/>")
		d.field("DataCalcul", now.Format(timeLayout))
	}
	d.raw("</" + operation + "Response>")
	return d.end()
}

// fault is a SOAP fault, which HTTP carries as 500 (SOAP 1.1 §6.2).
func fault(w http.ResponseWriter, code, text string) {
	d := begin()
	d.raw(`<soap:Fault xmlns:wsse="` + wsseSpace + `">`)
	d.field("faultcode", code)
	d.field("faultstring", text)
	d.raw("</soap:Fault>")
	send(w, http.StatusInternalServerError, d.end())
}

// padded fills with blanks to the width of the office's columns.
func padded(s string) string {
	for n := len([]rune(s)); n < nameWidth; n++ {
		s += " "
	}
	return s
}
