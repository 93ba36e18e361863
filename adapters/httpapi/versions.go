package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"racord/hub"
)

func submit(ctx context.Context, c Connectors, who hub.Caller, ref versionRef) (versionShown, error) {
	v, err := c.Submit(ctx, who, ref.creditor, ref.no)
	return shownVersion(ref.creditor, &v), err
}

func proveAgain(ctx context.Context, c Connectors, who hub.Caller, ref versionRef) (versionShown, error) {
	v, err := c.Prove(ctx, who, ref.creditor, ref.no)
	return shownVersion(ref.creditor, &v), err
}

func resumeVersion(ctx context.Context, c Connectors, who hub.Caller, ref versionRef) (versionShown, error) {
	v, err := c.Resume(ctx, who, ref.creditor, ref.no)
	return shownVersion(ref.creditor, &v), err
}

func report(ctx context.Context, c Connectors, who hub.Caller, ref versionRef) ([]byte, error) {
	r, err := c.Report(ctx, who, ref.creditor, ref.no)
	return r.Document, err
}

// tryWanted is the body of POST …/try.
type tryWanted struct {
	versionRef
	Debtor  string `json:"debtor"`
	Account string `json:"account"`
}

// longestAccount is what a creditor's own code has at most.
const longestAccount = 64

// testDebtors are those that a manifest may name, and none.
var testDebtors = []string{"", "known", "other", "unknown", "settled"}

// decodeTry also puts off the server's deadlines: a system that is silent is what a
// company wants to hear about.
func decodeTry(r *http.Request) (want tryWanted, err error) {
	if want.versionRef, err = decodeVersion(r); err != nil {
		return want, err
	}
	if err := decodeJSON(r, &want); err != nil {
		return want, err
	}
	var f faults
	f.refuse((want.Debtor == "") == (want.Account == ""), "", "needs either debtor or account")
	f.refuse(!slices.Contains(testDebtors, want.Debtor), "/debtor", "must be known, other, unknown or settled: one of the manifest's test debtors")
	f.refuse(len(want.Account) > longestAccount, "/account", "is longer than 64 bytes")
	until := time.Now().Add(hub.TryFor + writeTime)
	conn := http.NewResponseController(r.Context().Value(writerKey{}).(http.ResponseWriter))
	_ = conn.SetReadDeadline(until) // where there are no deadlines, none need be put off
	_ = conn.SetWriteDeadline(until)
	return want, f.err()
}

func try(ctx context.Context, c Connectors, who hub.Caller, want tryWanted) (hub.DryRun, error) {
	run, err := c.Try(ctx, who, want.creditor, want.no, hub.TrialSubject{Debtor: want.Debtor, Account: want.Account})
	run.Exchanges, run.Records = orNone(run.Exchanges), orNone(run.Records)
	return run, err
}

// approvalWanted is the body of POST …/approve.
type approvalWanted struct {
	versionRef
	Note string `json:"note"`
}

func decodeApproval(r *http.Request) (want approvalWanted, err error) {
	if want.versionRef, err = decodeVersion(r); err == nil {
		err = decodeJSON(r, &want)
	}
	return want, err
}

func approve(ctx context.Context, c Connectors, who hub.Caller, want approvalWanted) (versionShown, error) {
	v, err := c.Approve(ctx, who, want.creditor, want.no, want.Note)
	return shownVersion(want.creditor, &v), err
}

// accountsWanted is the body of POST …/accounts.
type accountsWanted struct {
	versionRef
	How string `json:"how"`
}

func decodeAccounts(r *http.Request) (want accountsWanted, err error) {
	if want.versionRef, err = decodeVersion(r); err == nil {
		err = decodeJSON(r, &want)
	}
	return want, err
}

func proveAccounts(ctx context.Context, c Connectors, who hub.Caller, want accountsWanted) (versionShown, error) {
	v, err := c.ProveAccounts(ctx, who, want.creditor, want.no, want.How)
	return shownVersion(want.creditor, &v), err
}

// promotionWanted is the body of POST …/promote.
type promotionWanted struct {
	versionRef
	To    hub.Stage `json:"to"`
	Share int       `json:"share"`
}

func decodePromotion(r *http.Request) (want promotionWanted, err error) {
	if want.versionRef, err = decodeVersion(r); err == nil {
		err = decodeJSON(r, &want)
	}
	return want, err
}

func promote(ctx context.Context, c Connectors, who hub.Caller, want promotionWanted) (versionShown, error) {
	v, err := c.Promote(ctx, who, want.creditor, want.no, want.To, want.Share)
	return shownVersion(want.creditor, &v), err
}

// reasonWanted is the body of what needs a reason.
type reasonWanted struct {
	versionRef
	Why string `json:"why"`
}

func decodeReason(r *http.Request) (want reasonWanted, err error) {
	if want.versionRef, err = decodeVersion(r); err == nil {
		err = decodeJSON(r, &want)
	}
	return want, err
}

// reasoned is a step that is taken for a reason.
func reasoned(step func(Connectors, context.Context, hub.Caller, hub.Name, int, string) (hub.Version, error)) func(context.Context, Connectors, hub.Caller, reasonWanted) (versionShown, error) {
	return func(ctx context.Context, c Connectors, who hub.Caller, want reasonWanted) (versionShown, error) {
		v, err := step(c, ctx, who, want.creditor, want.no, want.Why)
		return shownVersion(want.creditor, &v), err
	}
}

// writeKept answers with what no cache is to keep.
func writeKept[T any](x *exchange, w http.ResponseWriter, answer T) error {
	neverKept(w)
	return send(x, w, http.StatusOK, answer)
}

var (
	typeText = []string{"text/plain; charset=utf-8"}
	typeYAML = []string{"application/yaml"}
)

func writeText(x *exchange, w http.ResponseWriter, body []byte) error {
	neverKept(w)
	return x.send(w, http.StatusOK, typeText, body)
}

func writeYAML(x *exchange, w http.ResponseWriter, body []byte) error {
	neverKept(w)
	return x.send(w, http.StatusOK, typeYAML, body)
}

func writeReport(x *exchange, w http.ResponseWriter, body []byte) error {
	neverKept(w)
	return x.send(w, http.StatusOK, typeJSON, body)
}
