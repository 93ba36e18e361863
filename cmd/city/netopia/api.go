package netopia

import (
	"errors"
	"net/http"
	"time"

	"racord/cmd/city/pspbook"
)

// start opens an order, and charges it when a card came with it.
func (p *Provider) start(w http.ResponseWriter, r *http.Request) {
	request, err := decode[startRequest](r.Body)
	if err != nil {
		refuse(w, err)
		return
	}
	o, err := p.read(request)
	if err != nil {
		refuse(w, err)
		return
	}
	p.sessions.keep(o.ID, request.Config) // before anybody can find the order
	opened, err := p.book.Open(o, true)
	if errors.Is(err, pspbook.ErrExists) {
		p.sessions.forget(o.ID)
		p.duplicate(w, opened, o.Amount)
		return
	}
	p.notifier.Forge(p.post(opened, statusPaid, opened.Amount))
	if request.Payment.Instrument.Account != "" {
		p.direct(w, opened, request)
		return
	}
	reply(w, http.StatusOK, p.told(opened, false))
}

// read makes an order of a request.
func (p *Provider) read(request startRequest) (o pspbook.Order, err error) {
	amount, err := request.check()
	if err != nil {
		return o, err
	}
	own, known := p.account(request.Order.PosSignature)
	if !known {
		return o, errors.New("order.posSignature is unknown")
	}
	parts, err := p.parts(request, amount, own)
	if err != nil {
		return o, err
	}
	return pspbook.Order{
		ID: p.nextID(), Merchant: request.Order.PosSignature, Account: own.Key, OrderID: request.Order.OrderID,
		Description: request.Order.Description, Currency: request.Order.Currency, Amount: amount, Splits: parts,
		Data: request.Order.Data, NotifyURL: request.Config.NotifyURL, Code: redirect.Code, Message: redirect.Message,
	}, nil
}

// duplicate answers for an orderID that was used before.
func (p *Provider) duplicate(w http.ResponseWriter, first pspbook.Order, amount int64) {
	answer := answerWire{CustomerAction: struct{}{}, Payment: &paymentWire{
		Amount: number(first.Amount), Currency: first.Currency, NtpID: first.ID, Status: p.Status(first),
	}}
	switch {
	case first.Amount != amount:
		answer.Error = errorWire{Code: "99", Message: "There is another order with a different price"}
	case first.Live():
		answer.Error = errorWire{Code: "56", Message: "Duplicated Order ID"}
	default:
		answer.Error = errorWire{Code: "56", Message: "Order closed"}
	}
	reply(w, http.StatusOK, answer)
}

// direct charges a card that the merchant sent itself.
func (p *Provider) direct(w http.ResponseWriter, o pspbook.Order, request startRequest) {
	instrument := request.Payment.Instrument
	after := p.charge(o.ID, instrument.Account, instrument.SecretCode)
	answer := p.told(after, false)
	if after.State == pspbook.Challenged {
		answer.CustomerAction = p.action(after, request.Config.RedirectURL)
	}
	reply(w, http.StatusOK, answer)
}

// actionWire tells the merchant where the payer proves who they are.
type actionWire struct {
	AuthenticationToken string            `json:"authenticationToken"`
	FormData            map[string]string `json:"formData"`
	Type                string            `json:"type"`
	URL                 string            `json:"url"`
}

func (p *Provider) action(o pspbook.Order, back string) actionWire {
	s := p.sessions.find(o.ID)
	return actionWire{
		AuthenticationToken: s.token, Type: "Authentication3D", URL: p.conf.URL + "/sandbox/authorize",
		FormData: map[string]string{"backUrl": back, "paReq": s.paReq},
	}
}

