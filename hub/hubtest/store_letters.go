package hubtest

import (
	"testing"
	"time"

	"racord/hub"
)

// noticed puts a notice to two contacts on record.
func noticed(t *testing.T, store hub.Store, creditor hub.Name) {
	t.Helper()
	registered(t, store, creditor, func(r *hub.Registration) {
		r.Contacts = []hub.Contact{{Address: "a@water.example", Since: Now()}, {Address: "b@water.example", Since: Now()}}
		for _, c := range r.Contacts {
			r.Notices = append(r.Notices, hub.ContactNotice{At: Now(), Contact: c.Address, Kind: "contact_changed", Detail: "for " + c.Address})
		}
	})
}

func lettersArrive(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	noticed(t, store, "water")
	if count, oldest, err := store.Undelivered(ctx); err != nil || count != 3 || oldest.IsZero() {
		t.Errorf("got %d undelivered since %s (%v), want one mail to each and one webhook", count, oldest, err)
	}
	list, err := store.LeaseLetters(ctx, 9, time.Minute)
	wantCode(t, "LeaseLetters", err, "")
	if len(list) != 3 || list[0].Channel != hub.ChannelMail || list[1].Channel != hub.ChannelWebhook || list[2].Notice.Detail != "for b@water.example" || list[2].At.IsZero() {
		t.Fatalf("got %+v", list)
	}
	if more, err := store.LeaseLetters(ctx, 9, time.Minute); err != nil || len(more) != 0 {
		t.Errorf("got %d that somebody else has (%v)", len(more), err)
	}
	now := time.Duration(0)
	wantCode(t, "SettleLetter", store.SettleLetter(ctx, list[0], hub.LetterTry{}), "")
	wantCode(t, "SettleLetter again", store.SettleLetter(ctx, list[0], hub.LetterTry{}), hub.CodeConflict)
	wantCode(t, "SettleLetter for good", store.SettleLetter(ctx, list[1], hub.LetterTry{Code: "no_endpoint"}), "")
	givenUp(t, store, 0)
	wantCode(t, "SettleLetter for now", store.SettleLetter(ctx, list[2], hub.LetterTry{Code: hub.CodeUnavailable, Detail: "shut", Again: &now}), "")
	again, err := store.LeaseLetters(ctx, 9, time.Minute)
	wantCode(t, "LeaseLetters again", err, "")
	if len(again) != 1 || again[0].No != 2 || again[0].Tries != 1 {
		t.Fatalf("got %+v, want the one that failed", again)
	}
	wantCode(t, "SettleLetter of an old lease", store.SettleLetter(ctx, list[2], hub.LetterTry{}), hub.CodeConflict)
	lettersAreShown(t, store)
	wantCode(t, "SettleLetter in vain", store.SettleLetter(ctx, again[0], hub.LetterTry{Code: hub.CodeUnavailable, GivenUp: true}), "")
	givenUp(t, store, 1)
}

func givenUp(t *testing.T, store hub.Letters, want int) {
	t.Helper()
	for since, want := range map[time.Duration]int{-time.Hour: want, time.Hour: 0} {
		if n, err := store.GivenUpLetters(t.Context(), time.Now().Add(since)); err != nil || n != want {
			t.Errorf("got %d letters given up since %s (%v), want %d", n, since, err, want)
		}
	}
}

func lettersAreShown(t *testing.T, store hub.Store) {
	t.Helper()
	r, err := store.Registration(t.Context(), "water")
	wantCode(t, "Registration", err, "")
	first, second := r.Notices[0].Letters, r.Notices[1].Letters
	if len(first) != 2 || first[0].DeliveredAt.IsZero() || !first[0].Settled || !first[1].DeliveredAt.IsZero() || first[1].Code != "no_endpoint" {
		t.Errorf("got %+v", first)
	}
	if len(second) != 1 || second[0].Settled || second[0].Tries != 1 || second[0].Detail != "shut" || second[0].Code != hub.CodeUnavailable {
		t.Errorf("got %+v", second)
	}
	if count, _, err := store.Undelivered(t.Context()); err != nil || count != 1 {
		t.Errorf("got %d undelivered (%v), want one", count, err)
	}
}
