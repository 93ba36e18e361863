package view_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/view"
)

type answers = map[hub.Name]func(context.Context, hub.Asked) (hub.Answer, error)

func damaged(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	a, err := owes(700)(ctx, who)
	a.Refused = []hub.QualityEvent{{Code: "bad_amount", Field: "debts[1].amount"}}
	return a, err
}

func provisional(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	a, err := owes(900)(ctx, who)
	a.Provisional = true
	return a, err
}

// draft is an answer of which a record is damaged and nothing is final.
func draft(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	a, err := damaged(ctx, who)
	a.Provisional = true
	return a, err
}

func TestAPageSaysHowFarItCanBeTrusted(t *testing.T) {
	for name, tc := range map[string]struct {
		answer    func(context.Context, hub.Asked) (hub.Answer, error)
		state     hub.PageState
		reason    string
		payable   bool
		complete  bool
		confirmed int64
		known     int64
		counted   bool
	}{
		"debts are listed":            {owes(100, 250), hub.PageFresh, "", true, true, 350, 350, true},
		"nothing is due":              {owes(), hub.PageFresh, "", true, true, 0, 0, true},
		"a credit lowers no debt":     {owes(100, -5000), hub.PageFresh, "", true, true, 100, 100, true},
		"not known here":              {fails(hub.CodeNotFound), hub.PageNotKnownHere, "", false, true, 0, 0, true},
		"a record is damaged":         {damaged, hub.PagePartial, "records_refused", true, false, 0, 700, false},
		"amounts are not final":       {provisional, hub.PageProvisional, "not_final", false, false, 0, 900, true},
		"not final and damaged":       {draft, hub.PageProvisional, "records_refused", false, false, 0, 700, false},
		"it hangs":                    {hangs, hub.PageMissing, "timeout", false, false, 0, 0, false},
		"it is down":                  {fails(hub.CodeUnavailable), hub.PageMissing, "unavailable", false, false, 0, 0, false},
		"it is busy":                  {fails(hub.CodeBusy), hub.PageMissing, "busy", false, false, 0, 0, false},
		"it is closed":                {fails(hub.CodeMaintenance), hub.PageMaintenance, "maintenance", false, false, 0, 0, false},
		"it refuses us":               {fails(hub.CodeAuth), hub.PageMissing, "auth", false, false, 0, 0, false},
		"it talks nonsense":           {fails(hub.CodeBadData), hub.PageMissing, "bad_data", false, false, 0, 0, false},
		"it talks of somebody else":   {fails(hub.CodeForeignData), hub.PageQuarantined, "quarantined", false, false, 0, 0, false},
		"the hub itself fails within": {fails(hub.CodeInternal), hub.PageMissing, "internal", false, false, 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCity(t, answers{"water": tc.answer})
				v := c.view()
				p := page(t, v, "water")
				if (p.Message == "") != (tc.reason == "") {
					t.Errorf("got message %q for reason %q", p.Message, p.Reason)
				}
				if p.State != tc.state || p.Reason != tc.reason || p.Payable != tc.payable {
					t.Errorf("got %s/%q/payable %t, want %s/%q/payable %t", p.State, p.Reason, p.Payable, tc.state, tc.reason, tc.payable)
				}
				if v.Complete != tc.complete || v.TotalConfirmed != hub.Bani(tc.confirmed) || v.TotalLastKnown != hub.Bani(tc.known) {
					t.Errorf("got complete %t, %v, %v; want %t, %d, %d", v.Complete, v.TotalConfirmed, v.TotalLastKnown, tc.complete, tc.confirmed, tc.known)
				}
				if counted := len(v.NotCounted) == 0; counted != tc.counted {
					t.Errorf("got not_counted %v, want counted %t", v.NotCounted, tc.counted)
				}
				c.Close()
			})
		})
	}
}

// TestNothingIsPayableWhereNoPaymentsAreTaken switches a creditor's payments off
// and on: the page says so, under another name of the view.
func TestNothingIsPayableWhereNoPaymentsAreTaken(t *testing.T) {
	for name, stop := range map[string]func(*hub.Connector){
		"its accounts are not proved": (*hub.Connector).StopPaying,
		"it never took any":           func(c *hub.Connector) { c.Traits.Paying.Class = "" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCity(t, answers{"water": owes(100)})
				taking := c.view()
				stop(c.fleet[0])
				v := c.view()
				if p := page(t, v, "water"); p.State != hub.PageFresh || p.Payable || !page(t, taking, "water").Payable {
					t.Errorf("got %s, payable %t; want fresh and not payable", p.State, p.Payable)
				}
				if v.ID == taking.ID {
					t.Error("a client that has the old page is not told")
				}
				c.Close()
			})
		})
	}
}

