package connectors

import (
	"net"
	"reflect"
	"slices"
	"strings"

	"racord/hub"
)

// Facts gives what two versions of a manifest are compared by before the later
// one may call: where it leads, whose accounts it names, what it claims.
func (m *Manifest) Facts() hub.ManifestFacts {
	f := hub.ManifestFacts{
		Kind: m.Kind, Title: m.Creditor.Title, Accounts: m.Creditor.Accounts, Class: m.Traits.Paying.Class,
		Delivers: m.Calls[CallPull] != nil && m.Calls[CallObligations] == nil,
	}
	settings(m.settings, "", func(name, text string, secret bool) {
		switch {
		case secret && text != "":
			f.Secrets = append(f.Secrets, text)
			if name == "dsn" { // the secret holds the address
				f.Addresses = append(f.Addresses, SecretAddress+text)
			}
		case leads(name, text):
			f.Addresses = append(f.Addresses, text)
		}
	})
	for _, list := range []*[]string{&f.Addresses, &f.Secrets} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return f
}

// SecretAddress begins an address that stands in a secret; its name follows.
const SecretAddress = "secret:"

// settings calls do with every text among a kind's settings.
func settings(v reflect.Value, name string, do func(name, text string, secret bool)) {
	switch v.Kind() {
	case reflect.String:
		do(name, v.String(), v.Type() == reflect.TypeFor[SecretName]())
	case reflect.Pointer:
		if !v.IsNil() {
			settings(v.Elem(), name, do)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			settings(v.Index(i), name, do)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			settings(v.MapIndex(key), name, do)
		}
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			settings(v.FieldByIndex(f.Index), nameOf(f), do)
		}
	}
}

// leads tells whether a setting says who is talked to: an address, or the key or
// certificate by which the other side is known.
func leads(name, text string) bool {
	if text == "" {
		return false
	}
	host, _, err := net.SplitHostPort(text)
	return strings.Contains(text, "://") || err == nil && host != "" ||
		strings.HasSuffix(name, "host_key") || strings.HasSuffix(name, "certificate") || strings.HasSuffix(name, "_ca") || name == "ca"
}
