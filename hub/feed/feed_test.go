package feed_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/feed"
)

const heating hub.Name = "heating"

var sunday = time.Date(2026, 3, 15, 0, 0, 0, 0, hub.Bucharest)

// file is a scripted hub.Batch.
type file struct {
	part    bool
	records []hub.Record
	broken  error // comes after the records
	control hub.Control
	next    hub.Cursor
	closed  *int
	pause   time.Duration // before each record
}

func (f file) AsOf() time.Time      { return sunday }
func (f file) Control() hub.Control { return f.control }
func (f file) Next() hub.Cursor     { return f.next }

func (f file) Extent() hub.Extent {
	if f.part {
		return hub.ExtentChanges
	}
	return hub.ExtentAll
}

func (f file) Close() error {
	if f.closed != nil {
		*f.closed++
	}
	return nil
}

func (f file) Records() iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		for _, r := range f.records {
			time.Sleep(f.pause)
			if !yield(r, nil) {
				return
			}
		}
		if f.broken != nil {
			yield(hub.Record{}, f.broken)
		}
	}
}

// drop is a hub.Feed: what is delivered after each cursor.
type drop map[hub.Cursor]file

func (d drop) Pull(_ context.Context, since hub.Cursor) (hub.Batch, error) {
	f, ok := d[since]
	if !ok {
		return nil, hub.Errorf(hub.CodeNotFound, "nothing newer")
	}
	return f, nil
}

// bills makes one bill of bani each for accounts 0 … n-1.
func bills(n int, bani int64) (records []hub.Record) {
	for i := range n {
		records = append(records, bill(fmt.Sprintf("%07d", i), fmt.Sprintf("TF %d", i), bani))
	}
	return records
}

func bill(account, external string, bani int64) hub.Record {
	return hub.Record{Account: account, Obligation: hub.Obligation{
		ID: hub.NewObligationID(heating, external), ExternalID: external, Account: account, Kind: "heat.bill",
		Total: hub.Bani(bani), Paid: hub.Bani(0), Outstanding: hub.Bani(bani), Status: hub.StatusOpen,
	}}
}

func whole(records []hub.Record, next hub.Cursor) file {
	f := file{records: records, next: next, control: hub.Control{Rows: len(records)}}
	for _, r := range records {
		f.control.Total += r.Obligation.Outstanding.Minor
	}
	return f
}

func refusals(n int) (records []hub.Record) {
	for i := range n {
		records = append(records, hub.Record{Refused: &hub.QualityEvent{Code: "bad_amount", Field: fmt.Sprint("line ", i)}})
	}
	return records
}

// damaged is a line whose amount cannot be read.
func damaged(account, external string) hub.Record {
	return hub.Record{
		Account: account, Obligation: hub.Obligation{ExternalID: external},
		Refused: &hub.QualityEvent{Code: "bad_amount", Field: "termo_20260316_01.csv, line 18, REST"},
	}
}

func runner(store hub.Snapshots, source hub.Feed) (*feed.Runner, *hub.Connector) {
	c := &hub.Connector{Creditor: hub.Creditor{Name: heating}, Feed: source}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return feed.New(feed.Parts{Roster: hub.Fleet{c}, Store: store, Log: log}, feed.Conf{}), c
}

// deliver takes the first delivery, which must be published, then the second.
func deliver(t *testing.T, store *shelf, first, second file) (feed.Result, error) {
	t.Helper()
	first.next = "1"
	r, c := runner(store, drop{"": first, "1": second})
	if got, err := r.Deliver(context.Background(), c); err != nil || got.Outcome != feed.Published {
		t.Fatalf("first delivery: got %v, %v, want it published", got, err)
	}
	return r.Deliver(context.Background(), c)
}

