package netopia

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/pspbook"
)

// credit refunds an order or a part of it.
func (p *Provider) credit(w http.ResponseWriter, r *http.Request) {
	request, from, amount, err := p.readCredit(r)
	if err != nil {
		refuse(w, err)
		return
	}
	if _, err := p.book.ByID(request); err != nil {
		reply(w, http.StatusNotFound, flat{"404", "Order not found"})
		return
	}
	err = p.Refund(request, amount, "api", from...)
	o, _ := p.book.ByID(request)
	answer := answerWire{CustomerAction: struct{}{}, Error: errorWire{Code: "00", Message: "Approved"}, Payment: p.payment(o, amount)}
	answer.Payment.Status = statusCredit
	if err != nil {
		answer.Error = errorWire{Code: "58", Message: "Credit not possible"}
		answer.Payment = p.payment(o, o.Amount)
	}
	reply(w, http.StatusOK, answer)
}

func (p *Provider) readCredit(r *http.Request) (id string, from []pspbook.Split, amount int64, err error) {
	request, err := decode[struct {
		NtpID  string      `json:"ntpID"`
		Amount json.Number `json:"amount"`
		Split  []splitWire `json:"split"`
	}](r.Body)
	if err != nil {
		return "", nil, 0, err
	}
	amount, err = pspbook.Bani(request.Amount.String())
	if err != nil || amount == 0 {
		return "", nil, 0, errors.New("amount must be positive with at most two decimals")
	}
	from, _, err = p.readSplit(request.Split)
	return request.NtpID, from, amount, err
}

// listPage is how many orders one answer lists.
const listPage = 500

// list shows the orders of a posSignature after an ntpID, oldest first.
func (p *Provider) list(w http.ResponseWriter, r *http.Request) {
	signature := r.URL.Query().Get("posSignature")
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64) // 0 is before all
	orders := []answerWire{}
	for _, o := range p.book.Orders() {
		if id, _ := strconv.ParseInt(o.ID, 10, 64); o.Merchant == signature && id > after {
			orders = append(orders, p.told(o, true))
		}
		if len(orders) == listPage {
			break
		}
	}
	reply(w, http.StatusOK, map[string]any{"orders": orders})
}

type settlementWire struct {
	Number      string     `json:"number"`
	PosID       int        `json:"posID"`
	IBAN        string     `json:"iban"`
	Date        string     `json:"date"`       // of the movements
	PayoutDate  string     `json:"payoutDate"` // when the bank books it
	Gross       string     `json:"gross"`
	Fee         string     `json:"fee"`
	VAT         string     `json:"vat"`
	Transferred string     `json:"transferred"`
	Items       []itemWire `json:"items"`
}

type itemWire struct {
	NtpID   string `json:"ntpID"`
	OrderID string `json:"orderID"`
	RRN     string `json:"rrn"`
	Type    string `json:"type"`
	Amount  string `json:"amount"`
	Fee     string `json:"fee"`
	At      string `json:"at"`
}

// settlements shows what was paid out to a point of sale.
func (p *Provider) settlements(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.URL.Query().Get("posID"))
	account, known := p.byPosID[id]
	from, bad := calendar.Parse(r.URL.Query().Get("from"))
	to, bad2 := calendar.Parse(r.URL.Query().Get("to"))
	if !known || bad != nil || bad2 != nil {
		refuse(w, errors.New("posID, from or to is wrong"))
		return
	}
	told := []settlementWire{}
	for _, s := range p.book.Settlements(Prefix, account, from, min(to, p.clock.Today())) {
		told = append(told, settlementTold(account, s))
	}
	reply(w, http.StatusOK, map[string]any{"settlements": told})
}

// Prefix begins the numbers of Netopia's settlements.
const Prefix = "NTP"

func settlementTold(a pspbook.Account, s pspbook.Settlement) settlementWire {
	told := settlementWire{
		Number: s.Number, PosID: a.PosID, IBAN: a.IBAN, Date: s.Day.ISO(), PayoutDate: s.Payout.ISO(), Gross: pspbook.Lei(s.Gross),
		Fee: pspbook.Lei(s.Fee), VAT: pspbook.Lei(s.VAT), Transferred: pspbook.Lei(s.Transferred), Items: []itemWire{},
	}
	for _, i := range s.Items {
		told.Items = append(told.Items, itemWire{
			i.ID, i.OrderID, i.RRN, string(i.Kind), pspbook.Lei(i.Amount), pspbook.Lei(i.Fee), i.At.Format(time.RFC3339),
		})
	}
	return told
}
