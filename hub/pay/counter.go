package pay

import (
	"context"

	"racord/hub"
)

// Payments without a login belong to the portal that opened them: it alone may
// look at them and carry them on.

// OpenReference is Open for a quote of a reference, on behalf of a portal.
func (s *Service) OpenReference(ctx context.Context, portal string, o Order) (*hub.Payment, error) {
	return s.open(ctx, "", portal, o)
}

// ReferencePayment gives a payment that the portal opened for somebody who did
// not sign in, else CodeNotFound.
func (s *Service) ReferencePayment(ctx context.Context, portal string, id hub.PaymentID) (*hub.Payment, error) {
	p, err := s.Store.Payment(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.Party != "" || p.Portal != portal || portal == "" {
		return nil, errNoPayment()
	}
	return p, nil
}

// ResumeReference is Resume for a portal's own payment.
func (s *Service) ResumeReference(ctx context.Context, portal string, id hub.PaymentID) (*hub.Payment, error) {
	p, err := s.ReferencePayment(ctx, portal, id)
	if err != nil {
		return nil, err
	}
	return s.resume(ctx, p)
}

// CancelReference is Cancel for a portal's own payment.
func (s *Service) CancelReference(ctx context.Context, portal string, id hub.PaymentID) (*hub.Payment, error) {
	if _, err := s.ReferencePayment(ctx, portal, id); err != nil {
		return nil, err
	}
	return s.giveUp(ctx, id)
}