func TestTheGateHoldsWhatAPersonShouldSee(t *testing.T) {
	before := whole(bills(200, 10_000), "1")
	for name, tc := range map[string]struct {
		second file
		want   feed.Outcome
		reason string
	}{
		"the same again":                    {whole(bills(200, 10_000), "2"), feed.Published, ""},
		"a tenth was paid":                  {whole(bills(190, 10_000), "2"), feed.Published, ""},
		"most accounts are gone":            {whole(bills(20, 10_000), "2"), feed.Held, "drops 180 of 200 accounts"},
		"nothing is left":                   {whole(nil, "2"), feed.Held, "drops 200 of 200 accounts"},
		"the mean is ten times larger":      {whole(bills(200, 100_000), "2"), feed.Held, "sum due goes from 20000.00 RON to 200000.00 RON"},
		"a comma was lost":                  {whole(bills(200, 100), "2"), feed.Held, "sum due"},
		"the mean of a part is far too big": {file{part: true, records: bills(50, 100_000), next: "2", control: hub.Control{Rows: -1}}, feed.Held, "mean obligation goes from 100.00 RON to 1000.00 RON"},
		"a small part may differ":           {file{part: true, records: bills(5, 100_000), next: "2", control: hub.Control{Rows: -1}}, feed.Published, ""},
		"a few damaged lines":               {file{records: append(bills(200, 10_000), refusals(3)...), next: "2", control: hub.Control{Rows: 203}}, feed.Published, ""},
		"many damaged lines":                {file{records: append(bills(200, 10_000), refusals(50)...), next: "2", control: hub.Control{Rows: 250}}, feed.Held, "50 of 250 records were refused"},
	} {
		t.Run(name, func(t *testing.T) {
			store := newShelf()
			got, err := deliver(t, store, before, tc.second)
			if err != nil {
				t.Fatal(err)
			}
			if got.Outcome != tc.want || !strings.Contains(got.Reason, tc.reason) {
				t.Errorf("got %s %q, want %s %q", got.Outcome, got.Reason, tc.want, tc.reason)
			}
			if tc.want == feed.Held && sums(store.published[heating]) != sums(rowsOf(before)) {
				t.Errorf("a held delivery is seen by readers: %+v", sums(store.published[heating]))
			}
		})
	}
}

func rowsOf(f file) map[string]hub.SnapshotRow {
	rows := map[string]hub.SnapshotRow{}
	for _, r := range f.records {
		rows[r.Obligation.ExternalID] = hub.SnapshotRow{Account: r.Account, Obligation: r.Obligation}
	}
	return rows
}

func TestADamagedDeliveryChangesNothing(t *testing.T) {
	truncated := whole(bills(10, 500), "2")
	truncated.broken = hub.Errorf(hub.CodeBadData, "termo_20260316_01.csv, line 11: ends in the middle")
	wrongRows, wrongTotal := whole(bills(10, 500), "2"), whole(bills(10, 500), "2")
	wrongRows.control.Rows++
	wrongTotal.control.Total--
	for name, second := range map[string]file{
		"truncated": truncated, "wrong number of rows": wrongRows, "wrong total": wrongTotal,
	} {
		t.Run(name, func(t *testing.T) {
			store, closed := newShelf(), 0
			second.closed = &closed
			got, err := deliver(t, store, whole(bills(10, 400), "1"), second)
			if hub.CodeOf(err) != hub.CodeBadData || got.Outcome != feed.Damaged {
				t.Errorf("got %s, %v, want damaged and bad_data", got.Outcome, err)
			}
			if len(store.stages) != 0 || store.cursors[heating] != "1" || closed != 1 {
				t.Errorf("got %d stages, cursor %q, %d closed, want 0, 1, 1", len(store.stages), store.cursors[heating], closed)
			}
			if due := sums(store.published[heating]).Due; due != 4000 {
				t.Errorf("got %d bani published, want 4000", due)
			}
		})
	}
}

func TestTheFirstDeliveryPassesUnlessItsTotalsFail(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*file)
		want   feed.Outcome
	}{
		"right":        {func(*file) {}, feed.Published},
		"wrong totals": {func(f *file) { f.control.Total++ }, feed.Damaged},
	} {
		t.Run(name, func(t *testing.T) {
			f := whole(bills(3, 100), "1")
			tc.change(&f)
			r, c := runner(newShelf(), drop{"": f})
			if got, _ := r.Deliver(context.Background(), c); got.Outcome != tc.want {
				t.Errorf("got %s, want %s", got.Outcome, tc.want)
			}
		})
	}
}

