package roster

import (
	"context"
	"slices"

	"racord/hub"
)

// absent is a creditor of which nobody can be asked: its version cannot be opened
// here, as when a manifest uses a setting of a newer release, or none is live. What
// it is owed is not known, and whoever asks is told so.
type absent struct{}

func (absent) Obligations(context.Context, hub.Asked) (hub.Answer, error) {
	return hub.Answer{}, hub.Errorf(hub.CodeUnavailable, "The creditor's connector is not in service.")
}

// standIn gives a member in the place of a version that cannot be opened. Whoever
// else there is of the creditor lends its description and is not called: it may
// have another address and other accounts.
func (r *Roster) standIn(was *member, d hub.Deployment, others ...map[post]*member) *member {
	if was != nil && was.absent && was.Stage == d.Stage {
		return was.as(d)
	}
	c := r.described(d, others)
	c.Version, c.Lifted, c.Source = d.Version, d.Lifted, absent{}
	r.counted(c, d.Creditor)
	switch {
	case d.Stage.Halts():
		r.halt(c, d)
	case d.Stage == hub.StageLive:
		r.hold(c, d.Creditor)
	}
	return &member{Deployment: d, opened: Opened{Connector: c, Close: func() {}}, absent: true}
}

// described gives a connector without parts that is described as the version next
// to the wanted one, else as the operator's own, else by its name.
func (r *Roster) described(d hub.Deployment, others []map[post]*member) *hub.Connector {
	var like *hub.Connector
	for _, crew := range others {
		for at, m := range crew {
			if at.creditor == d.Creditor && (like == nil || far(at.version, d.Version) < far(like.Version, d.Version)) {
				like = m.opened.Connector
			}
		}
	}
	if i := slices.IndexFunc(r.Own, func(c *hub.Connector) bool { return c.Creditor.Name == d.Creditor }); like == nil && i >= 0 {
		like = r.Own[i]
	}
	if like == nil {
		return &hub.Connector{Creditor: hub.Creditor{Name: d.Creditor, Title: string(d.Creditor)}, Traits: hub.Traits{
			Fetch:       []hub.Fetch{hub.FetchByParty, hub.FetchByAccount},
			Identifiers: []hub.Scheme{hub.SchemeCNP, hub.SchemeCUI, hub.SchemeNIF},
		}}
	}
	c := &hub.Connector{Creditor: like.Creditor, Traits: like.Traits}
	c.Creditor.Accounts = nil
	return c
}

// far orders versions by how near they are to one; of two as near, the older.
func far(version, from int) int {
	if version > from {
		return 2*(version-from) + 1
	}
	return 2 * (from - version)
}

// note logs what cannot be opened, once for every reason, and tells of whom there is
// such a version now and of whom no longer.
func (r *Roster) note(unopened map[post]error) {
	before, now := r.unopened, map[post]string{}
	for at, err := range unopened {
		if now[at] = err.Error(); before[at] != now[at] {
			r.Log.Error("a registered connector cannot be opened", "connector", at.creditor, "version", at.version, "code", hub.CodeOf(err), "error", err)
		}
	}
	for at := range before {
		if _, still := now[at]; !still {
			r.Log.Info("a registered connector that could not be opened is open, or gone", "connector", at.creditor, "version", at.version)
		}
	}
	r.unopened = now
	if r.Unopened != nil {
		r.tellUnopened(creditors(before), creditors(now))
	}
}

func (r *Roster) tellUnopened(was, is map[hub.Name]bool) {
	for name := range is {
		if !was[name] {
			r.Unopened(name, true)
		}
	}
	for name := range was {
		if !is[name] {
			r.Unopened(name, false)
		}
	}
}

func creditors(of map[post]string) map[hub.Name]bool {
	names := map[hub.Name]bool{}
	for at := range of {
		names[at.creditor] = true
	}
	return names
}
