package main_test

import (
	"context"
	"testing"
	"time"

	"racord/adapters/memcache"
	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/roster"
	"racord/hub/view"
)

// oneVersion is a store in which a company's version is live, and one party.
type oneVersion struct {
	roster.Store
	hub.Folders
}

func (oneVersion) Deployed(context.Context, int64) ([]hub.Deployment, int64, error) {
	return []hub.Deployment{{Creditor: "water", Version: 2, Stage: hub.StageLive}}, 1, nil
}

func (oneVersion) Folder(context.Context, hub.Login) (hub.Folder, error) {
	return hub.Folder{Party: hub.Party{ID: "p", Identifiers: []hub.Identifier{{Scheme: hub.SchemeCNP, Value: "1960512000017"}}}}, nil
}

// TestAViewSaysWhatCannotBeOpened: a replica that cannot open a live connector does
// not know what is owed there, and a view without it is not whole.
func TestAViewSaysWhatCannotBeOpened(t *testing.T) {
	keys, err := hub.NewKeys(hubtest.Master(), "cache")
	if err != nil {
		t.Fatal(err)
	}
	r := roster.New(roster.Parts{Store: oneVersion{}, Keys: keys, Open: func(context.Context, hub.Deployment) (roster.Opened, error) {
		return roster.Opened{}, hub.Errorf(hub.CodeInvalid, "A setting of another release.")
	}}, roster.Conf{})
	if err := r.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	views := view.New(view.Parts{Roster: r, Folders: oneVersion{}, L1: memcache.New(1 << 20), Keys: keys, Clock: hub.ClockFunc(time.Now)}, view.Conf{})
	defer views.Close()
	got, err := views.Of(t.Context(), hub.Login{}, view.Ask{Creditors: []hub.Name{"water"}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Complete || len(got.NotCounted) != 1 || len(got.Pages) != 1 || got.Pages[0].State != hub.PageMissing || got.Pages[0].Reason != "unavailable" {
		t.Errorf("got %+v, want one page that is missing", got)
	}
}
