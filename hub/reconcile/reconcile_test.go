package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/reconcile"
)

// planted is one kind of difference: how it comes to be, and how it is called.
type planted struct {
	job    hub.Job
	kind   string
	amount func(p *paid) int64
	name   func(p *paid) string
	plant  func(w *world, p *paid)
}

func byPosting(p *paid) string       { return string(p.posting()) }
func byOrder(p *paid) string         { return "m1/" + p.order() }
func byPayment(p *paid) string       { return string(p.ID) }
func byPayout(p *paid) string        { return "water/main/" + p.payout() }
func whole(p *paid) int64            { return p.amount() }
func minus(p *paid) int64            { return -p.amount() }
func bani(n int64) func(*paid) int64 { return func(*paid) int64 { return n } }

func (w *world) fact(p *paid, change func(*hub.ChargeFacts)) {
	o := w.orders[p.order()]
	change(&o.Facts)
	w.orders[p.order()] = o
}

func (w *world) row(p *paid) *hub.BookedPosting {
	return &w.rows[paidOn][slices.IndexFunc(w.rows[paidOn], func(r hub.BookedPosting) bool { return r.ID == p.posting() })]
}

func (w *world) item(p *paid) *hub.SettledCharge {
	return &w.settled[settledOn][slices.IndexFunc(w.settled[settledOn], func(s hub.SettledCharge) bool { return s.PayoutRef == p.payout() })]
}

func (w *world) entry(p *paid) *hub.BankEntry {
	return &w.entries[settledOn][slices.IndexFunc(w.entries[settledOn], func(e hub.BankEntry) bool { return e.Ref == p.payout() })]
}

var kinds = []planted{
	{hub.JobProvider, "missing_there", minus, byOrder, func(w *world, p *paid) { delete(w.orders, p.order()) }},
	{hub.JobProvider, "other_capture", bani(1), byOrder, func(w *world, p *paid) { w.fact(p, func(f *hub.ChargeFacts) { f.Captured++ }) }},
	{hub.JobProvider, "other_refund", bani(-7), byOrder, func(w *world, p *paid) { w.fact(p, func(f *hub.ChargeFacts) { f.Refunded = 7 }) }},
	{hub.JobProvider, "disputed_there", bani(-5), byOrder, func(w *world, p *paid) { w.fact(p, func(f *hub.ChargeFacts) { f.Disputed = 5 }) }},
	{hub.JobProvider, "missing_here", bani(999), func(p *paid) string { return "m1/strange" + fmt.Sprint(p.n) }, func(w *world, p *paid) {
		order := "strange" + fmt.Sprint(p.n)
		w.orders[order] = hub.ListedCharge{Order: order, Amount: hub.Bani(999), Facts: hub.ChargeFacts{Authorised: 999, Captured: 999}}
	}},
	{hub.JobSettlement, "settled_more", bani(1), byPayment, func(w *world, p *paid) {
		item := w.item(p)
		item.Gross.Minor++
		item.Fee.Minor++
	}},
	{hub.JobSettlement, "kept_more", bani(-3), byPayment, func(w *world, p *paid) {
		w.settled[settledOn] = append(w.settled[settledOn], hub.SettledCharge{
			Order: p.order(), Gross: hub.Bani(-3), Fee: hub.Bani(0), Net: hub.Bani(-3), Refund: true, PayoutRef: p.payout(),
		})
		w.entry(p).Amount.Minor -= 3
	}},
	{hub.JobSettlement, "missing_here", whole, func(p *paid) string { return "gone" + fmt.Sprint(p.n) }, func(w *world, p *paid) { // and p itself is settled by another order's name
		item := *w.item(p)
		item.Order, item.PayoutRef = "gone"+fmt.Sprint(p.n), p.payout()+"x"
		w.settled[settledOn] = append(w.settled[settledOn], item)
		entry := *w.entry(p)
		entry.Ref, entry.Number = item.PayoutRef, entry.Number+"x"
		w.entries[settledOn] = append(w.entries[settledOn], entry)
	}},
	{hub.JobCreditor, "missing_there", minus, byPosting, func(w *world, p *paid) { w.row(p).ID = "somebody:else" }},
	{hub.JobCreditor, "other_amount", bani(-1), byPosting, func(w *world, p *paid) { w.row(p).Amount.Minor-- }},
	{hub.JobCreditor, "other_debt", whole, byPosting, func(w *world, p *paid) { w.row(p).ExternalID = "FACT-other" }},
	{hub.JobCreditor, "twice", whole, byPosting, func(w *world, p *paid) { w.rows[paidOn] = append(w.rows[paidOn], *w.row(p)) }},
	{hub.JobCreditor, "reversed_there", minus, byPosting, func(w *world, p *paid) { w.row(p).Reversed = true }},
	{hub.JobCreditor, "missing_here", bani(55), func(p *paid) string { return "hub:nobody" + fmt.Sprint(p.n) + ":1" }, func(w *world, p *paid) {
		w.rows[paidOn] = append(w.rows[paidOn], hub.BookedPosting{ID: hub.PostingID("hub:nobody" + fmt.Sprint(p.n) + ":1"), Number: "X", Amount: hub.Bani(55)})
	}},
	{hub.JobBank, "other_amount", bani(-2), byPayout, func(w *world, p *paid) { w.entry(p).Amount.Minor -= 2 }},
	{hub.JobBank, "missing_there", func(p *paid) int64 { return p.fee() - p.amount() }, byPayout, func(w *world, p *paid) {
		day := hub.Date("2026-03-14") // paid out long enough ago
		w.settled[day] = append(w.settled[day], *w.item(p))
		w.settled[settledOn] = slices.DeleteFunc(w.settled[settledOn], func(s hub.SettledCharge) bool { return s.PayoutRef == p.payout() })
		w.entries[settledOn] = slices.DeleteFunc(w.entries[settledOn], func(e hub.BankEntry) bool { return e.Ref == p.payout() })
	}},
	{hub.JobBank, "missing_here", func(p *paid) int64 { return p.amount() - p.fee() }, byPayout, func(w *world, p *paid) { // the settlement is late
		w.settled[settledOn] = slices.DeleteFunc(w.settled[settledOn], func(s hub.SettledCharge) bool { return s.PayoutRef == p.payout() })
	}},
}

