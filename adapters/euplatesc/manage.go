package euplatesc

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"racord/adapters/pspwire"
	"racord/hub"
)

// Causes of a refusal.
var (
	errCaptured = errors.New("the money was captured")
	errNotHeld  = errors.New("there is no authorised transaction")
	errNo       = errors.New("the provider answered with an error")
)

// answerWire is how management answers: success or error. success is a list, a
// text that holds a list, or "1".
type answerWire struct {
	Success json.RawMessage `json:"success"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
	ECode   string          `json:"ecode"`
}

// call makes a management call, signed with the key, and gives the answer. It
// fails like pspwire.Exchange; and, as no codes are published, with CodeNotFound
// or CodeAuth by the words of an error, else with CodeConflict. An error that
// the provider sent is Certain: it says that it did not do what was asked.
func (p *Provider) call(ctx context.Context, by pspwire.Doer, key signer, call message) (json.RawMessage, error) {
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return nil, hub.NotDone(hub.Wrap(hub.CodeInternal, err, "Something went wrong on our side."))
	}
	call = append(call, field{"timestamp", p.env.Now().UTC().Format(stamp)}, field{"nonce", hex.EncodeToString(nonce)})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.address(), strings.NewReader(call.form(key).Encode()))
	if err != nil {
		return nil, hub.NotDone(hub.Wrap(hub.CodeInternal, err, "Something went wrong on our side."))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply, err := pspwire.Exchange(by, req)
	if err != nil {
		return nil, err
	}
	if reply.Status != http.StatusOK {
		return nil, pspwire.BadData("HTTP status %d", reply.Status)
	}
	return readAnswer(reply.Body)
}

// readAnswer takes an answer apart. check_mid answers without success.
func readAnswer(body []byte) (json.RawMessage, error) {
	var answer answerWire
	if err := decode(body, &answer); err != nil {
		return nil, err
	}
	if answer.Error == "" && answer.ECode == "" {
		return answer.Success, nil
	}
	switch words := strings.ToLower(answer.Error + " " + answer.Message); {
	case strings.Contains(words, "not found"):
		return nil, pspwire.Refused(hub.CodeNotFound, errNo)
	case strings.Contains(words, "hash"), strings.Contains(words, "merchant"):
		return nil, pspwire.Refused(hub.CodeAuth, errNo)
	default:
		return nil, pspwire.Refused(hub.CodeConflict, errNo)
	}
}

func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(into); err != nil {
		return pspwire.BadData("not the JSON that is documented")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return pspwire.BadData("more than one JSON value")
	}
	return nil
}

// users signs a call as the user who manages all merchants.
func (p *Provider) users(ctx context.Context, call message) (signer, error) {
	key, err := p.key(ctx, p.conf.UserAPI)
	if err != nil {
		return nil, err
	}
	user, err := p.env.Secret(ctx, p.conf.UserKey)
	if err != nil {
		return nil, hub.NotDone(hub.Wrap(hub.CodeAuth, err, "The payment provider's key is missing."))
	}
	for i := range call {
		if call[i].name == "ukey" {
			call[i].value = user.Reveal()
		}
	}
	return key, nil
}

// move makes a call that moves money, once.
func (p *Provider) move(ctx context.Context, call message) error {
	key, err := p.users(ctx, call)
	if err != nil {
		return err
	}
	success, err := p.call(ctx, p.env.Write, key, call)
	if err != nil {
		return err
	}
	if got := strings.Trim(string(success), `"`); got != "1" {
		return pspwire.BadData("neither success nor an error")
	}
	return nil
}

// list makes a call that answers with a list.
func (p *Provider) list(ctx context.Context, call message, into any) error {
	key, err := p.users(ctx, call)
	if err != nil {
		return err
	}
	success, err := p.call(ctx, p.env.Read, key, call)
	if err != nil {
		return err
	}
	return readList(success, into)
}

// readList reads a list, or the text of one. A missing list does not say that
// there is nothing.
func readList(success json.RawMessage, into any) error {
	text := []byte(success)
	if len(text) > 0 && text[0] == '"' {
		var inner string
		if err := json.Unmarshal(text, &inner); err != nil {
			return pspwire.BadData("a list that cannot be read")
		}
		text = []byte(inner)
	}
	if text = bytes.TrimSpace(text); len(text) == 0 || text[0] != '[' {
		return pspwire.BadData("an answer without its list")
	}
	return decode(text, into)
}

// transactionWire is what check_status tells of one transaction. Masked card,
// holder's name and e-mail are in it too, and are not read.
type transactionWire struct {
	MerchID   string `json:"merch_id"`
	InvoiceID string `json:"invoice_id"`
	EpID      string `json:"ep_id"`
	Action    string `json:"action"`
	Message   string `json:"message"`
	Captured  string `json:"captured"`
	Refunded  string `json:"refunded"`
	Timestamp string `json:"timestamp"`

	// ExtraAmounts.
	Amount         string `json:"amount"`
	CapturedAmount string `json:"captured_amount"`
	RefundedAmount string `json:"refunded_amount"`
}

