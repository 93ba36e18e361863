package connectors

import (
	"fmt"
	"reflect"
	"strings"
)

// Override sets one setting of a manifest that was read, named by its path
// ("settings.base_url"), to another text: the demo city and tests listen on
// ports no file knows. It fails when there is no such text setting.
func (m *Manifest) Override(path, value string) error {
	rest, ok := strings.CutPrefix(path, "settings.")
	if !ok {
		return fmt.Errorf("%s: only settings can be overridden", path)
	}
	m.settings = clone(m.settings)
	v := m.settings
	for _, name := range strings.Split(rest, ".") {
		if v = within(v, name); !v.IsValid() {
			return fmt.Errorf("%s: kind %s has no such setting", path, m.Kind)
		}
	}
	if v.Kind() != reflect.String {
		return fmt.Errorf("%s: not a text", path)
	}
	v.SetString(value)
	return nil
}

// within gives the field of a struct, or of the struct a pointer leads to.
func within(v reflect.Value, name string) reflect.Value {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		fresh := reflect.New(v.Type().Elem())
		fresh.Elem().Set(v.Elem())
		v.Set(fresh) // other manifests keep what they have
		v = fresh.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	f, ok := fieldsOf(v.Type()).find(name)
	if !ok {
		return reflect.Value{}
	}
	return v.FieldByIndex(f.Index)
}

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
