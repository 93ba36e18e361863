package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// openWanted is the body of POST /v1/payments.
type openWanted struct {
	Quote     string     `json:"quote"`
	Policy    hub.Policy `json:"policy"`
	ReturnURL string     `json:"return_url"`
	Language  string     `json:"language"`
	key       string
}

func decodeOpen(r *http.Request) (openWanted, error) {
	want := openWanted{}
	if _, err := params(r); err != nil {
		return want, err
	}
	if err := decodeJSON(r, &want); err != nil {
		return want, err
	}
	want.key = idempotencyKey(r.Header["Idempotency-Key"])
	if want.Policy == "" {
		want.Policy = hub.BestEffort
	}
	if want.Language == "" {
		want.Language = "ro"
	}
	return want, want.check()
}

// longestKey in bytes is more than any client makes up.
const longestKey = 255

// idempotencyKey reads the header, with or without the quotes of a structured
// field (draft-ietf-httpapi-idempotency-key-header-07 §2.1). It gives "" for one
// that is missing or cannot be.
func idempotencyKey(values []string) string {
	if len(values) != 1 {
		return ""
	}
	key := values[0]
	if len(key) > 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return ""
		}
	}
	if len(key) > longestKey || cardIn(key) || personal(key) {
		return ""
	}
	return key
}

func (o *openWanted) check() error {
	var f faults
	f.refuse(o.key == "", "Idempotency-Key", "must be a key of the client's own, 1 to 255 visible characters and no card or personal number")
	f.refuse(o.Quote == "", "/quote", "is missing")
	f.refuse(o.Policy != hub.BestEffort && o.Policy != hub.AllOrNothing, "/policy", "must be best_effort or all_or_nothing")
	f.refuse(o.Language != "ro" && o.Language != "hu" && o.Language != "en", "/language", "must be ro, hu or en")
	f.refuse(!goodReturn(o.ReturnURL), "/return_url", "must be an https address of the portal, without a name, password or personal code")
	return f.err()
}

// idLength in characters is that of a payment's id.
const idLength = 26

// longestReturn in bytes is what every provider takes.
const longestReturn = 512

