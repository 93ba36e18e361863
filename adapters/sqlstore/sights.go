package sqlstore

import (
	"cmp"

	"racord/hub"
)

// A sight is a subject about which a creditor can be asked, an account or a code,
// and a line that pays a debt shown there. It is kept as long as the hub knows
// something of the line, so that all who may ask are told, whoever pays.

// identifier is the pseudonym of a code by which creditors find people.
func (s *Store) identifier(id hub.Identifier) [16]byte {
	return s.keys.MAC("identifier", string(id.Scheme), id.Value)
}

// subject is the pseudonym of what a creditor can be asked about.
func (s *Store) subject(asked hub.Asked) [16]byte {
	if asked.ByAccount() {
		return s.account(asked.Account)
	}
	return s.identifier(asked.Identifier)
}

const unseeQuery = `DELETE FROM sights WHERE subject = $1 AND payment = $2 AND line = $3`

// sights keeps who is told of a payment in step with the lines. What is there
// already is written again when a line moves: it may be of a version that wrote
// none.
func (c *change) sights(p *hub.Payment, now rows) (batch []Statement) {
	var seen [][]any
	for i := range p.Lines {
		l := &p.Lines[i]
		was, is := c.rows.lines[l.No].hub, now.lines[l.No].hub
		if was == is {
			continue
		}
		for _, asked := range l.Sights() {
			subject := c.store.subject(asked)
			row := []any{subject[:], string(p.ID), int64(l.No)}
			if is != hub.HubNone {
				seen = append(seen, row)
			} else if was != "" {
				batch = append(batch, Statement{SQL: unseeQuery, Args: row})
			}
		}
	}
	return append(batch, c.store.engine.Add(&sightsTable, seen)...)
}

// laid adds what others' lines say to a party's own marks. Of several about one
// debt the busiest says what is shown, as among the party's own.
func laid(own, others []hub.Mark) []hub.Mark {
	type debt struct {
		creditor   hub.Name
		obligation hub.ObligationID
	}
	at := make(map[debt]int, len(own)+len(others))
	for i := range own {
		at[debt{own[i].Creditor, own[i].Obligation}] = i
	}
	for _, m := range others {
		of := debt{m.Creditor, m.Obligation}
		i, known := at[of]
		switch {
		case !known:
			at[of] = len(own)
			own = append(own, m)
		case busier(&m, &own[i]):
			own[i] = m
		}
	}
	return own
}

func busier(a, b *hub.Mark) bool {
	return cmp.Or(cmp.Compare(calm(b.State), calm(a.State)), a.Since.Compare(b.Since)) > 0
}

// calm orders states from the busiest, as marksQuery does.
func calm(state hub.HubState) int {
	switch state {
	case hub.HubSettled:
		return 3
	case hub.HubPosted:
		return 2
	}
	return 1
}
