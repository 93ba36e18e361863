package view

import (
	"encoding/json"

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

// overlay lays the hub's own knowledge over the obligations it concerns.
func (p *Page) overlay(marks []hub.Mark) {
	for _, mark := range marks {
		if mark.Creditor != p.Creditor || len(p.parts) == 0 {
			continue
		}
		if p.overlaid == nil {
			p.overlaid = p.decoded()
		}
		for i := range p.overlaid {
			if p.overlaid[i].ID == mark.Obligation {
				p.overlaid[i].HubState = mark.State
				p.version = p.version*31 + uint64(len(mark.State)) + uint64(mark.Since.UnixNano())
			}
		}
	}
}
