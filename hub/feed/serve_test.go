package feed_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"racord/hub"
	"racord/hub/feed"
)

func asked(code string) hub.Asked {
	return hub.Asked{Account: hub.AccountRef{Creditor: heating, Code: code}}
}

// nightly is a creditor that delivers by 05:30, and may be an hour late.
func nightly(store hub.Snapshots, now time.Time) hub.Source {
	c := &hub.Connector{Creditor: hub.Creditor{Name: heating}, Feed: drop{}, Traits: hub.Traits{
		Delivery:  hub.Delivery{At: 5*60 + 30, Grace: time.Hour},
		Freshness: hub.Freshness{StaleIfError: 48 * time.Hour},
	}}
	return feed.Serve(c, store, hub.ClockFunc(func() time.Time { return now })).Source
}

func publish(t *testing.T, store *shelf, records ...hub.Record) {
	t.Helper()
	r, c := runner(store, drop{"": whole(records, "1")})
	if got, err := r.Deliver(context.Background(), c); err != nil || got.Outcome != feed.Published {
		t.Fatalf("got %s, %v, want published", got.Outcome, err)
	}
}

func TestAPublishedAccountAnswers(t *testing.T) {
	store := newShelf()
	publish(t, store, bill("0004411", "TF 1", 100), bill("0004411", "TF 2", 250), bill("0004412", "TF 3", 7))
	answer, err := nightly(store, sunday.Add(10*time.Hour)).Obligations(context.Background(), asked("0004411"))
	if err != nil {
		t.Fatal(err)
	}
	if got := hub.Due(answer.Obligations); got != 350 {
		t.Errorf("got %d bani due, want 350", got)
	}
	due := time.Date(2026, 3, 16, 6, 30, 0, 0, hub.Bucharest)
	if !answer.AsOf.Equal(sunday) || !answer.ValidUntil.Equal(due) {
		t.Errorf("got as of %v valid until %v, want %v and %v", answer.AsOf, answer.ValidUntil, sunday, due)
	}
}

func TestUnknownIsNotZero(t *testing.T) {
	full := newShelf()
	publish(t, full, bill("0004411", "TF 1", 100))
	for name, tc := range map[string]struct {
		store *shelf
		now   time.Time
		who   hub.Asked
		want  hub.Code
	}{
		"before the first delivery":     {newShelf(), sunday, asked("0004411"), hub.CodeUnavailable},
		"an account without rows":       {full, sunday, asked("0009999"), hub.CodeNotFound},
		"a person, not an account":      {full, sunday, hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: "1850415120007"}}, hub.CodeUnsupported},
		"late, but it may still be old": {full, sunday.Add(72 * time.Hour), asked("0004411"), ""},
		"late beyond all allowance":     {full, sunday.Add(96 * time.Hour), asked("0004411"), hub.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := nightly(tc.store, tc.now).Obligations(context.Background(), tc.who)
			if got := hub.CodeOf(err); got != tc.want {
				t.Errorf("got %q (%v), want %q", got, err, tc.want)
			}
		})
	}
}

// TestADamagedLineIsNotADebtLess has a bill of yesterday whose line cannot be read
// today, and asks for its account and for those that have none.
func TestADamagedLineIsNotADebtLess(t *testing.T) {
	for name, tc := range map[string]struct {
		line   hub.Record // instead of the bill of account 17
		ask    string
		due    int64
		refuse string // code of what the answer says was left out
		want   hub.Code
	}{
		"an account whose only bill is damaged":        {damaged("0000017", "TF 17"), "0000017", 0, "bad_amount", ""},
		"an account with another bill":                 {damaged("0000016", "TF 17"), "0000016", 100, "bad_amount", ""},
		"nobody can tell whose it was":                 {damaged("", ""), "0000017", 0, "bad_amount", ""},
		"a neighbour has his own":                      {damaged("", ""), "0000016", 100, "", ""},
		"an account without rows, all lines were read": {bill("0000018", "TF 17", 100), "0000017", 0, "", hub.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			store, today := newShelf(), bills(200, 100)
			today[17] = tc.line
			second := file{records: today, next: "2", control: hub.Control{Rows: -1}}
			if got, err := deliver(t, store, whole(bills(200, 100), "1"), second); err != nil || got.Outcome != feed.Published {
				t.Fatalf("got %s, %v, want published", got.Outcome, err)
			}
			answer, err := nightly(store, sunday.Add(10*time.Hour)).Obligations(context.Background(), asked(tc.ask))
			if hub.CodeOf(err) != tc.want || hub.Due(answer.Obligations) != tc.due {
				t.Fatalf("got %d bani due, %v, want %d, %q", hub.Due(answer.Obligations), err, tc.due, tc.want)
			}
			if got := codes(answer.Refused); got != tc.refuse {
				t.Errorf("got refused %q, want %q", got, tc.refuse)
			}
		})
	}
}

