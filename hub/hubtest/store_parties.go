package hubtest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"racord/hub"
)

func login(subject string) hub.Login {
	return hub.Login{Issuer: "https://login.example", Subject: subject}
}

// enrolled gives the folder of a new party with the CNP of the tests.
func enrolled(t *testing.T, store hub.Folders, subject, name string) hub.Folder {
	t.Helper()
	folder, err := store.Enrol(t.Context(), login(subject), name, []hub.Identifier{{Scheme: hub.SchemeCNP, Value: CNP}})
	wantCode(t, "Enrol", err, "")
	return folder
}

func folderOf(t *testing.T, store hub.Folders, subject string) hub.Folder {
	t.Helper()
	folder, err := store.Folder(t.Context(), login(subject))
	wantCode(t, "Folder", err, "")
	return folder
}

func newLink(folder hub.Folder, account hub.AccountRef) hub.Link {
	return hub.Link{ID: hub.LinkID(hub.NewID()), Party: folder.Party.ID, Account: account, LinkedAt: Now()}
}

func strangerIsNotFound(t *testing.T, lab Lab) {
	_, err := lab.Store.Folder(t.Context(), login("nobody"))
	wantCode(t, "Folder", err, hub.CodeNotFound)
}

func enrolIsIdempotent(t *testing.T, lab Lab) {
	ids := []hub.Identifier{{Scheme: hub.SchemeCNP, Value: CNP}, {Scheme: "tram:card", Value: "00017"}}
	first, err := lab.Store.Enrol(t.Context(), login("ana"), "Ana Țîrlea", ids)
	wantCode(t, "Enrol", err, "")
	if first.Party.ID == "" || first.Party.Name != "Ana Țîrlea" || !reflect.DeepEqual(first.Party.Identifiers, ids) {
		t.Fatalf("got party %s with %d identifiers, want what was enrolled", first.Party, len(first.Party.Identifiers))
	}
	again, err := lab.Store.Enrol(t.Context(), login("ana"), "Somebody Else", nil)
	wantCode(t, "Enrol again", err, "")
	read := folderOf(t, lab.Store, "ana")
	for what, got := range map[string]hub.Folder{"enrolled again": again, "read": read} {
		if !reflect.DeepEqual(got, first) {
			t.Errorf("%s: got party %s, want the first one, %s, unchanged", what, got.Party, first.Party)
		}
	}
}

func enrolIsRaceSafe(t *testing.T, lab Lab) {
	const callers = 16
	var wait sync.WaitGroup
	ids, errs := make([]hub.PartyID, callers), make([]error, callers)
	for i := range callers {
		wait.Go(func() {
			folder, err := lab.Store.Enrol(t.Context(), login("ana"), fmt.Sprint("Ana ", i), nil)
			ids[i], errs[i] = folder.Party.ID, err
		})
	}
	wait.Wait()
	for i := range callers {
		wantCode(t, "Enrol", errs[i], "")
		if ids[i] != ids[0] || ids[i] == "" {
			t.Fatalf("got parties %q and %q, want one", ids[0], ids[i])
		}
	}
}

