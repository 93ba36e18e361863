package connectors

import (
	"context"

	"racord/hub"
)

// quoter asks what may be paid now.
type quoter struct {
	payer
	source hub.Source // for the creditor's ids of debts; nil when there is none
}

var _ hub.Quoter = quoter{}

// Quote asks once about everything, or once about each thing wanted when the
// request says which: {{ external_id }}, {{ option }} or {{ amount }}.
func (q quoter) Quote(ctx context.Context, who hub.Asked, wanted []hub.Wanted) ([]hub.Quoted, error) {
	if !q.single() {
		answer, shares, err := q.ask(ctx, who, nil)
		if err != nil {
			return nil, err
		}
		all := make([]hub.Quoted, len(wanted))
		for i, w := range wanted {
			all[i] = q.quoted(w, &answer, shares)
		}
		return all, nil
	}
	wanted, err := q.named(ctx, who, wanted)
	if err != nil {
		return nil, err
	}
	all := make([]hub.Quoted, len(wanted))
	for i := range wanted {
		if all[i], err = q.one(ctx, who, wanted[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// single tells whether the request is about one debt.
func (q quoter) single() bool {
	vars := q.call.vars
	return vars["external_id"] != "" || vars["option"] != "" || vars["amount"] != ""
}

// one asks about one debt. A refusal of it alone is its Err.
func (q quoter) one(ctx context.Context, who hub.Asked, w hub.Wanted) (hub.Quoted, error) {
	if w.ExternalID == "" {
		return hub.Quoted{Wanted: w, Err: hub.Errorf(hub.CodeNotFound, "The creditor does not list this debt any more.")}, nil
	}
	answer, shares, err := q.ask(ctx, who, &w)
	switch hub.CodeOf(err) {
	case "":
		return q.quoted(w, &answer, shares), nil
	case hub.CodeNotFound, hub.CodeNotPayable, hub.CodeAmountChanged:
		return hub.Quoted{Wanted: w, Err: err}, nil
	}
	return hub.Quoted{}, err
}

func (q quoter) ask(ctx context.Context, who hub.Asked, w *hub.Wanted) (answer hub.Answer, shares [][]hub.Share, err error) {
	err = q.send(ctx, &Vars{Asked: who, Wanted: w}, func(r *Reading, root Value, _ Verdict) error {
		_, err := r.Page(root)
		answer, shares = r.Answer(), r.parts
		return err
	})
	return answer, shares, err
}

func (q quoter) quoted(w hub.Wanted, answer *hub.Answer, shares [][]hub.Share) hub.Quoted {
	quoted := answer.Quote(w, q.manifest.Traits.Paying.Partial)
	for i := range shares {
		if answer.Obligations[i].ID == w.Obligation && quoted.Err == nil {
			quoted.Extinguishes = shares[i]
		}
	}
	return quoted
}

// named gives wanted things the creditor's own ids of their debts: from the list
// of what is due, where the caller does not know them.
func (q quoter) named(ctx context.Context, who hub.Asked, wanted []hub.Wanted) ([]hub.Wanted, error) {
	known := make([]hub.Wanted, len(wanted))
	missing := false
	for i, w := range wanted {
		known[i], missing = w, missing || w.ExternalID == ""
	}
	if !missing || q.source == nil {
		return known, nil
	}
	answer, err := q.source.Obligations(ctx, who)
	if err != nil {
		return nil, err
	}
	for i := range known {
		for j := range answer.Obligations {
			if o := &answer.Obligations[j]; o.ID == known[i].Obligation {
				known[i].ExternalID = o.ExternalID
			}
		}
	}
	return known, nil
}
