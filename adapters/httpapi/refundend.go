package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"

	"racord/hub"
)

// refundEndWanted is the body of POST /v1/payments/{id}/refunds/{no}/end.
type refundEndWanted struct {
	Outcome hub.RefundEnd `json:"outcome"`
	Amount  *hub.Money    `json:"amount"`
	id      hub.PaymentID
	no      int
}

var refundEnds = []hub.RefundEnd{hub.EndAtProvider, hub.EndByTransfer, hub.EndByBank, hub.EndAgain}

func decodeRefundEnd(r *http.Request) (refundEndWanted, error) {
	want := refundEndWanted{}
	var err error
	if want.id, err = decodePaymentID(r); err != nil {
		return want, err
	}
	if err := decodeJSON(r, &want); err != nil {
		return want, err
	}
	want.no, _ = strconv.Atoi(r.PathValue("no")) // what is no number is no refund's
	var f faults
	f.refuse(!slices.Contains(refundEnds, want.Outcome), "/outcome", "must be at_provider, by_transfer, by_payers_bank or try_again")
	f.refuse(want.Amount == nil, "/amount", "is missing")
	f.refuseMoney(want.Amount, "/amount")
	return want, f.err()
}

// endRefund ends a refund that failed.
func (a *API) endRefund(ctx context.Context, who hub.Login, want refundEndWanted) (refundEnded, error) {
	if a.Paying.Refunds == nil {
		return refundEnded{}, errNotOffered
	}
	p, err := a.Paying.Refunds.EndRefund(ctx, who, want.id, want.no, *want.Amount, want.Outcome)
	return a.refundEnding(ctx, "failed refund ended", who, want, p, err)
}

// confirmEndRefund is the word of a second of the staff.
func (a *API) confirmEndRefund(ctx context.Context, who hub.Login, want refundEndWanted) (refundEnded, error) {
	if a.Paying.Refunds == nil {
		return refundEnded{}, errNotOffered
	}
	p, err := a.Paying.Refunds.ConfirmEndRefund(ctx, who, want.id, want.no, *want.Amount, want.Outcome)
	return a.refundEnding(ctx, "end of a failed refund confirmed", who, want, p, err)
}

func (a *API) refundEnding(ctx context.Context, what string, who hub.Login, want refundEndWanted, p *hub.Payment, err error) (refundEnded, error) {
	a.Log.LogAttrs(ctx, slog.LevelInfo, what, slog.String("operation", "payment_refund_end"),
		slog.String("payment", string(want.id)), slog.Int("refund", want.no), slog.String("outcome", string(want.Outcome)),
		slog.String("by", who.Subject), slog.String("code", string(hub.CodeOf(err))))
	switch hub.CodeOf(err) {
	case "":
		return a.refundEnded(p, p.Refund(want.no)), nil
	case hub.CodeConflict:
		err = hub.Wrap(codeNotFailed, err, "The refund has not failed, is of another amount, or nobody or somebody else said what becomes of it.")
	case hub.CodeNotFound:
		err = hub.Wrap(hub.CodeNotFound, err, "There is no such payment, or it has no such refund.")
	}
	return refundEnded{}, err
}

// refundEnded tells what became of a refund that had failed, and of its line: none
// when it is of money that was taken for no line.
type refundEnded struct {
	Payment hub.PaymentID   `json:"payment"`
	Refund  paidRefundShown `json:"refund"`
	Line    *paidLineShown  `json:"line,omitempty"`
	Waits   bool            `json:"waits_for_confirmation"`
}

func (a *API) refundEnded(p *hub.Payment, r *hub.Refund) refundEnded {
	shown := refundEnded{Payment: p.ID, Refund: shownRefund(r), Waits: a.Paying.Refunds.EndingWaits(r)}
	if l := p.Line(r.Line); l != nil {
		line := a.paidLine(l)
		shown.Line = &line
	}
	return shown
}

func writeRefundEnded(x *exchange, w http.ResponseWriter, r refundEnded) error {
	neverKept(w)
	return send(x, w, http.StatusAccepted, r)
}
