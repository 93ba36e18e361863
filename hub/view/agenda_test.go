package view_test

import (
	"testing"

	"racord/hub"
)

// TestAPlanIsMadeAnewWhenTheFolderChanges: what is remembered of a party must
// not outlive a link, its removal or another code.
func TestAPlanIsMadeAnewWhenTheFolderChanges(t *testing.T) {
	c := newCity(t, answers{"water": owes(100), "tax": owes(50)})
	folder := &c.desk.folder
	account := func(code string) []hub.Link {
		return []hub.Link{{ID: "l", Account: hub.AccountRef{Creditor: "water", Code: code}}}
	}
	folder.Party.Identifiers = nil
	for n, step := range []struct {
		change func()
		want   hub.PageState // of the page of the water company
		calls  int64         // that it has got by then
	}{
		{func() {}, hub.PageNotLinked, 0},
		{func() { folder.Links = account("1") }, hub.PageFresh, 1},
		{func() {}, hub.PageFresh, 1},
		{func() { folder.Links = account("2") }, hub.PageFresh, 2},
		{func() { folder.Links = nil }, hub.PageNotLinked, 2},
		{func() { folder.Party.Identifiers = []hub.Identifier{{Scheme: hub.SchemeCNP, Value: cnp}} }, hub.PageFresh, 3},
	} {
		step.change()
		got := page(t, c.view(), "water")
		if calls := c.creditors["water"].calls.Load(); got.State != step.want || calls != step.calls {
			t.Errorf("step %d: got %s after %d calls, want %s after %d", n, got.State, calls, step.want, step.calls)
		}
	}
}
