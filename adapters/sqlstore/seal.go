package sqlstore

import (
	"encoding/json"

	"racord/hub"
)

// A sealed value opens only under the name of its place: table, row and column.
const (
	placePerson     = "parties|person|"
	placeCode       = "links|code|"
	placeObligation = "snapshot_rows|obligation|"
	placeRefusal    = "refusals|refusal|"
)

// login is the pseudonym by which a party is found.
func (s *Store) login(who hub.Login) []byte {
	mac := s.keys.MAC("login", who.Issuer, who.Subject)
	return mac[:]
}

// account is the pseudonym of an account at its creditor.
func (s *Store) account(a hub.AccountRef) [16]byte {
	return s.keys.MAC("account", string(a.Creditor), a.Code)
}

// external is the pseudonym of a creditor's own id of a debt.
func (s *Store) external(creditor hub.Name, id string) [16]byte {
	return s.keys.MAC("external", string(creditor), id)
}

// person is what is sealed about a party. Identifiers are spelled out, because
// hub.Identifier never encodes its value.
type person struct {
	Name        string       `json:"name"`
	Identifiers []identifier `json:"identifiers,omitempty"`
}

type identifier struct {
	Scheme hub.Scheme `json:"scheme"`
	Value  string     `json:"value"`
}

// personPlace binds a person to the login it is found by, so that a row given
// another login does not open.
func personPlace(id hub.PartyID, login []byte) string {
	return placePerson + string(id) + "|" + string(login)
}

func (s *Store) sealPerson(p hub.Party, login []byte) ([]byte, error) {
	clear := person{Name: p.Name}
	for _, id := range p.Identifiers {
		clear.Identifiers = append(clear.Identifiers, identifier(id))
	}
	encoded, err := json.Marshal(clear)
	if err != nil {
		return nil, hub.Wrap(hub.CodeInternal, err, "Your data could not be written down.")
	}
	return s.keys.Seal(personPlace(p.ID, login), encoded), nil
}

func (s *Store) openPerson(id hub.PartyID, login, sealed []byte) (hub.Party, error) {
	encoded, err := s.keys.Open(personPlace(id, login), sealed)
	if err != nil {
		return hub.Party{}, spoiled(err)
	}
	clear := person{}
	if err := json.Unmarshal(encoded, &clear); err != nil {
		return hub.Party{}, spoiled(err)
	}
	party := hub.Party{ID: id, Name: clear.Name}
	for _, i := range clear.Identifiers {
		party.Identifiers = append(party.Identifiers, hub.Identifier(i))
	}
	return party, nil
}

// codePlace binds an account code to its link, whose it is and where, so that a
// link given to somebody else does not open.
func codePlace(l *hub.Link) string {
	return placeCode + string(l.ID) + "|" + string(l.Party) + "|" + string(l.Account.Creditor)
}

func (s *Store) sealCode(l *hub.Link) []byte {
	return s.keys.Seal(codePlace(l), []byte(l.Account.Code))
}

// openCode fills in the link's account code.
func (s *Store) openCode(l *hub.Link, sealed []byte) error {
	code, err := s.keys.Open(codePlace(l), sealed)
	if err != nil {
		return spoiled(err)
	}
	l.Account.Code = string(code)
	return nil
}

// spoiled reports a row that was altered, moved, or sealed under another key.
func spoiled(err error) error {
	return hub.Wrap(hub.CodeInternal, err, "Our records about this are damaged.")
}
