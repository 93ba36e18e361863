package connectors

import (
	"strconv"
	"strings"

	"racord/hub"
)

// Record maps one record: an obligation, or why it is refused. Amounts, ids and
// kinds that are missing or damaged refuse the record; other damage is left out
// and noted in the obligation's quality. Of a refused one it gives what names it
// and its account, as far as that can be read, and nothing else.
func (r *Reading) Record(v Value) (o hub.Obligation, refused *hub.QualityEvent) {
	if refused := r.record(v, &o); refused != nil {
		return r.Names(v), refused
	}
	return o, nil
}

// Names gives what names a record and its account, as far as they can be read,
// and nothing else of it.
func (r *Reading) Names(v Value) (o hub.Obligation) {
	m, s := r.call.answer.Map, &r.scope
	s.record, s.here, s.stack = v, v, s.stack[:0]
	o.ExternalID, _ = m.ExternalID.readText(s)
	o.Account, _ = m.Account.readText(s)
	return o
}

// record fills o, which is only good when nothing was refused.
func (r *Reading) record(v Value, o *hub.Obligation) *hub.QualityEvent {
	s := &r.scope
	s.record, s.here, s.remarks, s.stack = v, v, nil, s.stack[:0]
	r.count++
	if refused := r.fill(o); refused != nil {
		return r.told(o, r.event(refused))
	}
	o.Quality = append(o.Quality, r.flags...)
	for _, remark := range s.remarks {
		remark.Field = r.event(&refusal{where: "*"}).Field
		o.Quality = append(o.Quality, remark)
	}
	return r.told(o, nil)
}

// told tells who watches what became of a record.
func (r *Reading) told(o *hub.Obligation, refused *hub.QualityEvent) *hub.QualityEvent {
	if r.watch != nil {
		r.watch(r, o, refused)
	}
	return refused
}

func (r *Reading) fill(o *hub.Obligation) *refusal {
	if refused := r.ours(); refused != nil {
		return refused
	}
	m := r.call.answer.Map
	if refused := r.identity(o, m); refused != nil {
		return refused
	}
	if refused := r.amounts(o, m); refused != nil {
		return refused
	}
	r.circumstances(o, m)
	r.lists(o, m)
	if refused := r.componentsOf(o, m.Components); refused != nil {
		return refused
	}
	if refused := r.instalments(o, m.Instalments); refused != nil {
		return refused
	}
	r.optionsOf(o, m)
	return r.change(o, m.NextChange)
}

// ours checks whom the record is about.
func (r *Reading) ours() *refusal {
	part, s := r.call.answer.Subject, &r.scope
	if part == nil || part.Record == nil {
		return nil
	}
	about, refused := part.Record.readText(s)
	if refused != nil {
		return refused
	}
	about = strings.TrimSpace(about)
	ok := part.Among == nil && r.isAsked(about)
	if part.Among != nil {
		_, fit := part.Among.amongTexts(s, func(text string) bool { return text == about })
		ok = fit > 0
	}
	if !ok {
		return part.Record.refuse("foreign_record", "about somebody else than the answer")
	}
	return nil
}

// identity reads what names the debt.
func (r *Reading) identity(o *hub.Obligation, m *obligationMap) (refused *refusal) {
	s := &r.scope
	if o.ExternalID, refused = m.ExternalID.required(s); refused != nil {
		return refused
	}
	if o.Kind, refused = m.Kind.required(s); refused != nil {
		if refused.code == "unknown_value" {
			refused.code = "unknown_kind"
		}
		return refused
	}
	if m.Status != nil {
		status, refused := m.Status.readText(s)
		if refused != nil {
			return refused
		}
		if o.Status = hub.ObligationStatus(status); status != "" && !validStatus(o.Status) {
			return m.Status.refuse("unknown_status", "a status the hub does not know")
		}
	}
	o.ID = hub.NewObligationID(r.creditor.Name, o.ExternalID)
	o.HubState = hub.HubNone
	return nil
}

// required reads a text that must not be empty.
func (f *Field) required(s *scope) (string, *refusal) {
	text, refused := f.readText(s)
	if refused == nil && text == "" {
		refused = f.refuse("missing_field", "there is nothing")
	}
	return text, refused
}

// amounts reads outstanding, paid and total; one of the last two follows from
// the others, because outstanding = total − paid.
func (r *Reading) amounts(o *hub.Obligation, m *obligationMap) *refusal {
	s := &r.scope
	outstanding, present, refused := m.Outstanding.readAmount(s)
	if refused == nil && !present {
		refused = m.Outstanding.refuse("missing_field", "there is nothing")
	}
	if refused != nil {
		return refused
	}
	paid, hasPaid, refused := m.Paid.readAmount(s)
	if refused != nil {
		return refused
	}
	total, hasTotal, refused := m.Total.readAmount(s)
	if refused != nil {
		return refused
	}
	o.Outstanding, o.Paid, o.Total = hub.Bani(outstanding), hub.Bani(paid), hub.Bani(total)
	var err error
	switch {
	case !hasTotal:
		o.Total, err = o.Outstanding.Add(o.Paid)
	case !hasPaid:
		o.Paid, err = o.Total.Add(hub.Bani(-outstanding))
	case total-paid != outstanding:
		s.remark("amounts_differ", "total less paid is not outstanding")
	}
	if err != nil {
		return m.Outstanding.refuse("bad_amount", "amounts do not fit")
	}
	if o.Status == "" {
		o.Status = statusOf(o)
	}
	return nil
}