// rounds is how many differences of each kind are planted, and clean how many
// payments are right.
func sizes() (rounds, clean int) {
	if os.Getenv("RACORD_LONG") != "" {
		return 12, 10_000
	}
	return 3, 100
}

// listener notes how far settlements were read each time that paying is told.
type listener struct {
	reconcile.Paying
	read func() bool
	told []bool
}

func (l *listener) Settled(context.Context) error {
	l.told = append(l.told, l.read())
	return nil
}

// TestPayingIsToldWhatSettlementsSaid reads settlements, and then tells paying: how
// far they were read is known by then.
func TestPayingIsToldWhatSettlementsSaid(t *testing.T) {
	w := newWorld(t, true)
	w.take(0, hub.LinePosted)
	psp := *w.PSPs[0]
	psp.Merchants = hub.Merchants{"water/main": "m1", "water/second": "m2"}
	parts := w.Parts
	parts.PSPs = []*hub.PSP{&psp}
	heard := &listener{Paying: w.pay, read: func() bool { // the last account, too
		read, err := reconcile.Settlements{Store: w.store}.Read(t.Context(), psp.Name, "m2", settledOn, settledOn)
		return read && err == nil
	}}
	parts.Paying = heard
	for job, want := range map[hub.Job][]bool{hub.JobProvider: nil, hub.JobSettlement: {true}} {
		if heard.told = nil; reconcile.New(parts).Do(t.Context(), job, "", true) != nil || !slices.Equal(heard.told, want) {
			t.Errorf("%s: paying was told %v, want %v", job, heard.told, want)
		}
	}
}

