package pay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// TestAReceiptSaysInWordsWhatWasPaid pays a bill whose option has no label of its
// own, and one whose option has.
func TestAReceiptSaysInWordsWhatWasPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		p = s.mustEnd(t, p.ID, hub.PaymentSettled)
		p.Lines[1].Label = "Integral, cu bonificație"
		r, err := s.ReceiptOf(p, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"Factură de apă și canalizare", "Integral, cu bonificație"} {
			if got := r.Lines[i].Label; got != want {
				t.Errorf("got %q on the receipt, want %q", got, want)
			}
		}
	})
}
