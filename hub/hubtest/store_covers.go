package hubtest

import (
	"slices"
	"testing"
	"time"

	"racord/hub"
)

// linesCover has Ana pay a year whose option covers the second instalment.
func linesCover(t *testing.T, lab Lab) {
	store := lab.Store
	ana := household(t, store, "ana", "dan")[0]
	year := bill(ana, "first")
	year.Lines[0].Covers = []hub.ObligationID{"second"}
	year = opened(t, store, year)
	second := unclaimed(t, store, bill("", "second"))
	if held, by, _ := claim(t, store, second.ID, 1, time.Minute); held || by != year.ID {
		t.Errorf("got held %v, by %s: the second instalment is being paid with the year", held, by)
	}
	wantMarks(t, store, "being paid", hub.HubReserved)

	changed(t, store, year.ID, func(_ hub.PaymentTx, p *hub.Payment) error { return p.Line(1).Move(hub.LineDue) })
	wantMarks(t, store, "paid", hub.HubPaidWaitingPosting)
	debts := []hub.Debt{{Creditor: "water", Obligation: "first"}, {Creditor: "water", Obligation: "second"}}
	if paid, err := store.PaidOf(t.Context(), debts); err != nil || len(paid) != 2 {
		t.Errorf("got %v (%v), want both paid", paid, err)
	}

	changed(t, store, year.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Release(p.Line(1))
		return p.Line(1).Move(hub.LineRejected)
	})
	if held, by, _ := claim(t, store, second.ID, 1, time.Minute); !held {
		t.Errorf("the year was refused, and %s has the second instalment", by)
	}
	if got := marksOf(t, store, "ana"); got["first"] != "" || got["second"] != hub.HubReserved {
		t.Errorf("got %v, want the second instalment as the other payment has it", got)
	}
}

// wantMarks wants both instalments marked for both of the household, the second as
// one of which nothing will be left.
func wantMarks(t *testing.T, store hub.Store, when string, state hub.HubState) {
	t.Helper()
	for _, who := range []string{"ana", "dan"} {
		for _, id := range []hub.ObligationID{"first", "second"} {
			marks := folderOf(t, store, who).Marks
			at := slices.IndexFunc(marks, func(m hub.Mark) bool { return m.Obligation == id })
			if at < 0 {
				t.Errorf("%s: %s sees nothing at the %s", when, who, id)
			} else if m := marks[at]; m.State != state || m.Remains != 0 {
				t.Errorf("%s: %s sees %+v at the %s, want %s and nothing left", when, who, m, id, state)
			}
		}
	}
}