// TestEveryPlantedDifferenceIsFoundAndNothingElse plants differences of every
// kind among payments that are right, finds each of them in one comparison, and
// sees them go when everybody's books are right again.
func TestEveryPlantedDifferenceIsFoundAndNothingElse(t *testing.T) {
	w := newWorld(t, true)
	rounds, clean := sizes()
	for n := range clean {
		w.take(n, hub.LinePosted)
	}
	marked := map[int]*paid{}
	for i := range rounds * len(kinds) {
		marked[i] = w.take(clean+i, hub.LinePosted)
	}
	right := w.books.clone()
	want := map[string]int64{}
	for i, p := range marked {
		k := kinds[i%len(kinds)]
		k.plant(w, p)
		want[fmt.Sprintf("%s %s %s", k.job, k.kind, k.name(p))] = k.amount(p)
	}
	open := w.compare()
	for name, amount := range want {
		d, found := open[name]
		if !found {
			t.Errorf("%s was planted and not found", name)
		} else if d.Amount != amount {
			t.Errorf("%s: got %d bani, want %d", name, d.Amount, amount)
		}
		delete(open, name)
	}
	for name, d := range open {
		t.Errorf("false alarm: %s: %+v", name, d)
	}
	w.suspense(int64(-999 * rounds))
	w.books = right
	if open := w.compare(); len(open) != 0 {
		t.Errorf("got %d differences after everybody put his books right, want none: %v", len(open), slices.Sorted(maps.Keys(open)))
	}
	w.suspense(0)
}

// TestBooksThatAgreeGiveNoDifference compares again and again.
func TestBooksThatAgreeGiveNoDifference(t *testing.T) {
	for name, lister := range map[string]bool{"with a list": true, "by looking up": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, lister)
			for n := range 20 {
				w.take(n, hub.LinePosted)
			}
			for range 3 {
				if open := w.compare(); len(open) != 0 {
					t.Fatalf("got %v, want none", open)
				}
			}
			balances, err := w.store.Balances(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for account, want := range map[string]int64{"psp_clearing:netopia": 0, "bank:water/main": 0, "psp_fee:netopia": 20, "creditor_payable:water": -20} {
				if balances[account] != want {
					t.Errorf("%s: got %d, want %d", account, balances[account], want)
				}
			}
		})
	}
}

