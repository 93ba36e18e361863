package connectortest

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"racord/hub"
)

// foreignRefused lets the connector ask about Known and sends the question
// about Other instead: the answer is then about somebody else.
func foreignRefused(ctx context.Context, r *run) finding {
	if !r.calm.spokeHTTP() {
		return skipped("requests of this protocol cannot be changed on the way")
	}
	if found := r.otherIsKnown(ctx); found.verdict != Passed {
		return found
	}
	swap := &swap{known: valueOf(r.suite.Known), other: valueOf(r.suite.Other)}
	a, w, err := r.disturbed(ctx, tamper{request: swap.request})
	switch {
	case swap.done == 0:
		return skipped("the subject does not stand readable in the request")
	case hub.CodeOf(err) != hub.CodeForeignData:
		return failed(w, "an answer about test.other to a question about test.known gave %v; want code foreign_data", orNothing(err))
	case len(a.Obligations) > 0:
		return failed(w, "%d debts of somebody else were listed beside the error", len(a.Obligations))
	}
	return passed()
}

func (r *run) otherIsKnown(ctx context.Context) finding {
	c, w, err := r.open(ctx, tamper{})
	if err != nil {
		return failed(w, "opening failed: %v", err)
	}
	if _, err := r.ask(ctx, c, r.suite.Other); err != nil {
		return failed(w, "test.other must be known to the creditor; the answer failed with %v", err)
	}
	return passed()
}

// swap puts one subject in the place of another.
type swap struct {
	known, other string
	done         int // how often
}

func (s *swap) request(request *http.Request, body []byte) *http.Request {
	changed := request.Clone(request.Context())
	if known := []byte(s.known); bytes.Contains(body, known) {
		s.done++
		carry(changed, bytes.ReplaceAll(body, known, []byte(s.other)))
	}
	address := request.URL.String()
	for _, escape := range []func(string) string{url.PathEscape, url.QueryEscape} {
		if !strings.Contains(address, escape(s.known)) {
			continue
		}
		if other, err := url.Parse(strings.ReplaceAll(address, escape(s.known), escape(s.other))); err == nil {
			s.done++
			changed.URL = other
			break
		}
	}
	return changed
}
