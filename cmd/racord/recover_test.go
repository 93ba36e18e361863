package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/testserver"
	"racord/cmd/city/town"
	"racord/connectors/kinds"
)

// taking is what an operator adds to racord.yaml to take payments for creditors, or
// for all, through the provider that captures by itself.
func taking(t *testing.T, city *town.Town, creditors ...string) string {
	t.Helper()
	merchants := []string{}
	files, err := filepath.Glob("../../config/creditors/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := kinds.All().Parse(file, data, besideDemo)
		if err != nil {
			t.Fatal(err)
		}
		for _, account := range m.Creditor.Accounts {
			for _, merchant := range city.MerchantAccounts() {
				wanted := len(creditors) == 0 || slices.Contains(creditors, merchant.Creditor)
				if wanted && merchant.IBAN == account.IBAN && merchant.Creditor == string(m.Creditor.Name) {
					merchants = append(merchants, fmt.Sprintf("%s/%s: %q", m.Creditor.Name, account.ID, fmt.Sprint(merchant.PosID)))
					break
				}
			}
		}
	}
	return fmt.Sprintf(`
providers:
  - kind: netopia
    base_url: %s/netopia
    signature: %s
    api_key: netopia-api-key
    public_key_file: secrets/netopia/netopia-public-key
    merchants: {%s}
    contact: {email: plati@napoca-test.invalid, phone: "0264000000", city: Napoca-Test, county: Cluj, postal_code: "400000"}
`, city.URL(), city.Credentials()["netopia-pos-signature"], strings.Join(merchants, ", "))
}

// payer is a citizen who owes something that needs no link.
type payer struct {
	portal
	city *town.Town
	item item
}

// payers finds citizens with a debt at the tax office or the fines register.
func payers(t *testing.T, city *town.Town, url string, most int) (all []payer) {
	t.Helper()
	for _, person := range city.People() {
		if len(all) == most || person.CNP == "" {
			continue
		}
		token, err := city.Token(t.Context(), person.ID)
		if err != nil {
			t.Fatal(err)
		}
		p := payer{portal{url, token}, city, item{}}
		var view struct {
			Pages []struct {
				Creditor    string
				Obligations []struct {
					ID          string
					Outstanding amount
					Options     []struct{ ID string }
				}
			}
		}
		if _, err := p.ask("GET", "/v1/view", nil, &view); err != nil {
			t.Fatal(err)
		}
		for _, page := range view.Pages {
			for _, o := range page.Obligations {
				if o.Outstanding.Amount > 0 && len(o.Options) > 0 && (page.Creditor == "ditl" || page.Creditor == "fines") && len(all) < most {
					p.item = item{page.Creditor, o.ID}
					if !p.mayPay() {
						continue
					}
					all = append(all, p)
					break
				}
			}
		}
	}
	if len(all) < most {
		t.Fatalf("got %d citizens with a debt, want %d", len(all), most)
	}
	return all
}

// mayPay tells whether the creditor takes the money now.
func (p payer) mayPay() bool {
	var quote struct{ Lines []struct{ State string } }
	_, err := p.ask("POST", "/v1/quotes", map[string]any{"lines": []item{p.item}}, &quote)
	return err == nil && len(quote.Lines) == 1 && quote.Lines[0].State == "confirmed"
}

// open begins a payment and gives it with the provider's page.
func (p payer) open() (basket paidBasket, status int, err error) {
	var quote struct{ Quote string }
	if _, err := p.ask("POST", "/v1/quotes", map[string]any{"lines": []item{p.item}}, &quote); err != nil {
		return basket, 0, err
	}
	status, err = p.ask("POST", "/v1/payments", map[string]any{
		"quote": quote.Quote, "policy": "best_effort", "return_url": p.city.URL() + "/back",
	}, &basket)
	return basket, status, err
}