func TestAStatementResolvesWhatNobodyKnew(t *testing.T) {
	w := newWorld(t, true)
	unknown, stuck, refused := w.take(1, hub.LinePostUnknown), w.take(2, hub.LineStuck), w.take(3, hub.LineRejected)
	open := w.compare()
	for _, p := range []*paid{unknown, stuck} {
		now, err := w.store.Payment(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		if l := now.Line(1); l.State != hub.LinePosted || l.Receipt == "" {
			t.Errorf("got %s with receipt %q, want posted with the creditor's", l.State, l.Receipt)
		}
	}
	if _, found := open["creditor booked_and_rejected "+string(refused.posting())]; len(open) != 1 || !found {
		t.Errorf("got %v, want the line that is booked and given back", open)
	}
}

// TestAStatementThatIsReadLateIsNotMissedLater lets days pass after a row of an
// earlier day was found: the line is looked for on the day it stands in.
func TestAStatementThatIsReadLateIsNotMissedLater(t *testing.T) {
	w := newWorld(t, true)
	w.take(1, hub.LinePostUnknown)
	w.take(2, hub.LineStuck)
	for range 5 {
		if open := w.compare(); len(open) != 0 {
			t.Fatalf("on %s: got %v, want nothing", hub.DateOf(w.now), open)
		}
		w.later(24 * time.Hour)
	}
}

// TestAPaymentThatIsGoneIsFound deletes one on purpose, at a provider that lists
// nothing, and then has order numbers beyond ours.
func TestAPaymentThatIsGoneIsFound(t *testing.T) {
	w := newWorld(t, false)
	kept, gone := w.take(1, hub.LinePosted), w.take(2, hub.LinePosted)
	w.take(3, hub.LinePosted)
	w.forget(gone)
	open := w.compare()
	if _, found := open["provider missing_here m1/"+gone.order()]; !found {
		t.Fatalf("got %v, want the order whose payment is gone", open)
	}
	if _, found := open["provider missing_here m1/"+kept.order()]; found {
		t.Error("got a payment that is there")
	}
	if up := w.barriers(); len(up) != 0 {
		t.Fatalf("got %v, want no barrier for a number that was given out", up)
	}
	ahead := w.store.Order("netopia", "m1", 4)
	w.orders[ahead] = hub.ListedCharge{Order: ahead, Amount: hub.Bani(100), Facts: hub.ChargeFacts{Authorised: 100, Captured: 100}}
	var log strings.Builder
	w.Log = slog.New(slog.NewTextHandler(&log, nil))
	if found, err := w.Ahead(t.Context()); err != nil || !found {
		t.Fatalf("got %v, %v, want a provider that is ahead", found, err)
	}
	if up := w.barriers(); up[hub.BarrierOpen].Reason == "" {
		t.Fatalf("got %v, want the barrier against new payments", up)
	}
	if said := log.String(); !strings.Contains(said, "level=ERROR") || !strings.Contains(said, "racord recover") || !strings.Contains(said, ahead) {
		t.Errorf("the log says %q, want what to do about it", said)
	}
}

// vague is a provider that says that there is such an order with money, and not how
// much.
type vague struct{ hub.Recaller }

func (vague) Recall(context.Context, hub.ChargeRef) (hub.ListedCharge, error) {
	return hub.ListedCharge{}, hub.Errorf(hub.CodeUnsupported, "The payment provider does not tell amounts.")
}

// TestMoneyThatAProviderDoesNotCountIsFound deletes a payment on purpose, at a
// provider that lists nothing and tells no amounts.
func TestMoneyThatAProviderDoesNotCountIsFound(t *testing.T) {
	w := newWorld(t, false)
	gone := w.take(1, hub.LinePosted)
	w.take(2, hub.LinePosted)
	w.forget(gone)
	last := w.PSPs[0].Recaller
	w.PSPs[0].Recaller = only{gone.order(), vague{}}
	for range 2 {
		d, found := w.compare()["provider missing_here m1/"+gone.order()]
		if !found || d.Amount != 0 || !strings.Contains(d.Detail, "not say how much") {
			t.Fatalf("got %+v, open %v, want money of which nobody says how much", d, found)
		}
	}
	w.PSPs[0].Recaller = last
}

// only lets one order be asked about in another way.
type only struct {
	order string
	hub.Recaller
}

func (o only) Recall(ctx context.Context, r hub.ChargeRef) (hub.ListedCharge, error) {
	if r.Order == o.order {
		return o.Recaller.Recall(ctx, r)
	}
	return hub.ListedCharge{}, hub.Errorf(hub.CodeNotFound, "no such order")
}

// TestASettlementTellsPayingOfADispute has an invoice be the only word about money
// that a payer's bank took back.
func TestASettlementTellsPayingOfADispute(t *testing.T) {
	w := newWorld(t, true)
	p := w.take(1, hub.LinePosted)
	moved := func(gross int64, ref string) {
		w.settled[settledOn] = append(w.settled[settledOn], hub.SettledCharge{
			Order: p.order(), Gross: hub.Bani(gross), Fee: hub.Bani(0), Net: hub.Bani(gross), Refund: gross < 0, Dispute: true, PayoutRef: ref,
		})
	}
	for _, tc := range []struct {
		gross int64
		want  hub.PaymentState
	}{{-p.amount(), hub.PaymentDisputed}, {p.amount(), hub.PaymentSettled}} {
		moved(tc.gross, p.payout()+string(tc.want))
		for name := range w.compare() {
			if strings.HasPrefix(name, string(hub.JobSettlement)) {
				t.Errorf("%s: got the difference %s, want none", tc.want, name)
			}
		}
		if got, err := w.store.Payment(t.Context(), p.ID); err != nil || got.State() != tc.want {
			t.Errorf("got %s, %v, want %s", got.State(), err, tc.want)
		}
	}
}

// lookups tells which accounts are asked about.
type lookups struct {
	hub.Charger
	of func(merchant string)
}

func (l lookups) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	l.of(r.Merchant)
	return l.Charger.Lookup(ctx, r)
}

