package httpapi

import (
	"bytes"
	"context"
	"net/http"

	"racord/hub"
)

var typeHTML = []string{"text/html; charset=utf-8"}

// checkedPage is a receipt for people to look at; none when the code is not good.
type checkedPage struct{ receipt *hub.PaymentReceipt }

// showReceipt is checkReceipt for a person: a wrong code is told in a page, too.
func (a *API) showReceipt(ctx context.Context, who hub.Login, code string) (checkedPage, error) {
	if a.Paying.Printer == nil {
		return checkedPage{}, errNotOffered
	}
	r, err := a.checkReceipt(ctx, who, code)
	if hub.CodeOf(err) == hub.CodeNotFound {
		return checkedPage{}, nil
	}
	return checkedPage{r}, err
}

func (a *API) writeReceiptPage(x *exchange, w http.ResponseWriter, p checkedPage) error {
	var out bytes.Buffer
	if err := a.Paying.Printer.Page(&out, p.receipt); err != nil {
		return err
	}
	status := http.StatusOK
	if p.receipt == nil {
		status = http.StatusNotFound
	}
	neverKept(w)
	w.Header().Set("Content-Security-Policy", onlyStyle(a.Paying.Printer.Style()))
	return x.send(w, status, typeHTML, out.Bytes())
}
