package connectors

import (
	"encoding/json"
	"reflect"
	"strings"

	"racord/hub"
)

// Trace is one record on its way through the map: what the creditor said, and
// what became of it. Nothing in it is masked.
type Trace struct {
	Raw     string         // as JSON
	Fields  []hub.DryField // single fields of the map that the record says something about
	Mapped  *hub.Obligation
	Refused *hub.QualityEvent
}

// Traced gives the manifest again; connectors opened from it tell see of every
// record they read. keep is asked first, so that of a long delivery only what is
// wanted is copied.
func (m *Manifest) Traced(keep func(*hub.Obligation, *hub.QualityEvent) bool, see func(Trace)) *Manifest {
	traced := *m
	traced.watch = func(r *Reading, o *hub.Obligation, refused *hub.QualityEvent) {
		if keep(o, refused) {
			see(r.trace(o, refused))
		}
	}
	return &traced
}

// trace copies the record the scope stands at.
func (r *Reading) trace(o *hub.Obligation, refused *hub.QualityEvent) Trace {
	t := Trace{Raw: jsonOf(r.scope.record.Any()), Refused: refused}
	ours := map[string]any{}
	if refused == nil {
		copied := *o
		t.Mapped = &copied
		_ = json.Unmarshal([]byte(jsonOf(o)), &ours) // it was made there
	}
	r.fields(reflect.ValueOf(r.call.answer.Map), "", ours, &t)
	return t
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// fields goes through the single fields of a map; lists stand in the obligation.
func (r *Reading) fields(v reflect.Value, at string, ours map[string]any, t *Trace) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Map {
		for _, key := range v.MapKeys() {
			r.field(v.MapIndex(key).Interface().(*Field), join(at, key.String()), ours, t)
		}
		return
	}
	if v.Kind() != reflect.Struct {
		return
	}
	for _, f := range fieldsOf(v.Type()) {
		name, one := join(at, nameOf(f)), v.FieldByIndex(f.Index)
		if field, ok := one.Interface().(*Field); ok {
			r.field(field, name, ours, t)
		} else if one.Kind() == reflect.Pointer || one.Kind() == reflect.Map {
			r.fields(one, name, ours, t)
		}
	}
}

func (r *Reading) field(f *Field, name string, ours map[string]any, t *Trace) {
	if f == nil {
		return
	}
	one := hub.DryField{Field: name, From: f.written, Ours: valueAt(ours, name)}
	if !f.constant && f.program == nil && f.pick == nil && f.terms == nil {
		text, _ := r.scope.text(f.path.find(&r.scope))
		one.Raw = strings.Clone(text)
	}
	if t.Refused != nil && f.path.text != "" && strings.HasSuffix(t.Refused.Field, "."+f.path.text) {
		one.Problem = t.Refused.Detail
	}
	if one.Raw != "" || one.Ours != "" || one.Problem != "" {
		t.Fields = append(t.Fields, one)
	}
}

// valueAt gives what stands at a path of an obligation, "" when nothing does.
func valueAt(ours map[string]any, name string) string {
	var at any = ours
	for step := range strings.SplitSeq(name, ".") {
		object, ok := at.(map[string]any)
		if !ok {
			return ""
		}
		at = object[step]
	}
	switch v := at.(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return jsonOf(v)
	}
}
