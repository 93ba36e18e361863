package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"

	"racord/hub"
	"racord/hub/pay"
)

// refundWanted is the body of POST /v1/payments/{id}/refunds.
type refundWanted struct {
	Line     int        `json:"line"`
	Expected *hub.Money `json:"expected_refundable"`
	Reason   string     `json:"reason"`
	id       hub.PaymentID
}

// refundReasons is why staff have money given back. They are a closed set, so
// that nobody's story ends in a log.
var refundReasons = []string{"paid_twice", "wrong_debt", "debt_cancelled", "court_decision", "asked_by_creditor", "other"}

func decodeRefund(r *http.Request) (refundWanted, error) {
	want := refundWanted{}
	var err error
	if want.id, err = decodePaymentID(r); err != nil {
		return want, err
	}
	if err := decodeJSON(r, &want); err != nil {
		return want, err
	}
	var f faults
	f.refuse(want.Line < 1 || want.Line > pay.MostLines, "/line", "must be the number of a line")
	f.refuse(want.Expected == nil, "/expected_refundable", "is missing")
	f.refuseMoney(want.Expected, "/expected_refundable")
	f.refuse(!slices.Contains(refundReasons, want.Reason), "/reason", "must be paid_twice, wrong_debt, debt_cancelled, court_decision, asked_by_creditor or other")
	return want, f.err()
}

// lineWanted is what GET /v1/payments/{id}/refunds asks for.
type lineWanted struct {
	id   hub.PaymentID
	line int
}

func decodeLine(r *http.Request) (want lineWanted, err error) {
	query, err := params(r, "line")
	if err != nil {
		return want, err
	}
	if want.id, err = paymentIn(r); err != nil {
		return want, err
	}
	if values := query["line"]; len(values) == 1 {
		want.line, err = strconv.Atoi(values[0])
	}
	if err != nil || want.line < 1 || want.line > pay.MostLines {
		return want, invalid("line", "must be the number of a line")
	}
	return want, nil
}

// refunds shows staff a line before and after they have it given back, and no
// other of the basket. Who looked is noted.
func (a *API) refunds(ctx context.Context, who hub.Login, want lineWanted) (refundAccepted, error) {
	if a.Paying.Refunds == nil {
		return refundAccepted{}, errNotOffered
	}
	p, err := a.Paying.Refunds.Refundable(ctx, want.id, want.line)
	a.Log.LogAttrs(ctx, slog.LevelInfo, "refunds looked at", slog.String("operation", "payment_refunds"),
		slog.String("payment", string(want.id)), slog.Int("line", want.line),
		slog.String("by", who.Subject), slog.String("code", string(hub.CodeOf(err))))
	switch hub.CodeOf(err) {
	case "":
		return a.refundAccepted(p, want.line), nil
	case hub.CodeNotFound:
		err = hub.Wrap(hub.CodeNotFound, err, "There is no such payment, or it has no such line.")
	}
	return refundAccepted{}, err
}

// refund has a line given back. It asks for what the caller believes can be
// refunded: of two who ask at the same time, or of one who asks twice, the second
// is told that it is something else now.
func (a *API) refund(ctx context.Context, who hub.Login, want refundWanted) (refundAccepted, error) {
	if a.Paying.Refunds == nil {
		return refundAccepted{}, errNotOffered
	}
	p, err := a.Paying.Refunds.GiveBack(ctx, who, want.id, want.Line, *want.Expected)
	return a.refunding(ctx, "refund asked for", who, want, p, err)
}

// confirmRefund is the word of a second of the staff.
func (a *API) confirmRefund(ctx context.Context, who hub.Login, want refundWanted) (refundAccepted, error) {
	if a.Paying.Refunds == nil {
		return refundAccepted{}, errNotOffered
	}
	p, err := a.Paying.Refunds.ConfirmGiveBack(ctx, who, want.id, want.Line, *want.Expected)
	return a.refunding(ctx, "refund confirmed", who, want, p, err)
}

func (a *API) refunding(ctx context.Context, what string, who hub.Login, want refundWanted, p *hub.Payment, err error) (refundAccepted, error) {
	a.Log.LogAttrs(ctx, slog.LevelInfo, what, slog.String("operation", "payment_refund"),
		slog.String("payment", string(want.id)), slog.Int("line", want.Line), slog.String("reason", want.Reason),
		slog.String("by", who.Subject), slog.String("code", string(hub.CodeOf(err))))
	switch hub.CodeOf(err) {
	case "":
		return a.refundAccepted(p, want.Line), nil
	case hub.CodeConflict:
		err = hub.Wrap(codeRefundable, err, "Another amount can be refunded of this line now, or nobody or somebody else asked for it. Look at its refunds again.")
	case hub.CodeNotFound:
		err = hub.Wrap(hub.CodeNotFound, err, "There is no such payment, or it has no such line.")
	}
	return refundAccepted{}, err
}

func (a *API) refundAccepted(p *hub.Payment, line int) refundAccepted {
	r := refundAccepted{
		Payment: p.ID, Line: a.paidLine(p.Line(line)), Refunds: []paidRefundShown{}, Waits: a.Paying.Refunds.GivingBackWaits(p.Line(line)),
	}
	for i := range p.Refunds {
		if p.Refunds[i].Line == line {
			r.Refunds = append(r.Refunds, shownRefund(&p.Refunds[i]))
		}
	}
	return r
}

// refundAccepted tells how far giving a line back has come. It shows staff that
// line and no other of the basket.
type refundAccepted struct {
	Payment hub.PaymentID     `json:"payment"`
	Line    paidLineShown     `json:"line"`
	Refunds []paidRefundShown `json:"refunds"`
	Waits   bool              `json:"waits_for_confirmation"`
}

func writeRefunds(x *exchange, w http.ResponseWriter, r refundAccepted) error {
	neverKept(w)
	return send(x, w, http.StatusOK, r)
}

func writeAccepted(x *exchange, w http.ResponseWriter, r refundAccepted) error {
	neverKept(w)
	return send(x, w, http.StatusAccepted, r)
}
