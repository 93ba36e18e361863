package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// quoteWanted is the body of POST /v1/quotes: a person's lines, or a reference
// that a portal brings for somebody who did not sign in.
type quoteWanted struct {
	Lines     []itemWanted `json:"lines"`
	Creditor  hub.Name     `json:"creditor"`
	Reference string       `json:"reference"`
	Amount    *hub.Money   `json:"amount"`
}

type itemWanted struct {
	Creditor   hub.Name         `json:"creditor"`
	Obligation hub.ObligationID `json:"obligation"`
	Option     string           `json:"option"`
	Amount     *hub.Money       `json:"amount"`
}

func (q *quoteWanted) byReference() bool {
	return q.Lines == nil && (q.Creditor != "" || q.Reference != "" || q.Amount != nil)
}

func decodeQuote(r *http.Request) (quoteWanted, error) {
	var want quoteWanted
	if _, err := params(r); err != nil {
		return want, err
	}
	if err := decodeJSON(r, &want); err != nil {
		return want, err
	}
	if want.byReference() {
		return want, want.checkReference()
	}
	return want, want.checkLines()
}

// faults collects all that is wrong with a body.
type faults []hub.Field

func (f *faults) refuse(wrong bool, pointer, detail string) {
	if wrong {
		*f = append(*f, hub.Field{Pointer: pointer, Code: hub.CodeInvalid, Detail: detail})
	}
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	err := hub.Errorf(hub.CodeInvalid, "The request is not valid; errors says where.")
	err.Fields = f
	return err
}

func (f *faults) refuseMoney(m *hub.Money, pointer string) {
	if m != nil {
		f.refuse(m.Minor <= 0, pointer+"/amount", "must be above 0, in bani")
		f.refuse(m.Currency != hub.RON, pointer+"/currency", "must be RON")
	}
}

func (q *quoteWanted) checkReference() error {
	var f faults
	f.refuse(!q.Creditor.Valid(), "/creditor", "must be a creditor's name")
	f.refuse(!printable(q.Reference), "/reference", "must be what stands on the paper, 3 to 35 letters, digits, blanks and . - /")
	f.refuse(personal(q.Reference), "/reference", "must not be a personal code")
	f.refuse(q.Amount == nil, "/amount", "is missing")
	f.refuseMoney(q.Amount, "/amount")
	return f.err()
}