// TestACanarysPageIsPayableAsTheLiveVersionIs: whichever version a citizen is shown,
// the live one is paid through.
func TestACanarysPageIsPayableAsTheLiveVersionIs(t *testing.T) {
	for name, tc := range map[string]struct {
		live, canary func(*hub.Connector)
		want         bool
	}{
		"both take payments":          {nil, nil, true},
		"the live one alone does":     {nil, (*hub.Connector).StopPaying, true},
		"the canary alone does":       {(*hub.Connector).StopPaying, nil, false},
		"no version is live as yet":   {func(c *hub.Connector) { *c = hub.Connector{Creditor: c.Creditor, Hidden: true} }, nil, false},
		"the live one never took any": {func(c *hub.Connector) { c.Traits.Paying.Class = "" }, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCity(t, answers{"water": owes(100)})
				live, canary := c.fleet[0], *c.fleet[0]
				canary.Version = 2
				if tc.canary != nil {
					tc.canary(&canary)
				}
				if tc.live != nil {
					tc.live(live)
				}
				live.Canary, live.Share = &canary, 100
				if p := page(t, c.view(), "water"); p.State != hub.PageFresh || p.Due != 100 || p.Payable != tc.want {
					t.Errorf("got %s, %d due, payable %t; want fresh, 100 and %t", p.State, p.Due, p.Payable, tc.want)
				}
				c.Close()
			})
		})
	}
}

func TestTheViewKeepsItsDeadlineWhenCreditorsHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCity(t, answers{
			"tax": hangs, "fines": hangs, "water": hangs,
			"heat": fails(hub.CodeUnavailable), "waste": fails(hub.CodeUnavailable), "power": owes(125730),
		})
		began := time.Now()
		v := c.view()
		if took := time.Since(began); took > 1500*time.Millisecond {
			t.Errorf("got an answer after %v, want at most 1.5s", took)
		}
		if v.Complete || v.TotalConfirmed.Minor != 125730 || len(v.NotCounted) != 5 || len(v.Pages) != 6 {
			t.Errorf("got complete %t, %v, %d not counted, %d pages", v.Complete, v.TotalConfirmed, len(v.NotCounted), len(v.Pages))
		}
		c.Close()
	})
}

// TestNothingRememberedStandsInForWhoeverIsHeld: what a connector in quarantine said
// a minute ago may be of the same mix-up.
func TestNothingRememberedStandsInForWhoeverIsHeld(t *testing.T) {
	for name, age := range map[string]time.Duration{"young": time.Second, "ageing": 2 * time.Minute, "old": 3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCity(t, answers{"water": owes(5000), "heat": owes(300)})
				c.view()
				asked := hub.Asked{Party: "party-1", Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: cnp}}
				time.Sleep(age)
				c.held.Store(true)
				calls := c.creditors["water"].calls.Load()
				v := c.view()
				p := page(t, v, "water")
				if p.State != hub.PageQuarantined || p.Reason != "quarantined" || p.Payable || p.Due != 0 || p.Since.IsZero() {
					t.Errorf("got %+v, want it quarantined", p)
				}
				if v.TotalLastKnown.Minor != page(t, v, "heat").Due || v.Complete || len(v.NotCounted) != 1 || v.NotCounted[0].Creditor != "water" {
					t.Errorf("got %v, complete %t, not counted %v", v.TotalLastKnown, v.Complete, v.NotCounted)
				}
				synctest.Wait()
				if got := c.creditors["water"].calls.Load(); got != calls {
					t.Errorf("it was asked %d times", got-calls)
				}
				if _, _, err := c.Remembered(t.Context(), "water", asked); hub.CodeOf(err) != hub.CodeNotFound {
					t.Errorf("remembered: got %v, want nothing", err)
				}
				c.held.Store(false)
				time.Sleep(time.Hour)
				c.view()
				synctest.Wait()
				if p := page(t, c.view(), "water"); p.State != hub.PageFresh || p.Due != 5000 || !p.Since.IsZero() {
					t.Errorf("let out: got %+v", p)
				}
				c.Close()
			})
		})
	}
}

