package town_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
)

// driver calls the register of road fines as a stranger would who was given a
// certificate and keys.
type driver struct {
	client *http.Client
	base   string
	signer jose.Signer
	keys   jose.JSONWebKeySet
}

func callRoadFines(t *testing.T, city *town.Town) *driver {
	t.Helper()
	given := city.Credentials()
	pair, err := tls.X509KeyPair([]byte(given["roadfines-certificate"]), []byte(given["roadfines-key"]))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(given["roadfines-ca"]))
	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	d := &driver{client: &http.Client{Transport: transport}, base: city.SecureURL() + "/roadfines/v1"}
	var own jose.JSONWebKey
	if err := json.Unmarshal([]byte(given["roadfines-signing-key"]), &own); err != nil {
		t.Fatal(err)
	}
	if d.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: own}, nil); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(given["roadfines-answer-keys"]), &d.keys); err != nil {
		t.Fatal(err)
	}
	return d
}

// call signs a question, and gives the status and what was signed in return.
func (d *driver) call(t *testing.T, method, path, question string, into any) (status int) {
	t.Helper()
	signed, err := d.signer.Sign([]byte(question))
	if err != nil {
		t.Fatal(err)
	}
	body, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, d.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/jose")
	answer, err := d.client.Do(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0
	}
	object, err := jose.ParseSignedCompact(string(text), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return -answer.StatusCode
	}
	payload, err := object.Verify(d.keys.Key(object.Signatures[0].Protected.KeyID)[0])
	if err != nil {
		return -answer.StatusCode
	}
	if err := json.Unmarshal(payload, into); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

type roadPage struct {
	Code    string
	Reports []roadReport
}

type roadReport struct {
	Series      string
	Paid        int64 `json:"paid_bani"`
	Outstanding int64 `json:"outstanding_bani"`
	State       string
	Options     []struct {
		Amount int64 `json:"amount_bani"`
		Until  string
	}
}

func (d *driver) reports(t *testing.T, code string) (page roadPage, status int) {
	t.Helper()
	status = d.call(t, "POST", "/reports/search", fmt.Sprintf(`{"code":%q}`, code), &page)
	return page, status
}

func readRoadFines(t *testing.T, city *town.Town, d *driver, p town.Person, seen books) {
	t.Helper()
	page, status := d.reports(t, p.CNP+p.CUI)
	if status == http.StatusNotFound {
		return
	}
	if status != http.StatusOK {
		t.Fatalf("got status %d and %q", status, page.Code)
	}
	dues := map[string]string{} // the register tells a term only while the reduced amount is offered
	for _, debt := range city.Truth(p.ID)["roadfines"] {
		dues[debt.ExternalID] = debt.DueOn
	}
	for _, r := range page.Reports {
		for _, o := range r.Options {
			if o.Until != "" && o.Until != dues[r.Series] {
				t.Errorf("%s: reduced until %s, want %s", r.Series, o.Until, dues[r.Series])
			}
		}
		seen.add("roadfines", p.ID, r.Series, shown{r.Paid + r.Outstanding, r.Paid, r.Outstanding, dues[r.Series]})
	}
}

func TestRoadFinesArePaidOnceAndInTheRightTown(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	d := callRoadFines(t, city)
	pay := func(reference, series string, bani int64) (int, string, string) {
		var answer struct{ Code, Number string }
		status := d.call(t, "POST", "/payments", fmt.Sprintf(
			`{"reference":%q,"series":%q,"amount_bani":%d,"paid_at":"2026-03-15T10:00:00+02:00"}`, reference, series, bani), &answer)
		return status, answer.Code, answer.Number
	}
	ana, err := city.Person("ana")
	if err != nil {
		t.Fatal(err)
	}
	page, _ := d.reports(t, ana.CNP)
	fine := page.Reports[0]
	if len(fine.Series) != 23 || len(fine.Options) != 2 {
		t.Fatalf("got %+v, want a series of 23 characters in its reduced term", fine)
	}
	reduced := fine.Options[0].Amount
	if _, code, _ := pay("r1", fine.Series, reduced+1); code != "amount_changed" {
		t.Errorf("another amount: got %s", code)
	}
	status, _, number := pay("r1", fine.Series, reduced)
	again, _, same := pay("r1", fine.Series, reduced)
	if status != 201 || again != 200 || number == "" || number != same {
		t.Errorf("got %d %s and %d %s, want one receipt", status, number, again, same)
	}
	if _, code, _ := pay("r1", page.Reports[1].Series, page.Reports[1].Outstanding); code != "reference_taken" {
		t.Errorf("another fine under the same reference: got %s", code)
	}
	if _, code, _ := pay("r2", fine.Series, reduced); code != "already_paid" {
		t.Errorf("paid before: got %s", code)
	}
	if _, code, _ := pay("r3", strings.Repeat("0", 23), 100); code != "unknown_report" {
		t.Errorf("an unknown series: got %s", code)
	}
	if got := owed(t, city, "ana", "roadfines", fine.Series); got != 0 || len(city.Book("roadfines")) != 1 {
		t.Errorf("got %d owed after %d receipts, want nothing after one", got, len(city.Book("roadfines")))
	}
	elsewhere := 0
	for _, p := range city.People() {
		page, _ := d.reports(t, p.CNP+p.CUI)
		for _, r := range page.Reports {
			if r.State != "other_uat" {
				continue
			}
			if elsewhere++; len(r.Options) != 0 {
				t.Errorf("%s: got options %v for a fine of another town", r.Series, r.Options)
			}
			if status, code, _ := pay("o"+r.Series, r.Series, r.Outstanding); status != 409 || code != "other_uat" {
				t.Errorf("%s: got %d %s, want other_uat", r.Series, status, code)
			}
		}
	}
	if elsewhere < 5 {
		t.Errorf("got %d fines of other towns, want some", elsewhere)
	}
}

func TestRoadFinesRefuseStrangers(t *testing.T) {
	city := start(t, town.Config{Seed: 1, Size: "XS"})
	d := callRoadFines(t, city)
	nobody := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // whoever the register is
	defer nobody.CloseIdleConnections()
	if answer, err := (&http.Client{Transport: nobody}).Get(d.base + "/health"); err == nil {
		_ = answer.Body.Close()
		t.Errorf("without a certificate: got status %d, want no answer", answer.StatusCode)
	}
	ana, err := city.Person("ana")
	if err != nil {
		t.Fatal(err)
	}
	other := callRoadFines(t, start(t, town.Config{Seed: 1, Size: "XS"}))
	d.signer, other.signer = other.signer, d.signer
	var answer struct{ Code string }
	if status := d.call(t, "POST", "/reports/search", fmt.Sprintf(`{"code":%q}`, ana.CNP), &answer); status != 400 || answer.Code != "bad_signature" {
		t.Errorf("signed by another: got %d %s, want bad_signature", status, answer.Code)
	}
	d.signer = other.signer
	for kind, want := range map[gate.Kind]int{
		gate.Maintenance: 503, gate.RateLimited: 429, gate.Auth: 401, gate.Refuse503: -503, gate.WrongCoding: -200, gate.Malformed: -200, gate.LoginPage: -200, gate.Down: 0,
	} {
		meet(t, city, "roadfines", town.Fault{Kind: kind})
		if _, status := d.reports(t, ana.CNP); status != want {
			t.Errorf("%s: got status %d, want %d (signed refusals are positive)", kind, status, want)
		}
		city.ClearFaults("roadfines")
	}
}
