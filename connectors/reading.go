package connectors

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"racord/hub"
)

// Reading is one answer being read: pages or single records go in, obligations
// and refusals come out. It is not for concurrent use.
type Reading struct {
	call     *Call
	creditor *hub.Creditor
	asked    hub.Asked
	now      time.Time
	scope    scope
	count    int // records seen
	flags    []hub.QualityEvent
	answer   hub.Answer
	watch    func(*Reading, *hub.Obligation, *hub.QualityEvent) // of every record; nil = nobody
	text     [96]byte                                           // where the scope's buffers begin
	places   [16]Value                                          // likewise

	list  shelf[Value]  // the records of a page
	batch int           // records to make room for at once
	parts [][]hub.Share // of a quote: what a payment of each obligation is booked to
	shelves
}

// Reading begins to read the answer to a call. For a feed asked is zero.
func (m *Manifest) Reading(c *Call, asked hub.Asked, now time.Time) *Reading {
	r := readings.Get().(*Reading)
	r.call, r.creditor, r.asked, r.now, r.watch = c, &m.Creditor, asked, now, m.watch
	r.scope.buf, r.scope.other, r.scope.stack = r.text[:0:64], r.text[64:64], r.places[:0]
	r.batch = 1
	return r
}

var readings = sync.Pool{New: func() any { return new(Reading) }}

// Lend gives what was read like Answer, in memory that the answer's Loan gives
// back. The reading may not be used afterwards.
func (r *Reading) Lend() hub.Answer {
	answer := r.Answer()
	if r.watch == nil { // who watches may have kept some of it
		answer.Loan = r
	}
	return answer
}

// Return gives all memory back, also that of what was read: it may not be used
// afterwards.
func (r *Reading) Return() {
	if r.call == nil || r.watch != nil {
		return
	}
	all := r.answer.Obligations
	list := shelf[hub.Obligation]{all[:cap(all)]}.cleared() // also what was refused last, and what others put behind
	*r = Reading{
		scope: r.scope.cleared(), list: r.list.cleared(),
		answer: hub.Answer{Obligations: list.room}, shelves: r.shelves.cleared(),
	}
	readings.Put(r)
}

// Classify looks for a refusal of the creditor in an answer: the rules of the
// call first, then what its HTTP status says by itself. status is 0 where there
// is no HTTP, root is nil where the answer could not be decoded. retryAfter is
// what the creditor asked us to wait, 0 when it did not.
func (r *Reading) Classify(status int, root Value, retryAfter time.Duration) error {
	r.look(root)
	if i := r.rule(status, root); i >= 0 {
		return r.refusedBy(i, retryAfter)
	}
	return OfStatus(status, retryAfter)
}

// rule finds the first rule that fits, -1 when none does.
func (r *Reading) rule(status int, root Value) int {
	return slices.IndexFunc(r.call.answer.Errors, func(rule errorRule) bool {
		return (rule.Status == 0 || rule.Status == status) && (rule.At.IsZero() || root != nil && rule.holds(&r.scope))
	})
}

// OfStatus says what an HTTP status means when the manifest does not: nil for a
// good one.
func OfStatus(status int, retryAfter time.Duration) error {
	code := hub.Code("")
	switch {
	case status == 0 || status >= 200 && status < 300:
		return nil
	case status == 401 || status == 403 || status == 407:
		code = hub.CodeAuth
	case status == 429:
		code = hub.CodeBusy
	case status == 408:
		code = hub.CodeTimeout
	case status >= 500:
		code = hub.CodeUnavailable
	default:
		code = hub.CodeBadData // a 404 says "not known here" only where a rule says so
	}
	failure := Failure(code, fmt.Errorf("HTTP status %d", status))
	failure.RetryAfter = retryAfter
	return failure
}

func (r *Reading) look(root Value) {
	r.scope.root, r.scope.record, r.scope.here, r.scope.work = root, root, root, nil
}

