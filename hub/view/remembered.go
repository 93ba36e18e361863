package view

import (
	"context"
	"encoding/json"
	"time"

	"racord/hub"
)

var errNothing = hub.Errorf(hub.CodeNotFound, "Nothing is remembered.")

// Remembered gives the last answer to a question that the caches have, as the
// creditor's published word, and the real time it was fetched at. It fails with
// CodeNotFound, also for a connector in quarantine, and for one that has said
// nothing since it was let out.
func (v *Views) Remembered(ctx context.Context, creditor hub.Name, asked hub.Asked) (hub.Answer, time.Time, error) {
	c := v.shownOf(creditor, asked.Party)
	if c.Quarantined() {
		return hub.Answer{}, time.Time{}, errNothing
	}
	keys, pages := []hub.PageKey{v.names.key(creditor, c.Version, c.Term(), asked)}, make([]*hub.Page, 1)
	_, _ = v.L1.Get(ctx, keys, pages) // a cache out of reach has nothing
	if own := pages[0]; v.L2 != nil {
		loan, _ := v.L2.Get(ctx, keys, pages)
		if loan != nil {
			defer loan.Return()
		}
		if pages[0] == nil || own != nil && own.FetchedAt.After(pages[0].FetchedAt) {
			pages[0] = own
		}
	}
	p := pages[0]
	if p == nil || p.State != hub.PageFresh && p.State != hub.PagePartial && p.State != hub.PageProvisional {
		return hub.Answer{}, time.Time{}, errNothing
	}
	answer := hub.Answer{AsOf: p.AsOf, ValidUntil: p.ValidUntil, Published: true, Provisional: p.State == hub.PageProvisional}
	err := json.Unmarshal(append(append([]byte{'['}, p.Obligations...), ']'), &answer.Obligations)
	return answer, p.FetchedAt, err
}
