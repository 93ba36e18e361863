package pspbook_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"racord/cmd/city/clock"
	"racord/cmd/city/pspbook"
)

func TestAmounts(t *testing.T) {
	for text, want := range map[string]int64{"10": 1000, "10.5": 1050, "10.50": 1050, "0.01": 1, "0": 0, "007": 700, "10000000.99": 1000000099} {
		if got, err := pspbook.Bani(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", ".5", "1.", "1.234", "-1", "+1", "1e2", "1,5", " 1", "10000001", "99999999999999999999", "٣"} {
		if got, err := pspbook.Bani(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		bani := rapid.Int64Range(0, 1_000_000_000).Draw(t, "bani")
		if got, err := pspbook.Bani(pspbook.Lei(bani)); err != nil || got != bani {
			t.Fatalf("%d as %s: got %d, %v", bani, pspbook.Lei(bani), got, err)
		}
	})
	for bani, want := range map[int64]string{0: "0,00", 5: "0,05", 99999: "999,99", 138611: "1.386,11", 123456789: "1.234.567,89", -138611: "-1.386,11", -99900: "-999,00"} {
		if got := pspbook.Shown(bani); got != want {
			t.Errorf("%d: got %s, want %s", bani, got, want)
		}
	}
}

// TestTheBookAddsUp does anything in any order: whatever is refused changes
// nothing, and accounts, orders and settlements tell the same sums.
func TestTheBookAddsUp(t *testing.T) {
	accounts := pspbook.Accounts()
	rapid.Check(t, func(t *rapid.T) {
		book := pspbook.New(clock.New(time.Date(2026, 3, 16, 10, 0, 0, 0, time.UTC)))
		order := pspbook.Order{ID: "1", Merchant: "m", OrderID: "o"}
		for _, a := range accounts[:rapid.IntRange(1, len(accounts)).Draw(t, "parts")] {
			amount := rapid.Int64Range(1, 100_000).Draw(t, "amount")
			order.Splits, order.Amount = append(order.Splits, a.Part(amount)), order.Amount+amount
		}
		if _, err := book.Open(order, true); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			amount := rapid.Int64Range(-5, order.Amount+5).Draw(t, "of")
			what := rapid.SampledFrom([]string{"authorise", "capture", "all", "refund", "part", "void", "dispute", "chargeback", "won"}).Draw(t, "what")
			before, _ := book.ByID("1")
			after, err := book.Change("1", func(o *pspbook.Order, now time.Time) error { return step(o, now, what, amount) })
			if err != nil && (after.State != before.State || after.Owed() != before.Owed() || len(after.Movements) != len(before.Movements)) {
				t.Fatalf("%s was refused and changed the order: %+v", what, after)
			}
		}
		o, _ := book.ByID("1")
		var moved int64
		for _, m := range o.Movements {
			switch m.Kind {
			case pspbook.Capture, pspbook.Represented:
				moved += m.Amount
			default:
				moved -= m.Amount
			}
		}
		var settled int64
		for _, a := range accounts {
			for _, s := range book.Settlements("X", a, 0, 100_000) {
				settled += s.Gross
			}
		}
		if moved != o.Owed() || settled != o.Owed() || o.Owed() < 0 || o.Captured > o.Authorised {
			t.Fatalf("moved %d, settled %d, owed %d of %+v", moved, settled, o.Owed(), o)
		}
	})
}

func step(o *pspbook.Order, now time.Time, what string, amount int64) error {
	switch what {
	case "authorise":
		if o.State == pspbook.Opened {
			o.Authorise(now, "a", "r")
		}
		return nil
	case "capture":
		return o.Capture(now, amount)
	case "all":
		return o.Capture(now, o.Amount)
	case "refund":
		return o.Refund(now, amount, "")
	case "part":
		return o.Refund(now, amount, "", pspbook.Split{Account: o.Splits[0].Account, Amount: amount})
	case "void":
		return o.Void(now)
	case "dispute":
		return o.Dispute()
	case "chargeback":
		return o.ChargeBack(now, max(amount, 0))
	default:
		return o.Represent(now)
	}
}