// renewed corrects a code, takes one away and adds one.
func renewed(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	first := []hub.Identifier{{Scheme: hub.SchemeCNP, Value: CNP}, {Scheme: "tram:card", Value: "00017"}}
	before, err := store.Enrol(ctx, login("ana"), "Ana", first)
	wantCode(t, "Enrol", err, "")
	if before.ReadAt.IsZero() {
		t.Fatal("got a new party that was never read")
	}
	lab.age(t, 48*time.Hour)
	if aged := folderAside(t, lab, "ana"); !aged.ReadAt.Before(before.ReadAt) {
		t.Fatalf("got read at %s, want it two days ago", aged.ReadAt)
	}
	second := []hub.Identifier{{Scheme: hub.SchemeCNP, Value: "2900101120007"}, {Scheme: hub.SchemeCUI, Value: "14399840"}}
	for i, want := range []bool{true, false} {
		changed, err := store.Renew(ctx, login("ana"), "Ana Pop", second)
		wantCode(t, "Renew", err, "")
		if changed != want {
			t.Errorf("renewal %d: got changed %t, want %t", i, changed, want)
		}
	}
	after := folderOf(t, store, "ana")
	if after.Party.ID != before.Party.ID || after.Party.Name != "Ana Pop" || !reflect.DeepEqual(after.Party.Identifiers, second) {
		t.Errorf("got party %s with %d identifiers, want the same with its new ones", after.Party, len(after.Party.Identifiers))
	}
	if after.ReadAt.Before(before.ReadAt) {
		t.Errorf("got read at %s, want it now", after.ReadAt)
	}
	notes, err := store.Anomalies(ctx, 10)
	wantCode(t, "Anomalies", err, "")
	if len(notes) != 1 || notes[0].Kind != "codes_changed" || notes[0].Detail != "party "+string(before.Party.ID)+": ro:cnp, tram:card" {
		t.Errorf("got anomalies %v, want one about the two codes, without them", notes)
	}
	byCode := Basket("another", "a")
	byCode.Lines[0].Asked.Identifier = second[1]
	opened(t, store, byCode)
	opened(t, store, Basket("another", "b")) // by the code of before
	if got := marksOf(t, store, "ana"); got["a"] != hub.HubReserved || len(got) != 1 {
		t.Errorf("got %v, want what the codes of now show", got)
	}
	_, err = store.Renew(ctx, login("nobody"), "Nobody", second)
	wantCode(t, "Renew of nobody", err, hub.CodeNotFound)
}

// folderAside reads a folder past what a store remembers: a link that comes and
// goes is a write.
func folderAside(t *testing.T, lab Lab, subject string) hub.Folder {
	t.Helper()
	l := newLink(folderOf(t, lab.Store, subject), hub.AccountRef{Creditor: "water", Code: "aside"})
	wantCode(t, "Link", lab.Store.Link(t.Context(), l), "")
	wantCode(t, "Unlink", lab.Store.Unlink(t.Context(), l.Party, l.ID), "")
	return folderOf(t, lab.Store, subject)
}

func issuersAreApart(t *testing.T, lab Lab) {
	one := enrolled(t, lab.Store, "ana", "Ana")
	other, err := lab.Store.Enrol(t.Context(), hub.Login{Issuer: "https://other.example", Subject: "ana"}, "Ana", nil)
	wantCode(t, "Enrol", err, "")
	if one.Party.ID == other.Party.ID {
		t.Fatal("got one party for two issuers, want two")
	}
}

func linkAndUnlink(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	ana := enrolled(t, store, "ana", "Ana")
	links := []hub.Link{
		newLink(ana, hub.AccountRef{Creditor: "water", Code: "000123"}),
		newLink(ana, hub.AccountRef{Creditor: "heat", Code: "000123"}),
	}
	links[1].LinkedAt = links[0].LinkedAt.Add(1_000_000)
	for _, l := range links {
		wantCode(t, "Link", store.Link(ctx, l), "")
	}
	if got := folderOf(t, store, "ana").Links; !reflect.DeepEqual(got, links) {
		t.Fatalf("got %v, want %v", got, links)
	}
	wantCode(t, "Unlink", store.Unlink(ctx, ana.Party.ID, links[0].ID), "")
	if got := folderOf(t, store, "ana").Links; !reflect.DeepEqual(got, links[1:]) {
		t.Fatalf("after Unlink: got %v, want %v", got, links[1:])
	}
	wantCode(t, "Unlink again", store.Unlink(ctx, ana.Party.ID, links[0].ID), hub.CodeNotFound)
	wantCode(t, "Link again", store.Link(ctx, newLink(ana, links[0].Account)), "")
}

func linkTwice(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	ana := enrolled(t, store, "ana", "Ana")
	account := hub.AccountRef{Creditor: "water", Code: "000123"}
	wantCode(t, "Link", store.Link(ctx, newLink(ana, account)), "")
	wantCode(t, "Link again", store.Link(ctx, newLink(ana, account)), hub.CodeConflict)
	if got := len(folderOf(t, store, "ana").Links); got != 1 {
		t.Fatalf("got %d links, want 1", got)
	}
}

