package sqlstore

import (
	"encoding/json"
	"strconv"

	"racord/hub"
)

const placePayment = "payments|body|"

// paymentPlace binds a payment to its id and version, so that a row given
// another's body, or an older one, does not open.
func paymentPlace(id hub.PaymentID, version int64) string {
	return placePayment + string(id) + "|" + strconv.FormatInt(version, 10)
}

// sealedPayment is a payment as it is sealed. Its lines spell identifiers out,
// because hub.Identifier never encodes its value.
type sealedPayment struct {
	hub.Payment
	Lines []sealedLine `json:"lines"`
}

type sealedLine struct {
	hub.Line
	Asked sealedAsked `json:"asked"`
}

type sealedAsked struct {
	Party      hub.PartyID    `json:"party,omitempty"`
	Identifier *identifier    `json:"identifier,omitempty"`
	Account    hub.AccountRef `json:"account,omitzero"`
}

func encodePayment(p *hub.Payment) ([]byte, error) {
	clear := sealedPayment{Payment: *p, Lines: make([]sealedLine, len(p.Lines))}
	for i := range p.Lines {
		asked := &p.Lines[i].Asked
		clear.Lines[i] = sealedLine{Line: p.Lines[i], Asked: sealedAsked{Party: asked.Party, Account: asked.Account}}
		if asked.Identifier != (hub.Identifier{}) {
			id := identifier(asked.Identifier)
			clear.Lines[i].Asked.Identifier = &id
		}
	}
	encoded, err := json.Marshal(&clear)
	if err != nil {
		return nil, hub.Wrap(hub.CodeInternal, err, "A payment could not be written down.")
	}
	return encoded, nil
}

func decodePayment(encoded []byte) (*hub.Payment, error) {
	clear := sealedPayment{}
	if err := json.Unmarshal(encoded, &clear); err != nil {
		return nil, spoiled(err)
	}
	p := clear.Payment
	p.Lines = make([]hub.Line, len(clear.Lines))
	for i := range clear.Lines {
		asked := &clear.Lines[i].Asked
		p.Lines[i] = clear.Lines[i].Line
		p.Lines[i].Asked = hub.Whom{Party: asked.Party, Account: asked.Account}
		if asked.Identifier != nil {
			p.Lines[i].Asked.Identifier = hub.Identifier(*asked.Identifier)
		}
	}
	return &p, nil
}

// openPayment opens a body and gives the payment and what was sealed.
func (s *Store) openPayment(id hub.PaymentID, version int64, sealed []byte) (*hub.Payment, []byte, error) {
	encoded, err := s.keys.Open(paymentPlace(id, version), sealed)
	if err != nil {
		return nil, nil, spoiled(err)
	}
	p, err := decodePayment(encoded)
	if err != nil {
		return nil, nil, err
	}
	if p.ID != id {
		return nil, nil, spoiled(hub.ErrSealed)
	}
	return p, encoded, nil
}
