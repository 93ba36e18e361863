package sqlstore

import (
	"context"
	"slices"
	"strings"

	"racord/hub"
)

// Enrol creates the party, or finds the one that is there. Of several at once,
// one creates it and all return it.
func (s *Store) Enrol(ctx context.Context, who hub.Login, name string, ids []hub.Identifier) (hub.Folder, error) {
	party := hub.Party{ID: hub.PartyID(hub.NewID()), Name: name, Identifiers: ids}
	login := s.login(who)
	person, err := s.sealPerson(party, login)
	if err != nil {
		return hub.Folder{}, err
	}
	err = s.repeat(func() error { return s.enrol(ctx, party, login, person) })
	if err != nil {
		return hub.Folder{}, s.fault(err)
	}
	return s.Folder(ctx, who)
}

const enrolQuery = `
INSERT INTO parties (id, login, person, read_at) VALUES ($1, $2, $3, {now}) ON CONFLICT (login) DO NOTHING RETURNING id`

// enrol stores a party with the pseudonyms of its codes, unless the login has one.
func (s *Store) enrol(ctx context.Context, party hub.Party, login, person []byte) error {
	created := ""
	first := Statement{SQL: s.texts.enrol, Args: []any{string(party.ID), login, person}, Scan: func(row Scanner) error { return row.Scan(&created) }}
	return s.engine.Within(ctx, []Statement{first}, func(Run) ([]Statement, error) {
		if created == "" {
			return nil, nil
		}
		return s.codes(party), nil
	})
}

// Renew keeps what the issuer says now of somebody who is known.
func (s *Store) Renew(ctx context.Context, who hub.Login, name string, ids []hub.Identifier) (changed bool, err error) {
	err = s.repeat(func() error {
		changed, err = s.renew(ctx, s.login(who), name, ids)
		return err
	})
	return changed, s.fault(err)
}

const (
	personQuery = `SELECT id, person FROM parties WHERE login = $1{for update}`
	renewQuery  = `UPDATE parties SET person = $2, read_at = {now} WHERE id = $1`
	uncodeQuery = `DELETE FROM codes WHERE party = $1`
)

func (s *Store) renew(ctx context.Context, login []byte, name string, ids []hub.Identifier) (changed bool, err error) {
	c := &change{store: s}
	id, sealed := "", []byte(nil)
	first := []Statement{
		{SQL: s.texts.person, Args: []any{login}, Scan: func(row Scanner) error { return row.Scan(&id, &sealed) }},
		c.at(s.engine.Clock("")),
	}
	err = s.engine.Within(ctx, first, func(Run) ([]Statement, error) {
		if id == "" {
			return nil, hub.Errorf(hub.CodeNotFound, "You are not known here yet.")
		}
		before, err := s.openPerson(hub.PartyID(id), login, sealed)
		if err != nil {
			return nil, err
		}
		now := hub.Party{ID: before.ID, Name: name, Identifiers: ids}
		changed = !slices.Equal(before.Identifiers, ids)
		if lost := lostCodes(before.Identifiers, ids); len(lost) > 0 {
			c.Anomaly("codes_changed", "party "+id+": "+strings.Join(lost, ", "))
		}
		person, err := s.sealPerson(now, login)
		batch := []Statement{{SQL: s.texts.renew, Args: []any{id, person}}, {SQL: uncodeQuery, Args: []any{id}}}
		return slices.Concat(batch, s.codes(now), c.noted(&hub.Payment{})), err
	})
	return changed, err
}

// lostCodes gives the schemes of codes that are there no more.
func lostCodes(before, now []hub.Identifier) (schemes []string) {
	for _, id := range before {
		if !slices.Contains(now, id) {
			schemes = append(schemes, string(id.Scheme))
		}
	}
	return schemes
}

// codes gives the statements that keep the pseudonyms of a party's codes.
func (s *Store) codes(party hub.Party) []Statement {
	list := make([][]any, len(party.Identifiers))
	for i, id := range party.Identifiers {
		subject := s.identifier(id)
		list[i] = []any{string(party.ID), subject[:]}
	}
	return s.engine.Add(&codesTable, list)
}
