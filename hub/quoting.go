package hub

// Quote looks in an answer for what is wanted, and tells whether it may be paid
// as it is wanted. partial says whether the creditor takes less than an option's
// amount. In the option that comes back, amount and transfers are what is to be
// paid.
func (a *Answer) Quote(w Wanted, partial bool) Quoted {
	q := Quoted{Wanted: w, AsOf: a.AsOf, ValidUntil: a.ValidUntil}
	for i := range a.Obligations {
		if a.Obligations[i].ID == w.Obligation {
			q.Obligation = a.Obligations[i]
			q.Option, q.Err = q.Obligation.wanted(w, partial)
			return q
		}
	}
	q.Err = Errorf(CodeNotFound, "The creditor does not list this debt any more.")
	return q
}

// wanted gives the option that is wanted, with the amount that is wanted.
func (o *Obligation) wanted(w Wanted, partial bool) (PaymentOption, error) {
	switch {
	case o.NotPayable != "":
		return PaymentOption{}, Errorf(CodeNotPayable, "%s", o.NotPayable)
	case o.Outstanding.Minor <= 0:
		return PaymentOption{}, Errorf(CodeNotPayable, "Nothing is due for this any more.")
	}
	option, ok := o.option(w.Option)
	switch {
	case !ok && w.Option == "":
		return PaymentOption{}, Errorf(CodeNotPayable, "The creditor does not take all that is due at once.")
	case !ok:
		return PaymentOption{}, Errorf(CodeAmountChanged, "The creditor does not offer this way to pay any more.")
	case w.Amount == Money{} || w.Amount == option.Amount:
		return option, nil
	case !partial || !option.reduce(w.Amount):
		return PaymentOption{}, Errorf(CodeAmountChanged, "The creditor takes another amount now.")
	}
	return option, nil
}

// option finds an option by its id; "" is the one that pays all that is
// outstanding.
func (o *Obligation) option(id string) (PaymentOption, bool) {
	for _, option := range o.Options {
		if option.ID == id || id == "" && option.Amount == o.Outstanding {
			return option, true
		}
	}
	return PaymentOption{}, false
}

// reduce makes a part payment of the option. What goes to several accounts
// cannot be divided here: only the creditor knows how.
func (p *PaymentOption) reduce(amount Money) bool {
	if amount.Minor <= 0 || amount.Currency != p.Amount.Currency || amount.Minor > p.Amount.Minor || len(p.Transfers) > 1 {
		return false
	}
	p.Amount = amount
	if len(p.Transfers) == 1 {
		one := p.Transfers[0]
		one.Amount = amount
		p.Transfers = []Transfer{one}
	}
	return true
}