func TestPartsWaitBehindAHeldOneAndAFullDeliveryReplacesIt(t *testing.T) {
	store, ctx := newShelf(), context.Background()
	part := func(n int, bani int64, next hub.Cursor) file {
		return file{part: true, records: bills(n, bani), next: next, control: hub.Control{Rows: -1}}
	}
	r, c := runner(store, drop{"": part(100, 100, "1"), "1": part(50, 9_000, "2"), "2": part(1, 100, "3")})
	for _, want := range []feed.Outcome{feed.Published, feed.Held, feed.Waiting, feed.Waiting} {
		if got, err := r.Deliver(ctx, c); err != nil || got.Outcome != want {
			t.Fatalf("got %s, %v, want %s", got.Outcome, err, want)
		}
	}
	c.Feed = drop{"2": whole(bills(100, 100), "3")}
	if got, err := r.Deliver(ctx, c); err != nil || got.Outcome != feed.Published {
		t.Fatalf("got %s, %v, want published", got.Outcome, err)
	}
	if held, _ := store.Held(ctx); len(held) != 0 {
		t.Errorf("got %d held deliveries, want the old one gone: releasing it would bring back yesterday", len(held))
	}
}

func TestOneReplicaCarriesADelivery(t *testing.T) {
	store, ctx := newShelf(), context.Background()
	r, c := runner(store, drop{"": whole(bills(3, 100), "1")})
	other, _ := store.Stage(ctx, heating, hub.ExtentAll, sunday)
	if got, err := r.Deliver(ctx, c); err != nil || got.Outcome != feed.Elsewhere {
		t.Errorf("while another stages: got %s, %v, want elsewhere", got.Outcome, err)
	}
	_ = store.Discard(ctx, other)
	c.Feed = overtaken{store, drop{"": whole(bills(3, 100), "1")}}
	if got, err := r.Deliver(ctx, c); err != nil || got.Outcome != feed.Elsewhere {
		t.Errorf("after another published: got %s, %v, want elsewhere", got.Outcome, err)
	}
	if len(store.stages) != 0 {
		t.Errorf("got %d stages left, want 0", len(store.stages))
	}
}

// overtaken is a feed during whose Pull another replica publishes.
type overtaken struct {
	store *shelf
	drop
}

func (o overtaken) Pull(ctx context.Context, since hub.Cursor) (hub.Batch, error) {
	stage, _ := o.store.Stage(ctx, heating, hub.ExtentAll, sunday)
	_, _ = o.store.Publish(ctx, stage, "1")
	return o.drop.Pull(ctx, since)
}

func TestRowsAreStagedInBoundedChunks(t *testing.T) {
	store := newShelf()
	r, c := runner(store, drop{"": whole(bills(5432, 100), "1")})
	if got, err := r.Deliver(context.Background(), c); err != nil || got.Records != 5432 {
		t.Fatalf("got %d records, %v, want 5432", got.Records, err)
	}
	if rows := len(store.published[heating]); store.biggest != 2000 || rows != 5432 {
		t.Errorf("got %d rows at once and %d in all, want 2000 and 5432", store.biggest, rows)
	}
}

// TestASlowDeliveryIsKeptAlive has a creditor that takes ten minutes for a line.
func TestASlowDeliveryIsKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := whole(bills(2, 100), "1")
		f.pause = 10 * time.Minute
		r, c := runner(newShelf(), drop{"": f})
		if got, err := r.Deliver(t.Context(), c); err != nil || got.Outcome != feed.Published {
			t.Errorf("got %+v, %v, want it published", got, err)
		}
	})
}

func TestRefusedRecordsAreCountedAndNamed(t *testing.T) {
	f := whole(append(bills(3, 100), refusals(2)...), "1")
	r, c := runner(newShelf(), drop{"": f})
	got, err := r.Deliver(context.Background(), c)
	if err != nil || got.Dropped != 2 || got.Records != 5 || got.Refused[1].Field != "line 1" {
		t.Errorf("got %+v, %v, want 2 of 5 refused, the second in line 1", got, err)
	}
}