func statusOf(o *hub.Obligation) hub.ObligationStatus {
	switch {
	case o.Outstanding.Minor < 0:
		return hub.StatusCredit
	case o.Outstanding.Minor == 0:
		return hub.StatusPaid
	case o.Paid.Minor > 0:
		return hub.StatusPartiallyPaid
	default:
		return hub.StatusOpen
	}
}

// spare takes what is not vital: what is damaged is left out with a remark.
func (s *scope) spare(text string, refused *refusal) string {
	if refused != nil {
		s.remark(refused.code, refused.where+": "+refused.detail)
		return ""
	}
	return text
}

func (s *scope) spareDay(d hub.Date, refused *refusal) hub.Date {
	return hub.Date(s.spare(string(d), refused))
}

// circumstances reads everything that is not an amount or a list.
func (r *Reading) circumstances(o *hub.Obligation, m *obligationMap) {
	s := &r.scope
	o.Account = s.spare(m.Account.readText(s))
	if o.Account == "" {
		o.Account = r.asked.Account.Code
	}
	o.Debtor = s.spare(m.Debtor.readText(s))
	o.LegalStage = s.spare(m.LegalStage.readText(s))
	o.IssuedOn = s.spareDay(m.IssuedOn.readDay(s))
	includes, refused := m.IncludesOld.readTruth(s)
	s.spare("", refused)
	o.IncludesPreviousBalance = includes
	o.Subject = r.subject(m.Subject)
	o.Reference = r.reference(m.Reference)
	o.Period = r.period(m.Period)
	for name, field := range m.Details {
		if text := s.spare(field.readText(s)); text != "" {
			if o.Details == nil {
				o.Details = make(map[string]string, len(m.Details))
			}
			o.Details[name] = text
		}
	}
}

func (r *Reading) subject(m *subjectMap) *hub.Subject {
	if m == nil {
		return nil
	}
	s := &r.scope
	subject := hub.Subject{Type: s.spare(m.Type.readText(s)), Label: s.spare(m.Label.readText(s)), Ref: s.spare(m.Ref.readText(s))}
	if subject.Label == "" && subject.Ref == "" {
		return nil
	}
	kept := r.subjects.one(r.batch)
	*kept = subject
	return kept
}

func (r *Reading) reference(m *referenceMap) *hub.Reference {
	if m == nil {
		return nil
	}
	s := &r.scope
	reference := hub.Reference{
		Invoice:  s.spare(m.Invoice.readText(s)),
		PVSeries: s.spare(m.PVSeries.readText(s)), PVNumber: s.spare(m.PVNumber.readText(s)), PVUnique: s.spare(m.PVUnique.readText(s)),
		Decision: s.spare(m.Decision.readText(s)), PaymentRef: s.spare(m.PaymentRef.readText(s)),
	}
	if reference == (hub.Reference{}) {
		return nil
	}
	kept := r.references.one(r.batch)
	*kept = reference
	return kept
}

func (r *Reading) period(m *periodMap) *hub.Period {
	if m == nil {
		return nil
	}
	s := &r.scope
	p, refused := m.Month.readMonth(s)
	s.spare("", refused)
	year, refused := m.Year.readWhole(s)
	s.spare("", refused)
	if year >= 1850 && year <= 2199 {
		p = ofYear(year)
	}
	if from := s.spareDay(m.From.readDay(s)); from != "" {
		p.From = from
	}
	if to := s.spareDay(m.To.readDay(s)); to != "" {
		p.To = to
	}
	if label := s.spare(m.Label.readText(s)); label != "" {
		p.Label = label
	}
	if p == (hub.Period{}) {
		return nil
	}
	kept := r.periods.one(r.batch)
	*kept = p
	return kept
}

func ofYear(year int) hub.Period {
	label := strconv.Itoa(year)
	return hub.Period{From: hub.Date(label + "-01-01"), To: hub.Date(label + "-12-31"), Label: label}
}

// seats goes through the places a part of the map stands for: the record
// itself, or the elements of its each that fit. While next is true, fields are
// read there; after the last, where they were before.
type seats struct {
	part   *selection
	places []Value
	mark   int // of the scope's stack
	outer  Value
}

