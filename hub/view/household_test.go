package view_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/view"
)

// TestWhatOnePaidIsNotAskedOfTheOther has two people see one account, of which one
// pays the bill.
func TestWhatOnePaidIsNotAskedOfTheOther(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir(), make([]byte, hub.MasterKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	flat := hub.AccountRef{Creditor: "water", Code: "0004411"}
	dan := hub.Login{Issuer: ana.Issuer, Subject: "dan"}
	for _, who := range []hub.Login{ana, dan} {
		folder, err := store.Enrol(t.Context(), who, who.Subject, []hub.Identifier{{Scheme: "card", Value: who.Subject}})
		if err != nil {
			t.Fatal(err)
		}
		link := hub.Link{ID: hub.LinkID(hub.NewID()), Party: folder.Party.ID, Account: flat, LinkedAt: time.Now()}
		if err := store.Link(t.Context(), link); err != nil {
			t.Fatal(err)
		}
	}
	c := newCity(t, answers{"water": owes(7015)})
	c.Parts.Folders = store
	due := func(who hub.Login) (*view.View, string) {
		t.Helper()
		v, err := c.Of(context.Background(), who, anything)
		if err != nil {
			t.Fatal(err)
		}
		return v, string(v.AppendJSON(nil))
	}
	if v, _ := due(dan); v.TotalConfirmed.Minor != 7015 {
		t.Fatalf("before: got %d due, want 7015", v.TotalConfirmed.Minor)
	}

	folder, err := store.Folder(t.Context(), ana)
	if err != nil {
		t.Fatal(err)
	}
	p := hubtest.Basket(folder.Party.ID, hub.NewObligationID("test", "a"))
	p.Lines[0].Asked = hub.Whom{Party: folder.Party.ID, Account: flat}
	p.Lines[0].Amount, p.Lines[0].Owed, p.Lines[0].PaidAt = hub.Bani(7015), hub.Bani(7015), time.Now()
	if _, _, err := store.OpenPayment(t.Context(), hub.RequestKey{Party: p.Party, Key: "k"}, func(hub.PaymentTx) (*hub.Payment, error) { return p, nil }); err != nil {
		t.Fatal(err)
	}
	paid := func(_ hub.PaymentTx, p *hub.Payment) error { return p.Line(1).Move(hub.LineDue) }
	if _, err := store.ChangePayment(t.Context(), p.ID, nil, paid); err != nil {
		t.Fatal(err)
	}
	for _, who := range []hub.Login{ana, dan} {
		v, text := due(who)
		if v.TotalConfirmed.Minor != 0 || !strings.Contains(text, `"hub_state":"paid_waiting_posting"`) || !strings.Contains(text, hub.PaidHere) {
			t.Errorf("%s: got %d due and %s, want nothing, and that it is paid", who.Subject, v.TotalConfirmed.Minor, text)
		}
		if who == dan && (strings.Contains(text, string(p.ID)) || strings.Contains(text, string(folder.Party.ID))) {
			t.Errorf("Dan learns who paid or with which payment: %s", text)
		}
	}
}
