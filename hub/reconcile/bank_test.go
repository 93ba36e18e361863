package reconcile_test

import (
	"strings"
	"testing"

	"racord/hub"
)

// TestAPayoutThatTheBankTakesBackIsADifference on the day itself or on another one,
// whether the bank repeats the payout's reference or not.
func TestAPayoutThatTheBankTakesBackIsADifference(t *testing.T) {
	const payer = "RO13SBXB0000999900000081"
	for name, tc := range map[string]struct {
		day  hub.Date
		ref  string
		want string // name of the difference
	}{
		"on another day":      {settledOn.Next(), "P0001", "water/main/P0001+BACK"},
		"on the day itself":   {settledOn, "P0001", "water/main/P0001+BACK"},
		"without a reference": {settledOn.Next(), "", "water/main/bank:BACK"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, true)
			w.Payers = []string{payer}
			p := w.take(1, hub.LinePosted)
			net := p.amount() - p.fee()
			w.entries[settledOn][0].Payer = payer
			w.entries[tc.day] = append(w.entries[tc.day], hub.BankEntry{Ref: tc.ref, Number: "BACK", Payer: payer, Amount: hub.Bani(-net), Day: tc.day})
			for range 2 {
				open := w.compare()
				d := open["bank missing_here "+tc.want]
				if len(open) != 1 || d.Amount != -net || !strings.HasPrefix(d.Detail, "it left the account") {
					t.Errorf("got %v, want what left the account", open)
				}
				w.balance("bank:water/main", net) // it is owed again
				w.balance("creditor_payable:water", -p.amount())
			}
		})
	}
}