// goodReturn tells whether a payer's browser may be sent there: https, or http
// on the payer's own machine.
func goodReturn(text string) bool {
	u, err := url.Parse(text)
	filled := strings.ReplaceAll(text, pay.PaymentInURL, strings.Repeat("A", idLength))
	if err != nil || u.Host == "" || u.User != nil || len(filled) > longestReturn || personal(text) {
		return false
	}
	local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// open turns a quote into a payment.
func (a *API) open(ctx context.Context, who hub.Login, want openWanted) (*hub.Payment, error) {
	portal := exchangeOf(ctx).caller.Portal
	order := pay.Order{Key: want.key, Token: want.Quote, Policy: want.Policy, ReturnURL: want.ReturnURL, Language: want.Language}
	p, err := byPayer(a,
		func(p Payments, ctx context.Context, who hub.Login, o pay.Order) (*hub.Payment, error) {
			return p.Open(ctx, who, portal, o)
		},
		References.OpenReference,
	)(ctx, who, order)
	return p, refusedOpening(err)
}

// refusedOpening gives what stops a payment the code that a program decides by.
func refusedOpening(err error) error {
	switch {
	case errors.Is(err, hub.ErrKeyUsed):
		return hub.Wrap(codeKeyUsed, err, hub.MessageOf(err))
	case errors.Is(err, hub.ErrQuoteUsed):
		return hub.Wrap(codeQuoteUsed, err, hub.MessageOf(err))
	case errors.Is(err, pay.ErrNotStarted): // no 5xx: asking the same again helps nobody
		return hub.Wrap(codeNotStarted, err, hub.MessageOf(err))
	case hub.CodeOf(err) == hub.CodeAmountChanged:
		return hub.Wrap(codeQuoteExpired, err, hub.MessageOf(err))
	}
	return err
}

func decodePaymentID(r *http.Request) (hub.PaymentID, error) {
	if _, err := params(r); err != nil {
		return "", err
	}
	return paymentIn(r)
}

// paymentIn reads the id in the address. What cannot be one is nobody's, and the
// store is not asked for it: it may be no text there.
func paymentIn(r *http.Request) (hub.PaymentID, error) {
	id := r.PathValue("id")
	if !idForm(id) {
		return "", errNotYours
	}
	return hub.PaymentID(id), nil
}

// payment gives a payment of the caller's own.
func (a *API) payment(ctx context.Context, who hub.Login, id hub.PaymentID) (*hub.Payment, error) {
	return hidden(byPayer(a, Payments.Payment, References.ReferencePayment)(ctx, who, id))
}

func (a *API) resume(ctx context.Context, who hub.Login, id hub.PaymentID) (*hub.Payment, error) {
	p, err := hidden(byPayer(a, Payments.Resume, References.ResumeReference)(ctx, who, id))
	return p, refusedOpening(err)
}

func (a *API) cancel(ctx context.Context, who hub.Login, id hub.PaymentID) (*hub.Payment, error) {
	return hidden(byPayer(a, Payments.Cancel, References.CancelReference)(ctx, who, id))
}

// paging asks for a part of a list.
type paging struct {
	most   int
	before hub.PaymentID
}

const usualPage, longestPage = 20, 50

func decodePaging(r *http.Request) (paging, error) {
	want := paging{most: usualPage}
	query, err := params(r, "limit", "cursor")
	if err != nil {
		return want, err
	}
	if values, given := query["limit"]; given {
		want.most, err = strconv.Atoi(values[0])
		if err != nil || want.most < 1 || want.most > longestPage || len(values) > 1 {
			return want, invalid("limit", "must be a whole number from 1 to 50")
		}
	}
	if values, given := query["cursor"]; given {
		if len(values) > 1 || !idForm(values[0]) {
			return want, invalid("cursor", "must be next of an earlier page")
		}
		want.before = hub.PaymentID(values[0])
	}
	return want, nil
}

// idForm tells whether a text may be the id of a payment.
func idForm(s string) bool {
	return len(s) == idLength && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

type paymentsShown struct {
	Payments []paymentShown `json:"payments"`
	Next     hub.PaymentID  `json:"next,omitempty"`
}

// listPayments gives a page of the person's payments, newest first.
func (a *API) listPayments(ctx context.Context, who hub.Login, want paging) (paymentsShown, error) {
	if a.Paying.Payments == nil {
		return paymentsShown{}, errNotOffered
	}
	list, err := a.Paying.Payments.History(ctx, who, want.most+1, want.before)
	shown := paymentsShown{Payments: []paymentShown{}}
	if len(list) > want.most {
		list = list[:want.most]
		shown.Next = list[want.most-1].ID
	}
	for _, p := range list {
		shown.Payments = append(shown.Payments, a.shownPayment(p))
	}
	return shown, err
}

// paymentShown is a payment as its payer sees it. Of the provider it tells the
// name alone.
type paymentShown struct {
	ID         hub.PaymentID     `json:"id"`
	State      hub.PaymentState  `json:"state"`
	Final      bool              `json:"final"`
	Policy     hub.Policy        `json:"policy"`
	OpenedAt   time.Time         `json:"opened_at"`
	ExpiresAt  time.Time         `json:"expires_at"`
	NextAction *nextAction       `json:"next_action,omitempty"`
	InReview   bool              `json:"in_review"`
	Total      hub.Money         `json:"total"`
	Taken      hub.Money         `json:"taken"`
	Refunded   hub.Money         `json:"refunded"`
	Lines      []paidLineShown   `json:"lines"`
	Charges    []chargeShown     `json:"charges"`
	Refunds    []paidRefundShown `json:"refunds"`
}

type nextAction struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type paidLineShown struct {
	No         int              `json:"no"`
	Creditor   hub.Name         `json:"creditor"`
	Name       string           `json:"name"`
	Obligation hub.ObligationID `json:"obligation,omitempty"`
	Reference  string           `json:"reference,omitempty"`
	Option     string           `json:"option,omitempty"`
	Label      string           `json:"label,omitempty"`
	Amount     hub.Money        `json:"amount"`
	Verified   hub.Verified     `json:"verified,omitempty"`
	State      hub.LineState    `json:"state"`
	HubState   hub.HubState     `json:"hub_state"`
	Reason     string           `json:"reason,omitempty"`
	PaidAt     *time.Time       `json:"paid_at,omitempty"`
	Receipt    string           `json:"receipt,omitempty"`
	BookedAt   *time.Time       `json:"booked_at,omitempty"`
	Refundable hub.Money        `json:"refundable"`
	Transfers  []transferShown  `json:"transfers,omitempty"`
}

type chargeShown struct {
	No       int             `json:"no"`
	Provider string          `json:"provider"`
	State    hub.ChargeState `json:"state"`
	Amount   hub.Money       `json:"amount"`
	Taken    hub.Money       `json:"taken"`
	Lines    []int           `json:"lines"`
}

type paidRefundShown struct {
	No     int             `json:"no"`
	Line   int             `json:"line,omitempty"`
	Amount hub.Money       `json:"amount"`
	Reason string          `json:"reason"`
	State  hub.RefundState `json:"state"`
}

func (a *API) shownPayment(p *hub.Payment) paymentShown {
	state := p.State()
	shown := paymentShown{
		ID: p.ID, State: state, Final: state.Final(), Policy: p.Policy, OpenedAt: whole(p.OpenedAt), ExpiresAt: whole(p.ExpiresAt), InReview: pay.InReview(p),
		Total: hub.Bani(0), Taken: hub.Bani(0), Refunded: hub.Bani(0),
		Lines: make([]paidLineShown, len(p.Lines)), Charges: make([]chargeShown, len(p.Charges)), Refunds: make([]paidRefundShown, len(p.Refunds)),
	}
	if page := pay.NextAction(p); page != "" {
		shown.NextAction = &nextAction{"redirect", page}
	}
	for i := range p.Lines {
		shown.Lines[i] = a.paidLine(&p.Lines[i])
		shown.Total.Minor += p.Lines[i].Amount.Minor // the quote added them up with checks
	}
	for i := range p.Charges {
		shown.Charges[i] = a.chargeShown(&p.Charges[i])
		shown.Taken.Minor += p.Charges[i].Facts.Captured
	}
	for i := range p.Refunds {
		r := &p.Refunds[i]
		shown.Refunds[i] = shownRefund(r)
		if r.State == hub.RefundRefunded {
			shown.Refunded.Minor += r.Amount.Minor
		}
	}
	return shown
}

func (a *API) paidLine(l *hub.Line) paidLineShown {
	creditor := a.creditor(l.Creditor)
	number := l.Receipt
	if l.BookedAt.IsZero() {
		number = "" // the name of a file, say, that the creditor has not answered yet
	}
	return paidLineShown{
		No: l.No, Creditor: l.Creditor, Name: creditor.Title, Obligation: l.Obligation, Reference: l.Reference, Option: l.Option,
		Label: l.Label, Amount: l.Amount, Verified: l.Verified, State: l.State, HubState: l.HubState(), Reason: l.Reason,
		PaidAt: moment(l.PaidAt), Receipt: number, BookedAt: moment(l.BookedAt), Refundable: l.Refundable(),
		Transfers: transfers(&creditor, l.Transfers),
	}
}

func shownRefund(r *hub.Refund) paidRefundShown {
	return paidRefundShown{r.No, r.Line, r.Amount, r.Reason, r.State}
}

func (a *API) chargeShown(c *hub.Charge) chargeShown {
	return chargeShown{c.No, a.Paying.title(c.PSP), c.State, c.Amount, hub.Bani(c.Facts.Captured), c.Lines}
}

func (p *Paying) title(psp string) string {
	if p.Payments == nil {
		return psp
	}
	return p.Payments.Title(psp)
}

// showing gives what a payer sees of the payment that do gives.
func showing[Req any](a *API, do func(context.Context, hub.Login, Req) (*hub.Payment, error)) func(context.Context, hub.Login, Req) (paymentShown, error) {
	return func(ctx context.Context, who hub.Login, request Req) (paymentShown, error) {
		p, err := do(ctx, who, request)
		if err != nil {
			return paymentShown{}, err
		}
		return a.shownPayment(p), nil
	}
}

func writePayment(x *exchange, w http.ResponseWriter, p paymentShown) error {
	return sendAsTagged(x, w, p)
}

func writePayments(x *exchange, w http.ResponseWriter, list paymentsShown) error {
	return sendAsTagged(x, w, list)
}

func sendAsTagged(x *exchange, w http.ResponseWriter, answer any) error {
	body, err := encode(answer)
	if err != nil {
		return err
	}
	return x.sendTagged(w, typeJSON, body)
}

// writeOpened answers 201 also when the key came again: the same request has the
// same answer.
func writeOpened(x *exchange, w http.ResponseWriter, p paymentShown) error {
	neverKept(w)
	w.Header().Set("Location", "/v1/payments/"+url.PathEscape(string(p.ID)))
	return send(x, w, http.StatusCreated, p)
}

// writeChanged answers what a payment has become.
func writeChanged(x *exchange, w http.ResponseWriter, p paymentShown) error {
	neverKept(w)
	return send(x, w, http.StatusOK, p)
}
