package hubtest

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"racord/hub"
)

// fill gives every field below a value of its own, in slices of one element, and
// puts nothing in the place of what is there already.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		if at, ok := v.Addr().Interface().(*time.Time); ok {
			*at = time.Unix(*n, 0).UTC()
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		fill(v.Index(0), n)
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem(), n)
	case reflect.String:
		v.SetString(time.Unix(*n, 0).UTC().Format(time.RFC3339))
	case reflect.Bool:
		v.SetBool(*n%2 == 0)
	default:
		v.SetInt(*n)
	}
}

// TestACopySharesNothing changes every field of a payment whose copy must not
// follow.
func TestACopySharesNothing(t *testing.T) {
	p, n := &hub.Payment{}, int64(0)
	fill(reflect.ValueOf(p).Elem(), &n)
	c := copyOf(p)
	before, err := json.Marshal(c)
	if err != nil || !reflect.DeepEqual(p, c) {
		t.Fatalf("got %+v, %v, want %+v", c, err, p)
	}
	fill(reflect.ValueOf(p).Elem(), &n)
	if after, _ := json.Marshal(c); string(after) != string(before) {
		t.Errorf("the copy changed with its original:\n%s\n%s", before, after)
	}
}