// ask sends one request under a key of its own.
func (p payer) ask(method, path string, body, into any) (status int, err error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequest(method, p.url+path, bytes.NewReader(encoded))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	request.Header.Set("Idempotency-Key", fmt.Sprint(time.Now().UnixNano()))
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	got, err := browser.Do(request)
	if err != nil {
		return 0, err
	}
	defer got.Body.Close()
	if got.StatusCode >= 300 {
		said, _ := io.ReadAll(got.Body)
		return got.StatusCode, fmt.Errorf("%s %s: %s: %s", method, path, got.Status, said)
	}
	return got.StatusCode, json.NewDecoder(got.Body).Decode(into)
}

// pay goes through the provider's page and waits until the payment is final.
func (p payer) pay(basket paidBasket) (paidBasket, error) {
	if basket.NextAction == nil {
		return basket, fmt.Errorf("payment %s has no page", basket.ID)
	}
	if _, err := p.city.PayCard(basket.NextAction.URL, ""); err != nil {
		return basket, err
	}
	return p.await(basket.ID)
}

// await looks at a payment until it is final.
func (p payer) await(id string) (basket paidBasket, err error) {
	for range 150 {
		status, err := p.ask("GET", "/v1/payments/"+id, nil, &basket)
		if err != nil && status != http.StatusTooManyRequests || basket.Final {
			return basket, err
		}
		time.Sleep(200 * time.Millisecond)
	}
	return basket, fmt.Errorf("payment %s is still %s: %+v", id, basket.State, basket.Lines)
}

