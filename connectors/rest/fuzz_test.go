package rest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"racord/hub"
)

// answering answers every request the same way, without a network.
type answering struct {
	status int
	body   string
}

func (a answering) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	header := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// FuzzAnswerToAPosting answers a posting with anything: no panic; a receipt only
// with a number or pending; and nothing is certain that no rule of the manifest
// says.
func FuzzAnswerToAPosting(f *testing.F) {
	f.Add(201, booked)
	f.Add(409, `{"code":"booked","receipt":"R-7"}`)
	f.Add(409, `{"code":"paid"}`)
	f.Add(200, `{"receipt":null,"state":"queued","bani":"x"}`)
	f.Add(500, `<html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		c := payeeAt(t, "http://creditor.invalid", answering{status, body})
		receipts, err := c.Sink.Post(t.Context(), []hub.Posting{posted()})
		if err == nil && (len(receipts) != 1 || receipts[0].Number == "" || receipts[0].ID != posted().ID) {
			t.Fatalf("got %+v, want a receipt of the posting", receipts)
		}
		if hub.Certainly(err) && !strings.Contains(err.Error(), "rule errors[") && !strings.Contains(err.Error(), "taken and refused") {
			t.Fatalf("got %v for certain, and no rule says so", err)
		}
		if err != nil && len(body) > 8 && strings.Contains(err.Error(), body) {
			t.Fatalf("the error repeats the creditor's words: %v", err)
		}
	})
}
