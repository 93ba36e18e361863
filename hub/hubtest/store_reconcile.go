package hubtest

import (
	"errors"
	"maps"
	"reflect"
	"testing"
	"time"

	"racord/hub"
)

// compared stores what a comparison found.
func compared(t *testing.T, store hub.Store, scope string, found ...hub.Difference) {
	t.Helper()
	wantCode(t, "Compared", store.Compared(t.Context(), hub.JobCreditor, scope, found), "")
}

func differences(t *testing.T, store hub.Store, q hub.DifferenceQuery) []hub.Difference {
	t.Helper()
	found, err := store.Differences(t.Context(), q)
	wantCode(t, "Differences", err, "")
	return found
}

func differencesComeAndGo(t *testing.T, lab Lab) {
	store := lab.Store
	missing := hub.Difference{Kind: "missing_here", Name: "r1", Amount: -500, Detail: "booked there"}
	twice := hub.Difference{Kind: "twice", Name: "r1", Amount: 300}
	compared(t, store, "water", missing, twice, twice)
	compared(t, store, "heating", missing)
	before := differences(t, store, hub.DifferenceQuery{})
	if len(before) != 3 || before[0].Since.IsZero() || !before[0].Explained.IsZero() {
		t.Fatalf("got %+v, want three that are open", before)
	}
	lab.age(t, time.Minute)
	missing.Amount = -600
	compared(t, lab.Replica(t), "water", missing)
	open := differences(t, store, hub.DifferenceQuery{Job: hub.JobCreditor})
	if len(open) != 2 {
		t.Fatalf("got %d open, want those that are still found: %+v", len(open), open)
	}
	for _, d := range open {
		if d.Scope == "water" && (d.Amount != -600 || !d.Since.Equal(sinceOf(before, "water", "missing_here"))) {
			t.Errorf("got %+v, want the new amount and the old beginning", d)
		}
	}
	if all := differences(t, store, hub.DifferenceQuery{Explained: true}); len(all) != 3 {
		t.Errorf("got %d with those explained, want 3", len(all))
	}
	sums, explained, err := store.DifferenceSums(t.Context())
	wantCode(t, "DifferenceSums", err, "")
	if got := sums[hub.JobCreditor]; got.Count != 2 || got.Amount != 1100 {
		t.Errorf("got %d open of %d bani, want 2 of 1100", got.Count, got.Amount)
	}
	if got := explained[hub.JobCreditor]; got.Count != 1 || got.Amount != 300 {
		t.Errorf("got %d explained of %d bani, want 1 of 300", got.Count, got.Amount)
	}
	compared(t, store, "water", twice) // back again, and the other one gone
	compared(t, store, "heating")
	if open := differences(t, store, hub.DifferenceQuery{}); len(open) != 1 || open[0].Kind != "twice" || !open[0].Explained.IsZero() {
		t.Errorf("got %+v, want the one that came back", open)
	}
	if most := differences(t, store, hub.DifferenceQuery{Explained: true, Most: 2}); len(most) != 2 {
		t.Errorf("got %d, want at most 2", len(most))
	}
	if other := differences(t, store, hub.DifferenceQuery{Job: hub.JobBank, Explained: true}); len(other) != 0 {
		t.Errorf("got %+v of a job that found nothing", other)
	}
}

func sinceOf(list []hub.Difference, scope, kind string) time.Time {
	for _, d := range list {
		if d.Scope == scope && d.Kind == kind {
			return d.Since
		}
	}
	return time.Time{}
}

