package connectortest

import (
	"bytes"
	"context"
	"regexp"
	"slices"

	"racord/hub"
)

// listRenamed sends an answer whose list of debts has another name, as it has
// after somebody changed the creditor's system.
func listRenamed(ctx context.Context, r *run) finding {
	if r.answerErr != nil || len(r.answer.Obligations) == 0 {
		return skipped("there is no answer to change")
	}
	a, w, err := r.disturbed(ctx, tamper{reply: func(p reply) reply {
		p.body = withoutLists(p.body)
		return p
	}})
	switch {
	case err != nil:
		return passed()
	case len(a.Obligations) == 0 && len(a.Refused) == 0:
		return failed(w, "an answer whose list of debts had another name said that nothing is due")
	}
	return skipped("debts were found although lists had other names")
}

// followsRenamed sends an answer in which what says whether another page follows has
// another name: taking that for the last page loses the others in silence.
func followsRenamed(ctx context.Context, r *run) finding {
	switch {
	case r.answerErr != nil:
		return skipped("there is no answer to change")
	case r.suite.Follows == "":
		return skipped("answers have no field that says whether another page follows")
	}
	member, renamed := regexp.MustCompile(`"(`+regexp.QuoteMeta(r.suite.Follows)+`"\s*:)`), false
	_, w, err := r.disturbed(ctx, tamper{reply: func(p reply) reply {
		renamed = renamed || member.Match(p.body)
		p.body = member.ReplaceAll(p.body, []byte(`"x_$1`))
		return p
	}})
	switch {
	case !renamed:
		return skipped("no answer has the field that says whether another page follows")
	case !slices.Contains(unusable, hub.CodeOf(err)):
		return failed(w, "an answer that does not say whether another page follows gave %v; want an error of one of the codes %v", orNothing(err), unusable)
	}
	return passed()
}

// withoutLists gives other names to lists of records.
func withoutLists(body []byte) []byte {
	switch start := bytes.TrimLeft(body, "\xef\xbb\xbf \t\r\n"); {
	case len(start) == 0:
		return body
	case start[0] == '<':
		return renamedXML(body)
	}
	return listsJSON.ReplaceAll(body, []byte(`"x_$1"$2`))
}

// listsJSON finds members that are arrays of objects.
var listsJSON = regexp.MustCompile(`"([^"\\]+)"(\s*:\s*\[\s*\{)`)

// openTag is an element whose end was not reached yet.
type openTag struct {
	at     int // of its name
	height int // of what it holds: 0 for text, 1 for fields, 2 for records
}

// renamedXML gives other names to elements that hold records: their children
// have children, which have none.
func renamedXML(body []byte) []byte {
	var open []openTag
	var names []int
	for at := 0; ; {
		begin := bytes.IndexByte(body[at:], '<')
		end := bytes.IndexByte(body[at:], '>')
		if begin < 0 || end < begin {
			break
		}
		tag, start := body[at+begin:at+end+1], at+begin+1
		at += end + 1
		switch last := len(open) - 1; {
		case tag[1] == '!' || tag[1] == '?':
		case tag[1] == '/' && last >= 0:
			closed := open[last]
			if open = open[:last]; last > 0 {
				open[last-1].height = max(open[last-1].height, closed.height+1)
			}
			if closed.height == 2 && !slices.Contains(framing, localName(tag)) {
				names = append(names, closed.at, start+1)
			}
		case bytes.HasSuffix(tag, []byte("/>")) && last >= 0:
			open[last].height = max(open[last].height, 1)
		default:
			open = append(open, openTag{at: start})
		}
	}
	return prefixed(body, names)
}

// prefixed puts an X before the local names that begin at the places.
func prefixed(body []byte, names []int) []byte {
	slices.Sort(names)
	out, from := make([]byte, 0, len(body)+len(names)), 0
	for _, at := range names {
		name := body[at : at+bytes.IndexAny(body[at:], " \t\r\n/>")]
		at += bytes.IndexByte(name, ':') + 1
		out, from = append(append(out, body[from:at]...), 'X'), at
	}
	return append(out, body[from:]...)
}
