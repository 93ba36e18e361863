package hub

import (
	"encoding/json"
	"log/slog"
)

// askedJSON spells an Asked out, because Identifier never encodes its value.
type askedJSON struct {
	Party    PartyID `json:"party,omitempty"`
	Scheme   Scheme  `json:"scheme,omitempty"`
	Value    string  `json:"value,omitempty"`
	Creditor Name    `json:"creditor,omitempty"`
	Account  string  `json:"account,omitempty"`
}

// MarshalJSON lets the identifier's value out, so that a payment which is read
// back can ask its creditor again. It is for sealed places only: what is seen by
// others is made of other types.
func (a Asked) MarshalJSON() ([]byte, error) {
	return json.Marshal(askedJSON{a.Party, a.Identifier.Scheme, a.Identifier.Value, a.Account.Creditor, a.Account.Code})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Asked) UnmarshalJSON(text []byte) error {
	var said askedJSON
	if err := json.Unmarshal(text, &said); err != nil {
		return err
	}
	*a = Asked{said.Party, Identifier{said.Scheme, said.Value}, AccountRef{said.Creditor, said.Account}}
	return nil
}

// LogValue gives the party's opaque name and nothing else.
func (a Asked) LogValue() slog.Value { return slog.StringValue(string(a.Party)) }
