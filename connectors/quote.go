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
		return hub.Quoted{Wanted: w, Err: notListed()}, nil
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
	err = q.send(ctx, &Vars{Asked: who, Wanted: w}, func(r *Reading, v Verdict) error {
		_, err := r.Page(v.Content)
		answer, shares = r.Answer(), r.parts
		return err
	})
	return answer, shares, err
}

func (q quoter) quoted(w hub.Wanted, answer *hub.Answer, shares [][]hub.Share) hub.Quoted {
	quoted := quote(answer, w, q.manifest.Traits.Paying.Partial)
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

// quote looks in an answer for what is wanted, and tells whether it may be paid
// as it is wanted. partial says whether the creditor takes less than an option's
// amount. In the option that comes back, amount and transfers are what is to be
// paid.
func quote(a *hub.Answer, w hub.Wanted, partial bool) hub.Quoted {
	q := hub.Quoted{Wanted: w, AsOf: a.AsOf, ValidUntil: a.ValidUntil}
	for i := range a.Obligations {
		if a.Obligations[i].ID == w.Obligation {
			q.Obligation = a.Obligations[i]
			if q.Option, q.Err = wantedOf(&q.Obligation, w, partial); a.Provisional {
				q.Err = hub.Errorf(hub.CodeNotPayable, "The creditor says that the amounts are not final.")
			}
			return q
		}
	}
	q.Err = notListed()
	return q
}

// wantedOf gives the option that is wanted, with the amount that is wanted.
func wantedOf(o *hub.Obligation, w hub.Wanted, partial bool) (hub.PaymentOption, error) {
	switch {
	case o.NotPayable != "":
		return hub.PaymentOption{}, hub.Errorf(hub.CodeNotPayable, "%s", o.NotPayable)
	case o.Outstanding.Minor <= 0:
		return hub.PaymentOption{}, hub.Errorf(hub.CodeNotPayable, "Nothing is due for this any more.")
	case o.Status != hub.StatusOpen && o.Status != hub.StatusPartiallyPaid:
		return hub.PaymentOption{}, hub.Errorf(hub.CodeNotPayable, "The creditor does not take payments for this debt now.")
	}
	option, ok := optionOf(o, w.Option)
	switch {
	case !ok && w.Option == "":
		return hub.PaymentOption{}, hub.Errorf(hub.CodeNotPayable, "The creditor does not take all that is due at once.")
	case !ok:
		return hub.PaymentOption{}, hub.Errorf(hub.CodeAmountChanged, "The creditor does not offer this way to pay any more.")
	case w.Amount == hub.Money{} || w.Amount == option.Amount:
		return option, nil
	case !partial || !reduce(&option, w.Amount):
		return hub.PaymentOption{}, hub.Errorf(hub.CodeAmountChanged, "The creditor takes another amount now.")
	}
	return option, nil
}

// optionOf finds an option by its id; "" is the one that pays all that is
// outstanding.
func optionOf(o *hub.Obligation, id string) (hub.PaymentOption, bool) {
	for _, option := range o.Options {
		if option.ID == id || id == "" && option.Amount == o.Outstanding {
			return option, true
		}
	}
	return hub.PaymentOption{}, false
}

// reduce makes a part payment of the option. What goes to several accounts
// cannot be divided here: only the creditor knows how.
func reduce(p *hub.PaymentOption, amount hub.Money) bool {
	if amount.Minor <= 0 || amount.Currency != p.Amount.Currency || amount.Minor > p.Amount.Minor || len(p.Transfers) > 1 {
		return false
	}
	p.Amount = amount
	if len(p.Transfers) == 1 {
		one := p.Transfers[0]
		one.Amount = amount
		p.Transfers = []hub.Transfer{one}
	}
	return true
}

func notListed() error {
	return hub.Errorf(hub.CodeNotFound, "The creditor does not list this debt any more.")
}
