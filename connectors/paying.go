package connectors

import (
	"slices"
	"strconv"
	"time"

	"racord/hub"
)

// payingPart is how paying stands in a manifest.
type payingPart struct {
	Class           string        `json:"class" doc:"What becomes of a posting that is sent twice: A, the creditor knows its id and books once; B, it may book twice, but can be asked before; C, neither, so it is sent once at most; F, a file. The conformance suite measures it." required:"true" enum:"A|B|C|F"`
	Visible         time.Duration `json:"visible" doc:"Class B: how long a booking may take until find finds it." max:"86400"`
	QuoteMaxAge     time.Duration `json:"quote_max_age" doc:"How old the last published answer may be that a payment rests on when there is no live one. Needed where nothing can be asked live; with windows, what the creditor answered last counts while it is closed." max:"604800"`
	Partial         bool          `json:"partial" doc:"Whether less than an option's amount may be paid."`
	Allocation      string        `json:"allocation" doc:"Who says which debts a part payment extinguishes. In the creditor's order, a part is taken where its quote says that all of it goes to the debt that is paid." enum:"creditor_order|payer_directed"`
	WithoutDebt     bool          `json:"without_debt" doc:"Whether a reference and an amount are enough. The request says {{ reference }}."`
	ClearsIn        time.Duration `json:"clears_in" doc:"How long after its booking a debt may still be listed." max:"2678400"`
	CutOff          string        `json:"cut_off" doc:"Class F: hour in Europe/Bucharest by which the day's file must be there, such as 20:00."`
	MaxInflight     int           `json:"max_inflight" doc:"Postings at once, over all replicas; they are among the calls of traits.max_inflight. Without it 1." min:"1" max:"512"`
	Timeout         time.Duration `json:"timeout" doc:"How long one posting may take. Without it, traits.timeout." min:"0.3" max:"120"`
	TransientWindow time.Duration `json:"transient_window" doc:"How long a posting is tried, or looked for once it was sent, before a person is called; class C waits for the end of the second working day as well, class F for noon of the day after. Without it 72h." min:"60" max:"2678400"`
}

func (in *inspection) paying(p *payingPart) hub.Paying {
	if p == nil {
		return hub.Paying{}
	}
	const field = "traits.paying"
	paying := hub.Paying{
		Class: hub.Class(p.Class), Visible: p.Visible, QuoteMaxAge: p.QuoteMaxAge, Partial: p.Partial,
		Allocation: p.Allocation, WithoutDebt: p.WithoutDebt, ClearsIn: p.ClearsIn,
		MaxInflight: max(1, p.MaxInflight), Timeout: p.Timeout, TransientWindow: p.TransientWindow,
	}
	switch isB := paying.Class == hub.ClassB; {
	case isB && p.Visible == 0:
		in.at(field, "class B needs visible: how long a booking may take until find finds it")
	case !isB && p.Visible > 0:
		in.at(field+".visible", "belongs to class B")
	}
	switch isF := paying.Class == hub.ClassF; {
	case isF && p.CutOff == "":
		in.at(field, "class F needs cut_off: the hour by which the day's file must be there")
	case !isF && p.CutOff != "":
		in.at(field+".cut_off", "belongs to class F")
	case isF:
		var ok bool
		if paying.CutOff, ok = minutes(p.CutOff); !ok {
			in.at(field+".cut_off", "%q is not an hour; write 20:00", p.CutOff)
		}
	}
	if p.Allocation != "" && !p.Partial {
		in.at(field+".allocation", "says what a part payment extinguishes, and partial says that there are none")
	}
	return paying
}

// payingFits finds what traits.paying and the calls say against each other.
func (in *inspection) payingFits(m *Manifest, kind Kind) {
	const field = "traits.paying"
	p := m.Traits.Paying
	has := func(call string) bool { return m.Calls[call] != nil }
	if !has(CallPost) {
		if p.Class != "" {
			in.at(field, "there is no call post, without which the creditor takes no payments")
		}
		return
	}
	switch {
	case p.Class == "":
		in.at("calls.post", "traits.paying is missing: it says the class of the postings")
	case kind.files != (p.Class == hub.ClassF):
		in.at(field+".class", "%s of kind %s", classesOf(kind), kind.name)
	case p.Class == hub.ClassB && !has(CallFind):
		in.at(field+".class", "class B needs the call find: a posting is looked up before it is repeated")
	case p.Class == hub.ClassA && m.Calls[CallPost].vars["posting.id"] == "":
		in.at("calls.post", "class A needs {{ posting.id }}: by it the creditor knows a posting that is sent twice")
	case p.Class == hub.ClassF && !has(CallFind):
		in.at(field+".class", "class F needs the call find: only the creditor's confirmation says what was booked")
	}
	for _, name := range []string{"line", "rows", "sum"} {
		if where := m.Calls[CallPost].vars[name]; where != "" && !kind.files {
			in.at(where, "{{ %s }} belongs to files of postings", name)
		}
	}
	if where := m.Calls[CallPost].vars["now"]; where != "" && kind.files {
		in.at(where, "a file that is put again must be the same file, and {{ now }} is another one then; write {{ paid_at }}")
	}
	if p.QuoteMaxAge == 0 && !has(CallObligations) && !has(CallQuote) {
		in.at(field, "quote_max_age is missing: nothing can be asked live, so a payment rests on the last delivery")
	}
	if p.WithoutDebt && !kind.files && m.Calls[CallPost].vars["reference"] == "" {
		in.at(field+".without_debt", "the request of post says no {{ reference }}")
	}
}