// TestWhatWasSaidBeforeAQuarantineIsNotShownAfterIt: what the caches kept may be of
// the mix-up, and the creditor gives no answer yet.
func TestWhatWasSaidBeforeAQuarantineIsNotShownAfterIt(t *testing.T) {
	for name, lift := range map[string]func(c *city, water *hub.Connector){
		"let out by the operator":       func(c *city, _ *hub.Connector) { c.lifts.Add(1) },
		"the same version, begun again": func(_ *city, water *hub.Connector) { water.Lifted++ },
		"let out while a view is made":  func(c *city, water *hub.Connector) { water.Held = func() bool { c.lifts.Add(1); return false } },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCity(t, answers{"water": owes(5000), "heat": owes(300)})
				asked := hub.Asked{Party: "party-1", Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: cnp}}
				c.view()
				c.creditors["water"].now(fails(hub.CodeUnavailable))
				lift(c, c.fleet[0])
				for n := range 3 {
					v := c.view()
					if p := page(t, v, "water"); p.State != hub.PageMissing && p.State != hub.PageQuarantined || p.Due != 0 {
						t.Errorf("got %+v, want nothing from before", p)
					}
					if calls := c.creditors["heat"].calls.Load(); n == 0 && (calls != 1 || page(t, v, "heat").State != hub.PageFresh) {
						t.Errorf("another was asked %d times, want its page remembered", calls)
					}
					if _, _, err := c.Remembered(t.Context(), "water", asked); hub.CodeOf(err) != hub.CodeNotFound {
						t.Errorf("remembered: got %v, want nothing", err)
					}
					time.Sleep(time.Minute)
				}
				c.fleet[0].Held = nil
				c.creditors["water"].now(owes(70))
				time.Sleep(time.Minute)
				if p := page(t, c.view(), "water"); p.State != hub.PageFresh || p.Due != 70 {
					t.Errorf("it answers again: got %+v", p)
				}
				c.creditors["water"].now(fails(hub.CodeUnavailable))
				time.Sleep(time.Hour)
				if p := page(t, c.view(), "water"); p.State != hub.PageStale || p.Due != 70 {
					t.Errorf("and is silent again: got %+v", p)
				}
				c.Close()
			})
		})
	}
}

func TestARememberedAnswerStandsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCity(t, answers{"water": owes(5000)})
		first := c.view()
		if !first.Complete {
			t.Fatalf("got an incomplete first view: %+v", first.NotCounted)
		}

		time.Sleep(2 * time.Minute) // past the fresh time, within stale-while-revalidate
		c.creditors["water"].now(owes(7000))
		ageing := c.view()
		if p := page(t, ageing, "water"); p.State != hub.PageStale || p.Due != 5000 || p.Payable {
			t.Errorf("got %s %d payable %t, want stale 5000, not payable", p.State, p.Due, p.Payable)
		}
		synctest.Wait() // the refresh behind
		if p := page(t, c.view(), "water"); p.State != hub.PageFresh || p.Due != 7000 {
			t.Errorf("got %s %d, want fresh 7000", p.State, p.Due)
		}

		time.Sleep(3 * time.Hour) // past stale-while-revalidate, within stale-if-error
		c.creditors["water"].now(fails(hub.CodeTimeout))
		down := c.view()
		p := page(t, down, "water")
		if p.State != hub.PageStale || p.Reason != "timeout" || p.Since.IsZero() || p.RetryAt.IsZero() {
			t.Errorf("got %s/%s since %v retry %v, want stale/timeout with both times", p.State, p.Reason, p.Since, p.RetryAt)
		}
		if down.TotalConfirmed.Minor != 0 || down.TotalLastKnown.Minor != 7000 {
			t.Errorf("got %v and %v, want 0 confirmed, 7000 last known", down.TotalConfirmed, down.TotalLastKnown)
		}

		time.Sleep(25 * time.Hour) // too old for anything
		if p := page(t, c.view(), "water"); p.State != hub.PageMissing || p.Due != 0 {
			t.Errorf("got %s %d, want missing 0", p.State, p.Due)
		}
		c.Close()
	})
}

func TestAnAmountIsNotFreshPastItsNextChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCity(t, answers{})
		now := time.Now()
		c.clock.Store(&now)
		c = newCity(t, answers{"fines": func(context.Context, hub.Asked) (hub.Answer, error) {
			o := obligation("pv", 15000)
			o.NextChange = &hub.NextChange{At: now.Add(20 * time.Second), Reason: "reduced_fine_ends"}
			return hub.Answer{AsOf: now, Obligations: []hub.Obligation{o}}, nil
		}})
		if p := page(t, c.view(), "fines"); p.State != hub.PageFresh || !p.ValidUntil.Equal(now.Add(20*time.Second)) {
			t.Fatalf("got %s until %v", p.State, p.ValidUntil)
		}
		time.Sleep(21 * time.Second)
		c.creditors["fines"].now(fails(hub.CodeUnavailable))
		if p := page(t, c.view(), "fines"); p.State != hub.PageStale || p.Payable {
			t.Errorf("got %s payable %t, want stale, not payable", p.State, p.Payable)
		}
		c.Close()
	})
}

