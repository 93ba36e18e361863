package connectors

import (
	"reflect"
	"strings"
)

// Rebase replaces the beginning of every text setting that begins with old, and
// tells how many there were: the addresses of a city that moved.
func (m *Manifest) Rebase(old, new string) int {
	m.settings = clone(m.settings)
	return rebase(m.settings, old, new)
}

func rebase(v reflect.Value, old, new string) (changed int) {
	switch v.Kind() {
	case reflect.String:
		if rest, ok := strings.CutPrefix(v.String(), old); ok {
			v.SetString(new + rest)
			changed++
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Type().Elem().Kind() == reflect.Struct {
			fresh := reflect.New(v.Type().Elem())
			fresh.Elem().Set(v.Elem())
			v.Set(fresh)
			changed += rebase(fresh.Elem(), old, new)
		}
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			changed += rebase(v.FieldByIndex(f.Index), old, new)
		}
	}
	return changed
}

func clone(v reflect.Value) reflect.Value {
	fresh := reflect.New(v.Type()).Elem()
	fresh.Set(v)
	return fresh
}
