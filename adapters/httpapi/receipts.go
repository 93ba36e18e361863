package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// Receipts makes out receipts and checks them; pay.Service does.
type Receipts interface {
	ReceiptOf(p *hub.Payment, line int) (*hub.PaymentReceipt, error)
	CheckReceipt(ctx context.Context, code string) (*hub.PaymentReceipt, error)
}

// Printer writes a receipt as a PDF document, and as the page that leads there; nil
// is a code that is of no receipt. The page uses that style and nothing else.
type Printer interface {
	Print(to io.Writer, r *hub.PaymentReceipt) error
	Page(to io.Writer, r *hub.PaymentReceipt) error
	Style() string
}

// receiptWanted asks for the receipt of a payment; line 0 is the whole basket.
type receiptWanted struct {
	id   hub.PaymentID
	line int
}

func decodeReceipt(r *http.Request) (receiptWanted, error) {
	want := receiptWanted{}
	query, err := params(r, "line")
	if err != nil {
		return want, err
	}
	if want.id, err = paymentIn(r); err != nil {
		return want, err
	}
	if values, given := query["line"]; given {
		want.line, err = strconv.Atoi(values[0])
		if err != nil || want.line < 1 || want.line > pay.MostLines || len(values) > 1 {
			return want, invalid("line", "must be the number of a line")
		}
	}
	return want, nil
}

// receipt makes out a receipt of a payment of the caller's own.
func (a *API) receipt(ctx context.Context, who hub.Login, want receiptWanted) (*hub.PaymentReceipt, error) {
	if a.Paying.Receipts == nil {
		return nil, errNotOffered
	}
	p, err := a.payment(ctx, who, want.id)
	if err != nil {
		return nil, err
	}
	r, err := a.Paying.Receipts.ReceiptOf(p, want.line)
	if err == nil && a.conf.PublicURL != "" {
		r.Link = a.conf.PublicURL + "/v1/receipts/" + url.PathEscape(r.Code)
	}
	return r, err
}

// checkReceipt tells whoever was shown a receipt whether it is good.
func (a *API) checkReceipt(ctx context.Context, _ hub.Login, code string) (*hub.PaymentReceipt, error) {
	if a.Paying.Receipts == nil {
		return nil, errNotOffered
	}
	return a.Paying.Receipts.CheckReceipt(ctx, code)
}

func decodeCode(r *http.Request) (string, error) {
	_, err := params(r)
	return r.PathValue("code"), err
}

// receiptShown is a receipt as its owner sees it.
type receiptShown struct {
	Code      string                `json:"code"`
	VerifyURL string                `json:"verify_url,omitempty"`
	Payment   hub.PaymentID         `json:"payment"`
	PaidAt    time.Time             `json:"paid_at"`
	AsOf      time.Time             `json:"as_of"`
	Total     hub.Money             `json:"total"`
	Refunded  hub.Money             `json:"refunded"`
	Lines     []receiptLineShown    `json:"lines"`
	Providers []receiptChargedShown `json:"providers"`
}

type receiptLineShown struct {
	No         int              `json:"no"`
	Creditor   hub.Name         `json:"creditor"`
	Name       string           `json:"name"`
	CUI        string           `json:"cui,omitempty"`
	Label      string           `json:"label,omitempty"`
	Reference  string           `json:"reference,omitempty"`
	ExternalID string           `json:"external_id,omitempty"`
	Account    string           `json:"account,omitempty"`
	Amount     hub.Money        `json:"amount"`
	State      hub.ReceiptState `json:"state"`
	Number     string           `json:"number,omitempty"`
	BookedAt   *time.Time       `json:"booked_at,omitempty"`
	Transfers  []transferShown  `json:"transfers,omitempty"`
}

type receiptChargedShown struct {
	Provider string    `json:"provider"`
	Order    string    `json:"order"`
	Ref      string    `json:"ref,omitempty"`
	Taken    hub.Money `json:"taken"`
}

