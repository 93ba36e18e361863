package push_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/connectors"
	kind "racord/connectors/push"
	"racord/hub"
	"racord/hub/feed"
	"racord/hub/push"
)

var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, hub.Bucharest)

const manifest = `kind: push
creditor: salub
name: Salubritate
category: waste
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Salubritate}]
traits: {fetch: [by_account], delivery: {at: "05:30", grace: 48h}}
`

var company = hub.Caller{Company: "salub"}

// scene is a creditor that sends to a hub with a real store and its gate.
type scene struct {
	*push.Service
	t      testing.TB
	store  hub.Snapshots
	served *hub.Connector
	now    *time.Time
}

func newScene(t testing.TB) *scene {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), make([]byte, hub.MasterKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	now := noon
	catalog, clock := connectors.NewCatalog(kind.Kind), hub.ClockFunc(func() time.Time { return now })
	m, err := catalog.Parse("salub.yaml", []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), connectors.Env{Clock: clock}, m)
	if err != nil {
		t.Fatal(err)
	}
	served := feed.Serve(c, store, clock)
	fleet := hub.Fleet{served}
	runner := feed.New(feed.Parts{Roster: fleet, Store: store, Log: slog.New(slog.DiscardHandler)}, feed.Conf{})
	return &scene{&push.Service{Roster: fleet, Store: store, Intake: runner, Clock: clock}, t, store, served, &now}
}

func (s *scene) send(d push.Delivery) (push.Summary, []push.Wrong, error) {
	var wrong []push.Wrong
	if d.Rows == 0 {
		d.Rows = -1
	}
	sum, err := s.Send(s.t.Context(), company, "salub", d, func(w push.Wrong) error { wrong = append(wrong, w); return nil })
	return sum, wrong, err
}

func (s *scene) owes(account string) string {
	s.t.Helper()
	a, err := s.served.Source.Obligations(s.t.Context(), hub.Asked{Account: hub.AccountRef{Creditor: "salub", Code: account}})
	if err != nil {
		return string(hub.CodeOf(err))
	}
	list := []string{}
	for _, o := range a.Obligations {
		list = append(list, fmt.Sprintf("%s=%d", o.ExternalID, o.Outstanding.Minor))
	}
	for _, e := range a.Refused {
		list = append(list, "missing: "+e.Code)
	}
	return strings.Join(list, " ")
}

func row(id, account string, bani int) string {
	return fmt.Sprintf(`{"id":%q,"account":%q,"kind":"waste.bill","outstanding":%d}`+"\n", id, account, bani)
}

// rows are n bills of one leu, one an account.
func rows(n int) io.Reader {
	var b strings.Builder
	for i := range n {
		b.WriteString(row(fmt.Sprintf("F%d", i), fmt.Sprintf("A%d", i), 100))
	}
	return strings.NewReader(b.String())
}

func ndjson(body string) push.Delivery {
	return push.Delivery{Form: hub.FormNDJSON, Body: strings.NewReader(body)}
}

func TestRowsAreMergedByTheirIdsAndBadOnesNamed(t *testing.T) {
	s := newScene(t)
	sum, wrong, err := s.send(ndjson(row("F1", "A", 100) + row("F2", "A", 250) + `{"id":"F3","account":"B","kind":"waste.bill"}` + "\n" + row("F4", "B", 7)))
	if err != nil || sum.Rows != 4 || sum.Taken != 3 || sum.Refused != 1 || sum.Outcome != push.Published {
		t.Fatalf("got %+v, %v, want 3 of 4 published", sum, err)
	}
	if len(wrong) != 1 || wrong[0] != (push.Wrong{Row: 3, Field: "outstanding", Code: "missing_field", Problem: "there is nothing"}) {
		t.Errorf("got %+v, want row 3 named", wrong)
	}
	if _, _, err := s.send(ndjson(row("F2", "A", 50))); err != nil {
		t.Fatal(err)
	}
	if got := s.owes("A"); got != "F1=100 F2=50" {
		t.Errorf("got %q, want the second word about F2", got)
	}
	if _, _, err := s.send(push.Delivery{Form: hub.FormNDJSON, Full: true, Body: strings.NewReader(row("F9", "A", 9))}); err != nil {
		t.Fatal(err)
	}
	if got := s.owes("A"); got != "F9=9" {
		t.Errorf("got %q, want what the full delivery lists and no more", got)
	}
}