// TestAnotherVersionReadsAnew follows a company's files through a first version that
// read them wrongly, a second that is right and goes live, and a third.
func TestAnotherVersionReadsAnew(t *testing.T) {
	store := newShelf()
	r, c := runner(store, nil)
	for _, step := range []struct {
		what           string
		version, fedBy int
		bani           int64 // what it reads of each
		want           feed.Outcome
	}{
		{"the first, on its way", 0, 1, 1, feed.Published},
		{"again", 0, 1, 1, feed.Nothing},
		{"the second, on its way", 0, 2, 3, feed.Published},
		{"live, it goes on", 2, 0, 3, feed.Nothing},
		{"a third on its way after all", 0, 3, 5, feed.Published},
		{"the second again", 2, 0, 3, feed.Published},
		{"and goes on", 2, 0, 3, feed.Nothing},
		{"a live one after it goes on, too", 4, 0, 7, feed.Nothing},
	} {
		c.Version, c.FedBy, c.Feed = step.version, step.fedBy, drop{"": whole(bills(3, step.bani), "night 1")}
		if got, err := r.Deliver(t.Context(), c); err != nil || got.Outcome != step.want {
			t.Fatalf("%s: got %s, %v, want %s", step.what, got.Outcome, err, step.want)
		}
		if step.want == feed.Published && sums(store.published[heating]).Due != 3*step.bani {
			t.Errorf("%s: got %d bani shown, want what it read", step.what, sums(store.published[heating]).Due)
		}
	}
}

// TestAnIdStandsForOneDebt has a creditor whose numbers began anew in January: a
// debt of last year has the id of one of this.
func TestAnIdStandsForOneDebt(t *testing.T) {
	for name, tc := range map[string]struct {
		records  []hub.Record
		accounts map[string]string // what is shown of each, and what is said to be missing
	}{
		"of two accounts": {
			[]hub.Record{bill("A", "123", 30_000), bill("B", "123", 8_000), bill("C", "7", 1)},
			map[string]string{"A": "123=30000 duplicate_record", "B": "duplicate_record", "C": "7=1"},
		},
		"of one account": {
			[]hub.Record{bill("A", "123", 30_000), bill("A", "123", 8_000)},
			map[string]string{"A": "123=30000 duplicate_record"},
		},
		"of three accounts": {
			[]hub.Record{bill("A", "123", 30_000), bill("B", "123", 8_000), bill("C", "123", 5)},
			map[string]string{"A": "123=30000 duplicate_record duplicate_record", "B": "duplicate_record", "C": "duplicate_record"},
		},
		"once damaged": {
			[]hub.Record{damaged("A", "123"), bill("B", "123", 8_000)},
			map[string]string{"A": "bad_amount", "B": "123=8000"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := newShelf()
			r, c := runner(store, drop{"": whole(tc.records, "1")})
			got, err := r.Deliver(t.Context(), c)
			if err != nil || got.Outcome != feed.Published || got.Records != len(tc.records) {
				t.Fatalf("got %+v, %v, want it published", got, err)
			}
			for account, want := range tc.accounts {
				if got := shown(t, store, account); got != want {
					t.Errorf("account %s: got %q, want %q", account, got, want)
				}
			}
		})
	}
}

// shown tells what is published of an account.
func shown(t *testing.T, store hub.Snapshots, account string) string {
	t.Helper()
	snapshot, err := store.Snapshot(t.Context(), hub.AccountRef{Creditor: heating, Code: account})
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, o := range snapshot.Obligations {
		list = append(list, fmt.Sprintf("%s=%d", o.ExternalID, o.Outstanding.Minor))
	}
	for _, e := range snapshot.Refused {
		list = append(list, e.Code)
	}
	return strings.Join(list, " ")
}

// TestManyIdsThatStandTwiceWaitForAPerson also sees where they stood.
func TestManyIdsThatStandTwiceWaitForAPerson(t *testing.T) {
	again := bills(30, 100)
	for i := range again {
		again[i].Account += "0"
	}
	r, c := runner(newShelf(), drop{"": whole(append(bills(200, 100), again...), "1")})
	got, err := r.Deliver(t.Context(), c)
	if err != nil || got.Outcome != feed.Held || got.Dropped != 30 || got.Refused[0].Field != "record 201: id" {
		t.Errorf("got %+v, %v, want it held for its 30 repeats, the first of them record 201", got, err)
	}
}

// TestChangesMaySayMoreThanOnce: what changed twice stands twice in a list of
// changes, and the later word counts.
func TestChangesMaySayMoreThanOnce(t *testing.T) {
	store := newShelf()
	changes := file{part: true, records: []hub.Record{bill("A", "123", 30_000), bill("A", "123", 20_000)}, next: "1", control: hub.Control{Rows: 2, Total: 50_000}}
	r, c := runner(store, drop{"": changes})
	if got, err := r.Deliver(t.Context(), c); err != nil || got.Dropped != 0 || shown(t, store, "A") != "123=20000" {
		t.Errorf("got %+v, %v, shown %q, want the later word", got, err, shown(t, store, "A"))
	}
}

