package view

import (
	"encoding/json"
	"slices"

	"racord/hub"
)

// combine joins the answers of several accounts. Obligations that stand in more
// than one answer (a taxpayer found by code and by role) are kept once.
func (p *Page) combine() {
	if len(p.parts) < 2 || filled(p.parts) < 2 {
		return
	}
	seen := map[hub.ObligationID]bool{}
	p.overlaid = []hub.Obligation{}
	for _, o := range p.decoded() {
		if !seen[o.ID] {
			seen[o.ID] = true
			p.overlaid = append(p.overlaid, o)
		}
	}
	p.Due = hub.Due(p.overlaid)
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
func (p *Page) decoded() (all []hub.Obligation) {
	for _, part := range p.parts {
		var some []hub.Obligation
		if json.Unmarshal(append(append([]byte{'['}, part.Obligations...), ']'), &some) == nil {
			all = append(all, some...)
		}
	}
	return all
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
			p.overlaid = p.decoded()
		}
		for i := range p.overlaid {
			if o := &p.overlaid[i]; o.ID == mark.Obligation {
				o.HubState = mark.State
				p.version = p.version*31 + uint64(len(mark.State)) + uint64(mark.Since.UnixNano())
				if paid := mark.Covers(o.Outstanding.Minor, p.AsOf); paid > 0 {
					o.NotPayable, covered = hub.PaidHere, add(covered, o.ID, paid)
				}
			}
		}
	}
	if len(covered) > 0 {
		p.Due = stillDue(p.overlaid, covered)
	}
}

func add(m map[hub.ObligationID]int64, id hub.ObligationID, bani int64) map[hub.ObligationID]int64 {
	if m == nil {
		m = map[hub.ObligationID]int64{}
	}
	m[id] = bani
	return m
}

// stillDue adds up what is owed without what was paid through the hub.
func stillDue(all []hub.Obligation, covered map[hub.ObligationID]int64) int64 {
	less := slices.Clone(all)
	for i := range less {
		less[i].Outstanding.Minor -= covered[less[i].ID]
	}
	return hub.Due(less)
}