// TestAStrayMayBeTheBillThatIsGone has an account with two bills, of which only one
// is in the list that has a line nobody can read.
func TestAStrayMayBeTheBillThatIsGone(t *testing.T) {
	store := newShelf()
	yesterday := append(bills(200, 100), bill("0000016", "TF 16b", 250))
	today := file{records: append(bills(200, 100), damaged("", "")), next: "2", control: hub.Control{Rows: -1}}
	if got, err := deliver(t, store, whole(yesterday, "1"), today); err != nil || got.Outcome != feed.Published {
		t.Fatalf("got %s, %v, want published", got.Outcome, err)
	}
	for account, want := range map[string]string{"0000016": "bad_amount", "0000017": ""} {
		answer, err := nightly(store, sunday.Add(10*time.Hour)).Obligations(t.Context(), asked(account))
		if err != nil || hub.Due(answer.Obligations) != 100 || codes(answer.Refused) != want {
			t.Errorf("%s: got %d due, refused %q (%v), want 100 and %q", account, hub.Due(answer.Obligations), codes(answer.Refused), err, want)
		}
	}
}

// TestWhoHasPaidEverythingIsNotUnknown asks for an account whose last bill has
// fallen off a list of debts.
func TestWhoHasPaidEverythingIsNotUnknown(t *testing.T) {
	delivered, put := newShelf(), newShelf()
	publish(t, delivered, bill("0004411", "TF 1", 100))
	stage, _ := put.Stage(t.Context(), heating, hub.ExtentRows, sunday)
	_, _ = put.Publish(t.Context(), stage, "1")
	for name, tc := range map[string]struct {
		store     *shelf
		debtsOnly bool
		want      hub.Code
	}{
		"all accounts are listed":             {delivered, false, hub.CodeNotFound},
		"only debts are":                      {delivered, true, ""},
		"only debts are, and none ever was":   {put, true, hub.CodeUnavailable},
		"only debts are, before all delivery": {newShelf(), true, hub.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			c := &hub.Connector{Creditor: hub.Creditor{Name: heating}, Feed: drop{}, Traits: hub.Traits{DebtsOnly: tc.debtsOnly}}
			source := feed.Serve(c, tc.store, hub.ClockFunc(func() time.Time { return sunday })).Source
			answer, err := source.Obligations(t.Context(), asked("0009999"))
			if hub.CodeOf(err) != tc.want || len(answer.Obligations) != 0 {
				t.Fatalf("got %+v, %v, want %q", answer, err, tc.want)
			}
			if err == nil && !answer.AsOf.Equal(sunday) {
				t.Errorf("got it as of %v, want as of the delivery", answer.AsOf)
			}
		})
	}
}

// TestWhatARowAnnouncedIsRemembered asks about a row that was delivered before what it
// announces came about. Only that a bill fell due says nothing of its amount.
func TestWhatARowAnnouncedIsRemembered(t *testing.T) {
	now, owed := sunday.Add(10*time.Hour), hub.Bani(40_000)
	for name, tc := range map[string]struct {
		change hub.NextChange
		kept   bool
	}{
		"it fell due":                       {hub.NextChange{At: sunday, Reason: "due"}, false},
		"it falls due now":                  {hub.NextChange{At: now, Reason: "due"}, false},
		"it will fall due":                  {hub.NextChange{At: now.Add(1), Reason: "due"}, true},
		"it fell due and is more since":     {hub.NextChange{At: sunday, Reason: "due", NewOutstanding: &owed}, true},
		"its late charges have begun":       {hub.NextChange{At: sunday, Reason: "late_step"}, true},
		"the time of half the fine is over": {hub.NextChange{At: sunday, Reason: "reduced_fine_ends", NewOutstanding: &owed}, true},
	} {
		t.Run(name, func(t *testing.T) {
			store, row := newShelf(), bill("0004411", "TF 1", 15_000)
			row.Obligation.NextChange = &tc.change
			publish(t, store, row)
			answer, err := nightly(store, now).Obligations(t.Context(), asked("0004411"))
			if err != nil {
				t.Fatal(err)
			}
			if got := answer.Obligations[0].NextChange; (got != nil) != tc.kept {
				t.Errorf("got the change %+v, want it kept: %t", got, tc.kept)
			}
		})
	}
}