func TestRunFollowsTheRosterUntilItIsTold(t *testing.T) {
	store := newShelf()
	c := &hub.Connector{Creditor: hub.Creditor{Name: heating}, Feed: drop{"": whole(bills(3, 1), "1"), "1": whole(bills(4, 1), "2")}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	seen := make(chan struct{}, 1)
	r := feed.New(feed.Parts{Roster: hub.Fleet{c}, Store: store, Log: log, Meter: told(seen)}, feed.Conf{Every: time.Millisecond})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	<-seen
	<-seen
	stop()
	<-done
	if len(store.published[heating]) != 4 {
		t.Errorf("got %d rows, want the second delivery's 4", len(store.published[heating]))
	}
}

// hangingFeed answers when it is cut off.
type hangingFeed struct{ asked chan struct{} }

func (f hangingFeed) Pull(ctx context.Context, _ hub.Cursor) (hub.Batch, error) {
	f.asked <- struct{}{}
	<-ctx.Done()
	return nil, hub.Wrap(hub.CodeCancelled, ctx.Err(), "The question was withdrawn.")
}

func TestAStopIsNoFailureOfTheCreditor(t *testing.T) {
	var said bytes.Buffer
	c := &hub.Connector{Creditor: hub.Creditor{Name: heating}, Feed: hangingFeed{make(chan struct{})}}
	r := feed.New(feed.Parts{Roster: hub.Fleet{c}, Store: newShelf(), Log: slog.New(slog.NewTextHandler(&said, nil))}, feed.Conf{Every: time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	<-c.Feed.(hangingFeed).asked
	stop()
	<-done
	if strings.Contains(said.String(), "level=WARN") || !strings.Contains(said.String(), "delivery broken off") {
		t.Errorf("got %q, want no warning of a delivery that the stop broke off", said.String())
	}
}

// A guard cuts a delivery off when its slot is lost: that is for somebody to see.
func TestADeliveryThatWasCutOffIsAWarning(t *testing.T) {
	var said bytes.Buffer
	c := &hub.Connector{Creditor: hub.Creditor{Name: heating}, Feed: cutFeed{}}
	r := feed.New(feed.Parts{Roster: hub.Fleet{c}, Store: newShelf(), Log: slog.New(slog.NewTextHandler(&said, nil))}, feed.Conf{})
	if _, err := r.Deliver(t.Context(), c); err == nil || !strings.Contains(said.String(), "level=WARN") {
		t.Errorf("got %v and %q, want a warning", err, said.String())
	}
}

type cutFeed struct{}

func (cutFeed) Pull(context.Context, hub.Cursor) (hub.Batch, error) {
	return nil, hub.Errorf(hub.CodeCancelled, "The question was withdrawn.")
}

type told chan struct{}

func (c told) Delivered(hub.Name, feed.Outcome, int, time.Duration) {}
func (c told) Published(hub.Name, time.Time)                        { c <- struct{}{} }
func (c told) Refused(hub.Name, string)                             {}
func (c told) Remarked(hub.Name, string)                            {}

// TestWhatWasPublishedIsNotInAHurry starts a hub with and without last night's
// bills, and looks when the first question is.
func TestWhatWasPublishedIsNotInAHurry(t *testing.T) {
	for name, tc := range map[string]struct {
		before []file
		least  time.Duration
	}{
		"nothing was ever published": {nil, 0},
		"the hub was only restarted": {[]file{whole(bills(3, 100), "1")}, 500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := newShelf()
			for _, f := range tc.before {
				r, c := runner(store, drop{"": f})
				if _, err := r.Deliver(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			asked, began := make(chan time.Duration, 1), time.Now()
			r, _ := runner(store, pulled(func() { asked <- time.Since(began) }))
			ctx, stop := context.WithCancel(t.Context())
			go r.Run(ctx)
			if took := <-asked; took < tc.least || took > 2*time.Second {
				t.Errorf("%s: asked after %v, want at least %v", name, took, tc.least)
			}
			stop()
			synctest.Wait()
		})
	}
}

// pulled is a hub.Feed without anything new that tells when it is asked.
type pulled func()

func (p pulled) Pull(context.Context, hub.Cursor) (hub.Batch, error) {
	p()
	return nil, hub.Errorf(hub.CodeNotFound, "nothing newer")
}
