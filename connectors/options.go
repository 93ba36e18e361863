package connectors

import (
	"slices"
	"strings"

	"racord/hub"
)

// notApproved is what a citizen reads when the creditor names a bank account
// nobody approved.
const notApproved = "The creditor's answer names a bank account that is not approved. It cannot be paid here until the creditor confirms it."

// noAccount is what a citizen reads when the creditor, which has several bank
// accounts, names none.
const noAccount = "The creditor has not said which of its bank accounts this is paid to. It cannot be paid here."

// optionsOf reads the ways to pay. A debt of nothing has none; one that is damaged
// is left out with a remark.
func (r *Reading) optionsOf(o *hub.Obligation, m *obligationMap) {
	s := &r.scope
	account := r.account(o, m.IBAN)
	if o.Outstanding.Minor <= 0 {
		return
	}
	if account == nil && m.IBAN != nil && o.NotPayable == "" && len(r.creditor.Accounts) > 1 && !m.splits() {
		o.NotPayable = noAccount
	}
	revenue := s.spare(m.RevenueCode.readText(s))
	if len(m.Options) == 0 {
		full := hub.PaymentOption{ID: "full", Kind: "full", Amount: o.Outstanding, Transfers: r.single(account, revenue, o.Outstanding)}
		o.Options = r.options.add(nil, full, 1, r.batch)
		return
	}
	for i := range m.Options {
		part := &m.Options[i]
		for at := part.seats(s); at.next(s); {
			option, refused := r.option(o, part)
			if refused == nil && len(part.Transfers) > 0 {
				refused = r.split(o, &option, part.Transfers)
			}
			if s.spare("", refused); refused != nil || option.Amount.Minor <= 0 {
				continue
			}
			if len(part.Transfers) == 0 {
				option.Transfers = r.single(account, revenue, option.Amount)
			}
			o.Options = r.options.add(o.Options, option, 2*len(m.Options), r.batch)
		}
	}
}

// splits tells whether every option says itself where its money goes.
func (m *obligationMap) splits() bool {
	return len(m.Options) > 0 && !slices.ContainsFunc(m.Options, func(o optionMap) bool { return len(o.Transfers) == 0 })
}

func (r *Reading) option(o *hub.Obligation, part *optionMap) (option hub.PaymentOption, refused *refusal) {
	s := &r.scope
	minor, present, refused := part.Amount.readAmount(s)
	if refused != nil || !present {
		return option, refused
	}
	if option.Kind, refused = part.Kind.required(s); refused != nil {
		return option, refused
	}
	option.Amount = hub.Bani(minor)
	option.ID = s.spare(part.ID.readText(s))
	if option.ID == "" {
		option.ID = option.Kind
	}
	option.Label = s.spare(part.Label.readText(s))
	option.LegalBasis = s.spare(part.LegalBasis.readText(s))
	option.AvailableUntil = s.spareDay(part.AvailableUntil.readDay(s))
	option.Covers = r.others(o, part.Covers)
	return option, nil
}

// account finds the approved account a record is paid to. Without an IBAN in
// the answer it is the creditor's only one. An IBAN nobody approved makes the
// record not payable.
func (r *Reading) account(o *hub.Obligation, iban *Field) *hub.CreditorAccount {
	s := &r.scope
	written, refused := iban.readText(s)
	switch {
	case refused != nil:
		s.spare("", refused)
		return nil
	case written != "":
		return r.approved(o, written, iban)
	case len(r.creditor.Accounts) == 1:
		return &r.creditor.Accounts[0]
	}
	return nil
}

func (r *Reading) approved(o *hub.Obligation, written string, field *Field) *hub.CreditorAccount {
	if strings.ContainsRune(written, ' ') {
		written = strings.ReplaceAll(written, " ", "")
	}
	for i := range r.creditor.Accounts {
		if r.creditor.Accounts[i].IBAN == written {
			return &r.creditor.Accounts[i]
		}
	}
	o.NotPayable = notApproved
	r.scope.remark("iban_not_approved", field.path.text+" is not an approved account of the creditor")
	return nil
}

// single is the one transfer of an amount that goes to one account.
func (r *Reading) single(account *hub.CreditorAccount, revenue string, amount hub.Money) []hub.Transfer {
	if account == nil {
		return nil
	}
	return r.transfers.add(nil, transfer(account, revenue, amount), 1, 2*r.batch)
}

func transfer(account *hub.CreditorAccount, revenue string, amount hub.Money) hub.Transfer {
	if revenue == "" {
		revenue = account.RevenueCode
	}
	return hub.Transfer{Seq: 1, AccountID: account.ID, IBAN: account.IBAN, RevenueCode: revenue, Amount: amount}
}

// split reads an option whose parts go to different accounts.
func (r *Reading) split(o *hub.Obligation, option *hub.PaymentOption, parts []transferMap) *refusal {
	s, sum := &r.scope, hub.Bani(0)
	for i := range parts {
		part := &parts[i]
		for at := part.seats(s); at.next(s); {
			minor, _, refused := part.Amount.readAmount(s)
			if refused != nil {
				return refused
			}
			account := r.account(o, part.IBAN)
			if account == nil || minor == 0 {
				continue
			}
			var err error
			if sum, err = sum.Add(hub.Bani(minor)); err != nil {
				return part.Amount.refuse("bad_amount", "amounts do not fit")
			}
			one := transfer(account, s.spare(part.RevenueCode.readText(s)), hub.Bani(minor))
			one.Seq = len(option.Transfers) + 1
			option.Transfers = r.transfers.add(option.Transfers, one, len(parts), r.batch)
		}
	}
	if sum != option.Amount {
		s.remark("transfers_differ", "the transfers do not add up to the option's amount")
	}
	return nil
}