func (sel *selection) seats(s *scope) seats {
	at := seats{part: sel, mark: len(s.stack), outer: s.here}
	if sel.Each.IsZero() {
		s.stack = append(s.stack, s.here)
	} else {
		sel.Each.each(s, s.collect())
	}
	at.places = s.stack[at.mark:]
	return at
}

func (at *seats) next(s *scope) bool {
	for len(at.places) > 0 {
		s.here, at.places = at.places[0], at.places[1:]
		if at.part.fits(s) {
			return true
		}
	}
	at.end(s)
	return false
}

// end goes back to where fields were read before.
func (at *seats) end(s *scope) { s.here, s.stack = at.outer, s.stack[:at.mark] }

func (sel *selection) fits(s *scope) bool {
	for i := range sel.where {
		left, ok := s.text(sel.where[i].element.find(s))
		left = s.aside(left)
		right, okRight := s.text(sel.where[i].record.find(s))
		if !ok || !okRight || left != right {
			return false
		}
	}
	return sel.When == nil || sel.When.holds(s)
}

// others reads the ids of other records.
func (r *Reading) others(o *hub.Obligation, parts []listMap) (list []hub.ObligationID) {
	s := &r.scope
	for i := range parts {
		for at := parts[i].seats(s); at.next(s); {
			if id := s.spare(parts[i].ID.readText(s)); id != "" && id != o.ExternalID {
				list = append(list, hub.NewObligationID(r.creditor.Name, id))
			}
		}
	}
	return list
}

func (r *Reading) lists(o *hub.Obligation, m *obligationMap) {
	s := &r.scope
	o.ExcludesIDs = r.others(o, m.Excludes)
	for i := range m.Replaces {
		for at := m.Replaces[i].seats(s); at.next(s); {
			if id := s.spare(m.Replaces[i].ID.readText(s)); id != "" {
				o.Replaces = append(o.Replaces, id)
			}
		}
	}
}

// componentsOf reads the parts of the total and compares their sum with it.
func (r *Reading) componentsOf(o *hub.Obligation, parts []componentMap) *refusal {
	s, sum := &r.scope, hub.Bani(0)
	for i := range parts {
		part := &parts[i]
		for at := part.seats(s); at.next(s); {
			minor, _, refused := part.Amount.readAmount(s)
			if refused != nil {
				return refused
			}
			if minor == 0 {
				continue
			}
			one := hub.Component{Amount: hub.Bani(minor), Label: s.spare(part.Label.readText(s))}
			if one.Type, refused = part.Type.required(s); refused != nil {
				return refused
			}
			var err error
			if sum, err = sum.Add(one.Amount); err != nil {
				return part.Amount.refuse("bad_amount", "amounts do not fit")
			}
			o.Components = r.components.add(o.Components, one, len(parts), r.batch)
		}
	}
	if o.Components != nil && sum != o.Total {
		s.remark("components_differ", "the parts do not add up to the total")
	}
	return nil
}

func (r *Reading) instalments(o *hub.Obligation, parts []instalmentMap) *refusal {
	s := &r.scope
	for i := range parts {
		part := &parts[i]
		for at := part.seats(s); at.next(s); {
			one := hub.Installment{DueOn: s.spareDay(part.DueOn.readDay(s))}
			if one.DueOn == "" {
				continue
			}
			var refused *refusal
			if one.Amount, refused = part.Amount.orElse(s, o.Total); refused != nil {
				return refused
			}
			if one.Outstanding, refused = part.Outstanding.orElse(s, o.Outstanding); refused != nil {
				return refused
			}
			one.No, refused = part.No.readWhole(s)
			if s.spare("", refused); one.No == 0 {
				one.No = len(o.Installments) + 1
			}
			o.Installments = r.installments.add(o.Installments, one, len(parts), r.batch)
		}
	}
	return nil
}

// orElse reads an amount; another stands for one that is missing.
func (f *Field) orElse(s *scope, other hub.Money) (hub.Money, *refusal) {
	minor, present, refused := f.readAmount(s)
	if refused != nil || !present {
		return other, refused
	}
	return hub.Bani(minor), nil
}

// change keeps the earliest change that lies ahead.
func (r *Reading) change(o *hub.Obligation, parts []changeMap) *refusal {
	s := &r.scope
	if o.Outstanding.Minor <= 0 {
		return nil
	}
	for i := range parts {
		part := &parts[i]
		for at := part.seats(s); at.next(s); {
			when := s.spareDay(part.After.readDay(s)).End()
			if !when.After(r.now) || o.NextChange != nil && !when.Before(o.NextChange.At) {
				continue
			}
			next := &hub.NextChange{At: when.UTC(), Reason: s.spare(part.Reason.readText(s))}
			minor, present, refused := part.NewOutstanding.readAmount(s)
			if refused != nil {
				return refused
			}
			if present {
				amount := hub.Bani(minor)
				next.NewOutstanding = &amount
			}
			o.NextChange = next
		}
	}
	return nil
}