// TestAHubThatStartsDoesNotFloodAProvider asks about the accounts with most orders,
// and about the others one after the other.
func TestAHubThatStartsDoesNotFloodAProvider(t *testing.T) {
	w := newWorld(t, false)
	psp := w.PSPs[0]
	for n := range 40 {
		psp.Merchants[fmt.Sprint("water/", n)] = fmt.Sprintf("m%02d", n)
	}
	for merchant, last := range map[string]int64{"m37": 5, "m21": 900, "m30": 40} {
		if err := w.store.SkipOrders(t.Context(), psp.Name, merchant, last); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var asked []string
	psp.Charger = lookups{psp.Charger, func(merchant string) {
		if asked = append(asked, merchant); len(asked) == 8*3 {
			time.AfterFunc(20*time.Millisecond, stop) // nothing follows at once
		}
	}}
	if _, err := w.Ahead(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want to be stopped before the others", err)
	}
	if first := slices.Compact(asked); len(asked) != 24 || len(first) != 8 || !slices.Equal(first[:3], []string{"m21", "m30", "m37"}) {
		t.Errorf("got %v asked about, want eight, those with most orders first", first)
	}
}

// TestALineThatIsMissingStaysOpenUntilItIsThere looks at a line again and again
// after its payment has not changed for longer than statements are read.
func TestALineThatIsMissingStaysOpenUntilItIsThere(t *testing.T) {
	w := newWorld(t, true)
	p := w.take(1, hub.LinePosted)
	w.row(p).ID = "somebody:else"
	name := "creditor missing_there " + string(p.posting())
	first, found := w.compare()[name]
	if !found {
		t.Fatal("the line that is missing was not found")
	}
	for range 3 {
		w.later(6 * 24 * time.Hour)
		if d, open := w.compare()[name]; !open || !d.Since.Equal(first.Since) || d.Amount != -p.amount() {
			t.Fatalf("got %+v, open %v, want it open since %v", d, open, first.Since)
		}
	}
	w.quiet = today
	if err := w.Do(t.Context(), hub.JobCreditor, today, true); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Fatalf("got %v, want the statement that cannot be read", err)
	}
	if d, open := w.open()[name]; !open || !d.Since.Equal(first.Since) {
		t.Fatalf("got %+v, open %v while a statement cannot be read, want it open since %v", d, open, first.Since)
	}
	w.quiet, w.rows[paidOn][0].ID = "", p.posting()
	if d, open := w.compare()[name]; open {
		t.Errorf("got %+v after the line was booked, want it explained", d)
	}
}

// TestADayThatIsNotToldAgainHidesNoLaterOne keeps a difference of a day whose
// statement the creditor does not give any more.
func TestADayThatIsNotToldAgainHidesNoLaterOne(t *testing.T) {
	w := newWorld(t, true)
	p, old := w.take(1, hub.LinePosted), hub.Date("2026-03-16")
	w.rows[old] = []hub.BookedPosting{{ID: "hub:nobody:1", Number: "X", Amount: hub.Bani(55)}}
	w.row(p).ID = "somebody:else"
	if err := w.Do(t.Context(), hub.JobCreditor, old, true); err != nil {
		t.Fatal(err)
	}
	w.quiet = old
	if err := w.Do(t.Context(), hub.JobCreditor, "", true); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Fatalf("got %v, want the statement that cannot be read", err)
	}
	open := w.open()
	for _, name := range []string{"creditor missing_here hub:nobody:1", "creditor missing_there " + string(p.posting())} {
		if _, found := open[name]; !found || len(open) != 2 {
			t.Errorf("got %v, want %s among two", slices.Sorted(maps.Keys(open)), name)
		}
	}
}