// TestAChangeThatIsPastIsNotForgotten has a creditor whose last word is older than a
// change that it announced itself.
func TestAChangeThatIsPastIsNotForgotten(t *testing.T) {
	c := newCity(t, answers{"fines": func(context.Context, hub.Asked) (hub.Answer, error) {
		o, owed := obligation("pv", 15000), hub.Bani(40000)
		o.NextChange = &hub.NextChange{At: businessNow().Add(-time.Hour), Reason: "reduced_fine_ends", NewOutstanding: &owed}
		return hub.Answer{AsOf: businessNow().Add(-48 * time.Hour), Obligations: []hub.Obligation{o}}, nil
	}})
	v := c.view()
	p := page(t, v, "fines")
	if p.State != hub.PageStale || p.Reason != "outdated" || p.Payable {
		t.Errorf("got %s/%s, payable %t, want stale/outdated, not payable", p.State, p.Reason, p.Payable)
	}
	if v.Complete || v.TotalConfirmed.Minor != 0 || v.TotalLastKnown.Minor != 15000 {
		t.Errorf("got complete %t, %v, %v; want incomplete, 0, 15000", v.Complete, v.TotalConfirmed, v.TotalLastKnown)
	}
}

func TestAnOldDeliveryIsNotCalledFresh(t *testing.T) {
	c := newCity(t, answers{"heat": func(ctx context.Context, who hub.Asked) (hub.Answer, error) {
		a, err := owes(4200)(ctx, who)
		a.ValidUntil = time.Now().Add(-time.Hour)
		return a, err
	}})
	v := c.view()
	p := page(t, v, "heat")
	if p.State != hub.PageStale || p.Reason != "outdated" || v.TotalConfirmed.Minor != 0 || v.TotalLastKnown.Minor != 4200 {
		t.Errorf("got %s/%s, %v, %v; want stale/outdated, 0, 4200", p.State, p.Reason, v.TotalConfirmed, v.TotalLastKnown)
	}
}

func TestTenThousandCallersMakeOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, who hub.Asked) (hub.Answer, error) {
			time.Sleep(300 * time.Millisecond)
			return owes(100)(ctx, who)
		}
		c := newCity(t, answers{"tax": slow, "water": slow})
		var all sync.WaitGroup
		for range 10_000 {
			all.Go(func() {
				if v := c.view(); v.TotalConfirmed.Minor != 200 {
					t.Errorf("got %v, want 200", v.TotalConfirmed)
				}
			})
		}
		all.Wait()
		for name, creditor := range c.creditors {
			if n := creditor.calls.Load(); n != 1 {
				t.Errorf("%s: got %d calls, want 1", name, n)
			}
		}
		c.Close()
	})
}

func TestTheCallOutlivesItsFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCity(t, answers{"tax": func(ctx context.Context, who hub.Asked) (hub.Answer, error) {
			select {
			case <-time.After(time.Second):
				return owes(100)(ctx, who)
			case <-ctx.Done():
				return hub.Answer{}, ctx.Err()
			}
		}})
		impatient, leave := context.WithCancel(context.Background())
		go func() { _, _ = c.Of(impatient, ana, anything) }()
		synctest.Wait()
		leave()
		if v := c.view(); v.TotalConfirmed.Minor != 100 {
			t.Errorf("got %v, want 100", v.TotalConfirmed)
		}
		if n := c.creditors["tax"].calls.Load(); n != 1 {
			t.Errorf("got %d calls, want 1", n)
		}
		c.Close()
	})
}

func TestAFailingCreditorIsNotAskedByEveryReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCity(t, answers{"tax": fails(hub.CodeUnavailable)})
		for range 100 {
			c.view()
		}
		if n := c.creditors["tax"].calls.Load(); n != 1 {
			t.Errorf("got %d calls at once, want 1", n)
		}
		time.Sleep(6 * time.Second)
		c.creditors["tax"].now(owes(1))
		if p := page(t, c.view(), "tax"); p.State != hub.PageFresh {
			t.Errorf("got %s after the failure is over, want fresh", p.State)
		}
		c.Close()
	})
}

func TestACacheOutOfReachIsOnlySlow(t *testing.T) {
	c := newCity(t, answers{"tax": owes(100)})
	c.l1.down = true
	for range 3 {
		if v := c.view(); !v.Complete || v.TotalConfirmed.Minor != 100 {
			t.Fatalf("got %+v", v)
		}
	}
}

func TestAnAccountNobodyLinkedIsSaidOutLoud(t *testing.T) {
	c := newCity(t, answers{"water": owes(100)})
	c.desk.folder.Party.Identifiers = nil
	v := c.view()
	p := page(t, v, "water")
	if p.State != hub.PageNotLinked || v.Complete || len(v.NotCounted) != 1 || v.NotCounted[0].Reason != "not_linked" {
		t.Errorf("got %s, complete %t, %v", p.State, v.Complete, v.NotCounted)
	}
}

