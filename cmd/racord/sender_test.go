package main_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/town"
)

const sender = `kind: push
creditor: cablu
name: Cablu TV
category: other
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Cablu TV SRL}]
traits: {fetch: [by_account], lists: debts, delivery: {at: "05:30", grace: 48h}, proof_doc: Number and amount of your last bill.}
`

// TestACompanyThatSendsItsBillsBecomesLive takes one that nobody can ask the whole
// way, with the gates that every hub has.
func TestACompanyThatSendsItsBillsBecomesLive(t *testing.T) {
	city := startTown(t, town.Config{Size: "XS", Latency: "none"})
	s := newSite(t, city, plan{More: raised})
	r := s.start()
	company, maria := at(t, city, r, "company-cablu"), at(t, city, r, "approver-maria")
	file := filepath.Join(t.TempDir(), "cablu.yaml")
	if err := os.WriteFile(file, []byte(sender), 0o600); err != nil {
		t.Fatal(err)
	}
	company.does("draft", "", "draft", file)
	company.does("noted", "", "contacts", "cablu", "it@cablu.example")
	company.does("proving", "", "submit", "cablu")
	maria.does("proving", "", "approve", "cablu", "--note", "called them back")
	promotes := func(to ...string) func() (string, bool) {
		return func() (string, bool) { return maria.run("", append([]string{"promote", "cablu", "--to"}, to...)...) }
	}
	eventually(t, promotes("shadow"))
	eventually(t, func() (string, bool) { return company.sends("cablu", owed) })
	maria.fails("shadow_time", "promote", "cablu", "--to", "canary", "--share", "99")
	maria = later(t, city, r, time.Hour)
	eventually(t, promotes("canary", "--share", "99"))

	c := &connected{hub: r.url}
	eventually(t, func() (string, bool) { return c.linksAny(t, city) })
	for range 60 {
		if state, total := c.sees(t); state != "fresh" || total != 112847 {
			t.Fatalf("a citizen in its share sees a page that is %s, and owes %d", state, total)
		}
	}
	maria = later(t, city, r, 2*time.Hour)
	eventually(t, promotes("live"))
}

const owed = `{"id":"CT-1","account":"0004411","kind":"cable.bill","outstanding":112847,"reference":{"invoice":"CT-1"}}` + "\n"

// sends delivers all that is owed to a company.
func (d *desk) sends(company, rows string) (said string, published bool) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.hub+"/v1/creditors/"+company+"/obligations?mode=full", strings.NewReader(rows))
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+d.token)
	request.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := browser.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return fmt.Sprint(answer.Status, " ", string(data), err), strings.Contains(string(data), `"published"`)
}

// later lets business time pass, and signs the approver in anew.
func later(t *testing.T, city *town.Town, r *replica, by time.Duration) *desk {
	t.Helper()
	if err := city.Advance(by); err != nil {
		t.Fatal(err)
	}
	return at(t, city, r, "approver-maria")
}

// linksAny links the account for a citizen who is in the share.
func (c *connected) linksAny(t *testing.T, city *town.Town) (said string, linked bool) {
	t.Helper()
	for _, person := range city.People()[:3] {
		token, err := city.Token(t.Context(), person.ID)
		if err != nil {
			t.Fatal(err)
		}
		c.citizen = portal{c.hub, token}
		status, _, data, err := c.link(t)
		if status == http.StatusCreated {
			return "", true
		}
		said = fmt.Sprint(string(data), err)
	}
	return said, false
}

// eventually tries until it works: what one replica does, another follows in a
// second.
func eventually(t *testing.T, try func() (said string, ok bool)) {
	t.Helper()
	said, ok := try()
	for end := time.Now().Add(15 * time.Second); !ok && time.Now().Before(end); said, ok = try() {
		time.Sleep(100 * time.Millisecond)
	}
	if !ok {
		t.Fatal(said)
	}
}