var obligationForm = regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{26}$`)

func (q *quoteWanted) checkLines() error {
	var f faults
	f.refuse(len(q.Lines) == 0 || len(q.Lines) > pay.MostLines, "/lines", "must be from 1 to 20 lines")
	f.refuse(q.Creditor != "" || q.Reference != "" || q.Amount != nil, "/creditor", "stands in a line, or without lines")
	for i := range q.Lines[:min(len(q.Lines), pay.MostLines)] {
		l, at := &q.Lines[i], fmt.Sprintf("/lines/%d", i)
		f.refuse(!l.Creditor.Valid(), at+"/creditor", "must be a creditor's name")
		f.refuse(!obligationForm.MatchString(string(l.Obligation)), at+"/obligation", "must be an obligation's id")
		f.refuse(l.Option != "" && !printable(l.Option), at+"/option", "must be an option's id")
		f.refuseMoney(l.Amount, at+"/amount")
	}
	return f.err()
}

func (q *quoteWanted) items() []pay.Item {
	items := make([]pay.Item, len(q.Lines))
	for i, l := range q.Lines {
		items[i] = pay.Item{Creditor: l.Creditor, Wanted: hub.Wanted{Obligation: l.Obligation, Option: l.Option}}
		if l.Amount != nil {
			items[i].Amount = *l.Amount
		}
	}
	return items
}

// Errors of a body that fits the other sort of token.
var (
	errNeedsPerson = hub.Errorf(hub.CodeForbidden, "Lines need the citizen's own token; a portal's own pays by reference.")
	errNeedsPortal = hub.Errorf(hub.CodeForbidden, "A reference is paid with the portal's own token; a citizen pays lines of the view.")
)

// quote asks what may be paid now. The body's form and the token must fit.
func (a *API) quote(ctx context.Context, who hub.Login, want quoteWanted) (quoteShown, error) {
	caller := exchangeOf(ctx).caller
	switch {
	case want.byReference() && caller.Citizen:
		return quoteShown{}, errNeedsPortal
	case !want.byReference() && !caller.Citizen:
		return quoteShown{}, errNeedsPerson
	}
	q, err := byPayer(a,
		func(p Payments, ctx context.Context, who hub.Login, want quoteWanted) (*pay.Quote, error) {
			return p.Quote(ctx, who, caller.Portal, want.items())
		},
		func(r References, ctx context.Context, portal string, want quoteWanted) (*pay.Quote, error) {
			return r.QuoteReference(ctx, portal, want.Creditor, want.Reference, *want.Amount)
		},
	)(ctx, who, want)
	if err != nil {
		return quoteShown{}, err
	}
	return a.quoteShown(q), nil
}

// quoteShown is a quote as its payer sees it.
type quoteShown struct {
	ID         hub.QuoteID       `json:"quote_id"`
	Token      string            `json:"quote"`
	AsOf       time.Time         `json:"as_of"`
	ValidUntil time.Time         `json:"valid_until"`
	Total      hub.Money         `json:"total"`
	Lines      []quotedLineShown `json:"lines"`
}

type quotedLineShown struct {
	No           int              `json:"no"`
	Creditor     hub.Name         `json:"creditor"`
	Name         string           `json:"name"`
	Obligation   hub.ObligationID `json:"obligation,omitempty"`
	Reference    string           `json:"reference,omitempty"`
	Option       string           `json:"option,omitempty"`
	Label        string           `json:"label,omitempty"`
	State        pay.QuoteState   `json:"state"`
	Reason       hub.Code         `json:"reason,omitempty"`
	Message      string           `json:"message,omitempty"`
	Amount       *hub.Money       `json:"amount,omitempty"`
	Verified     hub.Verified     `json:"verified,omitempty"`
	ValidUntil   *time.Time       `json:"valid_until,omitempty"`
	Transfers    []transferShown  `json:"transfers,omitempty"`
	NextChange   *hub.NextChange  `json:"next_change,omitempty"`
	Extinguishes []hub.Share      `json:"extinguishes,omitempty"`
}

// transferShown is where money goes, with the name the bank knows the account by.
type transferShown struct {
	IBAN        string    `json:"iban"`
	Beneficiary string    `json:"beneficiary,omitempty"`
	RevenueCode string    `json:"revenue_code,omitempty"`
	Amount      hub.Money `json:"amount"`
}

func (a *API) quoteShown(q *pay.Quote) quoteShown {
	shown := quoteShown{
		ID: q.ID, Token: q.Token, AsOf: whole(q.AsOf), ValidUntil: whole(q.ValidUntil), Total: q.Total,
		Lines: make([]quotedLineShown, len(q.Lines)),
	}
	for i := range q.Lines {
		shown.Lines[i] = a.quotedLine(&q.Lines[i])
	}
	return shown
}

func (a *API) quotedLine(q *pay.QuotedLine) quotedLineShown {
	l := &q.Line
	creditor := a.creditor(l.Creditor)
	return quotedLineShown{
		No: l.No, Creditor: l.Creditor, Name: creditor.Title, Obligation: l.Obligation, Reference: l.Reference,
		Option: l.Option, Label: l.Label, State: q.State, Reason: q.Code, Message: q.Reason, Amount: said(l.Amount),
		Verified: l.Verified, ValidUntil: moment(l.ValidUntil), Transfers: transfers(&creditor, l.Transfers),
		NextChange: q.NextChange, Extinguishes: q.Extinguishes,
	}
}

// creditor gives a creditor on duty; one that left has its short name as title.
func (a *API) creditor(name hub.Name) hub.Creditor {
	for _, c := range a.Roster.OnDuty() {
		if c.Creditor.Name == name {
			return c.Creditor
		}
	}
	return hub.Creditor{Name: name, Title: string(name)}
}

func transfers(c *hub.Creditor, list []hub.Transfer) []transferShown {
	shown := make([]transferShown, len(list))
	for i, t := range list {
		shown[i] = transferShown{IBAN: t.IBAN, Beneficiary: c.Beneficiary(t.AccountID), RevenueCode: t.RevenueCode, Amount: t.Amount}
	}
	return shown
}

// said gives an amount, or nothing where none was said.
func said(m hub.Money) *hub.Money {
	if m.Currency == "" {
		return nil
	}
	return &m
}

// whole gives a moment as answers have it.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = whole(t)
	return &t
}

func writeQuote(x *exchange, w http.ResponseWriter, q quoteShown) error {
	neverKept(w)
	return send(x, w, http.StatusOK, q)
}

// neverKept forbids every cache: what is answered is for this one request.
func neverKept(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-store") }