func TestWhatCannotBeLinkedIsNotToBeLinked(t *testing.T) {
	for name, tc := range map[string]struct {
		fetch  []hub.Fetch
		reason string
		says   string
	}{
		"found by account":            {[]hub.Fetch{hub.FetchByAccount}, "not_linked", "Link your account"},
		"found by account or by code": {[]hub.Fetch{hub.FetchByParty, hub.FetchByAccount}, "not_linked", "Link your account"},
		"found by code alone":         {[]hub.Fetch{hub.FetchByParty}, "no_code", hub.NoCode},
	} {
		c := newCity(t, answers{"tax": owes(100)})
		c.desk.folder.Party.Identifiers = []hub.Identifier{{Scheme: hub.SchemeCUI, Value: "14399840"}} // the creditor takes CNPs
		c.Roster.OnDuty()[0].Traits.Fetch = tc.fetch
		v := c.view()
		p := page(t, v, "tax")
		if p.State != hub.PageNotLinked || p.Reason != tc.reason || !strings.Contains(p.Message, tc.says) {
			t.Errorf("%s: got %s/%s %q, want not_linked/%s %q", name, p.State, p.Reason, p.Message, tc.reason, tc.says)
		}
		if v.Complete || len(v.NotCounted) != 1 || v.NotCounted[0].Reason != tc.reason {
			t.Errorf("%s: got complete %t, %v; want it said that something is missing", name, v.Complete, v.NotCounted)
		}
	}
}

func TestTwoWaysToTheSameDebtCountItOnce(t *testing.T) {
	c := newCity(t, answers{"tax": owes(100, 50)})
	c.desk.folder.Links = []hub.Link{{ID: "l", Account: hub.AccountRef{Creditor: "tax", Code: "000123456"}}}
	v := c.view()
	if v.TotalConfirmed.Minor != 150 {
		t.Errorf("got %v, want 150", v.TotalConfirmed)
	}
	if n := strings.Count(string(v.AppendJSON(nil)), `"external_id"`); n != 2 {
		t.Errorf("got %d obligations, want 2", n)
	}
}

func TestABillInsideAnotherIsCountedOnce(t *testing.T) {
	c := newCity(t, answers{"water": func(context.Context, hub.Asked) (hub.Answer, error) {
		old, bill := obligation("january", 3500), obligation("february", 10515)
		bill.IncludesPreviousBalance, bill.ExcludesIDs = true, []hub.ObligationID{old.ID}
		return hub.Answer{Obligations: []hub.Obligation{old, bill}}, nil
	}})
	if v := c.view(); v.TotalConfirmed.Minor != 10515 {
		t.Errorf("got %v, want 105.15 RON", v.TotalConfirmed)
	}
}

func TestOneAccountOfTwoIsSilent(t *testing.T) {
	c := newCity(t, answers{"water": func(ctx context.Context, who hub.Asked) (hub.Answer, error) {
		if who.Account.Code == "2" {
			return hub.Answer{}, hub.Errorf(hub.CodeUnavailable, "down")
		}
		return owes(100)(ctx, who)
	}})
	c.desk.folder.Party.Identifiers = nil
	c.desk.folder.Links = []hub.Link{
		{Account: hub.AccountRef{Creditor: "water", Code: "1"}}, {Account: hub.AccountRef{Creditor: "water", Code: "2"}},
	}
	v := c.view()
	p := page(t, v, "water")
	if p.State != hub.PagePartial || p.Due != 100 || v.Complete || len(v.NotCounted) != 1 {
		t.Errorf("got %s %d complete %t not counted %v, want partial 100 and said so", p.State, p.Due, v.Complete, v.NotCounted)
	}
}

// TestWhoIsCaughtIsNotShownAtAll asks about three accounts; in place of the last one's
// debts come somebody else's.
func TestWhoIsCaughtIsNotShownAtAll(t *testing.T) {
	for name, tc := range map[string]struct {
		second func(context.Context, hub.Asked) (hub.Answer, error)
		before int // accounts that were looked at a moment ago
	}{
		"the others are answered":   {owes(200), 0},
		"the others are remembered": {owes(200), 2},
		"another is silent":         {fails(hub.CodeUnavailable), 0},
		"another is closed":         {fails(hub.CodeMaintenance), 0},
		"another hangs":             {hangs, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCity(t, answers{"water": func(ctx context.Context, who hub.Asked) (hub.Answer, error) {
					switch who.Account.Code {
					case "1":
						return owes(100)(ctx, who)
					case "2":
						return tc.second(ctx, who)
					}
					return fails(hub.CodeForeignData)(ctx, who)
				}})
				c.desk.folder.Party.Identifiers = nil
				links := []hub.Link{}
				for _, code := range []string{"1", "2", "3"} {
					links = append(links, hub.Link{Account: hub.AccountRef{Creditor: "water", Code: code}})
				}
				if c.desk.folder.Links = links[:tc.before]; tc.before > 0 {
					c.view()
				}
				c.desk.folder.Links = links
				v := c.view()
				p := page(t, v, "water")
				if p.State != hub.PageQuarantined || p.Reason != "quarantined" || p.Payable || v.TotalLastKnown.Minor != 0 || len(obligations(t, v)) != 0 {
					t.Errorf("got %s/%s, payable %t, %v known, want it quarantined and nothing shown", p.State, p.Reason, p.Payable, v.TotalLastKnown)
				}
				c.Close()
			})
		})
	}
}

