package euplatesc

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"racord/cmd/city/pspbook"
)

// method is a management call: the fields its hash covers, and what it does.
type method struct {
	fields []string
	user   bool // hashed under the user's API key
	do     func(*Provider, url.Values) (any, error)
}

var done = map[string]string{"success": "1"}

var methods = map[string]method{
	"check_status":    {nil, false, (*Provider).checkStatus}, // its fields depend
	"check_mid":       {[]string{"method", "mid"}, false, (*Provider).checkMid},
	"capture":         {[]string{"method", "ukey", "epid"}, true, (*Provider).captureAll},
	"reversal":        {[]string{"method", "ukey", "epid"}, true, (*Provider).reversal},
	"partial_capture": {[]string{"method", "ukey", "amount", "epid"}, true, (*Provider).partialCapture},
	"refund":          {[]string{"method", "ukey", "amount", "reason", "epid"}, true, (*Provider).refund},
	"invoices":        {[]string{"method", "ukey", "mid", "from", "to"}, true, (*Provider).invoices},
	"invoice":         {[]string{"method", "ukey", "invoice"}, true, (*Provider).invoice},
	"captured_total":  {[]string{"method", "ukey", "mids", "from", "to"}, true, (*Provider).capturedTotal},
}

// manage answers the management calls.
func (p *Provider) manage(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil || r.URL.Query().Get("action") != "ws" {
		reply(w, refusedField)
		return
	}
	m, known := methods[form.Get("method")]
	if !known {
		reply(w, refusedMethod)
		return
	}
	if err := p.admit(m, form); err != nil {
		reply(w, err)
		return
	}
	answer, err := m.do(p, form)
	if err != nil {
		reply(w, told(err))
		return
	}
	reply(w, answer)
}

// told is an error as the provider says it.
func told(err error) refusal {
	if r, ok := err.(refusal); ok {
		return r
	}
	return refusedState
}

// admit checks who calls.
func (p *Provider) admit(m method, form url.Values) error {
	key, names := UserAPI(), m.fields
	if !m.user {
		merchant, known := p.merchants[form.Get("mid")]
		if !known {
			return refusedMerchant
		}
		key = merchant.Key
	} else if form.Get("ukey") != UserKey() {
		return refusedMerchant
	}
	if names == nil {
		names = []string{"method", "mid", "epid"}
		if form.Get("epid") == "" {
			names[2] = "invoice_id"
		}
	}
	var values []string
	for _, name := range append(slices.Clone(names), "timestamp", "nonce") {
		values = append(values, form.Get(name))
	}
	if !matches(form.Get("fp_hash"), Hash(key, values...)) {
		return refusedHash
	}
	return nil
}

// statusWire is a transaction as check_status tells it.
type statusWire struct {
	MerchID            string `json:"merch_id"`
	InvoiceID          string `json:"invoice_id"`
	EpID               string `json:"ep_id"`
	Action             string `json:"action"`
	Message            string `json:"message"`
	Captured           string `json:"captured"`
	Refunded           string `json:"refunded"`
	MaskedCard         string `json:"masked_card"`
	CardExpire         string `json:"card_expire"`
	NameOnCard         string `json:"name_on_card"`
	Email              string `json:"email"`
	Timestamp          string `json:"timestamp"`
	TranType           string `json:"tran_type"`
	RecurentExp        string `json:"recurent_exp"`
	RecurentCancelDate string `json:"recurent_cancel_date"`
	Amount             string `json:"amount,omitempty"`          // extras
	CapturedAmount     string `json:"captured_amount,omitempty"` // extras
	RefundedAmount     string `json:"refunded_amount,omitempty"` // extras
}

func (p *Provider) checkStatus(form url.Values) (any, error) {
	var found []pspbook.Order
	if id := form.Get("epid"); id != "" {
		if o, err := p.book.ByID(id); err == nil && o.Merchant == form.Get("mid") {
			found = append(found, o)
		}
	} else {
		found = p.book.ByOrderID(form.Get("mid"), form.Get("invoice_id"))
		slices.Reverse(found)
	}
	if len(found) == 0 {
		return nil, refusedUnknown
	}
	list := make([]statusWire, len(found))
	for i, o := range found {
		list[i] = p.status(o)
	}
	text, err := json.Marshal(list)
	return map[string]string{"success": string(text)}, err
}

func (p *Provider) status(o pspbook.Order) statusWire {
	told := statusWire{
		MerchID: o.Merchant, InvoiceID: o.OrderID, EpID: o.ID, Action: o.Code, Message: o.Message, Captured: flag(o.Captured),
		Refunded: flag(o.Refunded), MaskedCard: o.Card, Timestamp: local(o.CreatedAt), TranType: "Normal",
	}
	if o.State == pspbook.Opened || o.State == pspbook.Challenged {
		told.Action, told.Message = "", pending
	}
	if o.Card != "" {
		told.CardExpire, told.NameOnCard, told.Email = "12-30", "Test", p.carts.find(o.ID).request.Email
	}
	if p.extras.Load() {
		told.Amount, told.CapturedAmount, told.RefundedAmount = pspbook.Lei(o.Amount), pspbook.Lei(o.Captured), pspbook.Lei(o.Refunded)
	}
	return told
}

func flag(amount int64) string {
	if amount > 0 {
		return "1"
	}
	return "0"
}

// midWire is a merchant as check_mid tells it.
type midWire struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	CUI      string `json:"cui"`
	J        string `json:"j"`
	Status   string `json:"status"`
	Recuring string `json:"recuring"`
	Tpl      string `json:"tpl"`
	RateMode string `json:"rate_mode"`
}

func (p *Provider) checkMid(form url.Values) (any, error) {
	m := p.merchants[form.Get("mid")]
	return midWire{Name: m.Account.Name, Status: "test", Recuring: "N", Tpl: "tpl-v21", RateMode: "EP"}, nil
}

// known is refused unless the transaction exists.
func (p *Provider) known(form url.Values) (string, error) {
	o, err := p.book.ByID(form.Get("epid"))
	if err != nil {
		return "", refusedUnknown
	}
	return o.ID, nil
}

func (p *Provider) captureAll(form url.Values) (any, error) {
	id, err := p.known(form)
	if err != nil {
		return nil, err
	}
	return done, p.capture(id, 0)
}

func (p *Provider) partialCapture(form url.Values) (any, error) {
	id, err := p.known(form)
	if err != nil {
		return nil, err
	}
	amount, err := pspbook.Bani(form.Get("amount"))
	if err != nil || amount == 0 {
		return nil, refusedAmount
	}
	return done, p.capture(id, amount)
}

func (p *Provider) reversal(form url.Values) (any, error) {
	id, err := p.known(form)
	if err != nil {
		return nil, err
	}
	return done, p.Reverse(id)
}

func (p *Provider) refund(form url.Values) (any, error) {
	id, err := p.known(form)
	if err != nil {
		return nil, err
	}
	amount, err := pspbook.Bani(form.Get("amount"))
	if err != nil || amount == 0 {
		return nil, refusedAmount
	}
	return done, p.Refund(id, amount, form.Get("reason"))
}
