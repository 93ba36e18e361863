package hub

import "encoding/json"

// Whom is whom a creditor is asked about, kept with a line so that the creditor
// can be asked again later. Unlike an Asked it is written whole, for places that
// are sealed; it prints as little as an Asked.
type Whom Asked

// whom is a Whom in JSON.
type whom struct {
	Party    PartyID `json:"party,omitempty"`
	Scheme   Scheme  `json:"scheme,omitempty"`
	Value    string  `json:"value,omitempty"`
	Creditor Name    `json:"creditor,omitempty"`
	Code     string  `json:"code,omitempty"`
}

// MarshalJSON writes the identifier or account whole.
func (w Whom) MarshalJSON() ([]byte, error) {
	return json.Marshal(whom{w.Party, w.Identifier.Scheme, w.Identifier.Value, w.Account.Creditor, w.Account.Code})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (w *Whom) UnmarshalJSON(text []byte) error {
	var plain whom
	err := json.Unmarshal(text, &plain)
	*w = Whom{plain.Party, Identifier{plain.Scheme, plain.Value}, AccountRef{plain.Creditor, plain.Code}}
	return err
}

// String gives the party's opaque id.
func (w Whom) String() string { return string(w.Party) }
