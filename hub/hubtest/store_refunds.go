package hubtest

import (
	"slices"
	"testing"

	"racord/hub"
)

// doubtfulRefunds follows two refunds of which one is lost sight of.
func doubtfulRefunds(t *testing.T, lab Lab) {
	p, other := opened(t, lab.Store, Basket("", "a", "b")), opened(t, lab.Store, Basket("", "c"))
	for _, p := range []*hub.Payment{p, other} {
		changed(t, lab.Store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
			for i := range p.Lines {
				p.Refunds = append(p.Refunds, hub.Refund{
					No: i + 1, Charge: 1, Line: i + 1, Amount: p.Lines[i].Amount, State: hub.RefundRequested, WantedAt: tx.Now(),
				})
			}
			return nil
		})
	}
	for _, step := range []struct {
		to   hub.RefundState
		want []hub.PaymentID
	}{
		{hub.RefundRefunding, nil}, {hub.RefundUnknown, []hub.PaymentID{p.ID}}, {hub.RefundRefunded, nil},
	} {
		changed(t, lab.Store, p.ID, func(_ hub.PaymentTx, p *hub.Payment) error { return p.Refunds[1].Move(step.to) })
		got, err := lab.Replica(t).Doubtful(t.Context())
		wantCode(t, "Doubtful", err, "")
		if !slices.Equal(got, step.want) {
			t.Errorf("got %v with a refund that is %s, want %v", got, step.to, step.want)
		}
	}
}
