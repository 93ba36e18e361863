package town

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/gate"
	"racord/cmd/city/heating"
	"racord/cmd/city/identity"
	"racord/cmd/city/people"
)

// Debt is one record of the truth book.
type Debt = book.Debt

// Account is a customer's account at a creditor.
type Account = book.Account

// Fault is a way a creditor misbehaves; its Creditor may be empty.
type Fault = gate.Fault

// Counter is what a creditor saw of its callers.
type Counter = gate.Counter

// Person is one inhabitant or company as the control channel tells of it.
type Person struct {
	ID       string               `json:"id"`   // "p000001"
	Kind     string               `json:"kind"` // person or company
	Name     string               `json:"name"`
	CNP      string               `json:"cnp,omitempty"`
	CUI      string               `json:"cui,omitempty"`
	Login    string               `json:"login"`    // for login_hint
	Accounts map[string][]Account `json:"accounts"` // by creditor
}

// People returns everybody with their accounts, in order of id. It is meant
// for a city of size S.
func (t *Town) People() []Person {
	w, today := t.world.Load(), t.clock.Today()
	everybody := make([]Person, w.people.Len())
	for i := range everybody {
		everybody[i] = w.person(i, today)
	}
	return everybody
}

// Person finds somebody by id or by the login of a demo person.
func (t *Town) Person(id string) (Person, error) {
	w := t.world.Load()
	p, err := w.find(id)
	if err != nil {
		return Person{}, err
	}
	return w.person(p.Index, t.clock.Today()), nil
}

func (w *world) find(id string) (people.Person, error) {
	p, ok := w.people.ByID(id)
	if !ok {
		return p, fmt.Errorf("town: nobody has the id %q", id)
	}
	return p, nil
}

func (w *world) person(i int, on calendar.Day) Person {
	p := w.people.Person(i)
	told := Person{
		ID: p.ID, Kind: string(p.Kind), Name: p.Name(), CNP: p.CNP, CUI: p.CUI, Login: p.Login, Accounts: map[string][]Account{},
	}
	for _, c := range book.Creditors() {
		if accounts := w.book.Accounts(c, i, on); len(accounts) > 0 {
			told.Accounts[string(c)] = accounts
		}
	}
	return told
}

// Truth returns what each creditor shows about a person now, settled records
// included. Creditors that do not know the person are left out; somebody who
// is known and has nothing listed has an empty list.
func (t *Town) Truth(personID string) map[string][]Debt {
	w := t.world.Load()
	p, err := w.find(personID)
	if err != nil {
		return nil
	}
	return w.truth(p.Index, t.clock.Today())
}

func (w *world) truth(i int, on calendar.Day) map[string][]Debt {
	all := map[string][]Debt{}
	for _, c := range book.Creditors() {
		debts := w.book.Truth(c, i, on)
		if len(debts) > 0 || w.book.Knows(c, i, on) {
			all[string(c)] = append([]Debt{}, debts...)
		}
	}
	return all
}

// Token returns an access token for a person, as the portal would get it from
// the identity provider.
func (t *Town) Token(_ context.Context, personID string) (string, error) {
	w := t.world.Load()
	p, err := w.find(personID)
	if err != nil {
		return "", err
	}
	return w.identity.Token(p.Index)
}

// Pay enters a payment into a creditor's book, as if made at its counter.
func (t *Town) Pay(personID, creditor, externalID string, bani int64) error {
	w := t.world.Load()
	p, err := w.find(personID)
	if err != nil {
		return err
	}
	if err := w.book.Pay(book.Creditor(creditor), p.Index, externalID, bani, t.clock.Now()); err != nil {
		return err
	}
	return t.waste.Sync()
}

// Fault makes a creditor (or "identity") misbehave until ClearFaults; a fault
// of the same kind is replaced. It fails for unknown names and kinds.
func (t *Town) Fault(creditor string, f Fault) error {
	g, ok := t.world.Load().gates[creditor]
	if !ok {
		return fmt.Errorf("town: unknown creditor %q", creditor)
	}
	return g.Set(f)
}

// ClearFaults makes all creditors behave, or only those named.
func (t *Town) ClearFaults(creditors ...string) {
	for name, g := range t.world.Load().gates {
		if len(creditors) == 0 || slices.Contains(creditors, name) {
			g.Clear()
		}
	}
}

// Counters returns what each creditor saw since the start or ResetCounters, and
// the identity provider under "identity". For heating and waste a call is a
// connection; a SQLite file cannot count who reads it.
func (t *Town) Counters() map[string]Counter {
	all := map[string]Counter{}
	for name, g := range t.world.Load().gates {
		all[name] = g.Counter()
	}
	return all
}

// ResetCounters starts counting again.
func (t *Town) ResetCounters() {
	for _, g := range t.world.Load().gates {
		g.Reset()
	}
}

// Credentials are the creditors' passwords and keys, by the names the hub's
// manifests give its secrets.
func (t *Town) Credentials() map[string]string {
	all := maps.Clone(t.roadKeys.Credentials())
	maps.Copy(all, map[string]string{
		"fines-api-key":             finesKey,
		"ditl-user":                 ditlUser,
		"ditl-password":             ditlPassword,
		"water-client-id":           waterID,
		"water-client-secret":       waterSecret,
		"electricity-client-id":     electricityID,
		"electricity-client-secret": electricitySecret,
		"heating-sftp-user":         heatingUser,
		"heating-sftp-password":     heatingPassword,
		"heating-sftp-hostkey":      heating.HostKey(),
		"waste-dsn":                 t.WasteDSN(),
		"associations-token":        associationsToken,
		"gas-api-key":               gasKey,
		"transport-user":            transportUser,
		"transport-password":        transportPassword,
		"parking-api-key":           parkingKey,
		"portal-client-id":          identity.PortalService,
		"portal-client-secret":      portalSecret,
		"desk-client-id":            identity.StaffDesk,
		"desk-client-secret":        portalSecret,
	})
	return providerCredentials(all)
}
