package httpapi

import (
	"context"
	"net/http"

	"racord/hub"
	"racord/hub/pay"
)

// Payments takes payments of people who signed in; pay.Service is one.
type Payments interface {
	Quote(ctx context.Context, who hub.Login, portal string, items []pay.Item) (*pay.Quote, error)
	Open(ctx context.Context, who hub.Login, portal string, o pay.Order) (*hub.Payment, error)
	Payment(ctx context.Context, who hub.Login, id hub.PaymentID) (*hub.Payment, error)
	Resume(ctx context.Context, who hub.Login, id hub.PaymentID) (*hub.Payment, error)
	Cancel(ctx context.Context, who hub.Login, id hub.PaymentID) (*hub.Payment, error)
	History(ctx context.Context, who hub.Login, most int, before hub.PaymentID) ([]*hub.Payment, error)
	// Title is a provider's name as payers know it.
	Title(psp string) string
}

// References takes payments that a portal carries for somebody who did not sign
// in: a reference and an amount are enough, and nobody's data come back.
type References interface {
	QuoteReference(ctx context.Context, portal string, creditor hub.Name, reference string, amount hub.Money) (*pay.Quote, error)
	OpenReference(ctx context.Context, portal string, o pay.Order) (*hub.Payment, error)
	ReferencePayment(ctx context.Context, portal string, id hub.PaymentID) (*hub.Payment, error)
	ResumeReference(ctx context.Context, portal string, id hub.PaymentID) (*hub.Payment, error)
	CancelReference(ctx context.Context, portal string, id hub.PaymentID) (*hub.Payment, error)
}

// Notices takes what payment providers tell; pay.Service does.
type Notices interface {
	Notify(ctx context.Context, psp string, header http.Header, body []byte) error
	Reply(psp string, w http.ResponseWriter, err error)
}

// Refunds has booked lines given back, and ends refunds that failed; pay.Service does.
type Refunds interface {
	Refundable(ctx context.Context, id hub.PaymentID, line int) (*hub.Payment, error)
	GiveBack(ctx context.Context, by hub.Login, id hub.PaymentID, line int, expected hub.Money) (*hub.Payment, error)
	ConfirmGiveBack(ctx context.Context, by hub.Login, id hub.PaymentID, line int, expected hub.Money) (*hub.Payment, error)
	GivingBackWaits(l *hub.Line) bool
	EndRefund(ctx context.Context, by hub.Login, id hub.PaymentID, no int, amount hub.Money, how hub.RefundEnd) (*hub.Payment, error)
	ConfirmEndRefund(ctx context.Context, by hub.Login, id hub.PaymentID, no int, amount hub.Money, how hub.RefundEnd) (*hub.Payment, error)
	EndingWaits(r *hub.Refund) bool
}

// Paying are the use cases behind the doors for payments. What is nil is not
// offered by this hub.
type Paying struct {
	Payments   Payments
	References References
	Notices    Notices
	Refunds    Refunds
	Receipts   Receipts
	Printer    Printer
}

// errNotOffered answers for a door that leads nowhere here.
var errNotOffered = hub.Errorf(hub.CodeUnsupported, "This hub does not offer that.")

// errNotYours is one answer for a payment that does not exist and for another
// person's.
var errNotYours = hub.Errorf(hub.CodeNotFound, "There is no such payment, or it is not yours.")

func hidden(p *hub.Payment, err error) (*hub.Payment, error) {
	if hub.CodeOf(err) == hub.CodeNotFound {
		return nil, errNotYours
	}
	return p, err
}

// byPayer does one thing with the caller's own payments: a person's when the
// token is a person's, else those the portal carries for people who did not sign
// in.
func byPayer[Req, Resp any](
	a *API,
	person func(Payments, context.Context, hub.Login, Req) (Resp, error),
	portal func(References, context.Context, string, Req) (Resp, error),
) func(context.Context, hub.Login, Req) (Resp, error) {
	return func(ctx context.Context, who hub.Login, request Req) (none Resp, err error) {
		caller := exchangeOf(ctx).caller
		switch {
		case caller.Citizen && a.Paying.Payments != nil:
			return person(a.Paying.Payments, ctx, who, request)
		case !caller.Citizen && a.Paying.References != nil:
			return portal(a.Paying.References, ctx, caller.Portal, request)
		}
		return none, errNotOffered
	}
}
