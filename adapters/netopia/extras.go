package netopia

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"racord/adapters/pspwire"
	"racord/hub"
)

type creditWire struct {
	NtpID  string      `json:"ntpID"`
	Amount json.Number `json:"amount"`
	Split  []splitWire `json:"split,omitempty"`
}

// codeNoCredit says that a refund cannot be.
const codeNoCredit = "58"

// Refund gives back a part of an order, from the points of sale that have it. The
// provider knows no keys: a refund whose answer was lost must not be repeated
// before the status has shown how much was refunded.
func (p *Provider) Refund(ctx context.Context, r hub.ChargeRef, amount hub.Money, from []hub.Split, _ string) error {
	request, err := p.credit(ctx, r, amount, from)
	if err != nil {
		return err
	}
	body, err := p.call(ctx, p.env.Write, http.MethodPost, "/operation/credit", request)
	if err != nil {
		return err
	}
	var answer answerWire
	if err := read(body, &answer); err != nil {
		return err
	}
	switch {
	case answer.Error == nil:
		return pspwire.BadData("an answer to credit without error.code")
	case answer.Error.Code == codeApproved:
		return nil
	case answer.Error.Code == codeNoCredit:
		return pspwire.Refused(hub.CodeConflict, codeError(answer.Error.Code))
	default:
		return pspwire.BadData("credit: %v", codeError(answer.Error.Code))
	}
}

// credit writes a refund. It needs the provider's own number, and asks for it
// when the hub never learned it.
func (p *Provider) credit(ctx context.Context, r hub.ChargeRef, amount hub.Money, from []hub.Split) (creditWire, error) {
	lei, err := pspwire.Lei(amount)
	if err != nil {
		return creditWire{}, err
	}
	request := creditWire{NtpID: r.Ref, Amount: json.Number(lei)}
	if len(from) > 0 {
		if request.Split, err = partsOf(from, amount); err != nil {
			return creditWire{}, err
		}
	}
	if request.NtpID == "" {
		answer, err := p.status(ctx, r)
		if err != nil {
			return creditWire{}, pspwire.Before(err)
		}
		request.NtpID = string(answer.Payment.NtpID)
	}
	return request, nil
}

// maxPages bounds a listing: half a million orders.
const maxPages = 1000

// List lists the orders of which a part belongs to a point of sale, and that were
// opened or paid in the time.
func (p *Provider) List(ctx context.Context, merchant string, from, to time.Time) ([]hub.ListedCharge, error) {
	id, err := posID(merchant)
	if err != nil {
		return nil, pspwire.Unable("%q is not the number of a point of sale", merchant)
	}
	var all []hub.ListedCharge
	after := ""
	for range maxPages {
		page, err := p.page(ctx, after)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return all, nil
		}
		for _, a := range page {
			if !a.within(from, to) || !a.concerns(id) { // and may be anything
				continue
			}
			listed, err := a.listed()
			if err != nil {
				return nil, err
			}
			all = append(all, listed)
		}
		last := string(page[len(page)-1].Payment.NtpID)
		if last == after {
			return nil, pspwire.BadData("a listing that does not go on")
		}
		after = last
	}
	return nil, pspwire.BadData("a listing without an end")
}

// page reads the orders after a number, oldest first.
func (p *Provider) page(ctx context.Context, after string) ([]answerWire, error) {
	query := url.Values{"posSignature": {p.conf.Signature}, "after": {after}}
	body, err := p.call(ctx, p.env.Read, http.MethodGet, "/extras/orders?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Orders *[]answerWire `json:"orders"`
	}
	if err := read(body, &answer); err != nil {
		return nil, err
	}
	if answer.Orders == nil {
		return nil, pspwire.BadData("a listing without its list")
	}
	for _, a := range *answer.Orders {
		if a.Payment == nil || a.Order == nil || a.Payment.NtpID == "" {
			return nil, pspwire.BadData("a listed order without its payment")
		}
	}
	return *answer.Orders, nil
}

// within tells whether the order was opened or paid in the time.
func (a answerWire) within(from, to time.Time) bool {
	for _, moment := range []string{a.Order.DateTime, a.Payment.OperationDate} {
		at, err := time.Parse(time.RFC3339, moment)
		if err == nil && !at.Before(from) && at.Before(to) {
			return true
		}
	}
	return false
}

func (a answerWire) concerns(id int) bool {
	return slices.ContainsFunc(a.Payment.Options.Split, func(s splitWire) bool { return s.PosID == id })
}

type settlementWire struct {
	Number      string                 `json:"number"`
	PosID       int                    `json:"posID"`
	PayoutDate  string                 `json:"payoutDate"`
	Fee         string                 `json:"fee"`
	VAT         string                 `json:"vat"`
	Transferred string                 `json:"transferred"`
	Items       *[]settlementItemsWire `json:"items"`
}

type settlementItemsWire struct {
	OrderID string `json:"orderID"`
	Type    string `json:"type"`
	Amount  string `json:"amount"`
	Fee     string `json:"fee"`
}

// moves are the movements of a settlement by their names.
var moves = map[string]pspwire.Move{
	"capture": pspwire.Captured, "refund": pspwire.Refunded, "reversal": pspwire.Refunded,
	"chargeback": pspwire.ChargedBack, "represented": pspwire.Represented,
}

// Settlement tells what was paid out to a point of sale on some days.
func (p *Provider) Settlement(ctx context.Context, merchant string, from, to hub.Date) ([]hub.SettledCharge, error) {
	id, err := posID(merchant)
	if err != nil {
		return nil, pspwire.Unable("%q is not the number of a point of sale", merchant)
	}
	query := url.Values{"posID": {strconv.Itoa(id)}, "from": {string(from)}, "to": {string(to)}}
	body, err := p.call(ctx, p.env.Read, http.MethodGet, "/extras/settlements?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Settlements *[]settlementWire `json:"settlements"`
	}
	if err := read(body, &answer); err != nil {
		return nil, err
	}
	if answer.Settlements == nil {
		return nil, pspwire.BadData("settlements without their list")
	}
	var all []hub.SettledCharge
	for _, s := range *answer.Settlements {
		day, err := hub.ParseDate(s.PayoutDate)
		if err != nil || s.PosID != id || day < from || day > to || s.Items == nil {
			return nil, pspwire.BadData("the settlement of another account or day")
		}
		settled, err := s.settled(day)
		if err != nil {
			return nil, err
		}
		all = append(all, settled...)
	}
	return all, nil
}

// settled reads the items of a settlement and proves that they add up.
func (s settlementWire) settled(day hub.Date) ([]hub.SettledCharge, error) {
	payout := pspwire.Payout{Ref: s.Number, Day: day, VAT: s.VAT, Transferred: s.Transferred}
	for _, item := range *s.Items {
		move, known := moves[item.Type]
		if !known {
			return nil, pspwire.BadData("a movement that is not known")
		}
		payout.Items = append(payout.Items, pspwire.PayoutItem{Order: item.OrderID, Amount: item.Amount, Fee: item.Fee, Move: move})
	}
	return payout.Settled()
}