func codes(events []hub.QualityEvent) string {
	var all []string
	for _, e := range events {
		all = append(all, e.Code)
	}
	return strings.Join(all, " ")
}

func TestARowOfAnotherAccountIsForeign(t *testing.T) {
	store := newShelf()
	row := bill("0004411", "TF 1", 100)
	row.Obligation.Account = "0004412"
	publish(t, store, row)
	_, err := nightly(store, sunday).Obligations(context.Background(), asked("0004411"))
	if hub.CodeOf(err) != hub.CodeForeignData {
		t.Errorf("got %v, want foreign_data", err)
	}
}

// TestNothingIsPublishedOfWhoeverIsHeld: the rows came over the same line as what was
// somebody else's.
func TestNothingIsPublishedOfWhoeverIsHeld(t *testing.T) {
	store := newShelf()
	publish(t, store, bill("0004411", "TF 1", 100))
	held := true
	c := &hub.Connector{Creditor: hub.Creditor{Name: heating}, Feed: drop{}, Held: func() bool { return held }}
	served := feed.Serve(c, store, hub.ClockFunc(func() time.Time { return sunday }))
	if _, err := served.Source.Obligations(t.Context(), asked("0004411")); hub.CodeOf(err) != hub.CodeForeignData || !served.Quarantined() {
		t.Errorf("got %v, want foreign_data", err)
	}
	held = false
	if answer, err := served.Source.Obligations(t.Context(), asked("0004411")); err != nil || len(answer.Obligations) != 1 {
		t.Errorf("let out: got %v, %v", answer, err)
	}
}

func TestACancelledBillAndItsStornoAreNotShown(t *testing.T) {
	storno := bill("1", "EL 2", -100)
	storno.Obligation.Replaces = []string{"EL 1"}
	partial := bill("2", "EL 5", -40)
	partial.Obligation.Replaces = []string{"EL 4"}
	store := newShelf()
	publish(t, store, bill("1", "EL 1", 100), storno, bill("1", "EL 3", 90), bill("2", "EL 4", 100), partial)
	for account, want := range map[string][]string{"1": {"EL 3"}, "2": {"EL 4", "EL 5"}} {
		answer, err := nightly(store, sunday).Obligations(context.Background(), asked(account))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range answer.Obligations {
			got = append(got, o.ExternalID)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("account %s (-want +got):\n%s", account, d)
		}
	}
}

// live is a Source that answers the same each time.
type live struct {
	answer hub.Answer
	err    error
}

func (l live) Obligations(context.Context, hub.Asked) (hub.Answer, error) { return l.answer, l.err }

// item is what a balance call knows of a bill.
func item(account, external string, left int64) hub.Obligation {
	o := bill(account, external, left).Obligation
	o.Total = o.Outstanding
	return o
}

func detailed() hub.Record {
	r := bill("0004411", "EL 1", 30_000)
	o := &r.Obligation
	o.Period = &hub.Period{From: "2026-02-01", To: "2026-02-28"}
	o.Installments = []hub.Installment{{No: 1, DueOn: "2026-03-20", Amount: hub.Bani(30_000), Outstanding: hub.Bani(30_000)}}
	o.Subject = &hub.Subject{Type: "pod", Ref: "RO001E000000001"}
	o.Options = []hub.PaymentOption{{ID: "full", Kind: "full", Amount: hub.Bani(30_000), Transfers: []hub.Transfer{{Seq: 1, IBAN: "RO12SBXB0000999900000002", Amount: hub.Bani(30_000)}}}}
	return r
}

func ask(t *testing.T, store hub.Snapshots, l live) (hub.Answer, error) {
	t.Helper()
	c := &hub.Connector{Creditor: hub.Creditor{Name: heating}, Feed: drop{}, Source: l}
	return feed.Serve(c, store, hub.ClockFunc(func() time.Time { return sunday })).Source.Obligations(context.Background(), asked("0004411"))
}

