package pay

import (
	"context"

	"racord/hub"
)

// History lists the caller's payments, newest first, from before the one named.
func (s *Service) History(ctx context.Context, who hub.Login, most int, before hub.PaymentID) ([]*hub.Payment, error) {
	folder, err := s.Folders.Folder(ctx, who)
	if err != nil {
		return nil, err
	}
	return s.Store.PaymentsOf(ctx, folder.Party.ID, most, before)
}

// Title is a provider's name as payers know it; the short name when the provider
// is not configured any more.
func (s *Service) Title(psp string) string {
	if p := s.psp(psp); p != nil && p.Title != "" {
		return p.Title
	}
	return psp
}
