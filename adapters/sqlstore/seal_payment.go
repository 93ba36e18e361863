package sqlstore

import (
	"encoding/json"
	"errors"
	"strconv"

	"racord/hub"
)

const placePayment = "payments|body|"

// paymentPlace binds a payment to its id and version, so that a row given
// another's body, or an older one, does not open.
func paymentPlace(id hub.PaymentID, version int64) string {
	return placePayment + string(id) + "|" + strconv.FormatInt(version, 10)
}

func encodePayment(p *hub.Payment) ([]byte, error) {
	encoded, err := json.Marshal(p)
	if err != nil {
		return nil, hub.Wrap(hub.CodeInternal, err, "A payment could not be written down.")
	}
	return encoded, nil
}

// openPayment opens a body and gives the payment and what was sealed.
func (s *Store) openPayment(id hub.PaymentID, version int64, sealed []byte) (*hub.Payment, []byte, error) {
	encoded, err := s.keys.Open(paymentPlace(id, version), sealed)
	if err != nil {
		return nil, nil, spoiled(err)
	}
	p := &hub.Payment{}
	if err := json.Unmarshal(encoded, p); err != nil {
		return nil, nil, spoiled(errors.Join(hub.ErrSealed, err))
	}
	if p.ID != id {
		return nil, nil, spoiled(hub.ErrSealed)
	}
	return p, encoded, nil
}
