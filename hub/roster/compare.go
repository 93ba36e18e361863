package roster

import (
	"slices"
	"strings"
	"time"

	"racord/hub"
)

// differences holds the candidate's answer against the one that was shown. They
// name the subject by a pseudonym, and amounts, dates and accounts only.
func (s *shadow) differences(q question, answer hub.Answer, known bool) (found []hub.Mismatch) {
	note := func(obligation, field, candidate, current string) {
		if candidate != current {
			found = append(found, hub.Mismatch{
				At: time.Now(), Subject: s.subject(q.who), Obligation: obligation, Field: field, Candidate: candidate, Current: current,
			})
		}
	}
	note("", "known", yes(known), yes(q.known))
	current := byID(q.answer)
	for id, o := range byID(answer) {
		was, there := current[id]
		delete(current, id)
		if note(id, "listed", "yes", yes(there)); there {
			note(id, "outstanding", o.Outstanding.String(), was.Outstanding.String())
			note(id, "status", string(o.Status), string(was.Status))
			note(id, "options", options(o), options(was))
		}
	}
	for id := range current {
		note(id, "listed", "no", "yes")
	}
	return found
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// subject is a pseudonym of whom was asked about.
func (s *shadow) subject(who hub.Asked) string {
	return s.r.Keys.Pseudonym("trial", string(s.at.creditor), string(who.Identifier.Scheme), who.Identifier.Value, who.Account.Code)
}

func byID(a hub.Answer) map[string]*hub.Obligation {
	all := make(map[string]*hub.Obligation, len(a.Obligations))
	for i := range a.Obligations {
		all[a.Obligations[i].ExternalID] = &a.Obligations[i]
	}
	return all
}

// options writes what may be paid, until when, and to which accounts.
func options(o *hub.Obligation) string {
	var list []string
	for _, option := range o.Options {
		text := option.Kind + " " + option.Amount.String() + " " + string(option.AvailableUntil)
		for _, t := range option.Transfers {
			text += " " + t.IBAN
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}
