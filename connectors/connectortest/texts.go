package connectortest

import (
	"context"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"racord/connectors"
	"racord/hub"
)

func textClean(_ context.Context, r *run) finding {
	for i := range r.debts {
		o := &r.debts[i]
		field, wrong := "", ""
		eachText(reflect.ValueOf(o).Elem(), "", func(at, text string) {
			if what := dirt(text); what != "" && wrong == "" {
				field, wrong = at, what
			}
		})
		if wrong != "" {
			return failed(r.calm, "the debt %s: %s %s", o.ExternalID, field, wrong)
		}
	}
	return passed()
}

// dirt tells what is wrong with a text, "" when nothing is.
func dirt(text string) string {
	_, misread := connectors.RepairMojibake(text)
	switch {
	case !utf8.ValidString(text):
		return "is not UTF-8"
	case strings.ContainsRune(text, utf8.RuneError):
		return "lost letters (U+FFFD)"
	case connectors.Cedillas(text):
		return "has letters with a cedilla instead of a comma below"
	case misread:
		return "was read with the wrong character set"
	case strings.ContainsFunc(text, unicode.IsControl):
		return "holds control characters"
	case strings.TrimSpace(text) != text:
		return "is padded with blanks"
	}
	return ""
}

// eachText calls f for every text in a value, with the path that leads there.
func eachText(v reflect.Value, at string, f func(at, text string)) {
	switch v.Kind() {
	case reflect.String:
		f(strings.TrimPrefix(at, "."), v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), at, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), at+"[]", f)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			eachText(v.MapIndex(key), at+"."+key.String(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				eachText(v.Field(i), at+"."+field.Name, f)
			}
		}
	}
}

// words are a creditor's own, which nobody but us may read.
const words = "ORA-00942 table PERSOANE.IONESCU does not exist"

// codesUnseen looks at every request for the personal code of the subject.
func codesUnseen(_ context.Context, r *run) finding {
	value := personal(r.suite.Known)
	if value == "" {
		return skipped("it is asked by account, not by person")
	}
	for _, w := range r.allWires() {
		for _, e := range w.requests() {
			if strings.Contains(e.address, value) {
				return failed(w, "an address holds the personal code that was asked about")
			}
			for name, values := range e.header {
				if strings.Contains(strings.Join(values, " "), value) {
					return failed(w, "the header %s holds the personal code that was asked about", name)
				}
			}
		}
	}
	return passed()
}

// personal is the code of a person that must not be seen.
func personal(who hub.Asked) string {
	if who.ByAccount() {
		return ""
	}
	return valueOf(who)
}

func codesUntold(_ context.Context, r *run) finding {
	for _, who := range []hub.Asked{r.suite.Known, r.suite.Other, r.suite.Unknown, r.suite.Settled} {
		if value := personal(who); value != "" {
			if found := r.told(value, "the personal code that was asked about"); found.verdict == Failed {
				return found
			}
		}
	}
	if personal(r.suite.Known) == "" {
		return skipped("it is asked by account, not by person")
	}
	return passed()
}

// told looks for a value in everything the connector said to us.
func (r *run) told(value, what string) finding {
	for _, err := range r.allErrors() {
		if holds(err.Error(), value) {
			return failed(nil, "an error of code %s holds %s", hub.CodeOf(err), what)
		}
	}
	for _, w := range r.allWires() {
		if holds(w.lines.String(), value) {
			return failed(nil, "a line of the log holds %s", what)
		}
	}
	return passed()
}

func (r *run) allErrors() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.errs[:len(r.errs):len(r.errs)]
}

// shortest is the fewest letters a secret has that can be searched for.
const shortest = 6

func credentialsUntold(_ context.Context, r *run) finding {
	for _, secret := range r.credentials() {
		if len(secret) < shortest {
			continue
		}
		for _, w := range r.allWires() {
			for _, e := range w.requests() {
				if holds(e.address, secret) {
					return failed(w, "an address holds a credential")
				}
			}
		}
		if found := r.told(secret, "a credential"); found.verdict == Failed {
			return found
		}
	}
	return passed()
}
