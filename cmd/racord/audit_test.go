package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/reconcile"
)

// audits does the audit once, and gives what is open then, by "kind name".
func (w *works) audits() (open map[string]hub.Difference, err error) {
	w.t.Helper()
	err = reconcile.New(reconcile.Parts{Store: w.store, Audit: auditOf(w.store), Clock: hub.ClockFunc(time.Now)}).Do(w.t.Context(), hub.JobAudit, "", true)
	all, failed := w.store.Differences(w.t.Context(), hub.DifferenceQuery{Job: hub.JobAudit})
	if failed != nil {
		w.t.Fatal(failed)
	}
	open = map[string]hub.Difference{}
	for _, d := range all {
		open[d.Kind+" "+d.Name] = d
	}
	return open, err
}

// barrier gives why no money is taken, "" = it is.
func (w *works) barrier() string {
	w.t.Helper()
	up, err := w.store.Barriers(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return up[hub.BarrierCapture].Reason
}

// exec changes the database behind the hub's back.
func (w *works) exec(statement string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, sqlite.DataFile)+"?_pragma=foreign_keys(0)&_pragma=busy_timeout(5000)")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(w.t.Context(), statement, args...); err != nil {
		w.t.Fatal(err)
	}
}

// later makes all payments older than any that may be changing now.
func (w *works) later() {
	w.t.Helper()
	w.exec("UPDATE payments SET changed_at = changed_at - $1", (24 * time.Hour).Microseconds())
}

// posted is a payment whose books are right.
func (w *works) posted(obligation hub.ObligationID) hub.PaymentID {
	w.t.Helper()
	return w.posts(w.pays(w.awaits(obligation).ID).ID).ID
}

// unclaimed is a payment that is posted, and whose claim is gone.
func (w *works) unclaimed(obligation hub.ObligationID) hub.PaymentID {
	w.t.Helper()
	id := w.posted(obligation)
	w.exec("UPDATE claims SET payment = $1 WHERE payment = $2", "not "+string(id), string(id))
	return id
}

// unbalanced is a store whose journal is off, and which lists no accounts: there
// are several for each payment there ever was.
type unbalanced struct{ hub.Store }

func (unbalanced) JournalOff(context.Context) (int64, error) { return 700, nil }

func (unbalanced) Balances(context.Context) (map[string]int64, error) {
	return nil, hub.Errorf(hub.CodeInternal, "nobody asks for all accounts")
}

// TestAJournalThatIsOff is told by the audit and by verify.
func TestAJournalThatIsOff(t *testing.T) {
	w := newWorks(t)
	w.posted("a")
	if open, err := w.audits(); len(open) > 0 || w.barrier() != "" || err != nil {
		t.Fatalf("got %v, %q and %v of good books, want nothing", open, w.barrier(), err)
	}
	w.store = unbalanced{w.store}
	open, err := w.audits()
	if len(open) != 1 || open["I5 journal"].Amount != 700 || !strings.Contains(w.barrier(), "7.00") || err != nil {
		t.Errorf("got %v, %q and %v, want a journal that is off by 7.00", open, w.barrier(), err)
	}
	if out, err := w.verify(verifyCommand{}); !errors.Is(err, errBroken) || !strings.Contains(out, "I5 journal: ") {
		t.Errorf("got %v, want the journal named\n%s", err, out)
	}
}

// muffled is a store that lists no payments and whose journal is off.
type muffled struct{ unbalanced }

func (muffled) ChangedSince(_ context.Context, from hub.Changed, _ int) ([]*hub.Payment, hub.Changed, error) {
	return nil, from, hub.Errorf(hub.CodeTimeout, "no answer")
}

// TestAJournalThatIsOffStopsMoneyThoughNoPaymentCanBeRead: what went wrong with the
// payments is told as well.
func TestAJournalThatIsOffStopsMoneyThoughNoPaymentCanBeRead(t *testing.T) {
	w := newWorks(t)
	w.store = muffled{unbalanced{w.store}}
	open, err := w.audits()
	if hub.CodeOf(err) != hub.CodeTimeout || open["I5 journal"].Amount != 700 || !strings.Contains(w.barrier(), "7.00") {
		t.Errorf("got %v, %q and %v, want no money to be taken and no answer", open, w.barrier(), err)
	}
}

// failing is a store that gives no answer about one payment.
type failing struct {
	hub.Store
	id hub.PaymentID
}

