package view

import (
	"slices"
	"time"

	"racord/hub"
)

// sheet is one connector's part of a view while it is being made.
type sheet struct {
	connector *hub.Connector
	paid      *hub.Connector // what its creditor is paid through
	questions []question
	room      []*hub.Page // for the answers, one a question
}

// question is one call that a page needs: an identifier or an account.
type question struct {
	asked    hub.Asked
	key      hub.PageKey
	page     *hub.Page // what is remembered or was answered
	stale    bool      // the page is too old to be called fresh
	flight   *flight   // the call under way that the view waits for, if any
	landings uint32    // of calls like this, before the caches were asked
	err      error     // why that call brought nothing
}

// plan finds what each connector is to be asked about the party.
func (v *Views) plan(folder hub.Folder, ask Ask) (*agenda, error) {
	fleet, err := chosen(v.Roster.OnDuty(), ask.Creditors)
	if err != nil {
		return nil, err
	}
	if len(ask.Creditors) == 0 {
		return v.agenda(fleet, &folder), nil
	}
	return v.newAgenda(fleet, &folder), nil
}

func chosen(fleet []*hub.Connector, names []hub.Name) ([]*hub.Connector, error) {
	if len(names) == 0 {
		return fleet, nil
	}
	some := make([]*hub.Connector, 0, len(names))
	for _, c := range fleet {
		if slices.Contains(names, c.Creditor.Name) {
			some = append(some, c)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(some, func(c *hub.Connector) bool { return c.Creditor.Name == name }) {
			return nil, unknownCreditor(name)
		}
	}
	return some, nil
}

func unknownCreditor(name hub.Name) error {
	err := hub.Errorf(hub.CodeInvalid, "There is no such creditor.")
	if !name.Valid() {
		name = "" // not repeated: it may be anything
	}
	err.Fields = []hub.Field{{Pointer: "creditor", Code: hub.CodeInvalid, Detail: "unknown creditor " + string(name)}}
	return err
}

// questions appends the calls a connector's page needs.
func (v *Views) questions(all []question, c *hub.Connector, term hub.Term, folder *hub.Folder) []question {
	if c.Source == nil {
		return all
	}
	for _, asked := range c.Questions(folder) {
		all = append(all, v.question(c, term, asked))
	}
	return all
}

func (v *Views) question(c *hub.Connector, term hub.Term, asked hub.Asked) question {
	return question{asked: asked, key: v.names.key(c.Creditor.Name, c.Version, term, asked)}
}

// youth tells how a remembered page may be used now.
type youth int

const (
	useless youth = iota // ask; it does not even help when the creditor fails
	spare                // ask; shown as stale when the creditor fails
	ageing               // shown as stale at once, refreshed behind
	young                // shown as it is
)

func (v *Views) youth(p *hub.Page, c *hub.Connector, ask Ask, now, business time.Time) youth {
	age := now.Sub(p.FetchedAt)
	tooOld := ask.MaxStaleness >= 0 && age > ask.MaxStaleness
	switch {
	case !now.Before(p.ServeUntil):
		return useless
	case tooOld || expired(p, business):
		return spare
	case now.Before(p.FreshUntil):
		return young
	case now.Before(p.FreshUntil.Add(c.Traits.Freshness.StaleWhileRevalidate)):
		return ageing
	default:
		return spare
	}
}

// expired tells whether the amounts may have changed since they were given.
func expired(p *hub.Page, business time.Time) bool {
	return !p.ValidUntil.IsZero() && !business.Before(p.ValidUntil)
}
