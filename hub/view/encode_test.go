package view

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"racord/hub"

	"pgregory.net/rapid"
)

// TestObligationsAreEncodedAsEncodingJSONDoes fills every field, and leaves out
// any, with texts that need escapes and texts that are no UTF-8.
func TestObligationsAreEncodedAsEncodingJSONDoes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := rapid.SliceOfN(obligations(), 1, 3).Draw(r, "obligations")
		want, err := json.Marshal(list)
		if err != nil {
			r.Fatal(err)
		}
		if got := "[" + string(appendObligations(nil, list)) + "]"; got != string(want) {
			r.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func TestRemarksAreEncodedAsEncodingJSONDoes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := rapid.SliceOfN(rapid.Make[hub.QualityEvent](), 1, 3).Draw(r, "events")
		want, _ := json.Marshal(list)
		if got := "[" + string(appendRemarks(nil, list)) + "]"; got != string(want) {
			r.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

// obligations draws any obligation: rapid.Make fills every exported field, also
// one that is added later.
func obligations() *rapid.Generator[hub.Obligation] {
	texts := rapid.OneOf(
		rapid.SampledFrom([]string{"", "plain", "Măgura Ilvei, str. Șoimului", "ő", "<a&b>", "\"\\/", "\x00\n\t\x7f", "\xff\xc8", "\u2028\u2029", "\ufffd", "😀"}),
		rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	moments := rapid.Map(rapid.Int64Range(0, 4e9), func(s int64) time.Time { return time.Unix(s, s%7*1000).UTC() })
	return rapid.MakeCustom[hub.Obligation](rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
		reflect.TypeFor[string]():    texts.AsAny(),
		reflect.TypeFor[time.Time](): moments.AsAny(),
	}})
}