func TestTheHubsOwnKnowledgeLiesOnTop(t *testing.T) {
	c := newCity(t, answers{"tax": owes(100, 50)})
	before := c.view()
	c.desk.folder.Marks = []hub.Mark{{Creditor: "tax", Obligation: hub.NewObligationID("test", "b"), State: hub.HubPaidWaitingPosting, Since: time.Now()}}
	after := c.view()
	if before.ID == after.ID {
		t.Error("the view's name did not change with what it shows")
	}
	var got struct {
		Pages []struct {
			Obligations []struct {
				ExternalID string       `json:"external_id"`
				HubState   hub.HubState `json:"hub_state"`
			}
		}
	}
	if err := json.Unmarshal(after.AppendJSON(nil), &got); err != nil {
		t.Fatal(err)
	}
	if o := got.Pages[0].Obligations; o[0].HubState != hub.HubNone || o[1].HubState != hub.HubPaidWaitingPosting {
		t.Errorf("got %+v", o)
	}
}

func TestWhatWasPaidHereIsNotAskedForAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		state   hub.HubState
		remains int64
		ago     time.Duration
		due     int64
	}{
		"while somebody pays it":                    {hub.HubReserved, 0, 0, 150},
		"paid, and the creditor does not know":      {hub.HubPaidWaitingPosting, 0, 0, 100},
		"booked, and the creditor shows it":         {hub.HubPosted, 0, 0, 100},
		"paid in part":                              {hub.HubPosted, 20, 0, 120},
		"in part, and the creditor's is up to date": {hub.HubPosted, 50, 0, 150},
		"settled, and due again":                    {hub.HubSettled, 0, 24 * time.Hour, 150},
		"settled since the creditor was asked":      {hub.HubSettled, 0, -24 * time.Hour, 100},
	} {
		c := newCity(t, answers{"tax": owes(100, 50)})
		c.desk.folder.Marks = []hub.Mark{{
			Creditor: "tax", Obligation: hub.NewObligationID("test", "b"), State: tc.state, Since: time.Now().Add(-tc.ago), Remains: tc.remains,
		}}
		if v := c.view(); v.TotalConfirmed.Minor != tc.due {
			t.Errorf("%s: got %d due, want %d", name, v.TotalConfirmed.Minor, tc.due)
		}
	}
}

// TestWhatWasPaidInsideABillIsNotOwedOfIt has a creditor that goes on showing three
// bills, each inside the next, of which some are paid here.
func TestWhatWasPaidInsideABillIsNotOwedOfIt(t *testing.T) {
	id := func(external string) hub.ObligationID { return hub.NewObligationID("test", external) }
	paid := func(external string, remains int64) hub.Mark {
		return hub.Mark{Creditor: "water", Obligation: id(external), State: hub.HubPosted, Since: time.Now(), Remains: remains}
	}
	for name, tc := range map[string]struct {
		marks []hub.Mark
		due   int64
		says  [3]string
	}{
		"nothing":                {nil, 20000, [3]string{}},
		"the innermost":          {[]hub.Mark{paid("january", 0)}, 16500, [3]string{hub.PaidHere, hub.PartPaidHere, hub.PartPaidHere}},
		"a part of it":           {[]hub.Mark{paid("january", 1500)}, 18000, [3]string{hub.PartPaidHere, hub.PartPaidHere, hub.PartPaidHere}},
		"the middle":             {[]hub.Mark{paid("february", 0)}, 9485, [3]string{hub.PaidHere, hub.PaidHere, hub.PartPaidHere}},
		"one and the one around": {[]hub.Mark{paid("january", 0), paid("february", 0)}, 9485, [3]string{hub.PaidHere, hub.PaidHere, hub.PartPaidHere}},
		"the outermost":          {[]hub.Mark{paid("march", 0)}, 0, [3]string{hub.PaidHere, hub.PaidHere, hub.PaidHere}},
		"it is only reserved":    {[]hub.Mark{{Creditor: "water", Obligation: id("january"), State: hub.HubReserved}}, 20000, [3]string{}},
	} {
		c := newCity(t, answers{"water": func(context.Context, hub.Asked) (hub.Answer, error) {
			list := []hub.Obligation{obligation("january", 3500), obligation("february", 10515), obligation("march", 20000)}
			list[1].ExcludesIDs, list[2].ExcludesIDs = []hub.ObligationID{id("january")}, []hub.ObligationID{id("february")}
			return hub.Answer{AsOf: businessNow(), Obligations: list}, nil
		}})
		c.desk.folder.Marks = tc.marks
		v := c.view()
		if v.TotalConfirmed.Minor != tc.due {
			t.Errorf("%s: got %d due, want %d", name, v.TotalConfirmed.Minor, tc.due)
		}
		for i, o := range obligations(t, v) {
			if o.NotPayable != tc.says[i] {
				t.Errorf("%s: got %q at %s, want %q", name, o.NotPayable, o.ExternalID, tc.says[i])
			}
		}
	}
}

