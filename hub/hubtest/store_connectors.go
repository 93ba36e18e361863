package hubtest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"racord/hub"
)

var author = hub.Login{Issuer: "https://id.example", Subject: "company-water"}

// draft is a new version, numbered by its place.
func draft(r *hub.Registration, text string) *hub.Version {
	r.Versions = append(r.Versions, hub.Version{
		No: len(r.Versions) + 1, Stage: hub.StageDraft, Since: Now(), CreatedAt: Now(), Author: author, Digest: text,
		Facts: hub.ManifestFacts{Kind: "rest", Addresses: []string{"https://water.example"}, Accounts: []hub.CreditorAccount{{ID: "main", IBAN: "RO39SBXB0000999900000001"}}},
		Text:  &hub.ManifestText{YAML: []byte(text), Files: []hub.ManifestFile{{Name: "accounts.csv", Data: []byte("id;iban")}}},
		Moves: []hub.Move{{At: Now(), By: author, To: hub.StageDraft}},
	})
	return &r.Versions[len(r.Versions)-1]
}

// bring takes a version to a stage without asking for gates.
func bring(v *hub.Version, to hub.Stage) {
	v.Moves = append(v.Moves, hub.Move{At: Now(), By: author, From: v.Stage, To: to})
	v.Stage, v.Since = to, Now()
}

func registered(t *testing.T, store hub.Store, creditor hub.Name, change func(*hub.Registration)) hub.Registration {
	t.Helper()
	r, err := store.ChangeRegistration(t.Context(), creditor, func(r *hub.Registration) error { change(r); return nil })
	wantCode(t, "ChangeRegistration", err, "")
	return r
}

func registrationKept(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	_, err := store.Registration(ctx, "water")
	wantCode(t, "Registration before the first", err, hub.CodeNotFound)
	want := registered(t, store, "water", func(r *hub.Registration) {
		v := draft(r, "kind: rest")
		bring(v, hub.StageProving)
		v.Submitted, v.ShownAt, v.Pays, v.Class = Now(), Now(), true, hub.ClassB
		v.Report = &hub.Report{At: Now(), Passed: true, Digest: v.Digest, Class: hub.ClassB, Document: []byte(`{"a":1}`)}
		v.Begun = 2
		v.Approvals = []hub.Approval{{By: hub.Login{Issuer: "i", Subject: "checker"}, At: Now(), Note: "fine"}}
		r.Contacts = []hub.Contact{{Address: "it@water.example", Since: Now()}}
		r.Proofs = []hub.AccountProof{{IBAN: "RO1", Beneficiary: "Water", By: author, At: Now(), How: "bank_letter"}}
		r.Notices = []hub.ContactNotice{{At: Now(), Contact: "it@water.example", Version: 1, Kind: "address_changed"}}
	})
	got, err := store.Registration(ctx, "water")
	wantCode(t, "Registration", err, "")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	text, err := store.Text(ctx, "water", 1)
	wantCode(t, "Text", err, "")
	if string(text.YAML) != "kind: rest" || len(text.Files) != 1 || string(text.Files[0].Data) != "id;iban" {
		t.Errorf("got text %+v", text)
	}
	_, err = store.Text(ctx, "water", 2)
	wantCode(t, "Text of no version", err, hub.CodeNotFound)
	_, err = store.Text(ctx, "heat", 1)
	wantCode(t, "Text of another's", err, hub.CodeNotFound)
	registered(t, store, "heat", func(r *hub.Registration) { draft(r, "x") })
	names, err := store.InStage(ctx, hub.StageProving)
	if wantCode(t, "InStage", err, ""); !slices.Equal(names, []hub.Name{"water"}) {
		t.Errorf("got %v being proved, want water", names)
	}
	names, err = store.Registered(ctx)
	wantCode(t, "Registered", err, "")
	if !reflect.DeepEqual(names, []hub.Name{"heat", "water"}) {
		t.Errorf("got %v", names)
	}
}

