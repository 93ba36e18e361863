package euplatesc

import (
	"encoding/json"
	"net/http"
	"net/url"

	"racord/cmd/city/pspbook"
)

// open begins a transaction and sends the payer to its page.
func (p *Provider) open(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		show(w, http.StatusBadRequest, "wrong", refusedField.Text)
		return
	}
	wanted := readRequest(form)
	id, err := p.begin(&wanted)
	switch {
	case err != nil && wanted.JSON:
		reply(w, err)
	case err != nil:
		show(w, http.StatusBadRequest, "wrong", err.Error())
	case wanted.JSON:
		reply(w, map[string]string{"cart_id": id, "url": p.pageURL(id)})
	default:
		http.Redirect(w, r, p.pageURL(id), http.StatusSeeOther)
	}
}

// begin checks a request and writes its transaction down, once for each nonce.
func (p *Provider) begin(r *request) (id string, err error) {
	m, known := p.merchants[r.MerchID]
	if !known {
		return "", refusedMerchant
	}
	if err := r.check(m); err != nil {
		return "", err
	}
	o := pspbook.Order{
		ID: pspbook.Hex(20), Merchant: m.MID, Account: m.Account.Key, OrderID: r.InvoiceID, Description: r.OrderDesc, Currency: r.Curr,
		Amount: r.bani, Splits: []pspbook.Split{m.Account.Part(r.bani)}, Data: r.Extra, NotifyURL: r.Extra["silenturl"], Message: pending,
	}
	id, fresh, err := p.carts.keep(o.ID, *r, func() error {
		_, err := p.book.Open(o, false)
		return err
	})
	if err == nil && fresh {
		p.notifier.Forge(p.post(o, "forged", ""))
	}
	return id, err
}

// pending is the message of a transaction nobody has paid.
const pending = "Pending"

func (p *Provider) pageURL(id string) string {
	return p.conf.URL + "/tdsprocess/card.php?cart_id=" + url.QueryEscape(id)
}

func reply(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