func (s failing) Dossier(ctx context.Context, id hub.PaymentID) (hub.Dossier, error) {
	if id == s.id {
		return hub.Dossier{}, hub.Errorf(hub.CodeTimeout, "no answer")
	}
	return s.Store.Dossier(ctx, id)
}

// TestABrokenBookingStopsMoneyThoughALaterPaymentGivesNoAnswer has a booking to
// another payment's account.
func TestABrokenBookingStopsMoneyThoughALaterPaymentGivesNoAnswer(t *testing.T) {
	w := newWorks(t)
	first := w.posted("a")
	second := w.posted("b")
	w.change(first, func(tx hub.PaymentTx, _ *hub.Payment) error {
		tx.Book(hub.TransferBooking("stray", "settled", first, hub.AccountHeld(second), hub.AccountFee("netopia"), hub.Bani(1)))
		return nil
	})
	w.later()
	third := w.posted("c")
	w.store = failing{w.store, third}
	open, err := w.audits()
	if hub.CodeOf(err) != hub.CodeTimeout || !strings.Contains(w.barrier(), "stray") {
		t.Errorf("got %v, %q and %v, want no money to be taken and no answer", open, w.barrier(), err)
	}
	if _, found := open["I5 stray"]; !found {
		t.Errorf("got %v, want the booking", open)
	}
}

// TestAPaymentThatCannotBeOpenedIsAFinding, and hides no other.
func TestAPaymentThatCannotBeOpenedIsAFinding(t *testing.T) {
	w := newWorks(t)
	w.posted("a")
	w.later()
	spoilt := w.posted("b")
	w.later()
	unclaimed := w.unclaimed("c")
	w.exec("UPDATE payments SET body = zeroblob(length(body)) WHERE id = $1", string(spoilt))
	for range 2 { // and stays one
		open, err := w.audits()
		if err != nil {
			t.Fatalf("got %v, want the audit to go on", err)
		}
		line := "I11 hub:" + string(unclaimed) + ":1"
		if _, told := open[line]; !told || len(open) != 2 || open["unreadable "+string(spoilt)].Scope != string(spoilt) {
			t.Errorf("got %v, want what cannot be read and %s", open, line)
		}
	}
}

// counting is a store that notes which payments were read.
type counting struct {
	hub.Store
	read []hub.PaymentID
}

func (s *counting) Dossier(ctx context.Context, id hub.PaymentID) (hub.Dossier, error) {
	s.read = append(s.read, id)
	return s.Store.Dossier(ctx, id)
}

// TestAFindingIsLookedAtAgainAndNothingElse until it is explained.
func TestAFindingIsLookedAtAgainAndNothingElse(t *testing.T) {
	w := newWorks(t)
	good, bad := w.posted("a"), w.unclaimed("b")
	w.later()
	counts := &counting{Store: w.store}
	w.store = counts
	step := func(what string, findings int, want ...hub.PaymentID) {
		t.Helper()
		counts.read = nil
		open, err := w.audits()
		slices.Sort(counts.read)
		if slices.Sort(want); !slices.Equal(counts.read, want) || len(open) != findings || err != nil {
			t.Errorf("%s: %v were read, %v is open, %v; want %v read and %d open", what, counts.read, open, err, want, findings)
		}
	}
	step("all are new", 1, good, bad)
	step("one is open", 1, bad)
	w.exec("UPDATE claims SET payment = $1 WHERE payment = $2", string(bad), "not "+string(bad))
	step("it is explained", 0, bad)
	step("nothing is new", 0)
	worse := w.unclaimed("c")
	step("another one", 1, worse)
}

// TestADebtThatWasPaidTwiceStaysAFinding: neither payment shows it alone.
func TestADebtThatWasPaidTwiceStaysAFinding(t *testing.T) {
	w := newWorks(t)
	first, second := w.posted("a"), w.posted("b")
	w.change(second, func(_ hub.PaymentTx, p *hub.Payment) error { p.Lines[0].ExternalID = "FACT-a"; return nil })
	w.later()
	for range 3 {
		open, err := w.audits()
		if _, found := open["I4 water/FACT-a"]; !found || len(open) != 1 || err != nil {
			t.Errorf("got %v, %v of %s and %s, want a debt that was paid twice", open, err, first, second)
		}
	}
}
