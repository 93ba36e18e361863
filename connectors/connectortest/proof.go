package connectortest

import (
	"context"

	"racord/hub"
)

// accountProved plays a citizen who holds a bill. Without a Linker the hub
// compares the bill with what is listed, so that must carry what a bill shows.
func accountProved(ctx context.Context, r *run) finding {
	if r.answerErr != nil {
		return skipped("nothing was listed")
	}
	bill := printed(r.answer.Obligations)
	switch {
	case bill == nil:
		return failed(r.calm, "no debt has both a number that stands on paper (reference) and an amount")
	case r.suite.Traits.ProofDoc == "":
		return failed(nil, "traits.proof_doc does not say where the number stands")
	case r.connector.Linker == nil:
		return passed()
	}
	return r.linkerJudges(ctx, bill)
}

// printed finds a debt whose number and amount stand on a bill.
func printed(debts []hub.Obligation) *hub.Obligation {
	for i := range debts {
		o := &debts[i]
		if o.Reference != nil && o.Reference.Invoice+o.Reference.Decision != "" && o.Total.Minor > 0 {
			return o
		}
	}
	return nil
}

func (r *run) linkerJudges(ctx context.Context, bill *hub.Obligation) finding {
	right := hub.Proof{Invoice: bill.Reference.Invoice + bill.Reference.Decision, Amount: bill.Total}
	if bill.Reference.Invoice != "" {
		right.Invoice = bill.Reference.Invoice
	}
	if err := r.proveOneOf(ctx, right, amountsOf(bill)); err != nil {
		return failed(r.calm, "the number and amount of a listed bill do not prove its account: %v", err)
	}
	known, unknown := r.suite.Known.Account, r.suite.Unknown.Account
	for what, wrong := range map[string]struct {
		account hub.AccountRef
		proof   hub.Proof
	}{
		"a wrong amount":     {known, hub.Proof{Invoice: right.Invoice, Amount: hub.Bani(right.Amount.Minor + 1_000_003)}},
		"a wrong number":     {known, hub.Proof{Invoice: right.Invoice + "9", Amount: right.Amount}},
		"an unknown account": {unknown, right},
	} {
		if err := r.prove(ctx, wrong.account, wrong.proof); hub.CodeOf(err) != hub.CodeNotFound {
			return failed(r.calm, "%s gave %v; want code not_found", what, orNothing(err))
		}
	}
	return passed()
}

// amountsOf are what may be printed as a bill's amount.
func amountsOf(bill *hub.Obligation) []hub.Money {
	amounts := []hub.Money{bill.Total, bill.Outstanding}
	for _, part := range bill.Components {
		if part.Type == "principal" {
			amounts = append(amounts, part.Amount)
		}
	}
	return amounts
}

func (r *run) proveOneOf(ctx context.Context, proof hub.Proof, amounts []hub.Money) (err error) {
	for _, amount := range amounts {
		proof.Amount = amount
		if err = r.prove(ctx, r.suite.Known.Account, proof); hub.CodeOf(err) != hub.CodeNotFound {
			return err
		}
	}
	return err
}

func (r *run) prove(ctx context.Context, account hub.AccountRef, proof hub.Proof) error {
	return r.call(ctx, r.patient(), func(ctx context.Context) error { return r.connector.Linker.Prove(ctx, account, proof) })
}