// payAll lets many pay, a few at once.
func payAll(t *testing.T, all []payer) {
	t.Helper()
	var wait sync.WaitGroup
	lanes := make(chan struct{}, 4)
	for _, p := range all {
		lanes <- struct{}{}
		wait.Go(func() {
			defer func() { <-lanes }()
			basket, _, err := p.open()
			if err == nil {
				basket, err = p.pay(basket)
			}
			if err != nil || basket.State != "settled" {
				t.Errorf("got %s, %v, want a settled payment", basket.State, err)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// books are where a hub keeps its books, and how an operator backs them up and
// restores them while no hub runs.
type books struct {
	config  string
	backUp  func(s *site)
	restore func(s *site)
}

// sqliteBooks are copied with their directory.
func sqliteBooks(t *testing.T) books {
	copyData := func(s *site, from, to string) {
		to = filepath.Join(s.dir, to)
		if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(filepath.Join(s.dir, from)))); err != nil {
			t.Fatal(err)
		}
	}
	return books{
		backUp:  func(s *site) { copyData(s, "data", "backup") },
		restore: func(s *site) { copyData(s, "backup", "data") },
	}
}

// postgresBooks are copied by the server, file by file.
func postgresBooks(t *testing.T) books {
	dsn := testserver.Postgres(t)
	file := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(file, []byte(dsn), 0o600); err != nil {
		t.Fatal(err)
	}
	b := books{config: fmt.Sprintf("store:\n  postgres_file: %s\n", file)}
	var restore func()
	b.backUp = func(*site) { restore = testserver.PostgresBackup(t, dsn) }
	b.restore = func(*site) { restore() }
	return b
}

func racord(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	return string(out), err
}

// TestAnOldBackupIsMadeWholeAgain backs the books up, lets many pay, loses the
// books and restores the backup: all payments are found again at the provider and
// at the creditors, and nothing was taken or booked twice.
func TestAnOldBackupIsMadeWholeAgain(t *testing.T) {
	// a thousand order numbers are tried of every account
	restored(t, sqliteBooks(t), 12, "ditl", "fines")
}

func TestAnOldBackupOf500IsMadeWholeAgain(t *testing.T) {
	if os.Getenv("RACORD_LONG") == "" {
		t.Skip("part of make test-long")
	}
	for name, kept := range map[string]func(*testing.T) books{"sqlite": sqliteBooks, "postgres": postgresBooks} {
		t.Run(name, func(t *testing.T) { restored(t, kept(t), 500) })
	}
}

// restored loses so many payments to creditors, and four of which the backup knows
// the beginning.
func restored(t *testing.T, kept books, lost int, creditors ...string) {
	const before, inFlight = 3, 4
	city := startTown(t, town.Config{Size: "S"})
	s := newSite(t, city, plan{More: taking(t, city, creditors...) + raised + kept.config + "payments:\n  call_for: 2s\n  look_up_every: 200ms\n"})
	hub := s.start()
	all := payers(t, city, hub.url, before+inFlight+lost+1)
	payAll(t, all[:before])
	pages := make([]paidBasket, inFlight)
	for i := range pages {
		var err error
		if pages[i], _, err = all[before+i].open(); err != nil {
			t.Fatal(err)
		}
	}
	if err := hub.stop(); err != nil {
		t.Fatal(err)
	}
	kept.backUp(s)

	hub = s.start()
	move(all, hub.url)
	for i, page := range pages {
		if _, err := all[before+i].pay(page); err != nil {
			t.Fatal(err)
		}
	}
	payAll(t, all[before+inFlight:before+inFlight+lost])
	hub.kill()
	kept.restore(s)

	if out, err := racord(t, "recover", "--config", s.file, "--fence"); err != nil {
		t.Fatalf("recover --fence: %v\n%s", err, out)
	}
	hub = s.start()
	move(all, hub.url)
	if _, status, _ := all[len(all)-1].open(); status != 503 {
		t.Errorf("got %d for a new payment behind the barrier, want 503", status)
	}
	mayNotGoOn(t, all[before:before+inFlight], pages)
	if err := hub.stop(); err != nil {
		t.Fatal(err)
	}
	out, err := racord(t, "recover", "--config", s.file)
	if err != nil || !strings.Contains(out, fmt.Sprintf("%d payments rebuilt, %d lines booked at their creditors, 0 wait", lost, lost)) {
		t.Fatalf("recover: got %v, want %d payments rebuilt\n%s", err, lost, out)
	}
	t.Log(out)

	hub = s.start()
	move(all, hub.url)
	for i, page := range pages {
		if p, err := all[before+i].await(page.ID); err != nil || p.State != "settled" {
			t.Errorf("got %s, %v for a payment that was under way, want settled", p.State, err)
		}
	}
	payAll(t, all[before+inFlight+lost:])
	out, err = racord(t, "verify", "--config", s.file, "--city", city.URL(), "--settled")
	if err != nil || !strings.Contains(out, fmt.Sprintf("%d payments", before+inFlight+lost+1)) {
		t.Errorf("verify: %v\n%s", err, out)
	}
	again, err := racord(t, "verify", "--config", s.file)
	if err != nil {
		t.Errorf("verify by look-ups: %v\n%s", err, again)
	}
	if err := hub.stop(); err != nil {
		t.Fatal(err)
	}
	if out, err := racord(t, "reconcile", "--config", s.file); err != nil || !strings.HasPrefix(out, "0 differences") {
		t.Errorf("reconcile: got %v, want no difference\n%s", err, out)
	}
}

// mayNotGoOn lets payments that have long been paid stay as the backup has them:
// their creditors were told, and must not be told again.
func mayNotGoOn(t *testing.T, all []payer, pages []paidBasket) {
	t.Helper()
	time.Sleep(3 * time.Second) // in which a hub that looks them up tells the creditors
	for i, page := range pages {
		var basket paidBasket
		if _, err := all[i].ask("GET", "/v1/payments/"+page.ID, nil, &basket); err != nil || basket.State != "awaiting_payer" {
			t.Errorf("got %s, %v behind the barrier, want a payment that goes on awaiting its payer", basket.State, err)
		}
	}
}

// move lets everybody ask at another address.
func move(all []payer, url string) {
	for i := range all {
		all[i].url = url
	}
}
