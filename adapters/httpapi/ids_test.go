package httpapi_test

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"racord/adapters/httpapi"
	"racord/hub"
)

// fussy fails as PostgreSQL does for what can be no text there (SQLSTATE 22021).
func fussy[ID ~string](id ID) error {
	if strings.Contains(string(id), "\x00") || !utf8.ValidString(string(id)) {
		return hub.Errorf(hub.CodeInternal, "invalid byte sequence for encoding \"UTF8\"")
	}
	return hub.Errorf(hub.CodeNotFound, "nothing")
}

type fussyStore struct {
	httpapi.Payments
	httpapi.References
	httpapi.Refunds
}

type fussyLinks struct{ httpapi.Links }

type fussyConnectors struct{ httpapi.Connectors }

func (fussyStore) Payment(_ context.Context, _ hub.Login, id hub.PaymentID) (*hub.Payment, error) {
	return nil, fussy(id)
}

func (fussyStore) Resume(_ context.Context, _ hub.Login, id hub.PaymentID) (*hub.Payment, error) {
	return nil, fussy(id)
}

func (fussyStore) Cancel(_ context.Context, _ hub.Login, id hub.PaymentID) (*hub.Payment, error) {
	return nil, fussy(id)
}

func (fussyStore) ReferencePayment(_ context.Context, _ string, id hub.PaymentID) (*hub.Payment, error) {
	return nil, fussy(id)
}

func (fussyStore) Refundable(_ context.Context, id hub.PaymentID, _ int) (*hub.Payment, error) {
	return nil, fussy(id)
}

func (fussyStore) GiveBack(_ context.Context, _ hub.Login, id hub.PaymentID, _ int, _ hub.Money) (*hub.Payment, error) {
	return nil, fussy(id)
}

func (fussyStore) EndRefund(_ context.Context, _ hub.Login, id hub.PaymentID, _ int, _ hub.Money, _ hub.RefundEnd) (*hub.Payment, error) {
	return nil, fussy(id)
}

func (fussyLinks) Unlink(_ context.Context, _ hub.Login, id hub.LinkID) error { return fussy(id) }

func (fussyConnectors) DropSecret(_ context.Context, _ hub.Caller, _ hub.Name, name string, _ bool) error {
	return fussy(name)
}

func (fussyStore) ReceiptOf(*hub.Payment, int) (*hub.PaymentReceipt, error) {
	return nil, hub.Errorf(hub.CodeNotFound, "nothing")
}

func (fussyStore) CheckReceipt(context.Context, string) (*hub.PaymentReceipt, error) {
	return nil, hub.Errorf(hub.CodeNotFound, "nothing")
}

func TestAnAddressThatCanBeNobodysIsNotFound(t *testing.T) {
	store := fussyStore{}
	s := newTill(t, func(p *httpapi.Parts, _ *httpapi.Conf) {
		p.Paying = httpapi.Paying{Payments: store, References: store, Refunds: store, Receipts: store, Printer: printer{}}
		p.Links, p.Connectors = fussyLinks{}, fussyConnectors{}
	})
	s.doorman.callers["salub"] = hub.Caller{Login: hub.Login{Issuer: issuer, Subject: "salub"}, Portal: "desk", Company: "salub"}
	for _, id := range []string{"%00", "%FF", "a%00b", strings.Repeat("A", 500)} {
		for target, with := range map[string]struct{ bearer, body string }{
			"GET /v1/payments/ID":                    {"ana", ""},
			"POST /v1/payments/ID/resume":            {"ana", ""},
			"POST /v1/payments/ID/cancel":            {"ana", ""},
			"GET /v1/payments/ID/receipt":            {"ana", ""},
			"GET /v1/payments/ID?of=portal":          {"portal", ""},
			"GET /v1/payments/ID/refunds?line=1":     {"staff", ""},
			"POST /v1/payments/ID/refunds":           {"staff", matrix["payment_refund"].body},
			"POST /v1/payments/ID/refunds/1/end":     {"staff", refundEnd},
			"DELETE /v1/links/ID":                    {"ana", ""},
			"DELETE /v1/connectors/salub/secrets/ID": {"salub", ""},
		} {
			method, path, _ := strings.Cut(strings.Replace(strings.TrimSuffix(target, "?of=portal"), "ID", id, 1), " ")
			w := s.ask(method, path, with.body, "Authorization", "Bearer "+with.bearer)
			if w.Code != 404 {
				t.Errorf("%s %s: got %d %s, want 404", method, path, w.Code, w.Body)
			}
		}
	}
}
