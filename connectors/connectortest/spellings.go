package connectortest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"racord/connectors"
)

// spellings are all the ways in which a value may stand in a message: as it is,
// as XML, JSON and addresses escape it, each in every character set that has its
// letters.
func spellings(value string) (all []string) {
	for _, written := range escaped(value) {
		all = append(append(all, written), transcribed(written)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// escaped spells a value as connectors write it, and as others may repeat it.
func escaped(value string) []string {
	all := []string{value, url.QueryEscape(value), url.PathEscape(value), inner(strconv.QuoteToASCII(value))}
	for _, write := range []func([]byte, string) ([]byte, error){connectors.AppendXMLText, connectors.AppendJSONText} {
		if written, err := write(nil, value); err == nil {
			all = append(all, string(written))
		}
	}
	var theirs bytes.Buffer
	if xml.EscapeText(&theirs, []byte(value)) == nil {
		all = append(all, theirs.String())
	}
	if written, err := json.Marshal(value); err == nil {
		all = append(all, inner(string(written)))
	}
	return all
}

// inner is what stands between quotes.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// transcribed writes text in the character sets of one byte a letter.
func transcribed(text string) (all []string) {
	if !strings.ContainsFunc(text, func(c rune) bool { return c > 0x7f }) {
		return nil
	}
	for _, set := range charmap.All {
		for _, letters := range []string{text, cedillas.Replace(text)} {
			if written, err := set.NewEncoder().String(letters); err == nil {
				all = append(all, written)
			}
		}
	}
	return all
}

// credentials are all that any connector of the run was given.
func (r *run) credentials() (all []string) {
	for _, w := range r.allWires() {
		w.mu.Lock()
		all = append(all, w.secrets...)
		w.mu.Unlock()
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(secret string) bool { return secret == "" })
}

// holds tells whether a text holds a value, however it is written.
func holds(text, value string) bool {
	return slices.ContainsFunc(spellings(value), func(written string) bool { return strings.Contains(text, written) })
}
