package soap_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"racord/hub"
)

// scripted answers every request with the same bytes.
type scripted struct {
	kind string
	body []byte
}

func (s scripted) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {s.kind}}, Request: r,
		Body: io.NopCloser(strings.NewReader(string(s.body))),
	}, nil
}

// Whatever comes back, it is an answer about who was asked about, with whole
// amounts and readable text, or an error in the hub's words.
func FuzzAnswer(f *testing.F) {
	for _, kind := range []string{xml1250, "text/xml; charset=utf-8", "text/xml"} {
		f.Add(kind, in1250(f, envelope("windows-1250", debts)))
		f.Add(kind, []byte(envelope("UTF-8", debts)))
		f.Add(kind, in1250(f, envelope("UTF-8", debts)))
	}
	f.Add("text/xml", []byte(envelope("utf-8", `<soap:Fault><faultcode>a:b</faultcode><faultstring><![CDATA[x]]></faultstring></soap:Fault>`)))
	f.Add("text/xml", []byte(`<a:Envelope xmlns:a='x'><a:Body><b c="d&#x15F;&lt;"/></a:Body></a:Envelope><!-- end -->`))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		env := way(t, hub.ClockFunc(func() time.Time { return noon }), map[string]string{"ditl-user": "u", "ditl-password": "p"})
		env.Read = scripted{kind, body}
		c := open(t, env, "http://127.0.0.1:1")
		a, err := c.Source.Obligations(context.Background(), person(ion))
		switch code := hub.CodeOf(err); {
		case err == nil && !strings.Contains(string(body), ion) && !strings.Contains(string(body), "&#"):
			t.Errorf("an answer about nobody was taken for one about who was asked")
		case err != nil && (code == hub.CodeInternal || code == "" || len(a.Obligations) > 0):
			t.Errorf("got %v and %d debts, want an error with a code and nothing else", err, len(a.Obligations))
		}
		for _, o := range a.Obligations {
			if o.ExternalID == "" || !utf8.ValidString(o.Debtor) || o.Total.Currency != hub.RON || o.Status == "" {
				t.Errorf("got %+v, want a whole debt", o)
			}
		}
	})
}
