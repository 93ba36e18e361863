package sqlite_test

import (
	"testing"

	"racord/adapters/sqlite"
	"racord/hub"
)

func TestIndexNeverKeepsAFolderOlderThanAWrite(t *testing.T) {
	who, ana := hub.Login{Issuer: "i", Subject: "ana"}, hub.PartyID("ana")
	card, flat := hub.Identifier{Scheme: "card", Value: "1"}, hub.AccountRef{Creditor: "water", Code: "0004411"}
	folder := hub.Folder{Party: hub.Party{ID: ana, Identifiers: []hub.Identifier{card}}, Links: []hub.Link{{Account: flat}}}
	paid := func(l hub.Line) func(sqlite.Index) {
		return func(x sqlite.Index) {
			x.Put(who, folder, x.Begin())
			x.OutdatePayment(&hub.Payment{Party: "dan", Lines: []hub.Line{l}})
		}
	}
	for name, tc := range map[string]struct {
		happens func(x sqlite.Index)
		want    bool // the index has the folder
	}{
		"read and kept":                       {func(x sqlite.Index) { x.Put(who, folder, x.Begin()) }, true},
		"written after it was kept":           {func(x sqlite.Index) { x.Put(who, folder, x.Begin()); x.Outdate(ana) }, false},
		"written between reading and keeping": {func(x sqlite.Index) { epoch := x.Begin(); x.Outdate(ana); x.Put(who, folder, epoch) }, false},
		"written before it was read":          {func(x sqlite.Index) { x.Outdate(ana); x.Put(who, folder, x.Begin()) }, true},
		"another paid at its account":         {paid(hub.Line{Creditor: "water", Asked: hub.Whom{Account: flat}}), false},
		"another paid what its code shows":    {paid(hub.Line{Creditor: "water", Asked: hub.Whom{Identifier: card}}), false},
		"another's code shows its account":    {paid(hub.Line{Creditor: "water", Account: flat.Code}), false},
		"another paid elsewhere":              {paid(hub.Line{Creditor: "heat", Account: flat.Code}), true},
		"written and read again":              {func(x sqlite.Index) { x.Put(who, folder, x.Begin()); x.Outdate(ana); x.Put(who, folder, x.Begin()) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			x := sqlite.NewIndex()
			tc.happens(x)
			if _, got := x.Get(who); got != tc.want {
				t.Fatalf("got kept: %v, want %v", got, tc.want)
			}
		})
	}
}