// obligations gives what a client reads of a view of one page.
func obligations(t *testing.T, v *view.View) []hub.Obligation {
	t.Helper()
	var got struct {
		Pages []struct{ Obligations []hub.Obligation }
	}
	if err := json.Unmarshal(v.AppendJSON(nil), &got); err != nil || len(got.Pages) != 1 {
		t.Fatalf("got %d pages (%v), want one", len(got.Pages), err)
	}
	return got.Pages[0].Obligations
}

// TestTwoAccountsOfDifferentAge asks about two accounts of which one's answer is a
// day older.
func TestTwoAccountsOfDifferentAge(t *testing.T) {
	const old, fresh = 24 * time.Hour, 0
	now := businessNow()
	settled := func(external string) hub.Mark { // an hour ago
		return hub.Mark{Creditor: "water", Obligation: hub.NewObligationID("test", external), State: hub.HubSettled, Since: now.Add(-time.Hour)}
	}
	jan, again, other := obligation("january", 3500), obligation("january", 4200), obligation("other", 100)
	bill := func(bani int64) hub.Obligation {
		o := obligation("february", bani)
		o.ExcludesIDs = []hub.ObligationID{jan.ID}
		return o
	}
	for name, tc := range map[string]struct {
		ages    [2]time.Duration
		answers [2][]hub.Obligation
		marks   []hub.Mark
		due     int64
	}{
		"what is due again is due though the other is old": {
			[2]time.Duration{old, fresh}, [2][]hub.Obligation{{other}, {jan}}, []hub.Mark{settled("january")}, 3600},
		"what was settled since is not, though the other is new": {
			[2]time.Duration{old, fresh}, [2][]hub.Obligation{{jan}, {other}}, []hub.Mark{settled("january")}, 100},
		"of one debt the newer answer counts":             {[2]time.Duration{old, fresh}, [2][]hub.Obligation{{jan}, {again}}, nil, 4200},
		"also when it comes first":                        {[2]time.Duration{fresh, old}, [2][]hub.Obligation{{again}, {jan}}, nil, 4200},
		"and what the hub knows is laid over that":        {[2]time.Duration{old, fresh}, [2][]hub.Obligation{{jan}, {again}}, []hub.Mark{settled("january")}, 4200},
		"a newer bill is without what was paid inside it": {[2]time.Duration{old, fresh}, [2][]hub.Obligation{{jan, bill(10515)}, {bill(7015)}}, []hub.Mark{settled("january")}, 7015},
		"an older one is not":                             {[2]time.Duration{old, old}, [2][]hub.Obligation{{jan}, {bill(10515)}}, []hub.Mark{settled("january")}, 7015},
	} {
		c := newCity(t, answers{"water": func(_ context.Context, who hub.Asked) (hub.Answer, error) {
			i := 0
			if who.Account.Code == "2" {
				i = 1
			}
			return hub.Answer{AsOf: now.Add(-tc.ages[i]), Obligations: tc.answers[i]}, nil
		}})
		c.desk.folder.Party.Identifiers = nil
		c.desk.folder.Links = []hub.Link{
			{Account: hub.AccountRef{Creditor: "water", Code: "1"}}, {Account: hub.AccountRef{Creditor: "water", Code: "2"}},
		}
		c.desk.folder.Marks = tc.marks
		v := c.view()
		if v.TotalConfirmed.Minor != tc.due {
			t.Errorf("%s: got %d due, want %d", name, v.TotalConfirmed.Minor, tc.due)
		}
		seen := map[hub.ObligationID]bool{}
		for _, o := range obligations(t, v) {
			if seen[o.ID] {
				t.Errorf("%s: %s is listed twice", name, o.ExternalID)
			}
			seen[o.ID] = true
		}
	}
}

func TestMaxStalenessAsksAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCity(t, answers{"tax": owes(100)})
		c.view()
		time.Sleep(10 * time.Second)
		for name, tc := range map[string]struct {
			staleness time.Duration
			calls     int64
		}{"young enough": {time.Minute, 1}, "too old": {5 * time.Second, 2}} {
			before := c.creditors["tax"].calls.Load()
			_, err := c.Of(context.Background(), ana, view.Ask{MaxStaleness: tc.staleness})
			if got := c.creditors["tax"].calls.Load() - before + 1; err != nil || got != tc.calls {
				t.Errorf("%s: got %d calls (%v), want %d", name, got, err, tc.calls)
			}
			time.Sleep(10 * time.Second)
		}
		c.Close()
	})
}

