package feed

import (
	"context"
	"time"

	"racord/hub"
)

// Serve lets a connector with a Feed or an Inbox answer from what is published. Without a
// Source of its own it answers from the published rows alone; with one, the
// live answer says what is owed and the rows add the details. Serve goes over
// the guard: reading the store takes none of the creditor's slots. A connector
// without both is returned as it is.
func Serve(c *hub.Connector, store hub.Snapshots, clock hub.Clock) *hub.Connector {
	if c.Feed == nil && c.Inbox == nil {
		return c
	}
	served := *c
	if c.Source == nil {
		served.Source = &published{held: c.Quarantined, creditor: c.Creditor.Name, traits: c.Traits, store: store, clock: clock}
	} else {
		served.Source = &detailed{live: c.Source, creditor: c.Creditor.Name, store: store, clock: clock}
	}
	return &served
}

// published answers from the rows of the last delivery.
type published struct {
	held     func() bool
	creditor hub.Name
	traits   hub.Traits
	store    hub.Snapshots
	clock    hub.Clock
}

var _ hub.Source = (*published)(nil)

// Obligations gives the published rows of an account. ValidUntil is the moment
// the next delivery should have replaced them; past it the answer is old. It
// fails with CodeUnsupported for a party, CodeForeignData in quarantine,
// CodeUnavailable before there was a first
// publication and once the rows are older than may be shown at all, and
// CodeNotFound for an account without rows, unless such an account is in no list.
// While a record was refused that may be anybody's, nobody knows which accounts
// those are.
func (p *published) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	if !who.ByAccount() {
		return hub.Answer{}, hub.Errorf(hub.CodeUnsupported, "This creditor can only be asked about an account.")
	}
	if p.held() {
		return hub.Answer{}, hub.Errorf(hub.CodeForeignData, "The connector is in quarantine.")
	}
	snapshot, err := p.store.Snapshot(ctx, hub.AccountRef{Creditor: p.creditor, Code: who.Account.Code})
	if hub.CodeOf(err) == hub.CodeNotFound {
		return hub.Answer{}, hub.Errorf(hub.CodeUnavailable, "The creditor's first delivery has not arrived yet.")
	}
	if err != nil {
		return hub.Answer{}, err
	}
	until := p.traits.Delivery.GoodUntil(snapshot.AsOf)
	if p.tooOld(until) {
		return hub.Answer{}, hub.Errorf(hub.CodeUnavailable, "The creditor has not delivered anything for too long.")
	}
	refused := snapshot.Refused
	if len(snapshot.Obligations) == 0 && len(refused) == 0 {
		if refused, err = p.unlisted(&snapshot); err != nil {
			return hub.Answer{}, err
		}
	}
	for i := range snapshot.Obligations {
		if o := &snapshot.Obligations[i]; o.Account != "" && o.Account != who.Account.Code {
			return hub.Answer{}, hub.Errorf(hub.CodeForeignData, "A published row is about another account.")
		}
	}
	forgetDue(snapshot.Obligations, p.clock.Now())
	return hub.Answer{
		Obligations: withoutCancelled(snapshot.Obligations), Refused: refused,
		AsOf: snapshot.AsOf, ValidUntil: until, Published: true,
	}, nil
}

// unlisted tells what it means that an account has no rows: that nothing is due,
// what may be missing, or that it is not known.
func (p *published) unlisted(s *hub.Snapshot) (refused []hub.QualityEvent, err error) {
	switch {
	case s.Stray != nil:
		return []hub.QualityEvent{*s.Stray}, nil
	case !p.traits.DebtsOnly:
		return nil, hub.Errorf(hub.CodeNotFound, "The creditor does not know this account.")
	case s.AsOf.IsZero():
		return nil, hub.Errorf(hub.CodeUnavailable, "The creditor's first list has not arrived yet.")
	default:
		return nil, nil
	}
}

// tooOld tells whether rows are past even what may be shown as stale. Both
// limits are the manifest's.
func (p *published) tooOld(until time.Time) bool {
	allowed := p.traits.Freshness.StaleIfError
	return !until.IsZero() && allowed > 0 && p.clock.Now().After(until.Add(allowed))
}

// forgetDue takes away that bills fall due once they have: nothing was said of
// another amount. Any other change that is past stays, and with it the row is known
// to be old.
func forgetDue(all []hub.Obligation, now time.Time) {
	for i := range all {
		change := all[i].NextChange
		if change != nil && change.Reason == "due" && change.NewOutstanding == nil && !change.At.After(now) {
			all[i].NextChange = nil
		}
	}
}

// withoutCancelled leaves out bills that another one cancels to the ban, those
// that cancel them, and those that were cancelled after they were delivered: they
// keep their amounts so that they can be restored.
func withoutCancelled(all []hub.Obligation) []hub.Obligation {
	gone := map[string]bool{}
	for i := range all {
		if all[i].Status == hub.StatusCancelled && all[i].Outstanding.Minor != 0 {
			gone[all[i].ExternalID] = true
		}
		for _, external := range all[i].Replaces {
			if old := find(all, external); old != nil && old.Total.Minor == -all[i].Total.Minor {
				gone[external], gone[all[i].ExternalID] = true, true
			}
		}
	}
	if len(gone) == 0 {
		return all
	}
	kept := make([]hub.Obligation, 0, len(all))
	for i := range all {
		if !gone[all[i].ExternalID] {
			kept = append(kept, all[i])
		}
	}
	return kept
}

func find(all []hub.Obligation, external string) *hub.Obligation {
	for i := range all {
		if all[i].ExternalID == external {
			return &all[i]
		}
	}
	return nil
}