func writeReceipt(x *exchange, w http.ResponseWriter, r *hub.PaymentReceipt) error {
	shown := receiptShown{
		Code: r.Code, VerifyURL: r.Link, Payment: r.Payment, PaidAt: whole(r.PaidAt), AsOf: whole(r.AsOf), Total: r.Total, Refunded: r.Refunded,
		Lines: make([]receiptLineShown, len(r.Lines)), Providers: make([]receiptChargedShown, len(r.Providers)),
	}
	for i, l := range r.Lines {
		shown.Lines[i] = receiptLineShown{
			No: l.No, Creditor: l.Creditor, Name: l.Title, CUI: l.CUI, Label: l.Label, Reference: l.Reference, ExternalID: l.ExternalID,
			Account: l.Account, Amount: l.Amount, State: l.State, Number: l.Number, BookedAt: moment(l.BookedAt),
		}
		for _, t := range l.Transfers {
			shown.Lines[i].Transfers = append(shown.Lines[i].Transfers, transferShown(t))
		}
	}
	for i, c := range r.Providers {
		shown.Providers[i] = receiptChargedShown{c.Title, c.Order, c.Ref, c.Taken}
	}
	return send(x, w, http.StatusOK, shown)
}

var typePDF = []string{"application/pdf"}

// writePDF answers with the document, made whole before the first byte leaves.
func (a *API) writePDF(x *exchange, w http.ResponseWriter, r *hub.PaymentReceipt) error {
	var out bytes.Buffer
	if err := a.Paying.Printer.Print(&out, r); err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `inline; filename="dovada-plata-`+string(r.Payment)+`.pdf"`)
	return x.send(w, http.StatusOK, typePDF, out.Bytes())
}

// printed makes out a receipt that will be written as a document.
func (a *API) printed(ctx context.Context, who hub.Login, want receiptWanted) (*hub.PaymentReceipt, error) {
	if a.Paying.Printer == nil {
		return nil, errNotOffered
	}
	return a.receipt(ctx, who, want)
}

// receiptChecked is all that somebody who was shown a receipt has to know to
// believe it. Of the debtor's numbers it has the last characters only, to be
// compared with the paper.
type receiptChecked struct {
	Valid    bool                 `json:"valid"`
	PaidAt   time.Time            `json:"paid_at"`
	AsOf     time.Time            `json:"as_of"`
	Total    hub.Money            `json:"total"`
	Refunded hub.Money            `json:"refunded"`
	Lines    []receiptLineChecked `json:"lines"`
}

type receiptLineChecked struct {
	Creditor  hub.Name         `json:"creditor"`
	Name      string           `json:"name"`
	CUI       string           `json:"cui,omitempty"`
	Account   string           `json:"account,omitempty"`
	Reference string           `json:"reference,omitempty"`
	Amount    hub.Money        `json:"amount"`
	State     hub.ReceiptState `json:"state"`
	Number    string           `json:"number,omitempty"`
	BookedAt  *time.Time       `json:"booked_at,omitempty"`
}

func writeChecked(x *exchange, w http.ResponseWriter, r *hub.PaymentReceipt) error {
	neverKept(w)
	shown := receiptChecked{
		Valid: true, PaidAt: whole(r.PaidAt), AsOf: whole(r.AsOf), Total: r.Total, Refunded: r.Refunded, Lines: make([]receiptLineChecked, len(r.Lines)),
	}
	for i, l := range r.Lines {
		shown.Lines[i] = receiptLineChecked{
			Creditor: l.Creditor, Name: l.Title, CUI: l.CUI, Account: masked(l.Account), Reference: masked(l.Reference),
			Amount: l.Amount, State: l.State, Number: l.Number, BookedAt: moment(l.BookedAt),
		}
	}
	return send(x, w, http.StatusOK, shown)
}

func masked(code string) string {
	if code == "" {
		return ""
	}
	return hub.Mask(code)
}