// Flag adds a remark about the whole answer; it stands in the quality of every
// obligation read after it.
func (r *Reading) Flag(e hub.QualityEvent) {
	for _, earlier := range r.flags {
		if earlier.Code == e.Code {
			return
		}
	}
	r.flags = append(r.flags, e)
}

// Page reads one page of an answer: whom it is about, then every record under
// items. Records that cannot be trusted are refused one by one. It fails with
// CodeNotFound when the creditor does not know the subject, or found an account
// that is written in another way, CodeForeignData when the page is about somebody
// else, CodeBadData when it cannot be read as a whole. It gives the number of
// records that were new.
func (r *Reading) Page(root Value) (fresh int, err error) {
	r.look(root)
	part := &r.call.answer
	if part.Known != nil && !part.Known.holds(&r.scope) {
		return 0, Failure(hub.CodeNotFound, nil)
	}
	if err := r.aboutUs(); err != nil {
		return 0, err
	}
	if err := r.times(); err != nil {
		return 0, err
	}
	records, err := r.records(root)
	if err != nil {
		return 0, err
	}
	if r.count+len(records) > MaxRecords {
		return 0, BadData("more than %d records", MaxRecords)
	}
	r.answer.Obligations, r.batch = slices.Grow(r.answer.Obligations, len(records)), max(1, len(records))
	for _, v := range records {
		if r.Add(v) {
			fresh++
		}
	}
	return fresh, nil
}

// PageAgain reads a further page of an answer that does not tell where it ends. It
// gives the number of obligations that were new, and whether there were records
// of earlier pages: they are left out and not refused, because such an answer ends
// by repeating itself. It fails like Page.
func (r *Reading) PageAgain(root Value) (fresh int, repeats bool, err error) {
	before, refused := len(r.answer.Obligations), len(r.answer.Refused)
	if _, err := r.Page(root); err != nil {
		return 0, false, err
	}
	kept := r.answer.Refused[:refused]
	for _, e := range r.answer.Refused[refused:] {
		if e.Code == hub.CodeDuplicateRecord {
			repeats = true
			continue
		}
		kept = append(kept, e)
	}
	r.answer.Refused = kept
	return len(r.answer.Obligations) - before, repeats, nil
}

// aboutUs checks that the page repeats the subject that was asked about.
func (r *Reading) aboutUs() error {
	part := r.call.answer.Subject
	if part == nil {
		return nil
	}
	echo := part.Party
	if r.asked.ByAccount() {
		echo = part.Account
	}
	if echo == nil || r.asked == (hub.Asked{}) {
		return nil
	}
	switch said, ours := echo.amongTexts(&r.scope, r.isAsked); {
	case said == 0 && isEmptyList(&r.call.answer.Items, &r.scope):
		return nil // a list that is all of the answer says in its records whom it is about
	case said == 0:
		return BadData("the answer does not say whom it is about (%s)", echo.path)
	case ours < said:
		return r.notUs(echo, said)
	}
	return nil
}

// notUs tells what is wrong with a page of which not all that it is said to be
// about was asked about. Behind a page that was ours another way to write the
// account is another account's.
func (r *Reading) notUs(echo *Field, said int) error {
	if _, alike := echo.amongTexts(&r.scope, r.isAlike); alike == said && r.count == 0 {
		return Failure(hub.CodeNotFound, fmt.Errorf("%s is what was asked about, written in another way", echo.path))
	}
	return Failure(hub.CodeForeignData, fmt.Errorf("%s is not what was asked about", echo.path))
}

// isEmptyList tells whether the answer is a list by itself, and has no records.
func isEmptyList(items *Path, s *scope) bool {
	records := 0
	return items.text == "$" && items.each(s, func(Value) bool { records++; return false }) && records == 0
}

