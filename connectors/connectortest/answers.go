package connectortest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"racord/hub"
)

func opens(_ context.Context, r *run) finding {
	if r.openErr != nil {
		return failed(r.calm, "opening failed: %v", r.openErr)
	}
	return passed()
}

func reachable(ctx context.Context, r *run) finding {
	err := r.call(ctx, r.patient(), r.connector.Probe.Ping)
	if err == nil {
		return passed()
	}
	if until, closed := r.suite.Traits.Closed(r.now()); closed {
		return failed(r.calm, "ping failed with %v; the creditor is closed until %s, so ask again then", err, until.Format(time.RFC3339))
	}
	return failed(r.calm, "ping failed with %v", err)
}

// now is business time.
func (r *run) now() time.Time {
	if clock := r.calm.env.Clock; clock != nil {
		return clock.Now()
	}
	return time.Now()
}

func knownIsListed(_ context.Context, r *run) finding {
	switch {
	case r.suite.Known == (hub.Asked{}):
		return failed(nil, "the manifest names no test debtors (test: known, other, unknown)")
	case r.answerErr != nil:
		return failed(r.calm, "the answer about test.known failed with %v", r.answerErr)
	case len(r.answer.Obligations) == 0 && len(r.answer.Refused) > 0:
		return failed(r.calm, "all %d records about test.known were refused, the first because of %s at %s (%s)",
			len(r.answer.Refused), r.answer.Refused[0].Code, r.answer.Refused[0].Field, r.answer.Refused[0].Detail)
	case len(r.answer.Obligations) == 0:
		return failed(r.calm, "the answer about test.known lists nothing")
	}
	return passed()
}

func unknownIsNotFound(ctx context.Context, r *run) finding {
	if r.suite.Traits.DebtsOnly {
		return skipped("who owes nothing is not listed (traits.lists), and looks like a stranger")
	}
	c, w, err := r.open(ctx, tamper{})
	if err != nil {
		return failed(w, "opening failed: %v", err)
	}
	a, err := r.ask(ctx, c, r.suite.Unknown)
	switch {
	case err == nil:
		return failed(w, "the answer about test.unknown lists %d debts and is no error; want an error of code not_found", len(a.Obligations))
	case hub.CodeOf(err) != hub.CodeNotFound:
		return failed(w, "the answer about test.unknown failed with %v; want code not_found", err)
	}
	return passed()
}

// settledIsKnown asks about somebody who owes nothing.
func settledIsKnown(ctx context.Context, r *run) finding {
	a, err := r.ask(ctx, r.connector, r.suite.Settled)
	switch {
	case err != nil:
		return failed(r.calm, "the answer about test.settled failed with %v; want one that lists nothing", err)
	case hub.Due(a.Obligations) != 0:
		return failed(r.calm, "the answer about test.settled says that %s is owed", hub.Bani(hub.Due(a.Obligations)))
	}
	return passed()
}

// goneIsNotUnknown answers as a gateway does whose backend moved.
func goneIsNotUnknown(ctx context.Context, r *run) finding {
	gone := page(http.StatusNotFound, "text/html; charset=utf-8", "<html><body><h1>404 Not Found</h1></body></html>")
	_, w, err := r.disturbed(ctx, tamper{instead: gone})
	if err == nil || hub.CodeOf(err) == hub.CodeNotFound {
		return failed(w, "a gateway's page of status 404 gave %v; want any other failure than not_found", orNothing(err))
	}
	return passed()
}

func orNothing(err error) any {
	if err == nil {
		return "no error"
	}
	return err
}

func twiceTheSame(ctx context.Context, r *run) finding {
	if r.answerErr != nil || len(r.answer.Obligations) == 0 {
		return skipped("it delivers in bulk")
	}
	again, err := r.ask(ctx, r.connector, r.suite.Known)
	if err != nil {
		return failed(r.calm, "the second answer failed with %v", err)
	}
	if field := difference(r.answer.Obligations, again.Obligations); field != "" {
		r.unstable = true
		return failed(r.calm, "the second answer differs in %s", field)
	}
	return passed()
}

// difference names the debt in which two answers differ, "" when none. Remarks
// on quality do not count.
func difference(a, b []hub.Obligation) string {
	a, b = sorted(a), sorted(b)
	if len(a) != len(b) {
		return "the number of debts"
	}
	for i := range a {
		a[i].Quality, b[i].Quality = nil, nil
		left, errLeft := json.Marshal(a[i])
		right, errRight := json.Marshal(b[i])
		if errLeft != nil || errRight != nil || !bytes.Equal(left, right) {
			return "the debt " + a[i].ExternalID
		}
	}
	return ""
}

func sorted(debts []hub.Obligation) []hub.Obligation {
	debts = slices.Clone(debts)
	slices.SortFunc(debts, func(a, b hub.Obligation) int { return cmp.Compare(a.ExternalID, b.ExternalID) })
	return debts
}

func nothingRefused(_ context.Context, r *run) finding {
	refused := r.answer.Refused
	if r.delivery != nil {
		refused = append(refused[:len(refused):len(refused)], r.delivery.refused...)
	}
	if len(refused) == 0 {
		return passed()
	}
	return failed(r.calm, "%d records were refused, the first because of %s at %s (%s)", len(refused), refused[0].Code, refused[0].Field, refused[0].Detail)
}
