package pay

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"racord/hub"
)

// paper is what a quote's token holds. It is sealed: nobody outside reads or
// changes it, and the hub keeps no quotes.
type paper struct {
	ID         hub.QuoteID                `json:"id"`
	Party      hub.PartyID                `json:"party"`
	Portal     string                     `json:"portal"`
	Lines      []hub.Line                 `json:"lines"`
	Kin        map[int][]hub.ObligationID `json:"kin,omitempty"` // by the number of the line
	ValidUntil time.Time                  `json:"valid_until"`   // business time
	Sealed     time.Time                  `json:"sealed"`        // real time
}

// place is the name a quote is sealed under.
const place = "quote"

func (p *paper) seal(keys *hub.Keys) (string, error) {
	plain, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(keys.Seal(place, plain)), nil
}

// longestToken in bytes is refused unread above it.
const longestToken = 48 << 10

func unseal(keys *hub.Keys, token string) (*paper, error) {
	if len(token) > longestToken {
		return nil, invalid("/quote", "not a quote of this hub")
	}
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, invalid("/quote", "not a quote of this hub")
	}
	plain, err := keys.Open(place, sealed)
	if err != nil {
		return nil, invalid("/quote", "not a quote of this hub")
	}
	p := &paper{}
	return p, json.Unmarshal(plain, p)
}

// good tells whether the quote is the caller's own and still holds.
func (p *paper) good(party hub.PartyID, portal string, business time.Time) error {
	switch {
	case p.Party != party || p.Portal != portal:
		return invalid("/quote", "not a quote of this hub")
	case !business.Before(p.ValidUntil) || time.Since(p.Sealed) > longestQuote:
		return hub.Errorf(hub.CodeAmountChanged, "The quote has run out. Ask for a new one.")
	case len(p.Lines) == 0:
		return hub.Errorf(hub.CodeNotPayable, "Nothing in the quote can be paid.")
	}
	return nil
}
