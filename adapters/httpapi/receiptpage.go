package httpapi

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"racord/hub"
)

//go:embed receipt.html
var receiptTemplate string

//go:embed receipt.css
var receiptStyle string

// The page that the picture on a receipt leads people to. It tells what the answer
// for programs tells, in Romanian like the paper itself.
var (
	receiptPage = template.Must(template.New("receipt").Funcs(template.FuncMap{
		"lei": lei, "moment": spokenMoment, "masked": masked, "state": spokenState,
	}).Parse(receiptTemplate))
	receiptPolicy = []string{onlyStyle(receiptStyle)}
	typeHTML      = []string{"text/html; charset=utf-8"}
)

// checkedPage is a receipt for people to look at; none when the code is not good.
type checkedPage struct{ receipt *hub.PaymentReceipt }

// showReceipt is checkReceipt for a person: a wrong code is told in a page, too.
func (a *API) showReceipt(ctx context.Context, who hub.Login, code string) (checkedPage, error) {
	r, err := a.checkReceipt(ctx, who, code)
	if hub.CodeOf(err) == hub.CodeNotFound {
		return checkedPage{}, nil
	}
	return checkedPage{r}, err
}

func writeReceiptPage(x *exchange, w http.ResponseWriter, p checkedPage) error {
	var out bytes.Buffer
	err := receiptPage.Execute(&out, struct {
		Receipt *hub.PaymentReceipt
		Style   template.CSS
	}{p.receipt, template.CSS(receiptStyle)})
	if err != nil {
		return err
	}
	status := http.StatusOK
	if p.receipt == nil {
		status = http.StatusNotFound
	}
	neverKept(w)
	w.Header()["Content-Security-Policy"] = receiptPolicy
	return x.send(w, status, typeHTML, out.Bytes())
}

// spokenState says what the money has come to.
func spokenState(s hub.ReceiptState) string {
	switch s {
	case hub.ReceiptBooked:
		return "înregistrată de creditor"
	case hub.ReceiptRefunding:
		return "în curs de returnare către plătitor"
	case hub.ReceiptRefunded:
		return "returnată plătitorului"
	case hub.ReceiptDisputed:
		return "cerută înapoi de banca plătitorului"
	}
	return "plătită; urmează să fie înregistrată de creditor"
}

func spokenMoment(t time.Time) string { return t.In(hub.Bucharest).Format("02.01.2006, 15:04") }

// lei writes an amount as it is written in Romania: 1.234,56 lei.
func lei(m hub.Money) string {
	whole := strconv.FormatInt(m.Minor/100, 10)
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "." + whole[at:]
	}
	return fmt.Sprintf("%s,%02d lei", whole, m.Minor%100)
}
