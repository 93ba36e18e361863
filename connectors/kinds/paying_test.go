package kinds_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"testing"
	"time"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
	"racord/config"
	"racord/connectors"
	"racord/connectors/kinds"
	"racord/hub"
)

// payees are the creditors of the demo city that are paid by calls.
var payees = []string{
	"ditl", "fines", "water", "electricity", "waste",
	"parking",
	"transport",
	"gas",
	"associations",
	"roadfines",
}

func payingTown(t testing.TB) *town.Town {
	t.Helper()
	c, err := town.Start(context.Background(), town.Config{Size: "XS", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// worldOf is the environment of a connector in the town.
func worldOf(t testing.TB, c *town.Town) connectors.Env {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	client := plain(transport)
	secrets := c.Credentials()
	return connectors.Env{
		Read: client, Write: client, Clock: hub.ClockFunc(c.Now), LocalFiles: true,
		Secure: func(conf *tls.Config) (read, write connectors.Doer) {
			secure := &http.Transport{DisableCompression: true, TLSClientConfig: conf}
			t.Cleanup(secure.CloseIdleConnections)
			return plain(secure), plain(secure)
		},
		Dial: (&net.Dialer{}).DialContext, Turn: func(context.Context) error { return nil },
		Secret: func(_ context.Context, name string) (hub.Secret, error) {
			if value, ok := secrets[name]; ok {
				return hub.NewSecret(value), nil
			}
			return hub.Secret{}, connectors.Failure(hub.CodeAuth, errors.New("no such secret"))
		},
	}
}

// plain is a client that follows nothing.
func plain(over http.RoundTripper) *http.Client {
	return &http.Client{Transport: over, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// beside gives the files that stand beside the demo's manifests.
func beside(name string) ([]byte, error) { return fs.ReadFile(config.DemoCreditors(), name) }

func manifestOf(t testing.TB, name string, c *town.Town) *connectors.Manifest {
	t.Helper()
	data, err := fs.ReadFile(config.DemoCreditors(), name+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := kinds.All().Parse(name+".yaml", data, beside)
	if err != nil {
		t.Fatal(err)
	}
	m.Rebase("http://127.0.0.1:8090", c.URL())
	m.Rebase("127.0.0.1:8022", c.SFTPAddr())
	m.Rebase("https://127.0.0.1:8443", c.SecureURL())
	return m
}

func connectorOf(t testing.TB, name string, c *town.Town) *hub.Connector {
	t.Helper()
	connector, err := kinds.All().Open(t.Context(), worldOf(t, c), manifestOf(t, name, c))
	if err != nil {
		t.Fatal(err)
	}
	return connector
}

// owing is a debt of the city and the question that lists it.
type owing struct {
	person string
	asked  hub.Asked
	hub.Obligation
}

// anyOwing finds the n-th person who owes the creditor something payable.
func anyOwing(t testing.TB, c *town.Town, connector *hub.Connector, n int) owing {
	t.Helper()
	for _, p := range c.People() {
		for _, asked := range connector.Questions(folderOf(p, connector.Creditor.Name)) {
			answer, err := connector.Source.Obligations(t.Context(), asked)
			if err != nil {
				continue
			}
			for _, o := range answer.Obligations {
				payable := o.Outstanding.Minor > 0 && len(o.Options) > 0 && o.NotPayable == "" && (o.Status == hub.StatusOpen || o.Status == hub.StatusPartiallyPaid)
				if !payable {
					continue
				}
				if n--; n < 0 {
					return owing{p.ID, asked, o}
				}
				break
			}
		}
	}
	t.Fatal("nobody owes anything")
	return owing{}
}

func folderOf(p town.Person, creditor hub.Name) *hub.Folder {
	f := &hub.Folder{Party: hub.Party{ID: hub.PartyID(p.ID)}}
	if p.CNP != "" {
		f.Party.Identifiers = append(f.Party.Identifiers, hub.Identifier{Scheme: hub.SchemeCNP, Value: p.CNP})
	}
	for _, a := range p.Accounts[string(creditor)] {
		f.Links = append(f.Links, hub.Link{Account: hub.AccountRef{Creditor: creditor, Code: a.Code}})
	}
	return f
}

// posting pays all of a debt, or a part of it.
func (o owing) posting(c *town.Town, id string, bani int64) hub.Posting {
	option := o.Options[len(o.Options)-1]
	for _, each := range o.Options {
		if each.Amount == o.Outstanding {
			option = each
		}
	}
	if bani == 0 {
		bani = option.Amount.Minor
	}
	transfers := append([]hub.Transfer(nil), option.Transfers...)
	for i := range transfers {
		transfers[i].Amount = hub.Bani(bani)
	}
	return hub.Posting{
		ID: hub.PostingID("hub:AAAABBBBCCCCDDDDEEEEFFFFGG:" + id), Obligation: o.ID, ExternalID: o.ExternalID, Account: o.Account,
		Option: option.ID, Amount: hub.Bani(bani), PaidAt: c.Now(), Transfers: transfers,
	}
}

// outstanding is what the city's own witness says that is owed of the debt.
func (o owing) outstanding(c *town.Town, creditor string) int64 {
	for _, d := range c.Truth(o.person)[creditor] {
		if d.ExternalID == o.ExternalID {
			return d.Outstanding
		}
	}
	return 0
}

func post(t testing.TB, connector *hub.Connector, p hub.Posting) hub.Receipt {
	t.Helper()
	receipts, err := connector.Sink.Post(t.Context(), []hub.Posting{p})
	if err != nil || len(receipts) != 1 || receipts[0].Err != nil {
		t.Fatalf("got %+v, %v, want a receipt", receipts, err)
	}
	return receipts[0]
}

// found looks a posting up until the creditor's lookups have caught up.
func found(t testing.TB, connector *hub.Connector, p hub.Posting, want hub.Found) hub.Receipt {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		got, receipt, err := connector.Finder.Find(t.Context(), p)
		if got == want {
			return receipt
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestAPaymentIsBookedByTheCreditor(t *testing.T) {
	c := payingTown(t)
	for _, name := range payees {
		t.Run(name, func(t *testing.T) {
			connector := connectorOf(t, name, c)
			debt := anyOwing(t, c, connector, 0)
			before := debt.outstanding(c, name)
			p := debt.posting(c, "1", 0)
			receipt := post(t, connector, p)
			if receipt.ID != p.ID || receipt.Number == "" || receipt.BookedAt.IsZero() || receipt.Pending != (name == "waste") {
				t.Errorf("got %+v, want a receipt with a number", receipt)
			}
			if receipt.Pending {
				receipt = found(t, connector, p, hub.FoundBooked)
			}
			if got := debt.outstanding(c, name); got != before-p.Amount.Minor {
				t.Errorf("the creditor's book says that %d is owed, want %d", got, before-p.Amount.Minor)
			}
			if connector.Traits.Paying.Class == hub.ClassA {
				if again := post(t, connector, p); again.Number != receipt.Number {
					t.Errorf("got receipt %s for the repeat, want %s", again.Number, receipt.Number)
				}
			}
			if proof := found(t, connector, p, hub.FoundBooked); proof.Number != receipt.Number {
				t.Errorf("got receipt %s looked up, want %s", proof.Number, receipt.Number)
			}
			inStatement(t, c, connector, p, receipt, false)
			takenBack(t, c, connector, p, receipt)
		})
	}
}

func inStatement(t *testing.T, c *town.Town, connector *hub.Connector, p hub.Posting, r hub.Receipt, reversed bool) {
	t.Helper()
	rows, err := connector.Statement.Statement(t.Context(), hub.DateOf(c.Now()))
	n := 0
	for _, row := range rows {
		if row.ID == p.ID {
			n++
			if want := (hub.BookedPosting{ID: p.ID, ExternalID: p.ExternalID, Number: r.Number, Amount: p.Amount, Reversed: reversed}); row != want {
				t.Errorf("got %+v in the statement, want %+v", row, want)
			}
		}
	}
	if n != 1 || err != nil {
		t.Errorf("got %d rows of the posting (%v), want one", n, err)
	}
}

func takenBack(t *testing.T, c *town.Town, connector *hub.Connector, p hub.Posting, r hub.Receipt) {
	t.Helper()
	if connector.Reverser == nil {
		return
	}
	for range 2 { // the second time does no harm
		if err := connector.Reverser.Reverse(t.Context(), p, r.Number); err != nil {
			t.Fatalf("got %v, want it taken back", err)
		}
	}
	found(t, connector, p, hub.FoundAbsent)
	inStatement(t, c, connector, p, r, true)
}

func TestALostAnswerIsFoundOut(t *testing.T) {
	c := payingTown(t)
	for _, name := range payees {
		if name == "waste" {
			continue // a file's answers are not lost; see package sqlview for a server's
		}
		connector := connectorOf(t, name, c)
		debt := anyOwing(t, c, connector, 1)
		p := debt.posting(c, "2", 0)
		if err := c.Fault(name, town.Fault{Kind: gate.LostAnswer, Only: gate.Posts}); err != nil {
			t.Fatal(err)
		}
		_, err := connector.Sink.Post(t.Context(), []hub.Posting{p})
		c.ClearFaults()
		if err == nil || hub.Certainly(err) {
			t.Errorf("%s: got %v (certain %t), want a failure that says nothing", name, err, hub.Certainly(err))
		}
		found(t, connector, p, hub.FoundBooked)
	}
}

func TestFaultsOfPostingsAreNamed(t *testing.T) {
	c := payingTown(t)
	for _, name := range payees {
		connector := connectorOf(t, name, c)
		debt := anyOwing(t, c, connector, 2)
		before := debt.outstanding(c, name)
		for kind, want := range map[gate.Kind]struct {
			code    hub.Code
			certain bool
		}{
			gate.Down: {hub.CodeUnavailable, false}, gate.Refuse503: {hub.CodeUnavailable, false}, gate.RateLimited: {hub.CodeBusy, true},
			gate.Maintenance: {hub.CodeMaintenance, true}, gate.Auth: {hub.CodeAuth, true}, gate.LoginPage: {hub.CodeBadData, false},
		} {
			if name == "waste" { // its database refuses rows, which is certain
				if kind == gate.LoginPage || kind == gate.Auth {
					continue
				}
				want.code, want.certain = hub.CodeUnavailable, true
			}
			if err := c.Fault(name, town.Fault{Kind: kind, Only: gate.Posts}); err != nil {
				t.Fatal(err)
			}
			_, err := connector.Sink.Post(t.Context(), []hub.Posting{debt.posting(c, "3", 0)})
			c.ClearFaults()
			if hub.CodeOf(err) != want.code || hub.Certainly(err) != want.certain {
				t.Errorf("%s, %s: got %v (certain %t), want %s (%t)", name, kind, err, hub.Certainly(err), want.code, want.certain)
			}
		}
		if got := debt.outstanding(c, name); got != before {
			t.Errorf("%s: got %d owed, want %d: nothing was booked", name, got, before)
		}
	}
}

func TestWhatCannotBePaidIsRefusedForCertain(t *testing.T) {
	c := payingTown(t)
	for name, codes := range map[string]struct{ paid, other hub.Code }{
		"ditl": {hub.CodeNotPayable, hub.CodeAmountChanged}, "fines": {hub.CodeNotPayable, hub.CodeAmountChanged}, "electricity": {hub.CodeNotPayable, hub.CodeAmountChanged},
		"parking": {hub.CodeNotPayable, hub.CodeAmountChanged}, "roadfines": {hub.CodeNotPayable, hub.CodeAmountChanged},
	} {
		connector := connectorOf(t, name, c)
		debt := anyOwing(t, c, connector, 0)
		stranger := debt.posting(c, "4", 0)
		stranger.ExternalID = "2026-07-01-000000000-9"
		post(t, connector, debt.posting(c, "5", 0))
		more := anyOwing(t, c, connector, 1)
		for why, tc := range map[string]struct {
			p    hub.Posting
			want hub.Code
		}{
			"an unknown debt":   {stranger, hub.CodeNotFound},
			"one that was paid": {debt.posting(c, "6", 0), codes.paid},
			"more than is owed": {more.posting(c, "7", more.Outstanding.Minor+1), codes.other},
		} {
			_, err := connector.Sink.Post(t.Context(), []hub.Posting{tc.p})
			if hub.CodeOf(err) != tc.want || !hub.Certainly(err) {
				t.Errorf("%s, %s: got %v (certain %t), want %s for certain", name, why, err, hub.Certainly(err), tc.want)
			}
		}
	}
}

func TestWaterSaysWhatAPaymentExtinguishes(t *testing.T) {
	c := payingTown(t)
	connector := connectorOf(t, "water", c)
	debt := anyOwing(t, c, connector, 0)
	quoted, err := connector.Quoter.Quote(t.Context(), debt.asked, []hub.Wanted{
		{Obligation: debt.ID, ExternalID: debt.ExternalID}, {Obligation: debt.ID, Amount: hub.Bani(100)},
	})
	if err != nil || len(quoted) != 2 || quoted[0].Err != nil || quoted[1].Err != nil {
		t.Fatalf("got %+v, %v, want two quotes", quoted, err)
	}
	if quoted[0].Option.Amount != debt.Outstanding || len(quoted[0].Extinguishes) != 1 || quoted[0].Extinguishes[0] != (hub.Share{Obligation: debt.ID, Amount: debt.Outstanding}) {
		t.Errorf("got %+v, want all of the bill", quoted[0])
	}
	if part := quoted[1]; part.Option.Amount != hub.Bani(100) || len(part.Extinguishes) != 1 || part.Extinguishes[0].Amount != hub.Bani(100) {
		t.Errorf("got %+v, want one leu of the oldest bill", part)
	}
}

func TestAFineIsPaidByItsReport(t *testing.T) {
	c := payingTown(t)
	connector := connectorOf(t, "fines", c)
	p := hub.Posting{ID: "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:8", Creditor: "fines", Reference: "plnt 9999999", Amount: hub.Bani(15_000), PaidAt: c.Now()}
	p.Reference = "PLNT 9999999"
	receipt := post(t, connector, p)
	if proof := found(t, connector, p, hub.FoundBooked); proof.Number != receipt.Number {
		t.Errorf("got receipt %s, want %s", proof.Number, receipt.Number)
	}
}