// TestAFullDeliverySaysAnIdOnce has two accounts with one invoice number.
func TestAFullDeliverySaysAnIdOnce(t *testing.T) {
	s := newScene(t)
	twice := ndjson(row("F1", "A", 100) + row("F2", "A", 250) + row("F1", "B", 7))
	twice.Full = true
	sum, wrong, err := s.send(twice)
	if err != nil || sum.Rows != 3 || sum.Taken != 2 || sum.Refused != 1 || sum.Outcome != push.Published {
		t.Fatalf("got %+v, %v, want 2 of 3 published", sum, err)
	}
	if want := (push.Wrong{Row: 3, Field: "id", Code: "duplicate_record", Problem: "the same id stands twice in one delivery"}); len(wrong) != 1 || wrong[0] != want {
		t.Errorf("got %+v, want %+v", wrong, want)
	}
	if got := s.owes("A"); got != "F1=100 F2=250 missing: duplicate_record" {
		t.Errorf("got %q of A, want a hint that something may be missing", got)
	}
	if got := s.owes("B"); got != "missing: duplicate_record" {
		t.Errorf("got %q of B, want a hint that something is missing", got)
	}
}

// TestTheReportSaysWhatIsShown sends a correction that is older than what it
// corrects.
func TestTheReportSaysWhatIsShown(t *testing.T) {
	s := newScene(t)
	if _, _, err := s.send(ndjson(row("F1", "A", 100))); err != nil {
		t.Fatal(err)
	}
	late := ndjson(row("F1", "A", 90) + row("F2", "A", 250))
	late.AsOf = noon.Add(-24 * time.Hour)
	sum, _, err := s.send(late)
	if err != nil || sum.Rows != 2 || sum.Taken != 1 || sum.Superseded != 1 {
		t.Errorf("got %+v, %v, want one taken and one superseded", sum, err)
	}
	if got := s.owes("A"); got != "F1=100 F2=250" {
		t.Errorf("got %q, want the later word about F1", got)
	}
}

// TestARefusedRowIsSaidUntilItIsSentWell sends all bills with one that is damaged,
// and then that one again.
func TestARefusedRowIsSaidUntilItIsSentWell(t *testing.T) {
	s := newScene(t)
	full := func(body string) push.Delivery {
		return push.Delivery{Form: hub.FormNDJSON, Full: true, Body: strings.NewReader(body)}
	}
	damaged := `{"id":"F2","account":"B","kind":"waste.bill","outstanding":"12,5x"}` + "\n"
	for _, step := range []struct {
		d    push.Delivery
		want string
	}{
		{full(row("F1", "A", 100) + row("F2", "B", 250)), "F2=250"},
		{full(row("F1", "A", 100) + damaged), "missing: bad_amount"},
		{ndjson(row("F1", "A", 90)), "missing: bad_amount"},
		{ndjson(row("F2", "B", 250)), "F2=250"},
		{ndjson(damaged), "F2=250 missing: bad_amount"},
		{full(row("F1", "A", 100)), "not_found"},
	} {
		if sum, _, err := s.send(step.d); err != nil || sum.Outcome != push.Published {
			t.Fatalf("got %+v, %v, want it published", sum, err)
		}
		if got := s.owes("B"); got != step.want {
			t.Errorf("got %q, want %q", got, step.want)
		}
	}
}

// TestOneRowSaysNothingAboutTheOthers has a nightly list that stops, and a clerk
// who goes on putting single bills.
func TestOneRowSaysNothingAboutTheOthers(t *testing.T) {
	for name, change := range map[string]func(*scene) error{
		"put": func(s *scene) error {
			return second(s.Put(s.t.Context(), company, "salub", "F2", strings.NewReader(row("F2", "B", 70))))
		},
		"cancelled": func(s *scene) error { return second(s.Cancel(s.t.Context(), company, "salub", "B", "F2")) },
		"restored":  func(s *scene) error { return second(s.Restore(s.t.Context(), company, "salub", "B", "F2")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			list := row("F1", "A", 100) + row("F2", "B", 250)
			full := push.Delivery{Form: hub.FormNDJSON, Full: true, Body: strings.NewReader(list)}
			if _, _, err := s.send(full); err != nil {
				t.Fatal(err)
			}
			*s.now = noon.Add(4 * 24 * time.Hour)
			if err := change(s); err != nil {
				t.Fatal(err)
			}
			for account, want := range map[string]time.Time{"A": noon, "B": *s.now} {
				a, err := s.served.Source.Obligations(t.Context(), hub.Asked{Account: hub.AccountRef{Creditor: "salub", Code: account}})
				if err != nil || !a.AsOf.Equal(want) || a.ValidUntil.After(*s.now) != (account == "B") {
					t.Errorf("account %s: got as of %v, good until %v, %v; want as of %v", account, a.AsOf, a.ValidUntil, err, want)
				}
			}
			if _, asOf, err := s.store.Cursor(t.Context(), "salub"); err != nil || !asOf.Equal(noon) {
				t.Errorf("got the feed as of %v, %v, want %v: it is late", asOf, err, noon)
			}
			if _, _, err := s.send(ndjson("")); err != nil {
				t.Fatal(err)
			}
			a, err := s.served.Source.Obligations(t.Context(), hub.Asked{Account: hub.AccountRef{Creditor: "salub", Code: "A"}})
			if err != nil || !a.AsOf.Equal(*s.now) {
				t.Errorf("after word that nothing changed: got as of %v, %v, want now", a.AsOf, err)
			}
		})
	}
}

