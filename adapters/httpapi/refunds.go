package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"racord/hub"
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
	f.refuse(want.Line < 1 || want.Line > mostLines, "/line", "must be the number of a line")
	f.refuse(want.Expected == nil, "/expected_refundable", "is missing")
	f.refuseMoney(want.Expected, "/expected_refundable")
	f.refuse(!slices.Contains(refundReasons, want.Reason), "/reason", "must be paid_twice, wrong_debt, debt_cancelled, court_decision, asked_by_creditor or other")
	return want, f.err()
}

// refund has a line given back. It asks for what the caller believes can be
// refunded: of two who ask at the same time, or of one who asks twice, the second
// is told that it is something else now.
func (a *API) refund(ctx context.Context, who hub.Login, want refundWanted) (*hub.Payment, error) {
	if a.Paying.Refunds == nil {
		return nil, errNotOffered
	}
	p, err := a.Paying.Refunds.GiveBack(ctx, want.id, want.Line, *want.Expected)
	a.Log.LogAttrs(ctx, slog.LevelInfo, "refund asked for", slog.String("operation", "payment_refund"),
		slog.String("payment", string(want.id)), slog.Int("line", want.Line), slog.String("reason", want.Reason),
		slog.String("by", who.Subject), slog.String("code", string(hub.CodeOf(err))))
	switch hub.CodeOf(err) {
	case hub.CodeConflict:
		return nil, hub.Wrap(codeRefundable, err, "Another amount can be refunded of this line now. Look at the payment again.")
	case hub.CodeNotFound:
		return nil, hub.Wrap(hub.CodeNotFound, err, "There is no such payment, or it has no such line.")
	}
	return p, err
}

func writeAccepted(x *exchange, w http.ResponseWriter, p paymentShown) error {
	neverKept(w)
	return send(x, w, http.StatusAccepted, p)
}