// transaction is one attempt to pay an order. Amounts are in bani, 0 when they
// are not told.
type transaction struct {
	id                          string
	at                          time.Time
	approved, refused, reversed bool // neither approved nor refused: the payer is at it
	captured, refunded          bool
	amount, taken, back         int64
}

// reversed is the message of a transaction whose authorisation was given back.
const reversed = "reversed"

// transactions asks for all transactions of an order and makes sure that they
// are of it.
func (p *Provider) transactions(ctx context.Context, r hub.ChargeRef) ([]transaction, error) {
	key, err := p.merchantKey(ctx, r.Merchant)
	if err != nil {
		return nil, err
	}
	success, err := p.call(ctx, p.env.Read, key, message{{"method", "check_status"}, {"mid", r.Merchant}, {"invoice_id", r.Order}})
	if err != nil {
		return nil, err
	}
	var told []transactionWire
	if err := readList(success, &told); err != nil {
		return nil, err
	}
	if len(told) == 0 {
		return nil, pspwire.BadData("an order without transactions")
	}
	all := make([]transaction, len(told))
	for i, t := range told {
		if t.InvoiceID != r.Order || t.MerchID != r.Merchant || t.EpID == "" {
			return nil, pspwire.BadData("the status of another order")
		}
		if all[i], err = t.read(p.amounts()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (t transactionWire) read(amounts bool) (transaction, error) {
	read := transaction{
		id: t.EpID, approved: t.Action == "0", refused: t.Action != "0" && t.Action != "",
		reversed: strings.EqualFold(t.Message, reversed), captured: t.Captured == "1", refunded: t.Refunded == "1",
	}
	for _, flag := range []string{t.Captured, t.Refunded} {
		if flag != "0" && flag != "1" {
			return transaction{}, pspwire.BadData("a flag that is neither 0 nor 1")
		}
	}
	if (read.captured || read.refunded || read.reversed) && !read.approved || read.refunded && !read.captured || read.reversed && read.captured {
		return transaction{}, pspwire.BadData("a transaction that contradicts itself")
	}
	var err error
	if read.at, err = parse(t.Timestamp); err != nil {
		return transaction{}, pspwire.BadData("a transaction whose timestamp is not a time")
	}
	if amounts {
		return read, read.tell(t)
	}
	return read, nil
}

// tell reads the amounts, which must fit the flags.
func (t *transaction) tell(w transactionWire) error {
	for _, a := range []struct {
		from string
		to   *int64
	}{{w.Amount, &t.amount}, {w.CapturedAmount, &t.taken}, {w.RefundedAmount, &t.back}} {
		bani, err := pspwire.Bani(a.from)
		if err != nil {
			return pspwire.BadData("a transaction without its amounts")
		}
		*a.to = bani
	}
	if t.captured != (t.taken > 0) || t.refunded != (t.back > 0) || t.taken > t.amount || t.back > t.taken {
		return pspwire.BadData("a transaction that contradicts itself")
	}
	return nil
}

// invoiceWire is a settlement: what was paid out to one merchant at once.
type invoiceWire struct {
	Number      string `json:"invoice_number"`
	Date        string `json:"invoice_date"`
	VAT         string `json:"invoice_amount_vat"`
	Currency    string `json:"invoice_currency"`
	Transferred string `json:"transferred_amount"`
}

type itemWire struct {
	MID        string `json:"mid"`
	InvoiceID  string `json:"invoice_id"`
	Amount     string `json:"amount"`
	Commission string `json:"commission"`
	Type       string `json:"type"`
}

// moves are the movements of an invoice by their types, of which only represented is
// not published.
var moves = map[string]pspwire.Move{
	"capture": pspwire.Captured, "refund": pspwire.Refunded, "chargeback": pspwire.ChargedBack, "represented": pspwire.Represented,
}

func (i invoiceWire) settled(merchant string, day hub.Date, items []itemWire) ([]hub.SettledCharge, error) {
	payout := pspwire.Payout{Ref: i.Number, Day: day, VAT: i.VAT, Transferred: i.Transferred}
	for _, item := range items {
		move, known := moves[item.Type]
		if !known || item.MID != merchant {
			return nil, pspwire.BadData("a settled transaction of another merchant, or of a type that is not known")
		}
		payout.Items = append(payout.Items, pspwire.PayoutItem{Order: item.InvoiceID, Amount: item.Amount, Fee: item.Commission, Move: move})
	}
	return payout.Settled()
}