func classesOf(kind Kind) string {
	if kind.files {
		return "must be F: so are all postings"
	}
	return "F is for files; A, B or C are the classes"
}

// payingAgrees finds parts that do not belong to a call, or are missing.
func (in *inspection) payingAgrees(c *Call, kind Kind, field string) {
	booked := slices.Contains([]string{CallPost, CallFind, CallStatement}, c.Name)
	switch {
	case kind.files && c.Name == CallPost && c.answer.Booking != nil:
		in.at(join(field, "booking"), "a file that was put in its place has no answer; find reads the confirmation")
	case booked && c.answer.Booking == nil && !(kind.files && c.Name == CallPost):
		in.at(field, "booking is missing: what in the answer says that it was booked")
	case !booked && c.answer.Booking != nil:
		in.at(join(field, "booking"), "belongs to post, find, statement")
	}
	if c.answer.Extinguish != nil && c.Name != CallQuote {
		in.at(join(field, "extinguishes"), "belongs to quote")
	}
	if writes(c.Name) && c.answer.Read {
		in.at(join(field, "read"), "%s changes the creditor's books: repeating it does harm", c.Name)
	}
	in.onePage(c, field)
	if booked || c.Name == CallReverse {
		in.noObligations(c, field)
	}
	if c.Name == CallFind && c.answer.Booking != nil && c.answer.Booking.Posting == nil && c.vars["posting.id"] == "" {
		in.at(field, "neither the request says {{ posting.id }}, nor the booking which posting it is of")
	}
	if c.Name == CallStatement && c.answer.Booking != nil {
		in.statementAgrees(c, field)
	}
	for i := range c.answer.Errors {
		in.ruleAgrees(c, &c.answer.Errors[i], join(field, "errors")+indexed(i))
	}
}

// onePage finds pages where going on would be sending once more.
func (in *inspection) onePage(c *Call, field string) {
	switch {
	case writes(c.Name) && c.Pages():
		in.at(join(field, "request.paging"), "%s is sent once: its answer has one page", c.Name)
	case slices.Contains(PayingCalls(), c.Name) && c.Repeats():
		in.at(join(field, "request.paging.blind"), "belongs to obligations")
	}
}

// writes tells whether a call changes the creditor's books.
func writes(call string) bool { return call == CallPost || call == CallReverse }

// noObligations finds the parts of calls that list debts.
func (in *inspection) noObligations(c *Call, field string) {
	a := &c.answer
	for name, given := range map[string]bool{
		"map": a.Map != nil, "subject": a.Subject != nil, "as_of": a.AsOf != nil, "valid_until": a.ValidUntil != nil,
		"provisional": a.Provisional != nil, "known": a.Known != nil, "items": !a.Items.IsZero() && writes(c.Name),
	} {
		if given {
			in.at(join(field, name), "does not belong to %s", c.Name)
		}
	}
}

func (in *inspection) statementAgrees(c *Call, field string) {
	b := c.answer.Booking
	for name, given := range map[string]bool{"posting": b.Posting != nil, "amount": b.Amount != nil} {
		if !given {
			in.at(join(field, "booking"), "%s is missing: a statement is compared by it", name)
		}
	}
	if c.answer.Items.IsZero() && c.vars["day"] != "" {
		in.at(field, "items is missing: the list of what was booked")
	}
}

// ruleAgrees finds what a rule says that its call has no use for.
func (in *inspection) ruleAgrees(c *Call, rule *errorRule, field string) {
	switch write := writes(c.Name); {
	case write && rule.Code != "" && rule.Certain == nil:
		in.at(field, "certain is missing: does this answer say that nothing was done (true), or may it have been (false)?")
	case rule.Certain != nil && (!write || rule.Code == ""):
		in.at(join(field, "certain"), "belongs to a code of post or reverse")
	case rule.Done && !write:
		in.at(join(field, "done"), "belongs to post and reverse")
	case rule.Found != "" && c.Name != CallFind:
		in.at(join(field, "found"), "belongs to find")
	}
}

func indexed(i int) string { return "[" + strconv.Itoa(i) + "]" }