func TestACancelledObligationComesBackUnderItsId(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	if _, err := s.Put(ctx, company, "salub", "F1", strings.NewReader(row("F1", "A", 100))); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Cancel(ctx, company, "salub", "A", "F1"); err != nil {
			t.Fatal(err)
		}
		if got := s.owes("A"); got != "" {
			t.Errorf("got %q, want nothing due and the account known", got)
		}
	}
	for range 2 {
		if _, err := s.Restore(ctx, company, "salub", "A", "F1"); err != nil {
			t.Fatal(err)
		}
		if got := s.owes("A"); got != "F1=100" {
			t.Errorf("got %q, want the amount it had", got)
		}
	}
	for name, err := range map[string]error{
		"another account": second(s.Cancel(ctx, company, "salub", "B", "F1")), "another id": second(s.Restore(ctx, company, "salub", "A", "F2")),
	} {
		if hub.CodeOf(err) != hub.CodeNotFound {
			t.Errorf("%s: got %v, want not_found", name, err)
		}
	}
}

func second(_ push.Summary, err error) error { return err }

// TestALaterWordCountsWhenTheSendersClockIsAhead sends a bill and then says
// something else about it, as of a moment that the bill's already lies after.
func TestALaterWordCountsWhenTheSendersClockIsAhead(t *testing.T) {
	for name, tc := range map[string]struct {
		later func(s *scene) (push.Summary, error)
		want  string
	}{
		"it is cancelled": {func(s *scene) (push.Summary, error) {
			return s.Cancel(t.Context(), company, "salub", "A", "F1")
		}, ""},
		"it is put anew": {func(s *scene) (push.Summary, error) {
			return s.Put(t.Context(), company, "salub", "F1", strings.NewReader(row("F1", "A", 70)))
		}, "F1=70"},
		"it is sent anew": {func(s *scene) (push.Summary, error) {
			sum, _, err := s.send(ndjson(row("F1", "A", 70)))
			return sum, err
		}, "F1=70"},
		"all is sent anew": {func(s *scene) (push.Summary, error) {
			sum, _, err := s.send(push.Delivery{Form: hub.FormNDJSON, Full: true, Body: strings.NewReader(row("F1", "A", 70))})
			return sum, err
		}, "F1=70"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			if _, _, err := s.send(ndjson(row("F0", "B", 1))); err != nil { // so that what follows is merged
				t.Fatal(err)
			}
			sum, _, err := s.send(push.Delivery{Form: hub.FormNDJSON, Body: strings.NewReader(row("F1", "A", 100)), AsOf: noon.Add(10 * time.Minute)})
			if err != nil || !sum.AsOf.Equal(noon) {
				t.Fatalf("got %+v, %v, want it taken as of now", sum, err)
			}
			if sum, err := tc.later(s); err != nil || sum.Outcome != push.Published {
				t.Fatalf("got %+v, %v, want it published", sum, err)
			}
			if got := s.owes("A"); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestOnlyTheCreditorItselfSends(t *testing.T) {
	s := newScene(t)
	for name, who := range map[string]hub.Caller{"nobody": {}, "another company": {Company: "apa"}, "staff": {Refunds: true}, "a citizen": {Citizen: true}} {
		for what, err := range map[string]error{
			"send":   second(s.Send(t.Context(), who, "salub", ndjson(row("F1", "A", 1)), nil)),
			"put":    second(s.Put(t.Context(), who, "salub", "F1", strings.NewReader(row("F1", "A", 1)))),
			"cancel": second(s.Cancel(t.Context(), who, "salub", "A", "F1")), "restore": second(s.Restore(t.Context(), who, "salub", "A", "F1")),
		} {
			want := hub.CodeForbidden
			if who.Company != "" {
				want = hub.CodeNotFound // another company's looks like what is not there
			}
			if hub.CodeOf(err) != want {
				t.Errorf("%s, %s: got %v, want %s", name, what, err, want)
			}
		}
	}
	if err := second(s.Send(t.Context(), hub.Caller{Company: "apa"}, "apa", ndjson(""), nil)); hub.CodeOf(err) != hub.CodeNotFound {
		t.Errorf("a creditor that does not send: got %v, want not_found", err)
	}
	if got := s.owes("A"); got != "unavailable" {
		t.Errorf("got %q, want nothing published", got)
	}
}

func TestWhatCannotBeTrustedIsNotPublished(t *testing.T) {
	s := newScene(t)
	if _, _, err := s.send(push.Delivery{Form: hub.FormNDJSON, Full: true, Body: rows(200)}); err != nil {
		t.Fatal(err)
	}
	broken := io.MultiReader(strings.NewReader(row("F0", "A0", 7)), brokenPipe{})
	for name, tc := range map[string]struct {
		d    push.Delivery
		code hub.Code
	}{
		"a body that was cut":       {push.Delivery{Form: hub.FormNDJSON, Body: broken, Rows: -1}, hub.CodeBadData},
		"fewer rows than were said": {push.Delivery{Form: hub.FormNDJSON, Body: rows(3), Rows: 4}, hub.CodeBadData},
		"the future":                {push.Delivery{Form: hub.FormNDJSON, Body: rows(3), AsOf: noon.Add(time.Hour)}, hub.CodeInvalid},
		"all of yesterday":          {push.Delivery{Form: hub.FormNDJSON, Full: true, Body: rows(200), AsOf: noon.Add(-24 * time.Hour)}, hub.CodeConflict},
		"one row under another id":  {},
	} {
		var err error
		if name == "one row under another id" {
			tc.code = hub.CodeInvalid
			_, err = s.Put(t.Context(), company, "salub", "F0", strings.NewReader(row("F1", "A0", 7)))
		} else {
			_, _, err = s.send(tc.d)
		}
		if hub.CodeOf(err) != tc.code {
			t.Errorf("%s: got %v, want code %s", name, err, tc.code)
		}
	}
	sum, _, err := s.send(push.Delivery{Form: hub.FormNDJSON, Full: true, Body: rows(20)})
	if err != nil || sum.Outcome != push.Held || !strings.Contains(sum.Reason, "180 of 200 accounts") {
		t.Errorf("got %+v, %v, want it held: most accounts are gone", sum, err)
	}
	if _, err := s.Put(t.Context(), company, "salub", "F0", strings.NewReader(row("F0", "A0", 7))); hub.CodeOf(err) != hub.CodeConflict {
		t.Errorf("got %v, want conflict: nothing overtakes what waits for a person", err)
	}
	if got := s.owes("A0") + s.owes("A199"); got != "F0=100F199=100" {
		t.Errorf("got %q, want what was published first", got)
	}
}

type brokenPipe struct{}

func (brokenPipe) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestManyAtOnceAllArrive(t *testing.T) {
	s := newScene(t)
	var wait sync.WaitGroup
	for i := range 12 {
		wait.Go(func() {
			id := fmt.Sprintf("F%02d", i)
			if _, err := s.Put(t.Context(), company, "salub", id, strings.NewReader(row(id, "A", i+1))); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	wait.Wait()
	if got := strings.Count(s.owes("A"), "="); got != 12 {
		t.Errorf("got %d bills, want all 12", got)
	}
}

// overtaken lets something be done between the look at a delivery and its turn.
type overtaken struct {
	hub.Intake
	by func()
}

func (o *overtaken) Take(ctx context.Context, creditor hub.Name, b hub.Batch) (hub.Taken, error) {
	if by := o.by; by != nil {
		o.by = nil
		by()
	}
	return o.Intake.Take(ctx, creditor, b)
}

// TestAFullDeliveryThatIsOvertakenIsRefused sends yesterday's list and, while it is
// on its way, today's.
func TestAFullDeliveryThatIsOvertakenIsRefused(t *testing.T) {
	s := newScene(t)
	full := func(body string, asOf time.Time) push.Delivery {
		return push.Delivery{Form: hub.FormNDJSON, Full: true, AsOf: asOf, Body: strings.NewReader(body)}
	}
	s.Intake = &overtaken{s.Intake, func() {
		if _, _, err := s.send(full(row("F1", "A", 0)+row("F2", "A", 250), noon)); err != nil {
			t.Fatal(err)
		}
	}}
	if _, _, err := s.send(full(row("F0", "A", 100)+row("F1", "A", 100), noon.Add(-24*time.Hour))); hub.CodeOf(err) != hub.CodeConflict {
		t.Errorf("got %v, want a conflict", err)
	}
	if got := s.owes("A"); got != "F1=0 F2=250" {
		t.Errorf("got %q, want today's list", got)
	}
	if _, _, err := s.send(full(row("F3", "A", 7), noon)); err != nil {
		t.Errorf("the next list: got %v", err)
	}
}
