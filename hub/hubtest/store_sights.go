package hubtest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"racord/hub"
)

// flat is the account of a household in these tests.
var flat = hub.AccountRef{Creditor: "water", Code: "0004411"}

// bill is a basket of one line of the household's account.
func bill(party hub.PartyID, obligation hub.ObligationID) *hub.Payment {
	p := Basket(party, obligation)
	p.Lines[0].Asked = hub.Whom{Party: party, Account: flat}
	return p
}

// household enrols people, each with a code of his own, who linked the account.
func household(t *testing.T, store hub.Store, subjects ...string) (ids []hub.PartyID) {
	t.Helper()
	for i, subject := range subjects {
		folder, err := store.Enrol(t.Context(), login(subject), subject, []hub.Identifier{{Scheme: "card", Value: fmt.Sprint(i)}})
		wantCode(t, "Enrol", err, "")
		wantCode(t, "Link", store.Link(t.Context(), newLink(folder, flat)), "")
		ids = append(ids, folder.Party.ID)
	}
	return ids
}

// marksOfOthers has Ana pay, or somebody else, and looks what the others see.
func marksOfOthers(t *testing.T, lab Lab) {
	store := lab.Store
	ana := household(t, store, "ana", "dan")[0]
	enrolled(t, store, "tenant", "Tenant")
	want := func(what string, who string, id hub.ObligationID, state hub.HubState) {
		t.Helper()
		if got := marksOf(t, store, who)[id]; got != state {
			t.Fatalf("%s: %s sees %q, want %q", what, who, got, state)
		}
	}
	p := opened(t, store, bill(ana, "a"))
	want("being paid", "dan", "a", hub.HubReserved)
	changed(t, store, p.ID, func(_ hub.PaymentTx, p *hub.Payment) error { return p.Line(1).Move(hub.LineDue) })
	want("paid", "ana", "a", hub.HubPaidWaitingPosting)
	want("paid", "dan", "a", hub.HubPaidWaitingPosting)
	want("paid", "tenant", "a", "")

	link := newLink(folderOf(t, store, "tenant"), flat)
	wantCode(t, "Link", store.Link(t.Context(), link), "")
	want("linked after it was paid", "tenant", "a", hub.HubPaidWaitingPosting)
	wantCode(t, "Unlink", store.Unlink(t.Context(), link.Party, link.ID), "")
	want("taken off", "tenant", "a", "")

	again := opened(t, store, bill(ana, "b"))
	changed(t, store, again.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Release(p.Line(1))
		return p.Line(1).Move(hub.LineDropped)
	})
	want("given up", "dan", "b", "")
	changed(t, store, again.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		_, err := tx.HoldAll(t.Context(), p.ID, linesOf(p), tx.Now())
		return errors.Join(err, p.Line(1).Move(hub.LineHeld))
	})
	want("taken up again", "dan", "b", hub.HubReserved)

	opened(t, store, bill("", "c"))
	want("paid by a stranger", "ana", "c", hub.HubReserved)

	byCode := Basket(ana, "d") // found by a code, and booked to an account
	byCode.Lines[0].Account = flat.Code
	opened(t, store, byCode)
	want("found by a code of the payer's", "dan", "d", hub.HubReserved)
	want("found by the same code", "tenant", "d", hub.HubReserved)
	elsewhere := Basket(ana, "e")
	elsewhere.Lines[0].Creditor, elsewhere.Lines[0].Account = "heat", flat.Code
	elsewhere.Lines[0].Asked = hub.Whom{Party: ana, Account: hub.AccountRef{Creditor: "heat", Code: flat.Code}}
	opened(t, store, elsewhere)
	want("an account of that number elsewhere", "dan", "e", "")
}

// paidOf asks about debts in each state.
func paidOf(t *testing.T, lab Lab) {
	store := lab.Store
	p := opened(t, store, Basket("ana", "held", "paid", "posted", "zombie", "settled", "dropped"))
	for _, step := range []struct {
		to  hub.LineState
		nos []int
	}{{hub.LineDue, []int{2, 3, 4, 5}}, {hub.LinePosting, []int{3, 4, 5}}, {hub.LinePosted, []int{3, 4, 5}}, {hub.LineDropped, []int{6}}} {
		changed(t, store, p.ID, func(_ hub.PaymentTx, p *hub.Payment) (err error) {
			for _, no := range step.nos {
				err = errors.Join(err, p.Line(no).Move(step.to))
			}
			return err
		})
	}
	changed(t, store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		p.Line(4).Zombie, p.Line(5).ClearedAt = true, Now()
		tx.Release(p.Line(6))
		return nil
	})
	asked := []hub.Debt{{Creditor: "heat", Obligation: "paid"}, {Creditor: "water", Obligation: "never"}}
	for i := range p.Lines {
		asked = append(asked, hub.Debt{Creditor: "water", Obligation: p.Lines[i].Obligation})
	}
	got, err := store.PaidOf(t.Context(), asked)
	wantCode(t, "PaidOf", err, "")
	slices.SortFunc(got, func(a, b hub.Debt) int { return cmp.Compare(a.Obligation, b.Obligation) })
	if want := []hub.Debt{{Creditor: "water", Obligation: "paid"}, {Creditor: "water", Obligation: "posted"}, {Creditor: "water", Obligation: "zombie"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, err := store.PaidOf(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("got %v (%v) for no question", got, err)
	}
}

// marksOfSeveral pays one debt in parts, by turns.
func marksOfSeveral(t *testing.T, lab Lab) {
	store := lab.Store
	ids := household(t, store, "ana", "dan", "eva")
	settle := func(p *hub.Payment) {
		t.Helper()
		changed(t, store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error { return p.Line(1).Move(hub.LineDue) })
		changed(t, store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error { return p.Line(1).Move(hub.LinePosting) })
		changed(t, store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
			tx.Release(p.Line(1))
			p.Line(1).BookedAt, p.Line(1).ClearedAt = Now(), Now()
			return p.Line(1).Move(hub.LinePosted)
		})
	}
	settle(opened(t, store, bill(ids[0], "a")))
	second := opened(t, store, bill(ids[1], "a"))
	want := func(state hub.HubState) {
		t.Helper()
		for _, who := range []string{"ana", "dan", "eva"} {
			if marks := folderOf(t, store, who).Marks; len(marks) != 1 || marks[0].State != state {
				t.Errorf("%s: got %v, want the debt once, and %s", who, marks, state)
			}
		}
	}
	want(hub.HubReserved)
	settle(second)
	want(hub.HubSettled)
	opened(t, store, bill(ids[1], "a"))
	want(hub.HubReserved)
}

// othersMarksAreNeverOld is folderIsNeverOld for what others write.
func othersMarksAreNeverOld(t *testing.T, lab Lab) {
	ana := household(t, lab.Store, "ana", "dan")[0]
	defer readers(t, lab.Store, "dan", 2)()
	seenAtOnce(t, lab.Store, "dan", func(id hub.ObligationID) *hub.Payment { return bill(ana, id) })
}