func registrationChanges(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	registered(t, store, "water", func(r *hub.Registration) {
		draft(r, "one")
		r.Contacts = []hub.Contact{{Address: "a", Since: Now()}}
	})
	registered(t, store, "water", func(r *hub.Registration) {
		r.Versions[0].Text = &hub.ManifestText{YAML: []byte("two")}
		r.Versions[0].Digest = "two"
		r.Contacts[0].Until = Now()
		r.Contacts = append(r.Contacts, hub.Contact{Address: "b", Since: Now()})
	})
	before, err := store.Registration(ctx, "water")
	wantCode(t, "Registration", err, "")
	if len(before.Contacts) != 2 || before.Contacts[0].Until.IsZero() || before.Versions[0].Digest != "two" {
		t.Errorf("got %+v", before)
	}
	for what, change := range map[string]func(*hub.Registration) error{
		"one that fails":         func(r *hub.Registration) error { bring(&r.Versions[0], hub.StageProving); return errors.New("no") },
		"a move taken away":      func(r *hub.Registration) error { r.Versions[0].Moves = nil; return nil },
		"a move rewritten":       func(r *hub.Registration) error { r.Versions[0].Moves[0].Why = "x"; return nil },
		"a version without text": func(r *hub.Registration) error { draft(r, "x").Text = nil; return nil },
	} {
		if _, err := store.ChangeRegistration(ctx, "water", change); err == nil {
			t.Errorf("%s: got no error", what)
		}
	}
	after, err := store.Registration(ctx, "water")
	wantCode(t, "Registration", err, "")
	if !reflect.DeepEqual(after, before) {
		t.Errorf("after refused changes: got %+v, want %+v", after, before)
	}
	if text, err := store.Text(ctx, "water", 1); err != nil || string(text.YAML) != "two" {
		t.Errorf("got %s (%v), want the second text", text.YAML, err)
	}
}

