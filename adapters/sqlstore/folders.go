package sqlstore

import (
	"context"
	"database/sql"

	"racord/hub"
)

// folderQuery reads a party, its links and its marks in one round trip. The
// first column says what a row is.
const folderQuery = `
WITH p AS (SELECT id, person FROM parties WHERE login = $1)
SELECT 0 AS part, id, person AS sealed, '' AS creditor, '' AS state, 0 AS at, 0 AS remains FROM p
UNION ALL
SELECT 1, l.id, l.code, l.creditor, '', l.linked_at, 0 FROM links l JOIN p ON l.party = p.id
UNION ALL
SELECT 2, m.obligation, NULL, m.creditor, m.state, m.since, m.remains FROM marks m JOIN p ON m.party = p.id
ORDER BY part, at, id`

// The parts of a folder.
const (
	partParty = iota
	partLink
	partMark
)

// Folder reads all the hub holds about a party in one round trip.
func (s *Store) Folder(ctx context.Context, who hub.Login) (hub.Folder, error) {
	login := s.login(who)
	rows, err := s.read.QueryContext(ctx, folderQuery, login)
	if err != nil {
		return hub.Folder{}, fail(err)
	}
	defer rows.Close()
	folder := hub.Folder{}
	for rows.Next() {
		if err := s.addPart(rows, login, &folder); err != nil {
			return hub.Folder{}, fail(err)
		}
	}
	if err := rows.Err(); err != nil {
		return hub.Folder{}, fail(err)
	}
	if folder.Party.ID == "" {
		return hub.Folder{}, hub.Errorf(hub.CodeNotFound, "You are not known here yet.")
	}
	return folder, nil
}

func (s *Store) addPart(rows *sql.Rows, login []byte, folder *hub.Folder) error {
	var part int
	var id, creditor, state string
	var sealed []byte
	var at, remains int64
	err := rows.Scan(&part, &id, &sealed, &creditor, &state, &at, &remains)
	if err != nil {
		return err
	}
	switch part {
	case partParty:
		folder.Party, err = s.openPerson(hub.PartyID(id), login, sealed)
	case partLink:
		link := hub.Link{ID: hub.LinkID(id), Party: folder.Party.ID, LinkedAt: moment(at)}
		link.Account.Creditor = hub.Name(creditor)
		err = s.openCode(&link, sealed)
		folder.Links = append(folder.Links, link)
	case partMark:
		folder.Marks = append(folder.Marks, hub.Mark{
			Creditor: hub.Name(creditor), Obligation: hub.ObligationID(id), State: hub.HubState(state), Since: moment(at), Remains: remains,
		})
	}
	return err
}

// Enrol creates the party, or finds the one that is there. Of several at once,
// one creates it and all return it.
func (s *Store) Enrol(ctx context.Context, who hub.Login, name string, ids []hub.Identifier) (hub.Folder, error) {
	party := hub.Party{ID: hub.PartyID(hub.NewID()), Name: name, Identifiers: ids}
	login := s.login(who)
	person, err := s.sealPerson(party, login)
	if err != nil {
		return hub.Folder{}, err
	}
	_, err = s.exec(ctx, `INSERT INTO parties (id, login, person) VALUES ($1, $2, $3) ON CONFLICT (login) DO NOTHING`,
		string(party.ID), login, person)
	if err != nil {
		return hub.Folder{}, err
	}
	return s.Folder(ctx, who)
}