func linkByTwoParties(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	ana, dan := enrolled(t, store, "ana", "Ana"), enrolled(t, store, "dan", "Dan")
	account := hub.AccountRef{Creditor: "water", Code: "000123"}
	wantCode(t, "Link of Ana", store.Link(ctx, newLink(ana, account)), "")
	wantCode(t, "Link of Dan", store.Link(ctx, newLink(dan, account)), "")
	for _, subject := range []string{"ana", "dan"} {
		if got := folderOf(t, store, subject).Links; len(got) != 1 || got[0].Account != account {
			t.Errorf("%s: got %v, want the shared account", subject, got)
		}
	}
}

func unlinkForeign(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	ana, dan := enrolled(t, store, "ana", "Ana"), enrolled(t, store, "dan", "Dan")
	l := newLink(ana, hub.AccountRef{Creditor: "water", Code: "000123"})
	wantCode(t, "Link", store.Link(ctx, l), "")
	wantCode(t, "Unlink by Dan", store.Unlink(ctx, dan.Party.ID, l.ID), hub.CodeNotFound)
	if got := len(folderOf(t, store, "ana").Links); got != 1 {
		t.Fatalf("got %d links, want Ana's 1", got)
	}
}

func linkLeadingZeros(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	ana := enrolled(t, store, "ana", "Ana")
	for _, code := range []string{"7", "07", " 7", "7 "} {
		wantCode(t, "Link "+code, store.Link(ctx, newLink(ana, hub.AccountRef{Creditor: "water", Code: code})), "")
	}
}

func attemptsCount(t *testing.T, lab Lab) {
	store := lab.Store
	ana, dan := enrolled(t, store, "ana", "Ana").Party.ID, enrolled(t, store, "dan", "Dan").Party.ID
	flat, house := hub.AccountRef{Creditor: "water", Code: "1"}, hub.AccountRef{Creditor: "water", Code: "2"}
	heat := hub.AccountRef{Creditor: "heat", Code: "1"}
	for i, step := range []struct {
		party                      hub.PartyID
		account                    hub.AccountRef
		day                        hub.Date
		wantByParty, wantByAccount int
	}{
		{ana, flat, "2026-03-15", 1, 1},
		{ana, flat, "2026-03-15", 2, 2},
		{dan, flat, "2026-03-15", 1, 3},
		{ana, house, "2026-03-15", 3, 1},
		{ana, heat, "2026-03-15", 4, 1},
		{ana, flat, "2026-03-16", 1, 1},
		{ana, flat, "2026-03-15", 5, 4},
	} {
		byParty, byAccount, err := store.Attempt(t.Context(), step.party, step.account, step.day)
		wantCode(t, "Attempt", err, "")
		if byParty != step.wantByParty || byAccount != step.wantByAccount {
			t.Fatalf("step %d: got %d by party and %d by account, want %d and %d", i, byParty, byAccount, step.wantByParty, step.wantByAccount)
		}
	}
}

func attemptsConcurrent(t *testing.T, lab Lab) {
	const tries = 20
	ana := enrolled(t, lab.Store, "ana", "Ana").Party.ID
	account := hub.AccountRef{Creditor: "water", Code: "1"}
	var wait sync.WaitGroup
	seen, errs := make([]int, tries), make([]error, tries)
	for i := range tries {
		wait.Go(func() {
			if i%4 == 3 { // withdrawals in between must neither lose a count nor lock anybody out
				_, _, errs[i] = lab.Store.Attempt(t.Context(), "another", account, "2026-03-15")
				return
			}
			seen[i], _, errs[i] = lab.Store.Attempt(t.Context(), ana, account, "2026-03-15")
		})
	}
	wait.Wait()
	counts := map[int]bool{}
	for i, n := range seen {
		wantCode(t, "Attempt", errs[i], "")
		if n != 0 && counts[n] {
			t.Fatalf("got the count %d twice, want every try counted", n)
		}
		counts[n] = true
	}
	_, byAccount, err := lab.Store.Attempt(t.Context(), ana, account, "2026-03-15")
	wantCode(t, "Attempt", err, "")
	if byAccount != tries+1 {
		t.Fatalf("got %d tries at the account, want %d", byAccount, tries+1)
	}
}

