package httpapi_test

import (
	"strings"
	"testing"
)

// TestABodyThatDoesNotFitIsToldWhere holds every mistake of a body against the
// place it stands at.
func TestABodyThatDoesNotFitIsToldWhere(t *testing.T) {
	for name, tc := range map[string]struct{ body, detail, want string }{
		"not even an object":        {`[]`, "", " must be an object"},
		"a text for a list":         {`{"lines":"x"}`, "", "/lines must be a list"},
		"a number for a text":       {`{"lines":[{"creditor":7}]}`, "", "/lines/0/creditor must be a string"},
		"a name nobody knows":       {`{"lines":[{"creditor":"ditl"},{"creditor":"ditl","obligatio":"x"}]}`, "", "/lines/1/obligatio unknown member"},
		"lei for bani":              {`{"lines":[{"amount":{"amount":1.5}}]}`, "", "/lines/0/amount/amount must be a whole number"},
		"a number for an object":    {`{"lines":[{"amount":1}]}`, "", "/lines/0/amount must be an object"},
		"several at once":           {`{"amount":"x","b":1,"creditor":2}`, "", "/amount must be an object, /b unknown member, /creditor must be a string"},
		"a slash in a name":         {`{"a/b":1}`, "", "/a~1b unknown member"},
		"a personal code as a name": {`{"1850415120007":1}`, "", "/*** unknown member"},
		"nothing":                   {"\n", "The body is empty; this needs JSON.", ""},
		"cut off":                   {"{\"lines\":[\n {\"cr\"", "The body is not JSON from line 2, character 7 on.", ""},
		"a comma too many":          {`{"lines":[1,]}`, "The body is not JSON from line 1, character 13 on.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTill(t, nil).ask("POST", "/v1/quotes", tc.body, "Authorization", "Bearer ana")
			p := problemIn(t, w)
			var wrong []string
			for _, e := range p.Errors {
				wrong = append(wrong, e.Pointer+" "+e.Detail)
			}
			if got := strings.Join(wrong, ", "); w.Code != 400 || got != tc.want {
				t.Errorf("got %d %s, want %s", w.Code, got, tc.want)
			}
			if tc.detail != "" && p.Detail != tc.detail {
				t.Errorf("got %s, want %s", p.Detail, tc.detail)
			}
		})
	}
}
