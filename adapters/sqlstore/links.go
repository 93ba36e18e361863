package sqlstore

import (
	"context"

	"racord/hub"
)

// Link keeps a proved link.
func (s *Store) Link(ctx context.Context, l hub.Link) error {
	account := s.account(l.Account)
	added, err := s.exec(ctx, `
INSERT INTO links (id, party, creditor, account, code, linked_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING`,
		string(l.ID), string(l.Party), string(l.Account.Creditor), account[:], s.sealCode(&l), micros(l.LinkedAt))
	if err != nil {
		return err
	}
	if added == 0 {
		return hub.Errorf(hub.CodeConflict, "This account is linked already.")
	}
	return nil
}

// Unlink drops a link of the party.
func (s *Store) Unlink(ctx context.Context, party hub.PartyID, id hub.LinkID) error {
	dropped, err := s.exec(ctx, `DELETE FROM links WHERE id = $1 AND party = $2`, string(id), string(party))
	if err != nil {
		return err
	}
	if dropped == 0 {
		return hub.Errorf(hub.CodeNotFound, "You have no such link.")
	}
	return nil
}
