package rest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
	"racord/hub"
)

func TestEveryAmountIsTheTruthToTheBan(t *testing.T) {
	c := city(t, "XS")
	for creditor, questions := range map[string]func(town.Person) []hub.Asked{
		"fines": byCode, "transport": byCode, "water": accountsAt("water"), "gas": accountsAt("gas"), "associations": accountsAt("associations"),
	} {
		w := newWire(t)
		connector := open(t, creditor, c, w)
		asked, owed := 0, 0
		for _, p := range c.People() {
			truth := c.Truth(p.ID)[creditor]
			got := map[string]hub.Obligation{}
			for _, question := range questions(p) {
				question.Account.Creditor = hub.Name(creditor)
				a, err := ask(t, connector.Source, question)
				if hub.CodeOf(err) == hub.CodeNotFound && len(truth) == 0 {
					continue
				}
				if err != nil || len(a.Refused) > 0 {
					t.Fatalf("%s: %s: got %v, refused %v", creditor, p.ID, err, a.Refused)
				}
				asked++
				for _, o := range a.Obligations {
					got[o.ExternalID] = o
				}
			}
			if len(got) != len(truth) {
				t.Errorf("%s: %s: got %d debts, want %d", creditor, p.ID, len(got), len(truth))
			}
			for _, want := range truth {
				o := got[want.ExternalID]
				if o.Outstanding.Minor != want.Outstanding || o.Total.Minor != want.Total || o.Paid.Minor != want.Paid || o.Kind != want.Kind || creditor != "associations" && (o.NotPayable != "" || len(o.Quality) > 0) {
					t.Errorf("%s: %s: got %+v, want %+v", creditor, p.ID, o, want)
				}
				owed++
			}
		}
		if asked < 20 || owed < 20 {
			t.Errorf("%s: got %d answers and %d debts, want a real comparison", creditor, asked, owed)
		}
		w.mentionsNobody(t, c)
	}
}

func byCode(p town.Person) []hub.Asked {
	if p.CUI != "" {
		return []hub.Asked{{Identifier: hub.Identifier{Scheme: hub.SchemeCUI, Value: "RO" + p.CUI}}}
	}
	return []hub.Asked{{Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: p.CNP}}}
}

func accountsAt(creditor string) func(town.Person) []hub.Asked {
	return func(p town.Person) (all []hub.Asked) {
		for _, a := range p.Accounts[creditor] {
			all = append(all, hub.Asked{Account: hub.AccountRef{Code: a.Code}})
		}
		return all
	}
}

// mentionsNobody looks for personal codes in every address that was asked.
func (w *wire) mentionsNobody(t *testing.T, c *town.Town) {
	t.Helper()
	everything := strings.Join(w.urls, "\n")
	for _, p := range c.People() {
		if code := p.CNP + p.CUI; strings.Contains(everything, code) {
			t.Errorf("the code of %s stands in an address", p.ID)
		}
	}
}