func jobsAreDoneOnce(t *testing.T, lab Lab) {
	ctx, store, other := t.Context(), lab.Store, lab.Replica(t)
	run, err := store.TakeJob(ctx, hub.JobBank, "one", time.Minute, false)
	wantCode(t, "TakeJob", err, "")
	if run.Cursor != "" || !run.Succeeded.IsZero() || run.First.IsZero() {
		t.Fatalf("got %+v, want a job that was never done", run)
	}
	first := run.First
	_, err = other.TakeJob(ctx, hub.JobBank, "two", time.Minute, true)
	wantCode(t, "TakeJob of another's", err, hub.CodeConflict)
	_, err = other.TakeJob(ctx, hub.JobAudit, "two", time.Minute, false)
	wantCode(t, "TakeJob of another job", err, "")
	run.Cursor = "2026-03-15"
	wantCode(t, "EndJob", store.EndJob(ctx, run, time.Hour, true), "")
	wantCode(t, "EndJob twice", store.EndJob(ctx, run, time.Hour, true), hub.CodeConflict)
	_, err = other.TakeJob(ctx, hub.JobBank, "two", time.Minute, false)
	wantCode(t, "TakeJob before it is due", err, hub.CodeConflict)
	run, err = other.TakeJob(ctx, hub.JobBank, "two", time.Minute, true)
	wantCode(t, "TakeJob anyway", err, "")
	if run.Cursor != "2026-03-15" || run.Succeeded.IsZero() {
		t.Fatalf("got %+v, want what the first one left", run)
	}
	run.Cursor = "2026-03-16"
	wantCode(t, "KeepJob", other.KeepJob(ctx, run, time.Hour), "")
	lab.age(t, 10*time.Minute)
	_, err = store.TakeJob(ctx, hub.JobBank, "three", time.Minute, true)
	wantCode(t, "TakeJob of one that is kept", err, hub.CodeConflict)
	lab.age(t, 2*time.Hour) // the second one dies
	heir, err := store.TakeJob(ctx, hub.JobBank, "three", time.Minute, false)
	wantCode(t, "TakeJob after its lease", err, "")
	if heir.Cursor != run.Cursor {
		t.Errorf("got %+v, want how far the dead one had come", heir)
	}
	wantCode(t, "KeepJob too late", other.KeepJob(ctx, run, time.Hour), hub.CodeConflict)
	wantCode(t, "EndJob too late", other.EndJob(ctx, run, time.Hour, true), hub.CodeConflict)
	succeeded := heir.Succeeded
	wantCode(t, "EndJob that failed", store.EndJob(ctx, heir, 0, false), "")
	runs, err := store.Runs(ctx)
	wantCode(t, "Runs", err, "")
	if len(runs) != 2 || runs[1].Job != hub.JobBank || !runs[1].Succeeded.Equal(succeeded) || !runs[1].First.Equal(first) || runs[1].Holder != "" {
		t.Fatalf("got %+v, want two jobs, and the last success and the first try kept", runs)
	}
}

func barriersStand(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	wantCode(t, "RaiseBarrier", store.RaiseBarrier(ctx, hub.BarrierOpen, "restored"), "")
	wantCode(t, "RaiseBarrier again", lab.Replica(t).RaiseBarrier(ctx, hub.BarrierOpen, "another reason"), "")
	raised, err := lab.Replica(t).Barriers(ctx)
	wantCode(t, "Barriers", err, "")
	if r := raised[hub.BarrierOpen]; len(raised) != 1 || r.Reason != "restored" || r.Since.IsZero() {
		t.Fatalf("got %+v, want one with the first reason", raised)
	}
	wantCode(t, "LowerBarrier", store.LowerBarrier(ctx, hub.BarrierOpen), "")
	wantCode(t, "LowerBarrier again", store.LowerBarrier(ctx, hub.BarrierOpen), "")
	if raised, err = store.Barriers(ctx); err != nil || len(raised) != 0 {
		t.Fatalf("got %+v, %v, want none", raised, err)
	}
}

