package netopia

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"racord/adapters/pspwire"
	"racord/hub"
)

// The codes of error.code that are documented.
const (
	codeApproved  = "00"
	codeNo3DS     = "0"
	codeNeeds3DS  = "100"
	codeRedirect  = "101"
	codeDuplicate = "56" // the orderID was used before
	codeOther     = "99" // the orderID was used before, with another price
)

// refused are the codes that say that a payment was refused for good.
var refused = map[text]bool{"12": true, "19": true, "20": true, "21": true, "22": true, "34": true, codeOther: true}

// manifestKey is where an order keeps the manifest.
const manifestKey = "manifest"

// maxOrder is the longest order number, in bytes.
const maxOrder = 64

// Start opens an order and gives the page on which the payer pays it. An order
// that exists already gives its page as long as it can be paid.
func (p *Provider) Start(ctx context.Context, o hub.ChargeOrder) (hub.Session, error) {
	request, err := p.order(o)
	if err != nil {
		return hub.Session{}, err
	}
	body, err := p.call(ctx, p.env.Write, http.MethodPost, "/payment/card/start", request)
	if err != nil {
		return hub.Session{}, err
	}
	var answer answerWire
	if err := read(body, &answer); err != nil {
		return hub.Session{}, err
	}
	if answer.Error == nil {
		return hub.Session{}, pspwire.BadData("an answer to start without error.code")
	}
	switch code := answer.Error.Code; {
	case code == codeApproved, code == codeNo3DS, code == codeNeeds3DS, code == codeRedirect:
		return p.session(answer.Payment, o.Amount)
	case code == codeDuplicate:
		return p.again(ctx, o)
	case refused[code]:
		return hub.Session{}, pspwire.Refused(hub.CodeConflict, codeError(code))
	default:
		return hub.Session{}, pspwire.BadData("start: %v", codeError(code))
	}
}

// order writes an order in the provider's words.
func (p *Provider) order(o hub.ChargeOrder) (startWire, error) {
	amount, err := pspwire.Lei(o.Amount)
	if err != nil {
		return startWire{}, err
	}
	if !pspwire.Latin(o.Order, maxOrder) {
		return startWire{}, pspwire.Unable("an order number has 1 to %d characters of ASCII", maxOrder)
	}
	split, err := parts(o)
	if err != nil {
		return startWire{}, err
	}
	c := p.conf.Contact
	return startWire{
		Config:  configWire{NotifyURL: o.NotifyURL, RedirectURL: o.ReturnURL, Language: o.Language},
		Payment: paymentAsks{Options: optionsWire{Split: split}},
		Order: orderWire{
			PosSignature: p.conf.Signature, DateTime: p.env.Now().UTC().Format(time.RFC3339), Description: o.Description,
			OrderID: o.Order, Amount: json.Number(amount), Currency: o.Amount.Currency,
			Billing: billingWire{
				Email: c.Email, Phone: c.Phone, FirstName: p.conf.Title, City: c.City, Country: romania, State: c.County, PostalCode: c.PostalCode,
			},
			Data: map[string]string{manifestKey: o.Manifest},
		},
	}, nil
}

// parts writes the split; without one, all goes to the merchant of the order.
// What goes to one point of sale is one part.
func parts(o hub.ChargeOrder) ([]splitWire, error) {
	if len(o.Splits) == 0 {
		return partsOf([]hub.Split{{Merchant: o.Merchant, Amount: o.Amount}}, o.Amount)
	}
	return partsOf(o.Splits, o.Amount)
}