func TestFaultsOfTheCityAreNamed(t *testing.T) {
	c := city(t, "XS")
	ana, err := c.Person("ana")
	if err != nil {
		t.Fatal(err)
	}
	code := ana.Accounts["water"][0].Code
	questions := map[string]hub.Asked{"fines": byCode(ana)[0], "water": {Account: hub.AccountRef{Creditor: "water", Code: code}}}
	for creditor, question := range questions {
		for kind, want := range map[gate.Kind]hub.Code{
			gate.Down: hub.CodeUnavailable, gate.Refuse503: hub.CodeUnavailable, gate.RateLimited: hub.CodeBusy,
			gate.Maintenance: hub.CodeMaintenance, gate.Auth: hub.CodeAuth, gate.LoginPage: hub.CodeBadData,
			gate.LostAnswer: hub.CodeUnavailable, gate.WrongCoding: hub.CodeBadData, gate.Malformed: hub.CodeBadData,
			gate.Huge: hub.CodeBadData, gate.WrongCitizen: hub.CodeForeignData,
		} {
			connector := open(t, creditor, c, newWire(t))
			if _, err := ask(t, connector.Source, question); err != nil {
				t.Fatalf("%s, healthy: %v", creditor, err)
			}
			if err := c.Fault(creditor, town.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			_, err := ask(t, connector.Source, question)
			c.ClearFaults()
			if got := hub.CodeOf(err); got != want {
				t.Errorf("%s, %s: got %v, want code %s", creditor, kind, err, want)
			}
			if wait := hub.RetryAfterOf(err); kind == gate.RateLimited && wait != 2*time.Second {
				t.Errorf("%s, %s: got retry after %s, want what the creditor said", creditor, kind, wait)
			}
			if err != nil && (strings.Contains(err.Error(), ana.CNP) || strings.Contains(err.Error(), code)) {
				t.Errorf("%s, %s: the error names somebody: %v", creditor, kind, err)
			}
		}
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	c := city(t, "XS")
	ana, _ := c.Person("ana")
	connector := open(t, "fines", c, newWire(t))
	for _, kind := range []gate.Kind{gate.Hang, gate.SlowLoris} {
		if err := c.Fault("fines", town.Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		_, err := connector.Source.Obligations(ctx, byCode(ana)[0])
		cancel()
		if hub.CodeOf(err) != hub.CodeTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want a timeout", kind, err)
		}
		c.ClearFaults()
	}
}

func TestPing(t *testing.T) {
	c := city(t, "XS")
	for _, creditor := range []string{"fines", "water"} {
		connector := open(t, creditor, c, newWire(t))
		if err := connector.Probe.Ping(context.Background()); err != nil {
			t.Errorf("%s: got %v, want an answer", creditor, err)
		}
		if err := c.Fault(creditor, town.Fault{Kind: gate.Down}); err != nil {
			t.Fatal(err)
		}
		if err := connector.Probe.Ping(context.Background()); hub.CodeOf(err) != hub.CodeUnavailable {
			t.Errorf("%s, down: got %v, want unavailable", creditor, err)
		}
	}
}

// The transport company forgets sessions, repeats its last page and sends null:
// the first two are nobody's concern, the last is no zero.
func TestTheTransportCompanyIsUnderstood(t *testing.T) {
	c := city(t, "XS")
	ana, _ := c.Person("ana")
	connector := open(t, "transport", c, newWire(t))
	first, err := ask(t, connector.Source, byCode(ana)[0])
	if err != nil || len(first.Obligations) != 3 || first.Obligations[0].Debtor != "MUREȘAN ANA" {
		t.Fatalf("got %v, %d debts, want three of MUREȘAN ANA", err, len(first.Obligations))
	}
	if err := c.Advance(16 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if again, err := ask(t, connector.Source, byCode(ana)[0]); err != nil || len(again.Obligations) != 3 {
		t.Errorf("without its session: got %v, %d debts, want three", err, len(again.Obligations))
	}
	if err := c.Fault("transport", town.Fault{Kind: gate.NullAmount}); err != nil {
		t.Fatal(err)
	}
	if null, err := ask(t, connector.Source, byCode(ana)[0]); err != nil || len(null.Obligations) != 0 || len(null.Refused) != 3 {
		t.Errorf("null amounts: got %v, %d debts, refused %v, want all three refused", err, len(null.Obligations), null.Refused)
	}
}

// Four hundred associations, each with an account of its own: a debt of one that
// names none, or another than it gave the city, is shown and not payable, and of
// the other the quality says so. All others are payable.
func TestAnAssociationIsPaidAtItsOwnAccount(t *testing.T) {
	c := city(t, "S")
	connector := open(t, "associations", c, newWire(t))
	if len(connector.Creditor.Accounts) != 400 {
		t.Fatalf("got %d accounts, want 400", len(connector.Creditor.Accounts))
	}
	seen := map[string]int{}
	for _, p := range c.People() {
		for _, a := range p.Accounts["associations"] {
			answer, err := ask(t, connector.Source, hub.Asked{Account: hub.AccountRef{Creditor: "associations", Code: a.Code}})
			if err != nil || len(answer.Refused) > 0 {
				t.Fatalf("%s: got %v, refused %v", a.Code, err, answer.Refused)
			}
			for i := range answer.Obligations {
				seen[howPayable(t, &answer.Obligations[i])]++
			}
		}
	}
	if seen["payable"] < 200 || seen["without an account"] == 0 || seen["at another account"] == 0 {
		t.Errorf("got %v, want some of each", seen)
	}
}

func howPayable(t *testing.T, o *hub.Obligation) string {
	t.Helper()
	remark := ""
	for _, e := range o.Quality {
		remark += e.Code
	}
	paid := 0
	for _, option := range o.Options {
		paid += len(option.Transfers)
	}
	switch {
	case o.Outstanding.Minor <= 0:
		return "nothing to pay"
	case o.NotPayable == "" && remark == "" && paid == 1:
		return "payable"
	case o.NotPayable != "" && remark == "" && paid == 0:
		return "without an account"
	case o.NotPayable != "" && remark == "iban_not_approved" && paid == 0:
		return "at another account"
	}
	t.Errorf("got not payable %q, remarks %q and %d transfers", o.NotPayable, remark, paid)
	return ""
}