func payoutsMeet(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	told := hub.Payout{PSP: "netopia", Ref: "N1", Merchant: "m1", Account: "water/main", Day: "2026-03-16", Gross: 1000, Fee: 11, Net: 989}
	booking := hub.TransferBooking("settled:N1:1", "settled", "", "bank:water/main", hub.AccountClearing("netopia"), hub.Bani(989))
	wantCode(t, "SettledPayout", store.SettledPayout(ctx, told, booking), "")
	wantCode(t, "SettledPayout again", store.SettledPayout(ctx, told, booking), "")
	banked := hub.Payout{Ref: "N1", Account: "water/main", Booked: 989, BankedOn: "2026-03-17"}
	wantCode(t, "BankedPayout", store.BankedPayout(ctx, banked), "")
	wantCode(t, "BankedPayout of nobody's", store.BankedPayout(ctx, hub.Payout{Ref: "X", Account: "water/main", Booked: 5, BankedOn: "2026-03-17"}), "")
	broken := hub.Booking{ID: "broken", Kind: "settled", Legs: []hub.Leg{{Account: "a", Debit: 1}, {Account: "b", Credit: 2}}}
	wantCode(t, "BankedPayout with a broken booking", store.BankedPayout(ctx, hub.Payout{Ref: "Y", Account: "water/main", BankedOn: "2026-03-17"}, broken), hub.CodeInternal)
	told.Settled, told.Banked, told.Booked, told.BankedOn = true, true, 989, "2026-03-17"
	want := []hub.Payout{told, {Ref: "X", Account: "water/main", Day: "2026-03-17", Banked: true, Booked: 5, BankedOn: "2026-03-17"}}
	got, err := store.PayoutsSince(ctx, "2026-03-16")
	wantCode(t, "PayoutsSince", err, "")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if later, err := store.PayoutsSince(ctx, "2026-03-18"); err != nil || len(later) != 1 || later[0].Ref != "X" {
		t.Errorf("got %+v, %v, want the one that nobody settled", later, err)
	}
	balances, err := store.Balances(ctx)
	wantCode(t, "Balances", err, "")
	if balances["bank:water/main"] != 989 {
		t.Errorf("got %v, want the booking once", balances)
	}
}

