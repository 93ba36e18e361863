package connectortest

import (
	"context"
	"maps"
	"slices"
	"time"

	"racord/hub"
)

func amountsAddUp(_ context.Context, r *run) finding {
	for i := range r.debts {
		o := &r.debts[i]
		if o.Total.Currency != hub.RON || o.Paid.Currency != hub.RON || o.Outstanding.Currency != hub.RON {
			return failed(r.calm, "the debt %s is not in bani of RON", o.ExternalID)
		}
		if o.Total.Minor-o.Paid.Minor != o.Outstanding.Minor {
			return failed(r.calm, "the debt %s: total %s less paid %s is not outstanding %s", o.ExternalID, o.Total, o.Paid, o.Outstanding)
		}
		sum := int64(0)
		for _, part := range o.Components {
			sum += part.Amount.Minor
		}
		if len(o.Components) > 0 && sum != o.Total.Minor {
			return failed(r.calm, "the debt %s: its components add up to %s, its total is %s", o.ExternalID, hub.Bani(sum), o.Total)
		}
	}
	return passed()
}

func amountsExpected(_ context.Context, r *run) finding {
	left := maps.Clone(r.suite.Expected)
	for _, o := range r.answer.Obligations {
		want, known := left[o.ExternalID]
		switch {
		case !known:
			return failed(r.calm, "the debt %s is not expected", o.ExternalID)
		case want != o.Outstanding.Minor:
			return failed(r.calm, "the debt %s: got outstanding %s, want %s", o.ExternalID, o.Outstanding, hub.Bani(want))
		}
		delete(left, o.ExternalID)
	}
	for id := range left {
		return failed(r.calm, "the debt %s is missing", id)
	}
	return passed()
}

// amountsInBani compares what is owed in all with what the author says, and tells
// the usual mistakes apart.
func amountsInBani(_ context.Context, r *run) finding {
	got, want := hub.Due(r.answer.Obligations), r.suite.Owes.Minor
	hint := ""
	switch {
	case got == want:
		return passed()
	case got == 100*want:
		hint = ": bani were read as lei"
	case want == 100*got:
		hint = ": lei were read as bani"
	}
	return failed(r.calm, "test.known owes %s, and test.owes says %s%s", hub.Bani(got), r.suite.Owes, hint)
}

func namesUnique(_ context.Context, r *run) finding {
	if r.delivery != nil && r.delivery.twice != "" {
		return failed(r.calm, "the id %q stands twice in one delivery", r.delivery.twice)
	}
	for _, list := range r.lists() {
		seen := map[string]bool{}
		for i := range list {
			o := &list[i]
			switch {
			case o.ExternalID == "":
				return failed(r.calm, "debt number %d has no external id", i+1)
			case seen[o.ExternalID]:
				return failed(r.calm, "the id %q stands twice in one answer", o.ExternalID)
			case o.ID != hub.NewObligationID(r.suite.Creditor.Name, o.ExternalID):
				return failed(r.calm, "the debt %s: its id is not derived from the creditor and the external id", o.ExternalID)
			case o.Kind == "" || o.Status == "":
				return failed(r.calm, "the debt %s has no kind or no status", o.ExternalID)
			}
			seen[o.ExternalID] = true
		}
	}
	return passed()
}

// lists are the answer and the delivery, each by itself.
func (r *run) lists() (all [][]hub.Obligation) {
	all = append(all, r.answer.Obligations)
	if r.delivery != nil {
		all = append(all, r.delivery.debts)
	}
	return all
}

// years in which a debt can be dated.
const (
	firstYear = "1950"
	lastYear  = "2150"
)

func datesExist(_ context.Context, r *run) finding {
	for i := range r.debts {
		o := &r.debts[i]
		for _, d := range datesOf(o) {
			if _, err := hub.ParseDate(string(d)); err != nil || string(d) < firstYear || string(d) > lastYear {
				return failed(r.calm, "the debt %s: %q is not a day of the form YYYY-MM-DD", o.ExternalID, d)
			}
		}
		if p := o.Period; p != nil && p.From != "" && p.To != "" && p.To < p.From {
			return failed(r.calm, "the debt %s: its period ends before it begins", o.ExternalID)
		}
		if n := o.NextChange; n != nil && (n.Reason == "" || n.At.Year() < 1950 || n.At.Year() > 2150) {
			return failed(r.calm, "the debt %s: its next change has no reason or no moment", o.ExternalID)
		}
	}
	return passed()
}

// datesOf are all dates of a debt that are given. Installments and options have
// to have theirs.
func datesOf(o *hub.Obligation) (all []hub.Date) {
	given := []hub.Date{o.IssuedOn}
	if o.Period != nil {
		given = append(given, o.Period.From, o.Period.To)
	}
	for _, option := range o.Options {
		given = append(given, option.AvailableUntil)
	}
	all = slices.DeleteFunc(given, func(d hub.Date) bool { return d == "" })
	for _, part := range o.Installments {
		all = append(all, part.DueOn)
	}
	return all
}

// How far from now an answer may speak.
const (
	oldest   = 31 * 24 * time.Hour
	clockOff = 15 * time.Minute // creditors' clocks are not the hub's
)

func timesSane(_ context.Context, r *run) finding {
	type span struct{ asOf, validUntil time.Time }
	all := []span{}
	if r.answerErr == nil && len(r.answer.Obligations) > 0 {
		all = append(all, span{r.answer.AsOf, r.answer.ValidUntil})
	}
	if r.delivery != nil {
		all = append(all, span{asOf: r.delivery.asOf})
	}
	now := r.now()
	for _, s := range all {
		switch {
		case s.asOf.IsZero():
			return failed(r.calm, "as_of is missing")
		case s.asOf.After(now.Add(clockOff)):
			return failed(r.calm, "as_of %s lies ahead of now %s", s.asOf.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		case s.asOf.Before(now.Add(-oldest)):
			return failed(r.calm, "as_of %s is more than %d days old", s.asOf.UTC().Format(time.RFC3339), oldest/(24*time.Hour))
		case !s.validUntil.IsZero() && s.validUntil.Before(s.asOf):
			return failed(r.calm, "valid_until lies before as_of")
		}
	}
	return passed()
}

func transfersApproved(_ context.Context, r *run) finding {
	for i := range r.debts {
		o := &r.debts[i]
		if o.NotPayable != "" && o.Outstanding.Minor > 0 {
			return failed(r.calm, "the debt %s cannot be paid: %s", o.ExternalID, o.NotPayable)
		}
		for _, option := range o.Options {
			if why := r.transfersFit(option); why != "" {
				return failed(r.calm, "the debt %s, option %s: %s", o.ExternalID, option.ID, why)
			}
		}
	}
	return passed()
}

// transfersFit tells what is wrong with where an option's money goes.
func (r *run) transfersFit(option hub.PaymentOption) string {
	if option.Kind == "" || option.Amount.Minor <= 0 || option.Amount.Currency != hub.RON {
		return "it has no kind or no amount"
	}
	sum := int64(0)
	for _, transfer := range option.Transfers {
		sum += transfer.Amount.Minor
		if !slices.ContainsFunc(r.suite.Creditor.Accounts, func(a hub.CreditorAccount) bool {
			return a.ID == transfer.AccountID && a.IBAN == transfer.IBAN
		}) {
			return "it pays to an account that is not approved"
		}
	}
	if sum != option.Amount.Minor {
		return "its transfers add up to " + hub.Bani(sum).String() + ", its amount is " + option.Amount.String()
	}
	return ""
}
