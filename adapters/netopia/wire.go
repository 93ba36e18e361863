package netopia

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"racord/adapters/pspwire"
	"racord/hub"
)

// startWire opens an order. It has no place for a card: the payer types it on
// the provider's page.
type startWire struct {
	Config  configWire  `json:"config"`
	Payment paymentAsks `json:"payment"`
	Order   orderWire   `json:"order"`
}

type configWire struct {
	EmailTemplate string `json:"emailTemplate"`
	NotifyURL     string `json:"notifyUrl"`
	RedirectURL   string `json:"redirectUrl"`
	Language      string `json:"language"`
}

type paymentAsks struct {
	Options optionsWire `json:"options"`
}

type optionsWire struct {
	Installments int         `json:"installments"`
	Bonus        int         `json:"bonus"`
	Split        []splitWire `json:"split"`
}

type splitWire struct {
	PosID  int         `json:"posID"`
	Amount json.Number `json:"amount"`
}

type orderWire struct {
	NtpID        string            `json:"ntpID"`
	PosSignature string            `json:"posSignature"`
	DateTime     string            `json:"dateTime"` // RFC 3339
	Description  string            `json:"description"`
	OrderID      string            `json:"orderID"`
	Amount       json.Number       `json:"amount"`
	Currency     string            `json:"currency"`
	Billing      billingWire       `json:"billing"`
	Data         map[string]string `json:"data"`
}

type billingWire struct {
	Email      string `json:"email"`
	Phone      string `json:"phone"`
	FirstName  string `json:"firstName"`
	LastName   string `json:"lastName"`
	City       string `json:"city"`
	Country    int    `json:"country"` // ISO 3166-1 numeric
	State      string `json:"state"`
	PostalCode string `json:"postalCode"`
	Details    string `json:"details"`
}

const romania = 642

type statusWire struct {
	PosID   string `json:"posID"` // the posSignature, in spite of its name
	NtpID   string `json:"ntpID"`
	OrderID string `json:"orderID"`
}

// answerWire is how the provider answers: what it thinks of the request or the
// order, and the payment.
type answerWire struct {
	Error   *errorWire   `json:"error"`
	Payment *paymentTold `json:"payment"`
	Order   *orderTold   `json:"order"`
}

type errorWire struct {
	Code text `json:"code"`
}

type paymentTold struct {
	NtpID         text        `json:"ntpID"`
	Status        *int        `json:"status"`
	Amount        json.Number `json:"amount"`
	Currency      string      `json:"currency"`
	PaymentURL    string      `json:"paymentURL"`
	OperationDate string      `json:"operationDate"`
	Refunded      json.Number `json:"refunded"` // an extra: without it a part that was refunded is not told
	Options       struct {
		Split []splitWire `json:"split"`
	} `json:"options"`
}

type orderTold struct {
	OrderID  string            `json:"orderID"`
	DateTime string            `json:"dateTime"`
	Data     map[string]string `json:"data"`
}

// text is a string that some answers write as a number.
type text string

// UnmarshalJSON takes a string or a number.
func (t *text) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] != '"' {
		var n json.Number
		if err := json.Unmarshal(raw, &n); err != nil {
			return err
		}
		*t = text(n)
		return nil
	}
	return json.Unmarshal(raw, (*string)(t))
}

// read decodes one JSON value and nothing behind it. What a document says of
// the payer stays out of the error.
func read(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(into); err != nil {
		return pspwire.BadData("not the JSON that is documented")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return pspwire.BadData("more than one JSON value")
	}
	return nil
}

func newRequest(ctx context.Context, method, url string, body any) (*http.Request, error) {
	if body == nil {
		return http.NewRequestWithContext(ctx, method, url, nil)
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(encoded))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json")
	}
	return req, err
}

// refusal reads an answer that is not 2xx. The provider's gateway says no in
// JSON: then nothing was done. Anything else may come from anywhere.
func refusal(reply pspwire.Reply) error {
	var flat struct {
		Code text `json:"code"`
	}
	if err := read(reply.Body, &flat); err != nil {
		return err
	}
	cause := codeError(flat.Code)
	switch {
	case flat.Code == "":
		return pspwire.BadData("HTTP status %d without a code", reply.Status)
	case reply.Status == http.StatusNotFound:
		return pspwire.Refused(hub.CodeNotFound, cause)
	default:
		return pspwire.Refused(hub.CodeInvalid, cause)
	}
}

// codeError is a code of theirs as a cause. A code that is none is not repeated.
func codeError(code text) error {
	for _, c := range code {
		if c < '0' || c > '9' {
			return errors.New("a code that is not documented")
		}
	}
	if len(code) > 8 {
		return errors.New("a code that is not documented")
	}
	return errors.New("code " + strings.Clone(string(code)))
}