func settledNamesAreFound(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	booking := func(id, kind string, p hub.PaymentID) hub.Booking {
		return hub.TransferBooking(id, kind, p, "bank:water/main", hub.AccountClearing("netopia"), hub.Bani(5))
	}
	wantCode(t, "Book", store.Book(ctx,
		booking("settled:n:m1:P1:o1:1", "settled", "p1"), booking("settled:n:m1:P1:Ț2:1", "settled", ""), booking("settled:n:m1:P1:", "settled", "p3"),
		booking("settled:n:m1:P10:o1:1", "settled", "p4"), booking("settled:n:m1:P1", "settled", "p5"), booking("settled:n:m1:p1:o1:1", "settled", "p6"),
		booking("corrected:settled:n:m1:P1:o1:1", "settled", "p1"), booking("settled:n:m1:P1:o7:1", "captured", "p7"),
	), "")
	want := map[string]hub.PaymentID{"settled:n:m1:P1:o1:1": "p1", "settled:n:m1:P1:Ț2:1": "", "settled:n:m1:P1:": "p3"}
	if got, err := store.SettledNames(ctx, "settled:n:m1:P1:"); err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func residuesAreFound(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	wantCode(t, "Book", store.Book(ctx,
		hub.TransferBooking("1", "captured", "p1", "psp_clearing:n", "held:p1", hub.Bani(50)),
		hub.TransferBooking("2", "refused", "p1", "held:p1", "refund_payable:p1", hub.Bani(50)),
		hub.TransferBooking("3", "unknown_money", "", "psp_clearing:n", "suspense:n", hub.Bani(7)),
	), "")
	if none, err := store.Bookings(ctx, ""); err != nil || len(none) != 1 || none[0].ID != "3" || len(none[0].Legs) != 2 {
		t.Errorf("got %+v, %v, want what belongs to no payment", none, err)
	}
	time.Sleep(5 * time.Millisecond) // the journal's moments cannot be changed
	middle, err := store.Pulse(ctx)
	wantCode(t, "Pulse", err, "")
	time.Sleep(5 * time.Millisecond)
	wantCode(t, "Book", store.Book(ctx, hub.TransferBooking("4", "captured", "p2", "psp_clearing:n", "held:p2", hub.Bani(9))), "")
	read := func(prefix string, before time.Duration) (got map[string]int64) {
		got = map[string]int64{}
		err := store.Residues(ctx, prefix, middle.At.Add(before), func(r hub.Residue) error {
			got[r.Account+" "+string(r.Payment)] = r.Balance
			return nil
		})
		wantCode(t, "Residues", err, "")
		return got
	}
	if got, want := read("psp_clearing:", time.Minute), map[string]int64{"psp_clearing:n p1": 50, "psp_clearing:n ": 7, "psp_clearing:n p2": 9}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := read("psp_clearing:", 0), map[string]int64{"psp_clearing:n p1": 50, "psp_clearing:n ": 7}; !reflect.DeepEqual(got, want) {
		t.Errorf("old ones: got %v, want %v", got, want)
	}
	if got, want := read("held:", time.Minute), map[string]int64{"held:p2 p2": -9}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func pulseShowsWhatIsUnderWay(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	opened(t, store, Basket("", "waiting"))
	stuck, done := opened(t, store, Basket("", "a", "b")), opened(t, store, Basket("", "c"))
	take := func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: 1})
		return errors.Join(p.Charge(1).Move(hub.ChargeStarting), p.Charge(1).Move(hub.ChargeCaptured))
	}
	line := func(no int, states ...hub.LineState) {
		for _, to := range states {
			changed(t, store, stuck.ID, func(_ hub.PaymentTx, p *hub.Payment) error { return p.Line(no).Move(to) })
		}
	}
	changed(t, store, stuck.ID, take)
	line(1, hub.LineDue, hub.LinePosting, hub.LineStuck)
	line(2, hub.LineDue)
	changed(t, store, stuck.ID, func(tx hub.PaymentTx, p *hub.Payment) error { tx.Anomaly("line_stuck", "x"); return nil })
	changed(t, store, done.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		return errors.Join(p.Charge(1).Move(hub.ChargeStarting), p.Charge(1).Move(hub.ChargeFailed), p.Line(1).Move(hub.LineDropped))
	})
	changed(t, store, stuck.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: 1, Creditor: "heat"}, time.Hour)
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: 2, Creditor: "water"}, time.Minute)
		return nil
	})
	reserved := opened(t, store, Basket("", "d"))
	changed(t, store, reserved.ID, func(_ hub.PaymentTx, p *hub.Payment) error {
		return errors.Join(p.Charge(1).Move(hub.ChargeStarting), p.Charge(1).Move(hub.ChargeAuthorised))
	})
	pulse, err := store.Pulse(ctx)
	wantCode(t, "Pulse", err, "")
	if len(pulse.Payments) != 3 || pulse.Payments[hub.PaymentClaimed].Count != 1 || pulse.Payments[hub.PaymentCaptured].Count != 1 ||
		pulse.Payments[hub.PaymentAuthorised].Since.IsZero() {
		t.Errorf("got payments %+v, want one claimed, one captured, one authorised", pulse.Payments)
	}
	if c := pulse.Charges["netopia"]; c.Count != 1 || c.Amount != 100 || c.Since.IsZero() {
		t.Errorf("got charges %+v, want the reserved one", pulse.Charges)
	}
	lines := pulse.Lines
	if a, b := lines[hub.OpenLine{Creditor: "water", State: hub.LineStuck}], lines[hub.OpenLine{Creditor: "water", State: hub.LineDue}]; len(lines) != 2 ||
		a.Count != 1 || a.Amount != 100 || b.Amount != 200 || b.Since.IsZero() {
		t.Errorf("got lines %+v, want one stuck and one due", lines)
	}
	if w := pulse.Work[hub.WorkCharge]; w.Count != 3 || !w.Since.After(pulse.At) {
		t.Errorf("got work %+v, want three charges due later", pulse.Work)
	}
	all, heat, water := pulse.Work[hub.WorkLine], pulse.LineWork["heat"], pulse.LineWork["water"]
	if all.Count != 2 || len(pulse.LineWork) != 2 || heat.Count != 1 || water.Count != 1 || !water.Since.Before(heat.Since) || !all.Since.Equal(water.Since) {
		t.Errorf("got work of lines %+v and %+v, want one of heat and one of water, which is due first", all, pulse.LineWork)
	}
	if pulse.Anomalies["line_stuck"] != 1 || pulse.At.IsZero() {
		t.Errorf("got anomalies %v at %v", pulse.Anomalies, pulse.At)
	}
}
