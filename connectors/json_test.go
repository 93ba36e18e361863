package connectors_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"racord/connectors"
)

func TestJSONIsReadStrictly(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		good bool
	}{
		"an object":                     {`{"a":1,"b":[true,null,"x"]}`, true},
		"a byte order mark":             {"\xef\xbb\xbf{}", true},
		"blanks around":                 {" \n{ } \t", true},
		"equal keys in two objects":     {`{"a":{"x":1},"b":{"x":2}}`, true},
		"nothing":                       {``, false},
		"two values":                    {`{}{}`, false},
		"a key twice":                   {`{"a":1,"a":2}`, false},
		"a key twice, once escaped":     {`{"a":1,"\u0061":2}`, false},
		"a key twice, first escaped":    {`{"\u0061":1,"a":2}`, false},
		"an empty key twice":            {`{"":1,"":2}`, false},
		"a key twice after an escaped":  {`{"\u0062":1,"a":1,"a":2}`, false},
		"a key twice among many":        {manyKeys(100, "k7"), false},
		"many keys":                     {manyKeys(100, "other"), true},
		"a comma too many":              {`[1,]`, false},
		"a number with a leading zero":  {`01`, false},
		"a number without digits":       {`-`, false},
		"a point without digits":        {`1.`, false},
		"not a number":                  {`NaN`, false},
		"infinity":                      {`Infinity`, false},
		"a control character in a text": {"\"a\nb\"", false},
		"an unknown escape":             {`"\q"`, false},
		"half an escape":                {`"\u12"`, false},
		"a text without end":            {`"abc`, false},
		"not UTF-8":                     {"\"\xe3\"", false},
		"as deep as allowed":            {strings.Repeat("[", 32) + strings.Repeat("]", 32), true},
		"too deep":                      {strings.Repeat("[", 33) + strings.Repeat("]", 33), false},
		"half a million brackets":       {strings.Repeat("[", 500_000), false},
		"too large":                     {`"` + strings.Repeat("a", connectors.MaxAnswer) + `"`, false},
		"a page for people":             {`<html>`, false},
	} {
		answer, err := connectors.ParseJSON([]byte(tc.text))
		if (err == nil) != tc.good {
			t.Errorf("%s: got error %v, want good = %t", name, err, tc.good)
		}
		if err == nil {
			answer.Release()
		}
	}
}

func manyKeys(n int, last string) string {
	var b strings.Builder
	b.WriteString("{")
	for i := range n {
		b.WriteString(`"k` + strconv.Itoa(i) + `":0,`)
	}
	return b.String() + `"` + last + `":1}`
}

func TestErrorsAboutJSONNeverRepeatData(t *testing.T) {
	_, err := connectors.ParseJSON([]byte(`{"cnp":"1850415120007",}`))
	if err == nil || strings.Contains(err.Error(), "185") {
		t.Errorf("got %v, want an error without data", err)
	}
}

// FuzzJSON compares with encoding/json: what we take it takes, with the same
// values; what it takes we take, unless a limit or a duplicate key forbids it.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,"x\u00e9\ud83d\ude00\ud800"],"b":{}}`, `[null,true,false,"",-0]`, `{"a":1,"a":2}`, " 1 ", `"\/"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		answer, err := connectors.ParseJSON(data)
		want, known := reference(data)
		if err == nil {
			got := answer.Root().Any()
			answer.Release()
			if !known || !reflect.DeepEqual(plain(got), plain(want)) {
				t.Fatalf("got %#v, want %#v (%t)", got, want, known)
			}
			return
		}
		strictOnly := map[string]bool{"not UTF-8": true, "nested too deep": true, "a key stands twice in one object": true, "larger than the limit": true}
		if known && !strictOnly[err.Error()] {
			t.Fatalf("got %v for JSON that encoding/json reads", err)
		}
	})
}

func reference(data []byte) (v any, ok bool) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil, false
	}
	_, err := d.Token()
	return v, err == io.EOF
}

// plain gives numbers as text, so that 1 and json.Number("1") are equal.
func plain(v any) any {
	switch v := v.(type) {
	case int:
		return json.Number(strconv.Itoa(v))
	case json.Number:
		if n, err := v.Int64(); err == nil && n != math.MinInt64 {
			return json.Number(strconv.FormatInt(n, 10)) // -0
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}
