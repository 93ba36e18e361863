package netopia

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"racord/cmd/city/pspbook"
)

// startRequest is the part of the documented request the simulator looks at;
// other documented fields are taken and forgotten.
type startRequest struct {
	Config  configWire `json:"config"`
	Payment struct {
		Options    optionsWire    `json:"options"`
		Instrument instrumentWire `json:"instrument"`
	} `json:"payment"`
	Order struct {
		PosSignature string            `json:"posSignature"`
		DateTime     string            `json:"dateTime"`
		Description  string            `json:"description"`
		OrderID      string            `json:"orderID"`
		Amount       json.Number       `json:"amount"`
		Currency     string            `json:"currency"`
		Data         map[string]string `json:"data"`
	} `json:"order"`
}

type configWire struct {
	EmailTemplate string `json:"emailTemplate"`
	NotifyURL     string `json:"notifyUrl"`
	RedirectURL   string `json:"redirectUrl"`
	CancelURL     string `json:"cancelUrl,omitempty"`
	Language      string `json:"language"`
}

type optionsWire struct {
	Installments int         `json:"installments"`
	Bonus        int         `json:"bonus"`
	Split        []splitWire `json:"split,omitempty"`
}

type splitWire struct {
	PosID  int         `json:"posID"`
	Amount json.Number `json:"amount"`
}

type instrumentWire struct {
	Type       string      `json:"type"`
	Account    string      `json:"account"`
	ExpMonth   json.Number `json:"expMonth"`
	ExpYear    json.Number `json:"expYear"`
	SecretCode string      `json:"secretCode"`
	Token      string      `json:"token"`
}

type answerWire struct {
	CustomerAction any          `json:"customerAction"`
	Error          errorWire    `json:"error"`
	Merchant       any          `json:"merchant,omitempty"`
	Config         *configWire  `json:"config,omitempty"`
	Order          *orderWire   `json:"order,omitempty"`
	Payment        *paymentWire `json:"payment,omitempty"`
}

type errorWire struct {
	Code    string        `json:"code"`
	Message string        `json:"message"`
	Details []detailsWire `json:"details,omitempty"`
}

type detailsWire struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field"`
}

type orderWire struct {
	NtpID        string            `json:"ntpID,omitempty"`
	PosSignature string            `json:"posSignature,omitempty"`
	DateTime     string            `json:"dateTime,omitempty"`
	Description  string            `json:"description,omitempty"`
	OrderID      string            `json:"orderID"`
	Amount       json.Number       `json:"amount,omitempty"`
	Currency     string            `json:"currency,omitempty"`
	Data         map[string]string `json:"data,omitempty"`
}

type paymentWire struct {
	Method        string            `json:"method,omitempty"`
	Amount        json.Number       `json:"amount"`
	Code          string            `json:"code,omitempty"`
	Currency      string            `json:"currency"`
	Data          map[string]string `json:"data,omitempty"`
	Instrument    *instrumentTold   `json:"instrument,omitempty"`
	Message       string            `json:"message,omitempty"`
	NtpID         string            `json:"ntpID"`
	OperationDate string            `json:"operationDate,omitempty"`
	Options       *optionsWire      `json:"options,omitempty"`
	PaymentURL    string            `json:"paymentURL,omitempty"`
	Refunded      json.Number       `json:"refunded,omitempty"` // an extra
	Status        int               `json:"status"`
}

type instrumentTold struct {
	Country   int    `json:"country"`
	PanMasked string `json:"panMasked"`
}

// flat is how the gateway itself says no.
type flat struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

const maxRequest = 64 << 10

func decode[T any](body io.Reader) (T, error) {
	var into T
	decoder := json.NewDecoder(io.LimitReader(body, maxRequest))
	if err := decoder.Decode(&into); err != nil {
		return into, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return into, errors.New("more than one JSON value")
	}
	return into, nil
}

// parts are the merchant accounts the order is for.
func (p *Provider) parts(request startRequest, amount int64, own pspbook.Account) ([]pspbook.Split, error) {
	wanted := request.Payment.Options.Split
	if len(wanted) == 0 {
		if own.PosID == 0 {
			return nil, errors.New("payment.options.split is required for this posSignature")
		}
		return []pspbook.Split{own.Part(amount)}, nil
	}
	parts, sum, err := p.readSplit(wanted)
	if err == nil && sum != amount {
		err = errors.New("payment.options.split does not add up to order.amount")
	}
	return parts, err
}

const maxSplit = 50

func (p *Provider) readSplit(wanted []splitWire) (parts []pspbook.Split, sum int64, err error) {
	if len(wanted) > maxSplit {
		return nil, 0, errors.New("payment.options.split is too long")
	}
	seen := map[int]bool{}
	for i, s := range wanted {
		account, known := p.byPosID[s.PosID]
		amount, err := pspbook.Bani(s.Amount.String())
		if !known || seen[s.PosID] || err != nil || amount == 0 {
			return nil, 0, fmt.Errorf("payment.options.split[%d] has an unknown or repeated posID, or no amount", i)
		}
		seen[s.PosID] = true
		parts, sum = append(parts, account.Part(amount)), sum+amount
	}
	return parts, sum, nil
}

// check names the first field of a start request that cannot be.
func (r startRequest) check() (amount int64, err error) {
	amount, err = pspbook.Bani(r.Order.Amount.String())
	switch {
	case err != nil || amount == 0:
		return 0, errors.New("order.amount must be positive with at most two decimals")
	case r.Order.OrderID == "" || len(r.Order.OrderID) > 64:
		return 0, errors.New("order.orderID must have 1 to 64 characters")
	case r.Order.Currency != "RON":
		return 0, errors.New("order.currency must be RON")
	case !absolute(r.Config.NotifyURL):
		return 0, errors.New("config.notifyUrl must be an absolute URL")
	case !absolute(r.Config.RedirectURL):
		return 0, errors.New("config.redirectUrl must be an absolute URL")
	}
	return amount, nil
}

func absolute(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// number writes bani as a JSON number of lei, the way PHP does: 20.5, 200.
func number(bani int64) json.Number {
	text := pspbook.Lei(bani)
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if text[len(text)-1] == '.' {
		text = text[:len(text)-1]
	}
	return json.Number(text)
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func refuse(w http.ResponseWriter, err error) {
	reply(w, http.StatusBadRequest, flat{"400", err.Error()})
}
