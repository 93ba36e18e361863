package sqlstore

import (
	"context"
	"database/sql"

	"racord/hub"
)

// folderQuery reads a party, its links, its marks and what others pay of what it
// sees, in one round trip. The first column says what a row is.
const folderQuery = `
WITH p AS (SELECT id, person, read_at FROM parties WHERE login = $1),
	s AS (SELECT l.account AS subject FROM links l JOIN p ON l.party = p.id
		UNION ALL SELECT c.subject FROM codes c JOIN p ON c.party = p.id)
SELECT 0 AS part, id, person AS sealed, '' AS creditor, '' AS state, read_at AS at, 0 AS remains, '' AS covers FROM p
UNION ALL
SELECT 1, l.id, l.code, l.creditor, '', l.linked_at, 0, '' FROM links l JOIN p ON l.party = p.id
UNION ALL
SELECT 2, m.obligation, NULL, m.creditor, m.state, m.since, m.remains, m.covers FROM marks m JOIN p ON m.party = p.id
UNION ALL
SELECT 3, l.obligation, NULL, l.creditor, l.hub, l.since, l.remains, l.covers
FROM s JOIN sights g ON g.subject = s.subject JOIN lines l ON l.payment = g.payment AND l.no = g.line JOIN p ON l.party <> p.id
WHERE l.hub <> 'none'
ORDER BY part, at, id`

// The parts of a folder.
const (
	partParty = iota
	partLink
	partMark
	partOthers
)

// Folder reads all the hub holds about a party in one round trip.
func (s *Store) Folder(ctx context.Context, who hub.Login) (hub.Folder, error) {
	login := s.login(who)
	rows, err := s.ask(ctx, folderQuery, login)
	if err != nil {
		return hub.Folder{}, fail(err)
	}
	defer rows.Close()
	folder, others := hub.Folder{}, []hub.Mark(nil)
	for rows.Next() {
		if err := s.addPart(rows, login, &folder, &others); err != nil {
			return hub.Folder{}, fail(err)
		}
	}
	if err := rows.Err(); err != nil {
		return hub.Folder{}, fail(err)
	}
	if folder.Party.ID == "" {
		return hub.Folder{}, hub.Errorf(hub.CodeNotFound, "You are not known here yet.")
	}
	if len(others) > 0 {
		folder.Marks = laid(folder.Marks, others)
	}
	return folder, nil
}

func (s *Store) addPart(rows *sql.Rows, login []byte, folder *hub.Folder, others *[]hub.Mark) error {
	var part int
	var id, creditor, state, covers string
	var sealed []byte
	var at, remains int64
	err := rows.Scan(&part, &id, &sealed, &creditor, &state, &at, &remains, &covers)
	if err != nil {
		return err
	}
	switch part {
	case partParty:
		folder.ReadAt = moment(at)
		folder.Party, err = s.openPerson(hub.PartyID(id), login, sealed)
	case partLink:
		link := hub.Link{ID: hub.LinkID(id), Party: folder.Party.ID, LinkedAt: moment(at)}
		link.Account.Creditor = hub.Name(creditor)
		err = s.openCode(&link, sealed)
		folder.Links = append(folder.Links, link)
	case partMark, partOthers:
		mark := hub.Mark{Creditor: hub.Name(creditor), Obligation: hub.ObligationID(id), State: hub.HubState(state), Since: moment(at), Remains: remains}
		if part == partMark {
			folder.Marks = append(folder.Marks, mark)
		} else {
			*others = append(*others, mark)
		}
		for _, mark.Obligation = range listed(covers) {
			mark.Remains = 0
			*others = append(*others, mark)
		}
	}
	return err
}