// TestEveryLineOfAnErrorSaysWhatItIsAbout has two days of two accounts damaged.
func TestEveryLineOfAnErrorSaysWhatItIsAbout(t *testing.T) {
	w := newWorld(t, true)
	p, service := newTellers(w, 1)
	p.bad = map[hub.Date]bool{today: true, today.Back(2): true}
	err := service.Do(t.Context(), hub.JobSettlement, "", true)
	if err == nil {
		t.Fatal("got no error about damaged days")
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{"settlement: netopia/m1: " + string(today) + ": bad_data", "settlement: netopia/m1: " + string(today.Back(2)) + ": bad_data"}
	if len(lines) != 2 || !strings.HasPrefix(lines[0], want[0]) || !strings.HasPrefix(lines[1], want[1]) {
		t.Errorf("got %q, want %q", lines, want)
	}
	if wrapped := (*hub.Error)(nil); !errors.As(err, &wrapped) {
		t.Errorf("got %v without its code", err)
	}
}

// TestWhoeverIsInTheWayIsNamed does a job that is not due.
func TestWhoeverIsInTheWayIsNamed(t *testing.T) {
	w := newWorld(t, true)
	w.do(hub.JobAudit)
	if err := w.Do(t.Context(), hub.JobAudit, "", false); hub.CodeOf(err) != hub.CodeConflict || !strings.HasPrefix(err.Error(), "audit: ") {
		t.Errorf("got %v, want the job that is not due", err)
	}
}

// run gives how a job stands.
func (w *world) run(job hub.Job) hub.Run {
	w.t.Helper()
	runs, err := w.store.Runs(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return runs[slices.IndexFunc(runs, func(r hub.Run) bool { return r.Job == job })]
}

// TestComparingOneDayIsNotComparing: when all days are compared next, and were last,
// stays as it was, whether the one day can be compared or not.
func TestComparingOneDayIsNotComparing(t *testing.T) {
	w := newWorld(t, true)
	w.do(hub.JobCreditor)
	before := w.run(hub.JobCreditor)
	for _, w.quiet = range []hub.Date{"", paidOn} {
		if err := w.Do(t.Context(), hub.JobCreditor, paidOn, true); (err != nil) != (w.quiet != "") {
			t.Fatal(err)
		}
		after := w.run(hub.JobCreditor)
		if moved := after.Due.Sub(before.Due).Abs(); moved > time.Minute {
			t.Errorf("it is due %s after one day was compared, want %s as before", after.Due, before.Due)
		}
		if !after.Succeeded.Equal(before.Succeeded) || after.Cursor != before.Cursor {
			t.Errorf("got %+v, want %+v", after, before)
		}
	}
}

// TestAJobThatFailsForLongIsTriedLessOften: everybody else is asked anew each time.
func TestAJobThatFailsForLongIsTriedLessOften(t *testing.T) {
	w := newWorld(t, true)
	w.do(hub.JobCreditor)
	w.away = true
	for _, tc := range []struct{ ago, want time.Duration }{
		{time.Hour, 5 * time.Minute}, // it was not due yet
		{6*time.Hour + 20*time.Minute, 20 * time.Minute},
		{40 * 24 * time.Hour, time.Hour},
	} {
		w.exec("UPDATE jobs SET succeeded_at = $1, first_at = $1", time.Now().Add(-tc.ago).UnixMicro())
		if err := w.Do(t.Context(), hub.JobCreditor, "", true); hub.CodeOf(err) != hub.CodeUnavailable {
			t.Fatal(err)
		}
		if got := time.Until(w.run(hub.JobCreditor).Due); (got - tc.want).Abs() > time.Minute {
			t.Errorf("%s after it succeeded it is due again in %s, want %s", tc.ago, got, tc.want)
		}
	}
}

// TestATurnThatIsCutShortGoesOnSoon: it failed as well, and has more to do.
func TestATurnThatIsCutShortGoesOnSoon(t *testing.T) {
	w := newWorld(t, true)
	p, service := newTellers(w, 1)
	w.do(hub.JobSettlement)
	w.exec("UPDATE jobs SET succeeded_at = 1, first_at = 1")
	ctx, stop := context.WithCancel(t.Context())
	p.upTo, p.stop = 0, stop
	if err := service.Do(ctx, hub.JobSettlement, "", true); hub.CodeOf(err) != hub.CodeCancelled {
		t.Fatalf("got %v, want a turn that was cut short", err)
	}
	if got := time.Until(w.run(hub.JobSettlement).Due); got > 6*time.Minute {
		t.Errorf("it goes on in %s, want soon", got)
	}
}

// slow is a provider of which whoever asks waits for an answer.
type slow chan chan struct{}

func (p slow) Settlement(context.Context, string, hub.Date, hub.Date) ([]hub.SettledCharge, error) {
	answer := make(chan struct{})
	p <- answer
	<-answer
	return nil, nil
}

// TestTwoTurnsOfOneHubAreTwo has a hub's own turn lose its job, by a pause, to the
// hub's button.
func TestTwoTurnsOfOneHubAreTwo(t *testing.T) {
	w := newWorld(t, true)
	provider := make(slow)
	w.PSPs[0].Settler = provider
	begin := func() (answer chan struct{}, ended chan error) {
		ended = make(chan error, 1)
		go func() { ended <- w.Do(t.Context(), hub.JobSettlement, "", true) }()
		select {
		case answer = <-provider:
		case err := <-ended:
			t.Fatalf("a turn ended before it asked: %v", err)
		}
		return answer, ended
	}
	answer, first := begin()
	w.exec("UPDATE jobs SET leased_until = 0")
	answerSecond, second := begin()
	close(answer)
	if err := <-first; hub.CodeOf(err) != hub.CodeConflict {
		t.Errorf("got %v, want that somebody else has the job", err)
	}
	close(answerSecond)
	if err := <-second; err != nil {
		t.Errorf("got %v of who has the job", err)
	}
}

type noSettler struct{}

func (noSettler) Settlement(context.Context, string, hub.Date, hub.Date) ([]hub.SettledCharge, error) {
	return nil, hub.Errorf(hub.CodeUnavailable, "no settlements today")
}

// TestAProviderThatIsDownHidesNoOther has one that tells nothing before one that
// has not paid out.
func TestAProviderThatIsDownHidesNoOther(t *testing.T) {
	w := newWorld(t, true)
	w.PSPs = append([]*hub.PSP{{Name: "down", Merchants: hub.Merchants{"water/main": "m0"}, Settler: noSettler{}}}, w.PSPs...)
	p := w.take(1, hub.LinePosted)
	w.settled[settledOn] = nil
	w.later(8 * 24 * time.Hour)
	if err := w.Do(t.Context(), hub.JobSettlement, "", true); hub.CodeOf(err) != hub.CodeUnavailable || !strings.HasPrefix(err.Error(), "settlement: down/m0: ") {
		t.Fatalf("got %v, want the provider that is down", err)
	}
	if d, found := w.open()["settlement unsettled "+string(p.ID)]; !found || d.Amount != -p.amount() {
		t.Errorf("got %v, want what the other one has not paid out", w.open())
	}
}

// TestTheJournalFollowsEveryWordOfASettlement changes a payout there and back,
// and compares twice each time: only a new word is booked.
func TestTheJournalFollowsEveryWordOfASettlement(t *testing.T) {
	w := newWorld(t, true)
	p := w.take(1, hub.LinePosted)
	for round, less := range []int64{0, 10, 0, 10, 7, 0} {
		gross := p.amount() - less
		w.item(p).Gross, w.item(p).Net = hub.Bani(gross), hub.Bani(gross-p.fee())
		w.do(hub.JobSettlement)
		booked := w.bookings(p.ID)
		w.do(hub.JobSettlement)
		if again := w.bookings(p.ID); again != booked {
			t.Errorf("round %d: got %d bookings after comparing again, want %d", round, again, booked)
		}
		w.balance("psp_clearing:netopia", less)
		w.balance("bank:water/main", gross-p.fee())
		w.balance("psp_fee:netopia", p.fee())
	}
}

// TestWhatAPayoutTellsNoMoreIsTakenBack has two orders in one payout, of which one
// moves to a later one, and one of nobody's that is told, then not, then again.
func TestWhatAPayoutTellsNoMoreIsTakenBack(t *testing.T) {
	w := newWorld(t, true)
	first, second := w.take(1, hub.LinePosted), w.take(2, hub.LinePosted)
	stays, moves := *w.item(first), *w.item(second)
	moves.PayoutRef = stays.PayoutRef
	strange := hub.SettledCharge{Order: "strange", Gross: hub.Bani(50), Fee: hub.Bani(0), Net: hub.Bani(50), PayoutRef: stays.PayoutRef}
	tell := func(items ...hub.SettledCharge) {
		t.Helper()
		w.settled[settledOn] = items
		for range 2 {
			w.do(hub.JobSettlement)
			sum, clearing := int64(0), first.amount()+second.amount()
			for _, i := range append(items, w.settled[settledOn.Next()]...) {
				sum, clearing = sum+i.Net.Minor, clearing-i.Gross.Minor
			}
			w.balance("bank:water/main", sum)
			w.balance("psp_clearing:netopia", clearing)
		}
	}
	tell(stays, moves, strange)
	tell(stays)
	tell(stays, strange)
	moves.PayoutRef = "P9"
	w.settled[settledOn.Next()] = []hub.SettledCharge{moves}
	tell(stays)
	for name := range w.open() {
		t.Errorf("got %s, want nothing", name)
	}
}

// TestTheJournalFollowsMoneyThatNobodyKnows has an order at the provider come, go
// and change, and each time a hub that died before it wrote down what it found.
func TestTheJournalFollowsMoneyThatNobodyKnows(t *testing.T) {
	w := newWorld(t, true)
	w.take(1, hub.LinePosted)
	for round, amount := range []int64{999, 0, 999, 990, 999, 0, 0, 990, 0} {
		w.told("strange", amount)
		before := w.open()
		w.do(hub.JobProvider)
		booked := w.bookings("")
		w.put(before)
		w.do(hub.JobProvider)
		if again := w.bookings(""); again != booked {
			t.Errorf("round %d: got %d bookings after comparing again, want %d", round, again, booked)
		}
		w.suspense(-amount)
		if d := w.open()["provider missing_here m1/strange"]; d.Amount != amount {
			t.Errorf("round %d: got %+v, want %d bani", round, d, amount)
		}
	}
}

// TestWhatWasBookedBeforeAHubDiedIsSetRight: the provider says something else
// when the comparison is done again.
func TestWhatWasBookedBeforeAHubDiedIsSetRight(t *testing.T) {
	w := newWorld(t, true)
	w.told("strange", 999)
	w.do(hub.JobProvider)
	w.put(nil)
	w.told("strange", 990)
	w.do(hub.JobProvider)
	w.suspense(-990)
}

func TestABrokenJournalStopsTakingMoney(t *testing.T) {
	w := newWorld(t, true)
	p, broken := w.take(1, hub.LinePosted), ""
	w.Audit = func(context.Context, []hub.PaymentID) ([]hub.Difference, string, error) {
		return []hub.Difference{{Scope: string(p.ID), Kind: "I5", Name: "stray"}}, broken, nil
	}
	if open := w.compare(); len(open) != 1 || len(w.barriers()) != 0 {
		t.Fatalf("got %v and barriers %v, want a difference alone", open, w.barriers())
	}
	broken = "I5 stray: it is booked twice"
	w.compare()
	if up := w.barriers(); up[hub.BarrierCapture].Reason != broken {
		t.Fatalf("got %v, want no money to be taken", up)
	}
}

// hiccup is a store that gives no answer about an order, once.
type hiccup struct {
	reconcile.Store
	had bool
}

func (h *hiccup) PaymentOfOrder(ctx context.Context, psp, order string) (hub.PaymentID, int, error) {
	if !h.had {
		h.had = true
		return "", 0, hub.Errorf(hub.CodeTimeout, "no answer")
	}
	return h.Store.PaymentOfOrder(ctx, psp, order)
}

// TestASilentStoreIsNotAnUnknownOrder lists an order while the store is silent:
// whose it is, is not guessed.
func TestASilentStoreIsNotAnUnknownOrder(t *testing.T) {
	w := newWorld(t, true)
	w.take(1, hub.LinePosted)
	parts := w.Parts
	parts.Store = &hiccup{Store: w.store}
	if err := reconcile.New(parts).Do(t.Context(), hub.JobProvider, "", true); hub.CodeOf(err) != hub.CodeTimeout {
		t.Errorf("got %v, want that the store gave no answer", err)
	}
}