func TestTheLiveAnswerDecidesAndTheBillExplains(t *testing.T) {
	store := newShelf()
	publish(t, store, detailed(), bill("0004411", "EL 0", 777))
	answer, err := ask(t, store, live{answer: hub.Answer{Obligations: []hub.Obligation{item("0004411", "EL 1", 10_000)}}})
	if err != nil || len(answer.Obligations) != 1 {
		t.Fatalf("got %d obligations, %v, want the live one alone", len(answer.Obligations), err)
	}
	want := detailed().Obligation
	want.Paid, want.Outstanding, want.Status = hub.Bani(20_000), hub.Bani(10_000), hub.StatusPartiallyPaid
	want.Installments[0].Outstanding = hub.Bani(10_000)
	want.Options[0].Amount, want.Options[0].Transfers[0].Amount = hub.Bani(10_000), hub.Bani(10_000)
	if d := cmp.Diff(want, answer.Obligations[0]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestALiveItemTakesNoChangeThatIsPastFromItsBill(t *testing.T) {
	for name, tc := range map[string]struct {
		at   time.Time
		want bool
	}{"past": {sunday, false}, "ahead": {sunday.Add(time.Hour), true}} {
		row, store := detailed(), newShelf()
		row.Obligation.NextChange = &hub.NextChange{At: tc.at, Reason: "late_step"}
		publish(t, store, row)
		answer, err := ask(t, store, live{answer: hub.Answer{Obligations: []hub.Obligation{item("0004411", "EL 1", 10_000)}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := answer.Obligations[0].NextChange; (got != nil) != tc.want {
			t.Errorf("%s: got the change %+v, want one: %t", name, got, tc.want)
		}
	}
}

func TestALiveItemWithoutItsBillIsKept(t *testing.T) {
	other := newShelf()
	publish(t, other, bill("0009999", "EL 1", 5))
	for name, store := range map[string]*shelf{"nothing delivered yet": newShelf(), "another account's bill": other} {
		t.Run(name, func(t *testing.T) {
			answer, err := ask(t, store, live{answer: hub.Answer{Obligations: []hub.Obligation{item("0004411", "EL 1", 10_000)}}})
			if err != nil || hub.Due(answer.Obligations) != 10_000 {
				t.Fatalf("got %d due, %v, want 10000", hub.Due(answer.Obligations), err)
			}
			if q := answer.Obligations[0].Quality; len(q) != 1 || q[0].Code != "detail_missing" {
				t.Errorf("got quality %v, want detail_missing", q)
			}
		})
	}
}

func TestABillThatCannotBeTheItemsDoesNotChangeItsAmounts(t *testing.T) {
	store := newShelf()
	publish(t, store, detailed())
	answer, err := ask(t, store, live{answer: hub.Answer{Obligations: []hub.Obligation{item("0004411", "EL 1", 40_000)}}})
	if err != nil {
		t.Fatal(err)
	}
	o := answer.Obligations[0]
	if o.Total != hub.Bani(40_000) || o.Paid != hub.Bani(0) || len(o.Quality) != 1 || o.Quality[0].Code != "detail_differs" {
		t.Errorf("got total %v paid %v quality %v, want the live amounts and detail_differs", o.Total, o.Paid, o.Quality)
	}
}

func TestWithoutALiveAnswerThereIsNone(t *testing.T) {
	store := newShelf()
	publish(t, store, detailed())
	down := errors.New("down")
	if _, err := ask(t, store, live{err: down}); !errors.Is(err, down) {
		t.Errorf("got %v, want the live failure: a bill alone does not know what was paid", err)
	}
}

func TestRowsAreGoodUntilTheNextDeliveryIsLate(t *testing.T) {
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, 3, day, hour, minute, 0, 0, hub.Bucharest)
	}
	for name, tc := range map[string]struct {
		delivery hub.Delivery
		asOf     time.Time
		want     time.Time
	}{
		"the morning's":                   {hub.Delivery{At: 330, Grace: time.Hour}, at(15, 0, 0), at(16, 6, 30)},
		"made late in the evening before": {hub.Delivery{At: 330, Grace: time.Hour}, at(14, 23, 0), at(16, 6, 30)},
		"over the change of the clock":    {hub.Delivery{At: 330, Grace: time.Hour}, at(28, 0, 0), at(29, 6, 30)},
		"nothing promised":                {hub.Delivery{}, at(15, 0, 0), time.Time{}},
		"nothing delivered":               {hub.Delivery{At: 330, Grace: time.Hour}, time.Time{}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.delivery.GoodUntil(tc.asOf); !got.Equal(tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
