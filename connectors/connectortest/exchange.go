package connectortest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"racord/hub"
)

// keepBytes is how much of a message is remembered.
const keepBytes = 2 << 10

// exchange is one HTTP request and its answer.
type exchange struct {
	token   bool // it asked for a token
	method  string
	address string
	header  http.Header
	body    []byte // its beginning

	mu     sync.Mutex
	status int
	kind   string // of the answer's content
	answer bytes.Buffer
	read   int64 // bytes of the answer that were taken
	err    error
}

func newExchange(request *http.Request, token bool) *exchange {
	e := &exchange{token: token, method: request.Method, address: request.URL.String(), header: request.Header.Clone()}
	if request.GetBody != nil && !token {
		if body, err := request.GetBody(); err == nil {
			e.body, _ = io.ReadAll(io.LimitReader(body, keepBytes)) // from memory
		}
	}
	return e
}

func (e *exchange) fail(err error) {
	e.mu.Lock()
	e.err = err
	e.mu.Unlock()
}

func (e *exchange) answered(response *http.Response) {
	e.mu.Lock()
	e.status, e.kind = response.StatusCode, response.Header.Get("Content-Type")
	e.mu.Unlock()
}

func (e *exchange) heard(p []byte) {
	e.mu.Lock()
	e.read += int64(len(p))
	if room := keepBytes - e.answer.Len(); room > 0 && !e.token {
		e.answer.Write(p[:min(room, len(p))])
	}
	e.mu.Unlock()
}

// taken is how many bytes of the answer the connector read.
func (e *exchange) taken() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.read
}

// sent describes the request. hide masks what came over the wire, before it is
// made readable: later a credential could not be found any more.
func (e *exchange) sent(hide func(string) string) string {
	return strings.TrimSpace(hide(e.method+" "+e.address) + " " + shown(hide(readable(e.header.Get("Content-Type"), e.body))))
}

// got describes the answer likewise.
func (e *exchange) got(hide func(string) string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return hide("nothing: " + e.err.Error())
	}
	return fmt.Sprintf("%d %s %s", e.status, hide(e.kind), shown(hide(readable(e.kind, e.answer.Bytes()))))
}

// readable leaves out what a signed message says: it stands in base64 (RFC 7515
// §7.1), where a personal code cannot be masked.
func readable(kind string, message []byte) string {
	if !strings.HasPrefix(kind, "application/jose") {
		return string(message)
	}
	header, _, _ := bytes.Cut(message, []byte("."))
	return string(header) + ".<signed>"
}

// shownBytes is how much of a message a report repeats.
const shownBytes = 600

// shown makes one readable line of the beginning of a message.
func shown(message string) string {
	text := strings.Map(func(c rune) rune {
		switch {
		case c == '\uFFFD':
			return '·'
		case unicode.IsControl(c):
			return ' '
		}
		return c
	}, strings.ToValidUTF8(message, "·"))
	return strings.Join(strings.Fields(text), " ")
}

// codes are runs of digits that may be somebody's.
var codes = regexp.MustCompile(`[0-9]{13,}`)

// masked hides whom was asked about, everything that looks like a personal
// code, and credentials, and cuts what is long.
func (r *run) masked(text string) string { return cutTo(shownBytes, r.hidden(text)) }

// hidden masks and cuts nothing.
func (r *run) hidden(text string) string {
	var pairs [][2]string // a spelling, and what stands in its place
	for _, secret := range r.credentials() {
		for _, written := range spellings(secret) {
			text = withoutEnd(text, written)
			pairs = append(pairs, [2]string{written, "<secret>"})
		}
	}
	for _, who := range []hub.Asked{r.suite.Known, r.suite.Other, r.suite.Unknown, r.suite.Settled, r.suite.Payer} {
		if value := valueOf(who); value != "" {
			for _, written := range spellings(value) {
				pairs = append(pairs, [2]string{written, hub.Mask(value)})
			}
		}
	}
	return codes.ReplaceAllStringFunc(replaced(text, pairs), hub.Mask)
}

// replaced puts others in the place of texts, the longest first: one may stand in
// another.
func replaced(text string, pairs [][2]string) string {
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return len(b[0]) - len(a[0]) })
	var list []string
	for _, pair := range pairs {
		list = append(list, pair[0], pair[1])
	}
	return strings.NewReplacer(list...).Replace(text)
}

// withoutEnd drops the beginning of a secret from the end of a message that was
// kept in part only.
func withoutEnd(message, secret string) string {
	if len(message) < keepBytes {
		return message
	}
	for most := min(len(secret)-1, len(message)); most > 0; most-- {
		if strings.HasSuffix(message, secret[:most]) {
			return message[:len(message)-most]
		}
	}
	return message
}

// cutTo cuts what is longer.
func cutTo(most int, text string) string {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " …"
	}
	return text
}

// valueOf is what stands on the wire for a subject.
func valueOf(who hub.Asked) string {
	switch {
	case who.ByAccount():
		return who.Account.Code
	case who.Identifier.Scheme == hub.SchemeCUI:
		return hub.NormalCUI(who.Identifier.Value)
	default:
		return who.Identifier.Value
	}
}

// seen counts the requests of every wire so far.
func (r *run) seen() []int {
	wires := r.allWires()
	counts := make([]int, len(wires))
	for i, w := range wires {
		counts[i] = len(w.requests())
	}
	return counts
}

// proof is the exchange that a clause's verdict rests on: the last one that was
// made for it, else the last one on the wire it names, else the first question.
// It is nil where a clause does not apply, or looks back at everything.
func (r *run) proof(c clause, found finding, before []int) *exchange {
	if found.verdict == NotApplicable {
		return nil
	}
	wires := r.allWires()
	for i := len(wires) - 1; i >= 0 && found.wire == nil; i-- {
		if n := len(wires[i].requests()); i >= len(before) && n > 0 || i < len(before) && n > before[i] {
			return wires[i].last()
		}
	}
	if last := found.wire.last(); last != nil {
		return last
	}
	if c.needs == live || c.needs == listed || c.needs == expecting || c.needs == owing {
		return r.first
	}
	return nil
}