func TestOneUnknownCreditorIsTheCallersMistake(t *testing.T) {
	c := newCity(t, answers{"tax": owes(100), "water": owes(1)})
	if _, err := c.Of(context.Background(), ana, view.Ask{Creditors: []hub.Name{"gaz"}, MaxStaleness: -1}); hub.CodeOf(err) != hub.CodeInvalid {
		t.Errorf("got %v, want invalid", err)
	}
	v, err := c.Of(context.Background(), ana, view.Ask{Creditors: []hub.Name{"water"}, MaxStaleness: -1})
	if err != nil || len(v.Pages) != 1 || v.TotalConfirmed.Minor != 1 {
		t.Errorf("got %+v, %v; want water alone", v, err)
	}
}

func TestPagesArriveAsTheyAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := func(ctx context.Context, who hub.Asked) (hub.Answer, error) {
			time.Sleep(time.Second)
			return owes(1)(ctx, who)
		}
		c := newCity(t, answers{"tax": late, "water": owes(2)})
		var order []hub.Name
		v, err := c.Stream(context.Background(), ana, anything, func(p *view.Page) error {
			order = append(order, p.Creditor)
			return nil
		})
		if err != nil || len(order) != 2 || order[0] != "water" || v.TotalConfirmed.Minor != 3 {
			t.Errorf("got %v, %v, %v", order, v, err)
		}
		c.Close()
	})
}

func TestNoPersonalCodeReachesACacheKeyOrAnAnswer(t *testing.T) {
	c := newCity(t, answers{"tax": owes(100)})
	v := c.view()
	c.l1.mu.Lock()
	defer c.l1.mu.Unlock()
	for key := range c.l1.pages {
		if strings.Contains(string(key), cnp) {
			t.Errorf("the CNP stands in the cache key %s", key)
		}
	}
	if strings.Contains(string(v.AppendJSON(nil)), cnp) {
		t.Error("the CNP stands in the answer")
	}
}

func TestTheAnswerHasTheAgreedShape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCity(t, answers{"tax": owes(), "water": fails(hub.CodeTimeout)})
		got := string(c.view().AppendJSON(nil))
		_, got, _ = strings.Cut(got, `"as_of"`)
		want := `:"2000-01-01T00:00:00Z","complete":false,` +
			`"total_confirmed":{"amount":0,"currency":"RON"},"total_last_known":{"amount":0,"currency":"RON"},` +
			`"not_counted":[{"creditor":"water","reason":"timeout","since":"2000-01-01T00:00:00Z"}],` +
			`"pages":[{"creditor":"tax","name":"The tax","state":"fresh","payable":true,"as_of":"2000-01-01T00:00:00Z","obligations":[]},` +
			`{"creditor":"water","name":"The water","state":"missing","payable":false,"reason":"timeout","message":"The creditor did not answer in time.",` +
			`"retry_at":"2000-01-01T00:00:05Z","obligations":[]}]}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		c.Close()
	})
}

// TestTheYearRollsOver looks at a tax office before, while and after it loads the
// new year's amounts.
func TestTheYearRollsOver(t *testing.T) {
	expected := time.Date(2027, 1, 12, 0, 0, 0, 0, hub.Bucharest)
	for name, tc := range map[string]struct {
		at    time.Time
		state hub.PageState
	}{
		"the evening before": {time.Date(2026, 12, 30, 23, 59, 59, 0, hub.Bucharest), hub.PageFresh},
		"the first moment":   {time.Date(2026, 12, 31, 0, 0, 0, 0, hub.Bucharest), hub.PageProvisional},
		"the new year":       {time.Date(2027, 1, 2, 12, 0, 0, 0, hub.Bucharest), hub.PageProvisional},
		"the last moment":    {expected.Add(-time.Second), hub.PageProvisional},
		"the day expected":   {expected, hub.PageFresh},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCity(t, answers{"tax": owes(900), "water": fails(hub.CodeNotFound)})
			for _, one := range c.Roster.OnDuty() {
				one.Traits.Season = hub.Season{From: hub.YearDay{Month: 12, Day: 31}, To: hub.YearDay{Month: 1, Day: 12}}
			}
			c.clock.Store(&tc.at)
			v := c.view()
			p := page(t, v, "tax")
			if p.State != tc.state || p.Payable != (tc.state == hub.PageFresh) || v.TotalLastKnown.Minor != 900 {
				t.Errorf("got %s, payable %t, %v known", p.State, p.Payable, v.TotalLastKnown)
			}
			if on := tc.state == hub.PageProvisional; on != p.RetryAt.Equal(expected) || on != (p.Reason == "year_change") || on != strings.Contains(p.Message, "12 January 2027") {
				t.Errorf("got %q %q until %s", p.Reason, p.Message, p.RetryAt)
			}
			if p := page(t, v, "water"); p.State != hub.PageNotKnownHere {
				t.Errorf("got %s of a creditor that does not know the citizen", p.State)
			}
		})
	}
}