func attemptsForgiven(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	ana := enrolled(t, store, "ana", "Ana").Party.ID
	account := hub.AccountRef{Creditor: "water", Code: "1"}
	wantCode(t, "Forgive before any", store.Forgive(ctx, ana, account, "2026-03-15"), "")
	for range 3 {
		byParty, byAccount, err := store.Attempt(ctx, ana, account, "2026-03-15")
		wantCode(t, "Attempt", err, "")
		if byParty != 1 || byAccount != 1 {
			t.Fatalf("got %d and %d, want 1 and 1: the earlier tries were taken back", byParty, byAccount)
		}
		wantCode(t, "Forgive", store.Forgive(ctx, ana, account, "2026-03-15"), "")
	}
}

// marksTell pays two creditors' debts that have one name.
func marksTell(t *testing.T, lab Lab) {
	store := lab.Store
	p := Basket(enrolled(t, store, "ana", "Ana").Party.ID, "o1", "o1")
	p.Lines[1].Creditor, p.Lines[1].Owed = "heat", hub.Bani(250)
	opened(t, store, p)
	changed(t, store, p.ID, func(_ hub.PaymentTx, p *hub.Payment) error {
		return errors.Join(p.Line(1).Move(hub.LineDue), p.Line(1).Move(hub.LinePosting))
	})
	later := Now().Add(time.Second)
	changed(t, store, p.ID, func(_ hub.PaymentTx, p *hub.Payment) error {
		p.Line(1).BookedAt = later
		return p.Line(1).Move(hub.LinePosted)
	})
	want := []hub.Mark{
		{Creditor: "heat", Obligation: "o1", State: hub.HubReserved, Since: Now(), Remains: 50},
		{Creditor: "water", Obligation: "o1", State: hub.HubPosted, Since: later},
	}
	if got := folderOf(t, store, "ana").Marks; !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// readers read a folder over and over in the background, so that a store that
// remembers folders is tempted to remember an old one, until they are stopped.
func readers(t *testing.T, store hub.Store, who string, many int) (stop func()) {
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range many {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_, _ = store.Folder(t.Context(), login(who))
				}
			}
		})
	}
	return func() {
		close(done)
		wait.Wait()
	}
}

// folderIsNeverOld changes a folder that is read all the time. Only the payer tells
// whose it is: he shows none of the codes that the lines were asked about.
func folderIsNeverOld(t *testing.T, lab Lab) {
	folder, err := lab.Store.Enrol(t.Context(), login("ana"), "Ana", nil)
	wantCode(t, "Enrol", err, "")
	defer readers(t, lab.Store, "ana", 4)()
	seenAtOnce(t, lab.Store, "ana", func(id hub.ObligationID) *hub.Payment { return Basket(folder.Party.ID, id) })
}

// seenAtOnce pays one debt after the other, and looks after each step whether the
// folder tells of it.
func seenAtOnce(t *testing.T, store hub.Store, who string, basket func(hub.ObligationID) *hub.Payment) {
	t.Helper()
	for i := range 25 {
		p := opened(t, store, basket(hub.ObligationID(fmt.Sprint(i))))
		if got := markOf(folderOf(t, store, who), p.Lines[0].Obligation); got != hub.HubReserved {
			t.Fatalf("round %d: got %q after it was opened", i, got)
		}
		changed(t, store, p.ID, func(_ hub.PaymentTx, p *hub.Payment) error { return p.Line(1).Move(hub.LineDue) })
		if got := markOf(folderOf(t, store, who), p.Lines[0].Obligation); got != hub.HubPaidWaitingPosting {
			t.Fatalf("round %d: got %q after it was paid", i, got)
		}
	}
}

func markOf(f hub.Folder, id hub.ObligationID) hub.HubState {
	for _, m := range f.Marks {
		if m.Obligation == id {
			return m.State
		}
	}
	return hub.HubNone
}
