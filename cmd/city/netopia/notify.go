package netopia

import (
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"racord/cmd/city/pspbook"
)

type notificationWire struct {
	Order   orderWire   `json:"order"`
	Payment paymentWire `json:"payment"`
}

// tell notifies the merchant of where an order stands now.
func (p *Provider) tell(o pspbook.Order, status int, amount int64) {
	p.notifier.Tell(p.post(o, status, amount))
}

// post is the notification about an order as it is at this moment.
func (p *Provider) post(o pspbook.Order, status int, amount int64) pspbook.Post {
	body := p.notification(o, status, amount)
	what := strconv.Itoa(status) + " " + pspbook.Lei(o.Owed())
	return pspbook.Post{ID: o.ID, What: what, URL: o.NotifyURL, Taken: taken, Make: func(v pspbook.Variant) (http.Header, []byte, error) {
		switch v {
		case pspbook.Forged:
			fake := p.notification(o, statusPaid, amount)
			return sign(forgersKey(), o.Merchant, fake, fake)
		case pspbook.Altered: // on its way: the signature is of the true body
			return sign(signingKey(), o.Merchant, body, p.notification(o, status, amount+100))
		default:
			return sign(signingKey(), o.Merchant, body, body)
		}
	}}
}

func (p *Provider) notification(o pspbook.Order, status int, amount int64) []byte {
	payment := p.payment(o, amount)
	payment.Status, payment.Code, payment.Message, payment.Method = status, o.Code, o.Message, ""
	if o.Card != "" {
		payment.Instrument = &instrumentTold{Country: 642, PanMasked: o.Card}
	}
	body, _ := json.Marshal(notificationWire{Order: orderWire{OrderID: o.OrderID}, Payment: *payment}) // plain fields only
	return body
}

// tokenLife is how long a notification's signature is good.
const tokenLife = 5 * time.Minute

// sign returns a body to send under a token made for another, usually the same.
func sign(key *rsa.PrivateKey, audience string, signed, sent []byte) (http.Header, []byte, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS512, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, nil, err
	}
	sum, now := sha512.Sum512(signed), time.Now()
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: "NETOPIA Payments", Audience: jwt.Audience{audience}, Subject: base64.StdEncoding.EncodeToString(sum[:]),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(tokenLife)),
	}).Serialize()
	header := http.Header{"Content-Type": {"application/json"}, "Verification-Token": {token}}
	return header, sent, err
}

// taken reads the merchant's answer.
func taken(status int, body []byte) pspbook.Verdict {
	var answer struct {
		ErrorType json.Number     `json:"errorType"`
		ErrorCode json.RawMessage `json:"errorCode"` // the SDKs send a number, examples a string
	}
	if status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		return pspbook.Again
	}
	switch code := string(answer.ErrorCode); {
	case code == "0" || code == `"0"` || code == `""`:
		return pspbook.Taken
	case answer.ErrorType == "2":
		return pspbook.Refused
	default:
		return pspbook.Again
	}
}