// verifyAuth ends 3-D Secure of a card that came with start.
func (p *Provider) verifyAuth(w http.ResponseWriter, r *http.Request) {
	request, err := decode[struct {
		AuthenticationToken string `json:"authenticationToken"`
		NtpID               string `json:"ntpID"`
		FormData            struct {
			PaRes string `json:"paRes"`
		} `json:"formData"`
	}](r.Body)
	if err != nil {
		refuse(w, err)
		return
	}
	s := p.sessions.find(request.NtpID)
	if s == nil || s.token == "" || s.token != request.AuthenticationToken {
		reply(w, http.StatusNotFound, flat{"404", "Order not found"})
		return
	}
	o, _ := p.book.ByID(request.NtpID)
	if o.State != pspbook.Challenged {
		p.duplicate(w, o, o.Amount)
		return
	}
	reply(w, http.StatusOK, p.told(p.authenticate(o.ID, s.proves(request.FormData.PaRes)), false))
}

// status tells where an order stands.
func (p *Provider) status(w http.ResponseWriter, r *http.Request) {
	request, err := decode[struct {
		PosID   string `json:"posID"`
		NtpID   string `json:"ntpID"`
		OrderID string `json:"orderID"`
	}](r.Body)
	if err != nil {
		refuse(w, err)
		return
	}
	o, err := p.find(request.PosID, request.NtpID, request.OrderID)
	if err != nil {
		reply(w, http.StatusNotFound, flat{"404", "Order not found"})
		return
	}
	reply(w, http.StatusOK, p.told(o, true))
}

// find looks an order of a posSignature up by either number.
func (p *Provider) find(signature, ntpID, orderID string) (pspbook.Order, error) {
	if ntpID != "" {
		o, err := p.book.ByID(ntpID)
		if err != nil || o.Merchant != signature || orderID != "" && o.OrderID != orderID {
			return pspbook.Order{}, pspbook.ErrUnknown
		}
		return o, nil
	}
	if found := p.book.ByOrderID(signature, orderID); len(found) > 0 {
		return found[0], nil
	}
	return pspbook.Order{}, pspbook.ErrUnknown
}

var (
	redirect = errorWire{Code: "101", Message: "Redirect user to payment page"}
	needs3D  = errorWire{Code: "100", Message: "Approved"}
)

// told is an order as answers show it, in full for status.
func (p *Provider) told(o pspbook.Order, full bool) answerWire {
	s := p.sessions.find(o.ID)
	answer := answerWire{CustomerAction: struct{}{}, Error: errorWire{Code: o.Code, Message: o.Message}, Payment: p.payment(o, o.Amount)}
	switch o.State {
	case pspbook.Opened:
		answer.Payment.PaymentURL = p.pageURL(s)
	case pspbook.Challenged:
		answer.Error = needs3D
	}
	if full {
		account, _ := p.account(o.Merchant)
		answer.Merchant = map[string]any{"posName": account.Name, "posID": account.PosID}
		answer.Config = &s.config
		answer.Order = &orderWire{
			NtpID: o.ID, PosSignature: o.Merchant, DateTime: o.CreatedAt.Format(time.RFC3339), Description: o.Description,
			OrderID: o.OrderID, Amount: number(o.Amount), Currency: o.Currency, Data: o.Data,
		}
		answer.Payment.Options = options(o)
	}
	return answer
}

// payment is the money side of an order.
func (p *Provider) payment(o pspbook.Order, amount int64) *paymentWire {
	told := &paymentWire{Amount: number(amount), Currency: o.Currency, NtpID: o.ID, Status: p.Status(o)}
	if o.Authorised > 0 {
		told.Method = "card"
		told.OperationDate = o.AuthorisedAt.Format(time.RFC3339)
		told.Data = map[string]string{
			"AuthCode": o.Approval, "BIN": o.Card[:6], "ISSUER": "Netopia GB", "ISSUER_COUNTRY": "642", "RRN": o.RRN,
		}
	}
	if p.conf.Extras && o.Refunded > 0 {
		told.Refunded = number(o.Refunded)
	}
	return told
}

func options(o pspbook.Order) *optionsWire {
	told := &optionsWire{}
	for _, s := range o.Splits {
		told.Split = append(told.Split, splitWire{PosID: s.PosID, Amount: number(s.Amount)})
	}
	return told
}
