package view

import (
	"slices"
	"sync"

	"racord/hub"
)

// agenda is what the whole view of a party asks. It is made once and good until
// the fleet, the party's codes or its links change, or a quarantine is lifted.
type agenda struct {
	fleet       []*hub.Connector // on duty when it was made
	serving     []*hub.Connector // of each creditor the version that the party is shown
	paid        []*hub.Connector // and the one it is paid through, which is never a canary
	terms       []hub.Term       // that ran for each of these
	identifiers []hub.Identifier
	links       []hub.Link
	questions   []question
	ends        []int // where each connector's questions end
}

// agendas remembers what was planned. It lives and dies with the process.
type agendas struct {
	mu   sync.RWMutex
	made map[hub.PartyID]*agenda
}

// mostAgendas bounds what is remembered; past it, everything is forgotten.
const mostAgendas = 20_000

// agenda gives the agenda of a folder, made anew when the one remembered is not the
// same any more.
func (v *Views) agenda(fleet []*hub.Connector, folder *hub.Folder) *agenda {
	known := v.agendas.get(folder.Party.ID)
	if known == nil || !known.fits(fleet, folder) {
		known = v.newAgenda(fleet, folder)
		v.agendas.put(folder.Party.ID, known)
	}
	return known
}

func (v *Views) newAgenda(fleet []*hub.Connector, folder *hub.Folder) *agenda {
	serving, paid := shown(fleet, folder.Party.ID)
	overheard(fleet, folder)
	a := &agenda{
		fleet: fleet, serving: serving, paid: paid, terms: make([]hub.Term, len(serving)), ends: make([]int, len(serving)),
		identifiers: slices.Clone(folder.Party.Identifiers), links: slices.Clone(folder.Links),
		questions: make([]question, 0, len(fleet)+len(folder.Links)),
	}
	for i, c := range serving {
		a.terms[i] = c.Term()
		a.questions = v.questions(a.questions, c, a.terms[i], folder)
		a.ends[i] = len(a.questions)
	}
	return a
}

// shown gives of each creditor the version that the party is shown, and the one
// that it is paid through.
func shown(fleet []*hub.Connector, party hub.PartyID) (serving, paid []*hub.Connector) {
	serving, paid = make([]*hub.Connector, 0, len(fleet)), make([]*hub.Connector, 0, len(fleet))
	for _, c := range fleet {
		if own := c.For(party); own != nil {
			serving, paid = append(serving, own), append(paid, c)
		}
	}
	return serving, paid
}

// overheard lets versions that nobody is shown yet be asked about the party too.
func overheard(fleet []*hub.Connector, folder *hub.Folder) {
	for _, c := range fleet {
		if c.Shadow == nil {
			continue
		}
		for _, asked := range c.Shadow.Questions(folder) {
			c.Overhear(asked)
		}
	}
}

// fits tells whether the agenda would be made the same again. A fleet that
// changes is another list.
func (a *agenda) fits(fleet []*hub.Connector, folder *hub.Folder) bool {
	return len(a.fleet) == len(fleet) && (len(fleet) == 0 || &a.fleet[0] == &fleet[0]) && a.sameTerms() &&
		slices.Equal(a.identifiers, folder.Party.Identifiers) &&
		slices.EqualFunc(a.links, folder.Links, func(x, y hub.Link) bool { return x.Account == y.Account })
}

// sameTerms tells whether nobody was let out of quarantine since.
func (a *agenda) sameTerms() bool {
	for i, c := range a.serving {
		if a.terms[i] != c.Term() {
			return false
		}
	}
	return true
}

func (a *agendas) get(party hub.PartyID) *agenda {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.made[party]
}

func (a *agendas) put(party hub.PartyID, one *agenda) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.made == nil || len(a.made) >= mostAgendas {
		a.made = map[hub.PartyID]*agenda{}
	}
	a.made[party] = one
}
