package httpapi

import (
	"net/http"
	"strings"
)

// route is one line of the table of contents.
type route struct {
	pattern string
	handler http.Handler
}

// routes is the table of contents.
func (a *API) routes() []route {
	return append([]route{
		{"GET /v1/view", a.byAccept("text/event-stream",
			serve(a, citizens("view_read", a.limits.views), decodeAsk, a.Views.Of, writeView),
			serve(a, citizens("view_stream", a.limits.views), decodeStream, a.stream, writeNothing))},
		{"GET /v1/creditors", serve(a, anyone("creditor_list", a.limits.calls), decodeNothing, a.listCreditors, writeList)},
		{"POST /v1/creditors/{creditor}/obligations", a.upload(
			serve(a, streamed(companies("obligation_send", a.limits.sends)), decodeDelivery, a.sendMany, writeRows))},
		{"PUT /v1/creditors/{creditor}/obligations/{id}", serve(a, companies("obligation_put", a.limits.sends), decodePut, a.sendOne, writeSent)},
		{"POST /v1/creditors/{creditor}/obligations/{id}/cancel", serve(a, companies("obligation_cancel", a.limits.sends), decodeChange, a.sendCancel, writeSent)},
		{"POST /v1/creditors/{creditor}/obligations/{id}/restore", serve(a, companies("obligation_restore", a.limits.sends), decodeChange, a.sendRestore, writeSent)},
		{"GET /v1/links", serve(a, citizens("link_list", a.limits.calls), decodeNothing, a.listLinks, writeJSON)},
		{"POST /v1/links", serve(a, citizens("link_create", a.limits.calls), decodeLink, a.link, writeCreated)},
		{"DELETE /v1/links/{id}", serve(a, citizens("link_delete", a.limits.calls), decodeLinkID, a.unlink, writeEmpty)},
		{"POST /v1/quotes", serve(a, paying(anyone("quote_create", a.limits.starts).apart(a.limits.references)), decodeQuote, a.quote, writeQuote)},
		{"GET /v1/payments", serve(a, paying(citizens("payment_list", a.limits.payments)), decodePaging, a.listPayments, writePayments)},
		{"POST /v1/payments", serve(a, paying(anyone("payment_open", a.limits.starts).apart(a.limits.references)), decodeOpen, showing(a, a.open), writeOpened)},
		{"GET /v1/payments/{id}", a.byAccept("text/event-stream",
			serve(a, a.payer("payment_read"), decodePaymentID, showing(a, a.payment), writePayment),
			serve(a, streamed(a.payer("payment_follow")), decodeFollowing, a.follow, writeNothing))},
		{"POST /v1/payments/{id}/resume", serve(a, a.payer("payment_resume"), decodePaymentID, showing(a, a.resume), writeChanged)},
		{"POST /v1/payments/{id}/cancel", serve(a, a.payer("payment_cancel"), decodePaymentID, showing(a, a.cancel), writeChanged)},
		{"GET /v1/payments/{id}/refunds", serve(a, paying(staff("payment_refunds", a.limits.calls)), decodeLine, a.refunds, writeRefunds)},
		{"POST /v1/payments/{id}/refunds", serve(a, paying(staff("payment_refund", a.limits.calls)), decodeRefund, a.refund, writeAccepted)},
		{"POST /v1/payments/{id}/refunds/confirm", serve(a, paying(staff("payment_refund_confirm", a.limits.calls)), decodeRefund, a.confirmRefund, writeAccepted)},
		{"POST /v1/payments/{id}/refunds/{no}/end", serve(a, paying(staff("payment_refund_end", a.limits.calls)), decodeRefundEnd, a.endRefund, writeRefundEnded)},
		{"POST /v1/payments/{id}/refunds/{no}/end/confirm", serve(a, paying(staff("payment_refund_end_confirm", a.limits.calls)), decodeRefundEnd, a.confirmEndRefund, writeRefundEnded)},
		{"GET /v1/payments/{id}/receipt", a.byAccept("application/pdf",
			serve(a, a.payer("payment_receipt"), decodeReceipt, a.receipt, writeReceipt),
			serve(a, a.payer("payment_receipt_pdf"), decodeReceipt, a.printed, a.writePDF))},
		{"GET /v1/receipts/{code}", a.byAccept("text/html",
			serve(a, public("receipt_check"), decodeCode, a.checkReceipt, writeChecked),
			serve(a, public("receipt_check_page"), decodeCode, a.showReceipt, a.writeReceiptPage))},
		{"POST /v1/notify/{psp}", a.notify()},
		{"GET /readyz", a.ready()},
		{"GET /openapi.yaml", serve(a, public("openapi_read"), decodeNothing, a.readYAML, writeFile)},
		{"GET /docs", serve(a, public("docs_read"), decodeNothing, a.readDocs, writeFile)},
	}, a.connectorRoutes()...)
}

// elsewhere answers what no route matches: 405 when the path exists, else 404.
func (a *API) elsewhere() http.Handler {
	methods := []string{"GET", "HEAD", "POST", "PUT", "DELETE"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range methods {
			probe := *r
			probe.Method = method
			if _, pattern := a.mux.Handler(&probe); pattern != "/" {
				allowed = append(allowed, method)
			}
		}
		x := newExchange(r)
		if len(allowed) == 0 {
			writeProblem(x, w, errNoRoute)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(x, w, errMethod)
	})
}
