package upstream

import (
	"net/http"
	"net/netip"
	"slices"
)

// LimitBody makes an answer's body fail with CodeBadData after n bytes.
func LimitBody(resp *http.Response, n int64) { limitBody(resp, n) }

// RulesOfRegistration are the names of the rules.
func RulesOfRegistration() (all []string) {
	for _, r := range registration {
		all = append(all, r.name)
	}
	return all
}

// Broken gives the first rule a URL breaks of those that are left without one;
// "" when none.
func Broken(text string, rules Rules, without string) string {
	return firstBroken(readURL(text), rules, without)
}

// BrokenEndpoint does the same for a host:port.
func BrokenEndpoint(text string, rules Rules, without string) string {
	return firstBroken(readEndpoint(text, rules), rules, without)
}

func firstBroken(a registered, rules Rules, without string) string {
	for _, r := range registration {
		if r.name != without && (a.url != nil || r.name == "text" || r.name == "form") && r.broken(&a, rules) {
			return r.name
		}
	}
	if a.url == nil {
		return "unreadable"
	}
	return ""
}

// Specials are the ranges a wall refuses.
func Specials() []netip.Prefix { return slices.Clone(special) }

// WallWithout is a wall without one of the ranges.
func WallWithout(p netip.Prefix) *Wall {
	w := NewWall(nil, nil)
	w.special = slices.DeleteFunc(Specials(), func(s netip.Prefix) bool { return s == p })
	return w
}
