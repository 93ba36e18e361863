package heating

import (
	"strconv"

	"racord/cmd/city/book"
	"racord/cmd/city/codepage"
)

type row struct {
	client  book.Client
	invoice book.Invoice
}

// sums are what the control line repeats.
type sums struct{ value, paid, rest, penalty int64 }

const header = "COD_CLIENT;NR_FACT;DATA_EM;SCADENTA;VALOARE;ACHITAT;REST;PENALIT;NUME;ADRESA\r\n"

// write makes a sheet: header, one line per bill, control line.
func write(rows []row, s style) []byte {
	if s.login {
		return []byte("<!DOCTYPE html><html><body><form>Sesiunea a expirat</form></body></html>\n")
	}
	out, total := append(make([]byte, 0, 128*(len(rows)+2)), header...), sums{}
	for i, r := range rows {
		if s.shifted {
			r.client.Code = rows[(i+1)%len(rows)].client.Code
		}
		out = s.line(out, r)
		total.value += r.invoice.Amount
		total.paid += r.invoice.Paid
		total.rest += r.invoice.Amount - r.invoice.Paid
		total.penalty += r.invoice.Penalty
	}
	if s.wrongTotal {
		total.value += 1_00
	}
	out = append(strconv.AppendInt(append(out, "#TOTAL;"...), int64(len(rows)), 10), ";;"...)
	return append(amounts(out, total), ";;\r\n"...)
}

func (s style) line(out []byte, r row) []byte {
	inv := r.invoice
	out = append(out, r.client.Code+";"+inv.Number...)
	if s.broken {
		return append(out, "\r\n"...)
	}
	out = append(out, ";"+inv.Issued.RO()+";"+inv.Due.RO()...)
	out = amounts(out, sums{inv.Amount, inv.Paid, inv.Amount - inv.Paid, inv.Penalty})
	out = s.text(append(out, ';'), r.client.Holder)
	out = s.text(append(out, ';'), r.client.Address)
	return append(out, "\r\n"...)
}

// amounts writes four columns, each after its separator.
func amounts(out []byte, s sums) []byte {
	for _, bani := range [...]int64{s.value, s.paid, s.rest, s.penalty} {
		out = codepage.AppendLei(append(out, ';'), bani)
	}
	return out
}

func (s style) text(out []byte, text string) []byte {
	switch s.page {
	case "cp852":
		return codepage.CP852.Append(out, text)
	case "utf-8":
		return append(out, text...)
	default:
		return codepage.Windows1250.Append(out, text)
	}
}
