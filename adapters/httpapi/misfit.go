package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"racord/hub"
)

// mostMisfits is how many mistakes of a body are told at once.
const mostMisfits = 20

// misfits compares a body with the type it should be read into, and names what
// does not fit, in the order of the pointers (RFC 6901). It is asked only when
// the decoder has refused the body, which tells neither all mistakes nor the
// place in a list.
func misfits(raw []byte, want reflect.Type) []hub.Field {
	var value any
	reader := json.NewDecoder(bytes.NewReader(raw))
	reader.UseNumber()
	if err := reader.Decode(&value); err != nil {
		return nil
	}
	var found fitting
	found.compare("", value, want)
	return found.wrong
}

// fitting collects what does not fit.
type fitting struct{ wrong []hub.Field }

func (f *fitting) add(pointer, detail string) {
	if len(f.wrong) < mostMisfits {
		f.wrong = append(f.wrong, hub.Field{Pointer: pointer, Code: hub.CodeInvalid, Detail: detail})
	}
}

func (f *fitting) compare(at string, value any, want reflect.Type) {
	for want.Kind() == reflect.Pointer {
		want = want.Elem()
	}
	if value == nil {
		return // null is as good as nothing
	}
	switch want.Kind() {
	case reflect.Struct:
		f.compareObject(at, value, want)
	case reflect.Slice:
		f.compareList(at, value, want)
	default:
		f.compareScalar(at, value, want)
	}
}

func (f *fitting) compareObject(at string, value any, want reflect.Type) {
	object, ok := value.(map[string]any)
	if !ok {
		f.add(at, "must be an object")
		return
	}
	known := members(want)
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		pointer := at + "/" + step(name)
		if member, ok := known[name]; ok {
			f.compare(pointer, object[name], member)
		} else {
			f.add(pointer, "unknown member")
		}
	}
}

func (f *fitting) compareList(at string, value any, want reflect.Type) {
	list, ok := value.([]any)
	if !ok {
		f.add(at, "must be a list")
		return
	}
	for i, item := range list {
		f.compare(at+"/"+strconv.Itoa(i), item, want.Elem())
	}
}

// compareScalar leaves the decision to the decoder, which knows types that read
// themselves.
func (f *fitting) compareScalar(at string, value any, want reflect.Type) {
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, reflect.New(want).Interface())
	}
	if err != nil {
		f.add(at, "must be "+plain(want.Kind()))
	}
}

// plain gives the JSON words for a Go kind.
func plain(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Map:
		return "an object of strings"
	default:
		return "a whole number"
	}
}

// members gives the members of an object and their types.
func members(of reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(of) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			all[name] = field.Type
		}
	}
	return all
}

// step is a name as a step of a JSON pointer.
func step(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(shortened(name))
}