func registrationRace(t *testing.T, lab Lab) {
	const callers = 20
	stores := []hub.Store{lab.Store, lab.Replica(t)}
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() {
			err := insist(func() error {
				_, err := stores[i%2].ChangeRegistration(t.Context(), "water", func(r *hub.Registration) error { draft(r, "x"); return nil })
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	r, err := lab.Store.Registration(t.Context(), "water")
	wantCode(t, "Registration", err, "")
	if len(r.Versions) != callers || r.Versions[callers-1].No != callers {
		t.Errorf("got %d versions, want %d", len(r.Versions), callers)
	}
}

func oneVersionServes(t *testing.T, lab Lab) {
	store := lab.Store
	registered(t, store, "water", func(r *hub.Registration) {
		for _, stage := range []hub.Stage{hub.StageLive, hub.StageShadow, hub.StageProving} {
			bring(draft(r, string(stage)), stage)
		}
	})
	for what, change := range map[string]func(*hub.Registration) error{
		"two live":       func(r *hub.Registration) error { bring(&r.Versions[2], hub.StageLive); return nil },
		"two on the way": func(r *hub.Registration) error { bring(&r.Versions[2], hub.StageCanary); return nil },
	} {
		_, err := store.ChangeRegistration(t.Context(), "water", change)
		wantCode(t, what, err, hub.CodeInternal)
	}
	registered(t, store, "water", func(r *hub.Registration) { // whatever the order of the rows
		bring(&r.Versions[0], hub.StageRetired)
		bring(&r.Versions[1], hub.StageLive)
		bring(&r.Versions[2], hub.StageShadow)
	})
}

func deploymentsAreFollowed(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	_, start, err := store.Deployed(ctx, -1)
	wantCode(t, "Deployed", err, "")
	registered(t, store, "water", func(r *hub.Registration) { draft(r, "draft") })
	if list, epoch, err := store.Deployed(ctx, start); err != nil || list != nil || epoch != start {
		t.Errorf("after a draft: got %v at %d (%v), want nothing new", list, epoch, err)
	}
	registered(t, store, "water", func(r *hub.Registration) {
		bring(&r.Versions[0], hub.StageLive)
		r.Versions[0].Pays, r.Versions[0].Class = true, hub.ClassC
		bring(draft(r, "next"), hub.StageCanary)
		r.Versions[1].Share = 10
	})
	list, epoch, err := lab.Replica(t).Deployed(ctx, start)
	wantCode(t, "Deployed", err, "")
	files := []hub.ManifestFile{{Name: "accounts.csv", Data: []byte("id;iban")}}
	want := []hub.Deployment{
		{Creditor: "water", Version: 1, Stage: hub.StageLive, Pays: true, Class: hub.ClassC, Since: Now(), Manifest: []byte("draft"), Files: files},
		{Creditor: "water", Version: 2, Stage: hub.StageCanary, Share: 10, Since: Now(), Manifest: []byte("next"), Files: files},
	}
	if !reflect.DeepEqual(list, want) || epoch <= start {
		t.Errorf("got  %+v at %d\nwant %+v", list, epoch, want)
	}
	wantCode(t, "Demote", store.Demote(ctx, "water", 2, hub.StageQuarantined, "a neighbour's bill"), "")
	wantCode(t, "Demote again", store.Demote(ctx, "water", 2, hub.StageSuspended, "again"), hub.CodeConflict)
	wantCode(t, "Demote nobody's", store.Demote(ctx, "heat", 1, hub.StageSuspended, "x"), hub.CodeConflict)
	wantCode(t, "Demote to live", store.Demote(ctx, "water", 1, hub.StageLive, "x"), hub.CodeInvalid)
	left, later, err := store.Deployed(ctx, epoch)
	if err != nil || len(left) != 1 || left[0].Version != 1 || later == epoch {
		t.Errorf("got %+v at %d (%v), want the live one alone", left, later, err)
	}
	r, err := store.Registration(ctx, "water")
	wantCode(t, "Registration", err, "")
	v := r.Versions[1]
	last := v.Moves[len(v.Moves)-1]
	if v.Stage != hub.StageQuarantined || v.Share != 0 || last.From != hub.StageCanary || last.Why != "a neighbour's bill" || last.By != (hub.Login{}) {
		t.Errorf("got %+v", v)
	}
}

func aStoppedCreditorIsListed(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	registered(t, store, "water", func(r *hub.Registration) {
		bring(draft(r, "one"), hub.StageLive)
		bring(draft(r, "two"), hub.StageCanary)
	})
	wantCode(t, "Demote the canary", store.Demote(ctx, "water", 2, hub.StageSuspended, "x"), "")
	if list, _, err := store.Deployed(ctx, -1); err != nil || len(list) != 1 || list[0].Stage != hub.StageLive {
		t.Errorf("with a live version: got %+v (%v)", list, err)
	}
	wantCode(t, "Demote the live one", store.Demote(ctx, "water", 1, hub.StageQuarantined, "x"), "")
	list, epoch, err := store.Deployed(ctx, -1)
	if err != nil || len(list) != 1 || list[0].Version != 1 || list[0].Stage != hub.StageQuarantined || string(list[0].Manifest) != "one" {
		t.Errorf("stopped: got %+v (%v), want version 1", list, err)
	}
	registered(t, store, "water", func(r *hub.Registration) { bring(&r.Versions[0], hub.StageRetired) })
	if list, later, err := lab.Replica(t).Deployed(ctx, epoch); err != nil || len(list) != 0 || later == epoch {
		t.Errorf("retired: got %+v at %d, which was %d (%v), want a newer list without it", list, later, epoch, err)
	}
}

func trialsAreSummed(t *testing.T, lab Lab) {
	ctx, stores := t.Context(), []hub.Store{lab.Store, lab.Replica(t)}
	registered(t, lab.Store, "water", func(r *hub.Registration) { bring(draft(r, "x"), hub.StageShadow) })
	var wait sync.WaitGroup
	for i := range 10 {
		wait.Go(func() {
			at := Now().Add(time.Duration(i) * time.Minute)
			err := stores[i%2].AddTrial(ctx, "water", 1, hub.Trial{
				Calls: 10, Failed: 1, Compared: 5, Differed: 2, Foreign: 3, FirstAt: at, LastAt: at,
				Mismatches: []hub.Mismatch{{At: at, Subject: "s", Field: fmt.Sprint(i), Candidate: "1", Current: "2"}},
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	got, err := lab.Store.Trial(ctx, "water", 1)
	wantCode(t, "Trial", err, "")
	if len(got.Mismatches) != 10 || got.Mismatches[0].Field != "9" {
		t.Errorf("got mismatches %+v, want ten, the latest first", got.Mismatches)
	}
	got.Mismatches = nil
	want := hub.Trial{Calls: 100, Failed: 10, Compared: 50, Differed: 20, Foreign: 30, FirstAt: Now(), LastAt: Now().Add(9 * time.Minute)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	many := hub.Trial{Mismatches: make([]hub.Mismatch, 120)}
	for i := range many.Mismatches {
		many.Mismatches[i] = hub.Mismatch{At: Now().Add(time.Hour + time.Duration(i)*time.Second), Field: fmt.Sprint(i)}
	}
	wantCode(t, "AddTrial", lab.Store.AddTrial(ctx, "water", 1, many), "")
	if got, err = lab.Store.Trial(ctx, "water", 1); err != nil || len(got.Mismatches) != 50 || got.Mismatches[49].Field != "70" {
		t.Errorf("got %d mismatches (%v), want the latest fifty", len(got.Mismatches), err)
	}
	registered(t, lab.Store, "water", func(r *hub.Registration) { bring(&r.Versions[0], hub.StageCanary) })
	if got, err = lab.Store.Trial(ctx, "water", 1); err != nil || !reflect.DeepEqual(got, hub.Trial{}) {
		t.Errorf("in another stage: got %+v (%v), want a new trial", got, err)
	}
}

// aLiftedVersionSaysSo takes a version out of quarantine, and on.
func aLiftedVersionSaysSo(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	registered(t, store, "water", func(r *hub.Registration) { bring(draft(r, "one"), hub.StageCanary) })
	lifted := 0
	for _, step := range []struct {
		from, to hub.Stage
		want     int
	}{
		{hub.StageSuspended, hub.StageShadow, 0},
		{hub.StageQuarantined, hub.StageShadow, 1},
		{"", hub.StageCanary, 1},
		{"", hub.StageLive, 1},
		{hub.StageQuarantined, hub.StageShadow, 2},
	} {
		if step.from != "" {
			wantCode(t, "Demote", store.Demote(ctx, "water", 1, step.from, "x"), "")
			if halted, _, err := store.Deployed(ctx, -1); err != nil || len(halted) == 1 && halted[0].Lifted != lifted {
				t.Errorf("%s: got %+v (%v), want it lifted %d times", step.from, halted, err, lifted)
			}
		}
		lifted = step.want
		r := registered(t, store, "water", func(r *hub.Registration) { bring(&r.Versions[0], step.to) })
		list, _, err := lab.Replica(t).Deployed(ctx, -1)
		if err != nil || len(list) != 1 || list[0].Lifted != lifted || r.Versions[0].Lifted != lifted {
			t.Errorf("from %s to %s: got %+v and %+v (%v), want it lifted %d times", step.from, step.to, list, r.Versions[0], err, lifted)
		}
	}
}

// sealed makes a secret that only looks sealed.
func sealed(kek, value string) func(int64) (hub.SealedSecret, error) {
	return func(version int64) (hub.SealedSecret, error) {
		return hub.SealedSecret{Version: version, KEK: kek, Key: []byte("key of " + value), Value: []byte(value), Fingerprint: "f" + value, By: author}, nil
	}
}

func secretsHaveTwoSlots(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	var put []hub.SealedSecret
	for _, value := range []string{"one", "two", "three"} {
		one, err := store.PutSecret(ctx, "water", "water-key", sealed("k1", value))
		wantCode(t, "PutSecret", err, "")
		put = append(put, one)
	}
	if put[0].Version >= put[1].Version || put[1].Version >= put[2].Version || put[2].SetAt.IsZero() {
		t.Errorf("got versions %d %d %d, want them to grow", put[0].Version, put[1].Version, put[2].Version)
	}
	got, err := store.SealedSecrets(ctx, "water", "water-key")
	wantCode(t, "SealedSecrets", err, "")
	if want := []hub.SealedSecret{put[2], put[1]}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	_, err = store.PutSecret(ctx, "water", "water-key", func(int64) (hub.SealedSecret, error) { return hub.SealedSecret{}, errors.New("no key") })
	if err == nil {
		t.Error("a value that cannot be sealed was stored")
	}
	_, err = store.PutSecret(ctx, "heat", "heat-key", sealed("k1", "heat"))
	wantCode(t, "PutSecret of another", err, "")
	_, err = store.PutSecret(ctx, "water", "water-more", sealed("k1", "more"))
	wantCode(t, "PutSecret of another name", err, "")
	if all, err := store.SealedSecrets(ctx, "water", ""); err != nil || len(all) != 3 || all[2].Name != "water-more" {
		t.Errorf("got %+v (%v), want three of water's", all, err)
	}
	wantCode(t, "DropSecret", store.DropSecret(ctx, "water", "water-key", true), "")
	wantCode(t, "DropSecret again", store.DropSecret(ctx, "water", "water-key", true), hub.CodeNotFound)
	if got, err = store.SealedSecrets(ctx, "water", "water-key"); err != nil || len(got) != 1 || !bytes.Equal(got[0].Value, []byte("three")) {
		t.Errorf("got %+v (%v), want the newest alone", got, err)
	}
	wantCode(t, "DropSecret of all", store.DropSecret(ctx, "water", "water-key", false), "")
	wantCode(t, "DropSecret of another's", store.DropSecret(ctx, "water", "heat-key", false), hub.CodeNotFound)
	if got, err = store.SealedSecrets(ctx, "water", "water-key"); err != nil || got != nil {
		t.Errorf("got %+v (%v), want none", got, err)
	}
}

func secretsAreRewrapped(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	for i := range 5 {
		_, err := store.PutSecret(ctx, "water", fmt.Sprint("water-", i), sealed("k1", fmt.Sprint(i)))
		wantCode(t, "PutSecret", err, "")
	}
	old, err := store.WrappedElsewhere(ctx, "k2", 3)
	wantCode(t, "WrappedElsewhere", err, "")
	if len(old) != 3 {
		t.Fatalf("got %d, want three at most", len(old))
	}
	for _, one := range old {
		wantCode(t, "Rewrap", store.Rewrap(ctx, one, "k2", []byte("again")), "")
	}
	wantCode(t, "Rewrap of the old wrapping", store.Rewrap(ctx, old[0], "k3", []byte("lost")), "")
	got, err := store.SealedSecrets(ctx, "water", old[0].Name)
	wantCode(t, "SealedSecrets", err, "")
	if got[0].KEK != "k2" || string(got[0].Key) != "again" || !bytes.Equal(got[0].Value, old[0].Value) {
		t.Errorf("got %+v", got[0])
	}
	if left, err := store.WrappedElsewhere(ctx, "k2", 9); err != nil || len(left) != 2 {
		t.Errorf("got %d left (%v), want two", len(left), err)
	}
	if counts, err := store.WrappedBy(ctx); err != nil || len(counts) != 2 || counts["k1"] != 2 || counts["k2"] != 3 {
		t.Errorf("got %v (%v), want two under k1 and three under k2", counts, err)
	}
}
