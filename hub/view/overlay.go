package view

import (
	"encoding/json"
	"slices"
	"time"

	"racord/hub"
)

// overlaid are the decoded obligations of a page, which the hub's own knowledge can
// be laid over.
type overlaid struct {
	list []hub.Obligation
	asOf []time.Time // of the answer that each stands in: business time
}

// combine joins the answers of several accounts. Obligations that stand in more
// than one answer (a taxpayer found by code and by role) are kept once.
func (p *Page) combine() {
	if len(p.parts) < 2 || filled(p.parts) < 2 {
		return
	}
	p.overlaid = decoded(p.parts)
	p.overlaid.once()
	p.Due = hub.Due(p.overlaid.list)
}

func filled(parts []*hub.Page) (n int) {
	for _, part := range parts {
		if len(part.Obligations) > 0 {
			n++
		}
	}
	return n
}

// decoded gives the obligations of all answers. They were encoded by this
// package, so they decode.
func decoded(parts []*hub.Page) *overlaid {
	all, text := &overlaid{}, []byte(nil)
	for _, part := range parts {
		var some []hub.Obligation
		text = append(append(append(slices.Grow(text[:0], len(part.Obligations)+2), '['), part.Obligations...), ']')
		if json.Unmarshal(text, &some) != nil {
			continue
		}
		all.list, all.asOf = append(all.list, some...), slices.Grow(all.asOf, len(some))
		for range some {
			all.asOf = append(all.asOf, part.AsOf)
		}
	}
	return all
}

// once keeps of an obligation that stands in several answers what the newest of
// them says, in the place of the first.
func (all *overlaid) once() {
	at, kept := map[hub.ObligationID]int{}, 0
	for i := range all.list {
		first, again := at[all.list[i].ID]
		switch {
		case !again:
			first = kept
			at[all.list[i].ID] = first
			kept++
		case !all.asOf[i].After(all.asOf[first]):
			continue
		}
		all.list[first], all.asOf[first] = all.list[i], all.asOf[i]
	}
	all.list, all.asOf = all.list[:kept], all.asOf[:kept]
}

// overlay lays the hub's own knowledge over the obligations it concerns. What was
// paid through the hub is not asked for again, however long the creditor shows
// it.
func (p *Page) overlay(marks []hub.Mark) {
	var covered map[hub.ObligationID]int64 // bani
	for _, mark := range marks {
		if mark.Creditor != p.Creditor || len(p.parts) == 0 {
			continue
		}
		if p.overlaid == nil {
			p.overlaid = decoded(p.parts)
		}
		for i := range p.overlaid.list {
			if o := &p.overlaid.list[i]; o.ID == mark.Obligation {
				o.HubState = mark.State
				p.version = p.version*31 + uint64(len(mark.State)) + uint64(mark.Since.UnixNano())
				if paid := mark.Covers(o.Outstanding.Minor, p.overlaid.asOf[i]); paid > 0 {
					o.NotPayable, covered = paidHere(mark), add(covered, o.ID, paid)
				}
			}
		}
	}
	if len(covered) > 0 {
		p.overlaid.spread(covered)
		p.Due = hub.DueWithout(p.overlaid.list, covered)
	}
}

// paidHere is why what a mark covers cannot be paid.
func paidHere(m hub.Mark) string {
	if m.Remains > 0 {
		return hub.PartPaidHere
	}
	return hub.PaidHere
}

func add(m map[hub.ObligationID]int64, id hub.ObligationID, bani int64) map[hub.ObligationID]int64 {
	if m == nil {
		m = map[hub.ObligationID]int64{}
	}
	m[id] = bani
	return m
}
