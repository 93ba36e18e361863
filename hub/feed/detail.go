package feed

import (
	"context"
	"time"

	"racord/hub"
)

// detailed asks live what is owed and adds what deliveries told about it.
type detailed struct {
	live     hub.Source
	creditor hub.Name
	store    hub.Snapshots
	clock    hub.Clock
}

var _ hub.Source = (*detailed)(nil)

// Obligations gives the live answer. Amounts left to pay are the live ones;
// period, due date, components, subject and payment options come from the
// published rows. An item without such a row is kept and says detail_missing.
// It fails with what the live source fails with: delivered bills alone do not
// know what was paid.
func (d *detailed) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	answer, err := d.live.Obligations(ctx, who)
	if err != nil || len(answer.Obligations) == 0 {
		return answer, err
	}
	stored, now := d.stored(ctx, answer.Obligations, who), d.clock.Now()
	for i := range answer.Obligations {
		o := &answer.Obligations[i]
		if row := matching(stored, o); row != nil {
			describe(o, row, now)
		} else {
			note(o, "detail_missing", "the bill has not been delivered yet")
		}
	}
	return answer, nil
}

// stored gives the rows of the accounts that the answer is about. Details are
// no reason to fail: without them the debts are still right.
func (d *detailed) stored(ctx context.Context, live []hub.Obligation, who hub.Asked) (rows []hub.Obligation) {
	seen := map[string]bool{"": true}
	for _, code := range append(accounts(live), who.Account.Code) {
		if seen[code] {
			continue
		}
		seen[code] = true
		snapshot, err := d.store.Snapshot(ctx, hub.AccountRef{Creditor: d.creditor, Code: code})
		if err == nil {
			rows = append(rows, snapshot.Obligations...)
		}
	}
	return rows
}

func accounts(live []hub.Obligation) (codes []string) {
	for i := range live {
		codes = append(codes, live[i].Account)
	}
	return codes
}

func matching(stored []hub.Obligation, o *hub.Obligation) *hub.Obligation {
	for i := range stored {
		row := &stored[i]
		if row.Account != "" && o.Account != "" && row.Account != o.Account {
			continue
		}
		if row.ExternalID == o.ExternalID || sameInvoice(row.Reference, o.Reference) {
			return row
		}
	}
	return nil
}

func sameInvoice(a, b *hub.Reference) bool {
	return a != nil && b != nil && a.Invoice != "" && a.Invoice == b.Invoice
}

// describe fills what the live item does not say from its delivered bill.
func describe(o, row *hub.Obligation, now time.Time) {
	fillText(&o.Account, row.Account)
	fillText(&o.Debtor, row.Debtor)
	fillText(&o.IssuedOn, row.IssuedOn)
	fillText(&o.LegalStage, row.LegalStage)
	if o.Subject == nil {
		o.Subject = row.Subject
	}
	if o.Reference == nil {
		o.Reference = row.Reference
	}
	if o.Period == nil {
		o.Period = row.Period
	}
	if o.Details == nil {
		o.Details = row.Details
	}
	if len(o.Replaces) == 0 {
		o.Replaces = row.Replaces
	}
	o.Quality = append(o.Quality, row.Quality...)
	if !within(o.Outstanding, row.Total) {
		note(o, "detail_differs", "more is left to pay than the delivered bill's total")
		return
	}
	amounts(o, row, now)
}

func fillText[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}

// within tells whether an outstanding amount can be what is left of a total.
func within(left, total hub.Money) bool {
	if left.Currency != total.Currency {
		return false
	}
	if total.Minor < 0 {
		return left.Minor <= 0 && left.Minor >= total.Minor
	}
	return left.Minor >= 0 && left.Minor <= total.Minor
}

// amounts takes the bill's total and its parts; what is left stays the live
// amount, which knows of changes that are past.
func amounts(o, row *hub.Obligation, now time.Time) {
	left := o.Outstanding
	o.Total = row.Total
	o.Paid = hub.Money{Minor: row.Total.Minor - left.Minor, Currency: left.Currency}
	if len(o.Components) == 0 {
		o.Components = row.Components
	}
	if len(o.Installments) == 0 && len(row.Installments) == 1 {
		only := row.Installments[0]
		only.Outstanding = left
		o.Installments = []hub.Installment{only}
	}
	if len(o.Options) == 0 && left.Minor > 0 {
		o.Options = optionsFor(row.Options, left)
	}
	if o.NextChange == nil && row.NextChange != nil && row.NextChange.At.After(now) {
		o.NextChange = row.NextChange
	}
	o.Status = statusOf(o)
}

// optionsFor makes the bill's full payment a payment of what is left. Other
// options are amounts the creditor named for the whole bill, so they fall away
// once a part is paid.
func optionsFor(options []hub.PaymentOption, left hub.Money) (kept []hub.PaymentOption) {
	for _, option := range options {
		switch {
		case option.Amount == left:
			kept = append(kept, option)
		case option.Kind == "full" && len(option.Transfers) == 1:
			transfer := option.Transfers[0]
			transfer.Amount = left
			option.Amount, option.Transfers = left, []hub.Transfer{transfer}
			kept = append(kept, option)
		}
	}
	return kept
}

func statusOf(o *hub.Obligation) hub.ObligationStatus {
	switch {
	case o.Status != "" && o.Status != hub.StatusOpen && o.Status != hub.StatusPaid && o.Status != hub.StatusPartiallyPaid:
		return o.Status
	case o.Outstanding.Minor < 0:
		return hub.StatusCredit
	case o.Outstanding.Minor == 0:
		return hub.StatusPaid
	case o.Paid.Minor > 0:
		return hub.StatusPartiallyPaid
	default:
		return hub.StatusOpen
	}
}

func note(o *hub.Obligation, code, detail string) {
	o.Quality = append(o.Quality, hub.QualityEvent{Code: code, Detail: detail})
}