// isAsked tells whether a text names the subject that was asked about.
func (r *Reading) isAsked(text string) bool {
	id := r.asked.Identifier
	switch {
	case r.asked.ByAccount():
		return text == r.asked.Account.Code
	case id.Scheme == hub.SchemeCUI:
		return hub.NormalCUI(text) == hub.NormalCUI(id.Value)
	default:
		return text == id.Value
	}
}

// isAlike tells whether a text is the account that was asked about, as AlikeCodes
// sees it.
func (r *Reading) isAlike(text string) bool {
	return r.asked.ByAccount() && AlikeCodes(text, r.asked.Account.Code)
}

// AlikeCodes tells whether two codes of accounts differ in nothing but case, blanks
// and leading zeros. A creditor that does not look at those finds an account under
// what is not quite its code: that is a code we do not know, and nobody else's data.
func AlikeCodes(a, b string) bool { return strings.EqualFold(bare(a), bare(b)) }

func bare(code string) string {
	return strings.TrimLeft(strings.Join(strings.Fields(code), ""), "0")
}

// times reads when the answer was true. A damaged time makes all of it doubtful.
func (r *Reading) times() error {
	part := &r.call.answer
	if r.answer.AsOf.IsZero() {
		at, refused := part.AsOf.readInstant(&r.scope)
		if refused != nil {
			return BadData("as_of: %s", refused.Error())
		}
		r.answer.AsOf = at
	}
	until, refused := part.ValidUntil.readInstant(&r.scope)
	if refused != nil {
		return BadData("valid_until: %s", refused.Error())
	}
	if !until.IsZero() {
		r.answer.ValidUntil = until
	}
	r.answer.Provisional = r.answer.Provisional || part.Provisional != nil && part.Provisional.holds(&r.scope)
	return nil
}

// Add reads one record into the answer and tells whether it was new: an id that
// was there before is refused.
func (r *Reading) Add(v Value) (fresh bool) {
	n := len(r.answer.Obligations)
	r.answer.Obligations = append(r.answer.Obligations, hub.Obligation{})
	refused := r.record(v, &r.answer.Obligations[n])
	fresh = true
	if refused == nil && r.has(r.answer.Obligations[n].ExternalID, n) {
		refused = r.event(&refusal{hub.CodeDuplicateRecord, "external_id", "the same id stands twice in one answer"})
		fresh = false
	}
	if refused != nil {
		r.answer.Obligations = r.answer.Obligations[:n]
		r.answer.Refused = append(r.answer.Refused, *refused)
	} else if r.call.answer.Extinguish != nil {
		r.parts = append(r.parts, r.shares())
	}
	return fresh
}

// has tells whether one of the first n obligations has the id.
func (r *Reading) has(externalID string, n int) bool {
	for i := range n {
		if r.answer.Obligations[i].ExternalID == externalID {
			return true
		}
	}
	return false
}

// Count tells how many records were seen.
func (r *Reading) Count() int { return r.count }

// event words a refusal with the number of the record, from 0, and its field.
func (r *Reading) event(why *refusal) *hub.QualityEvent {
	items := strings.TrimPrefix(r.call.answer.Items.text, "$.")
	if items == "" || items == "$" {
		items = "record"
	}
	return &hub.QualityEvent{Code: why.code, Field: items + "[" + strconv.Itoa(r.count-1) + "]." + why.where, Detail: why.detail}
}

// Answer gives what was read. Without a time of its own the answer speaks about
// now.
func (r *Reading) Answer() hub.Answer {
	if r.answer.AsOf.IsZero() {
		r.answer.AsOf = r.now
	}
	return r.answer
}

// Confirm reads an answer without records: whom it is about and whether known
// holds. It fails like Page.
func (r *Reading) Confirm(root Value) error {
	r.look(root)
	if part := &r.call.answer; part.Known != nil && !part.Known.holds(&r.scope) {
		return Failure(hub.CodeNotFound, nil)
	}
	return r.aboutUs()
}