// partsOf writes parts that must add up to an amount.
func partsOf(splits []hub.Split, amount hub.Money) ([]splitWire, error) {
	sums, order, total := map[int]hub.Money{}, []int{}, hub.Bani(0)
	for _, s := range splits {
		id, err := posID(s.Merchant)
		if err != nil {
			return nil, pspwire.Unable("%q is not the number of a point of sale", s.Merchant)
		}
		if _, err := pspwire.Lei(s.Amount); err != nil {
			return nil, err
		}
		if _, seen := sums[id]; !seen {
			sums[id], order = hub.Bani(0), append(order, id)
		}
		sum, err := sums[id].Add(s.Amount)
		if err != nil {
			return nil, pspwire.Unable("a split does not add up")
		}
		sums[id] = sum
		if total, err = total.Add(s.Amount); err != nil {
			return nil, pspwire.Unable("a split does not add up")
		}
	}
	if total != amount {
		return nil, pspwire.Unable("the parts of a split are %s, the whole is %s", total, amount)
	}
	wire := make([]splitWire, 0, len(order))
	for _, id := range order {
		lei, err := pspwire.Lei(sums[id])
		if err != nil {
			return nil, err
		}
		wire = append(wire, splitWire{PosID: id, Amount: json.Number(lei)})
	}
	return wire, nil
}

// session reads the page of an order, which must be for the same amount.
func (p *Provider) session(told *paymentTold, amount hub.Money) (hub.Session, error) {
	if told == nil || told.NtpID == "" {
		return hub.Session{}, pspwire.BadData("an order without payment.ntpID")
	}
	if got, err := told.bani(); err != nil || got != amount.Minor {
		return hub.Session{}, pspwire.BadData("an order for another amount")
	}
	page, err := url.Parse(told.PaymentURL)
	if err != nil || page.Host == "" || page.User != nil || page.Scheme != "https" && (p.secure || page.Scheme != "http") {
		return hub.Session{}, pspwire.BadData("an order without a page to pay it on")
	}
	return hub.Session{Ref: string(told.NtpID), URL: told.PaymentURL}, nil
}

// again gives the page of an order that exists already.
func (p *Provider) again(ctx context.Context, o hub.ChargeOrder) (hub.Session, error) {
	answer, err := p.status(ctx, hub.ChargeRef{Order: o.Order, Merchant: o.Merchant})
	if err == nil {
		if session, err := p.session(answer.Payment, o.Amount); err == nil {
			return session, nil
		}
	}
	return hub.Session{}, hub.Wrap(hub.CodeConflict, codeError(codeDuplicate), "The payment was begun before.")
}

// Lookup asks where an order stands. What was refunded is known only when it is
// all: the answer does not say what part of an order was.
func (p *Provider) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	answer, err := p.status(ctx, r)
	if err != nil {
		return hub.ChargeFacts{}, err
	}
	return answer.Payment.facts()
}

// Recall tells all that the provider keeps of an order.
func (p *Provider) Recall(ctx context.Context, r hub.ChargeRef) (hub.ListedCharge, error) {
	answer, err := p.status(ctx, r)
	if err != nil {
		return hub.ListedCharge{}, err
	}
	return answer.listed()
}

// status asks about an order and makes sure that the answer is about it.
func (p *Provider) status(ctx context.Context, r hub.ChargeRef) (answerWire, error) {
	question := statusWire{PosID: p.conf.Signature, NtpID: r.Ref, OrderID: r.Order}
	body, err := p.call(ctx, p.env.Read, http.MethodPost, "/operation/status", question)
	if err != nil {
		return answerWire{}, err
	}
	var answer answerWire
	if err := read(body, &answer); err != nil {
		return answerWire{}, err
	}
	if answer.Payment == nil || answer.Order == nil {
		return answerWire{}, pspwire.BadData("a status without its order or payment")
	}
	if answer.Order.OrderID != r.Order || r.Ref != "" && string(answer.Payment.NtpID) != r.Ref {
		return answerWire{}, pspwire.BadData("the status of another order")
	}
	return answer, nil
}

// listed is an order with all that is kept of it.
func (a answerWire) listed() (hub.ListedCharge, error) {
	facts, err := a.Payment.facts()
	if err != nil {
		return hub.ListedCharge{}, err
	}
	amount, err := a.Payment.bani()
	if err != nil {
		return hub.ListedCharge{}, err
	}
	return hub.ListedCharge{Order: a.Order.OrderID, Amount: hub.Bani(amount), Manifest: a.Order.Data[manifestKey], Facts: facts}, nil
}
