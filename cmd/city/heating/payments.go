package heating

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/codepage"
)

const (
	paymentHeader = "ID_LINIE;COD_CLIENT;NR_FACT;SUMA;DATA_PLATII;REFERINTA"
	answerHeader  = "ID_LINIE;COD_CLIENT;NR_FACT;SUMA;STARE;NR_CHITANTA;MOTIV;REFERINTA"
	timeLayout    = "02.01.2006 15:04:05"
)

// payment is one line of a file of payments.
type payment struct {
	line, code, bill, reference string
	amount                      int64
	paid                        time.Time
}

// bookFile books a file's lines, or nothing of a file that cannot be read, and
// writes the answer.
func (a *Archive) bookFile(s sent) (answer []byte, booked bool) {
	lines, problem := s.read()
	if problem != "" {
		return encode(answerHeader + "\r\n#EROARE;" + problem + "\r\n"), false
	}
	var out strings.Builder
	out.WriteString(answerHeader + "\r\n")
	sum, seen := int64(0), map[string]bool{}
	for _, p := range lines {
		state, number, reason := "R", "", "LINIE DUBLA"
		if !seen[p.line] {
			state, number, reason = a.enter(p, s.due)
		}
		seen[p.line] = true
		if state == "A" {
			sum += p.amount
		}
		fmt.Fprintf(&out, "%s;%s;%s;%s;%s;%s;%s;%s\r\n", p.line, p.code, p.bill, roLei(p.amount), state, number, reason, p.reference)
	}
	fmt.Fprintf(&out, "#TOTAL;%d;%s\r\n", len(lines), roLei(sum))
	return encode(out.String()), true
}

// enter books one line; the same reference in another file is booked again.
func (a *Archive) enter(p payment, at time.Time) (state, number, reason string) {
	r, _, err := a.book.Enter(book.Heating, book.Payment{
		Reference: p.reference, Account: p.code, Debt: p.bill, Amount: p.amount, Effective: p.paid,
	}, at)
	if err != nil {
		return "R", "", reasonFor(err)
	}
	return "A", r.Number, ""
}

func reasonFor(err error) string {
	switch {
	case errors.Is(err, book.ErrUnknownAccount):
		return "CLIENT NECUNOSCUT"
	case errors.Is(err, book.ErrUnknownDebt):
		return "FACTURA NECUNOSCUTA"
	case errors.Is(err, book.ErrCancelled):
		return "FACTURA ANULATA"
	case errors.Is(err, book.ErrAlreadyPaid):
		return "DEJA ACHITAT"
	default:
		return "SUMA DEPASESTE SOLDUL"
	}
}

// read understands a whole file, or says what is wrong with it.
func (s sent) read() (lines []payment, problem string) {
	if strings.TrimSpace(strings.ToLower(string(s.marker))) != strings.TrimSpace(string(marker(s.body))) {
		return nil, "MARCAJ GRESIT"
	}
	text, err := charmap.Windows1250.NewDecoder().Bytes(s.body)
	if err != nil {
		return nil, "LINIA 1"
	}
	rows := strings.Split(string(text), "\r\n")
	if len(rows) < 3 || rows[0] != paymentHeader || rows[len(rows)-1] != "" {
		return nil, "LINIA 1"
	}
	sum := int64(0)
	for i, row := range rows[1 : len(rows)-2] {
		p, ok := readPayment(row)
		if !ok {
			return nil, "LINIA " + strconv.Itoa(i+2)
		}
		sum += p.amount
		lines = append(lines, p)
	}
	if rows[len(rows)-2] != fmt.Sprintf("#TOTAL;%d;%s", len(lines), roLei(sum)) {
		return nil, "TOTAL GRESIT"
	}
	return lines, ""
}

func readPayment(row string) (payment, bool) {
	columns := strings.Split(row, ";")
	if len(columns) != 6 {
		return payment{}, false
	}
	amount, right := codepage.ReadLei(columns[3])
	paid, err := time.ParseInLocation(timeLayout, columns[4], calendar.Bucharest)
	p := payment{line: columns[0], code: columns[1], bill: columns[2], reference: columns[5], amount: amount, paid: paid}
	complete := p.line != "" && len(p.line) <= 20 && p.code != "" && p.reference != "" && len(p.reference) <= 64
	return p, complete && right && amount > 0 && err == nil
}

func roLei(bani int64) string { return string(codepage.AppendLei(nil, bani)) }

func encode(text string) []byte { return codepage.Windows1250.Append(nil, text) }
