package town_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"racord/cmd/city/town"
)

type gasBill struct {
	Number, Kind, Reading, Amount, Paid, Left string
	Due                                       string `json:"due_on"`
}

type gasPage struct {
	Code     string `json:"client_code"`
	Holder   string
	Invoices []gasBill
	More     bool
}

func gasKey(city *town.Town) map[string]string {
	return map[string]string{"X-Gaz-Key": city.Credentials()["gas-api-key"]}
}

func readGas(t *testing.T, city *town.Town, code string, seen books) (pages []gasPage) {
	t.Helper()
	for n := 1; ; n++ {
		page := askJSON[gasPage](t, "GET", fmt.Sprintf("%s/gas/v1/clients/%s/invoices?page=%d", city.URL(), code, n), gasKey(city), "")
		if page.Code != code {
			t.Fatalf("asked for %s: got %s", code, page.Code)
		}
		for _, inv := range page.Invoices {
			seen.add("gas", code, inv.Number, shown{bani(t, inv.Amount, "", "."), bani(t, inv.Paid, "", "."), bani(t, inv.Left, "", "."), inv.Due})
		}
		if pages = append(pages, page); !page.More {
			return pages
		}
	}
}

// TestGasIsProvedByTheLastBill: nobody is found by who they are, contracts are in
// strangers' names, and meters that are read bring credits.
func TestGasIsProvedByTheLastBill(t *testing.T) {
	city := start(t, town.Config{})
	prove := func(code, invoice, amount string) bool {
		return askJSON[struct{ Confirmed bool }](t, "POST", city.URL()+"/gas/v1/links", gasKey(city),
			fmt.Sprintf(`{"client_code":%q,"invoice":%q,"amount":%q}`, code, invoice, amount)).Confirmed
	}
	strangers, credits, estimated, customers := 0, 0, 0, 0
	for _, p := range city.People()[:600] {
		for _, a := range p.Accounts["gas"] {
			customers++
			amount := fmt.Sprintf("%d.%02d", a.Proof.AmountBani/100, max(a.Proof.AmountBani, -a.Proof.AmountBani)%100)
			if !prove(a.Code, a.Proof.Invoice, amount) || prove(a.Code, a.Proof.Invoice, "1.00") || prove(a.Code, "GN 0", amount) || prove("000000001", a.Proof.Invoice, amount) {
				t.Fatalf("client %s: the last bill proves an account, and nothing else does", a.Code)
			}
			pages := readGas(t, city, a.Code, books{})
			if p.Kind == "person" && !sameHolder(pages[0].Holder, p.Name) {
				strangers++
			}
			for _, inv := range pages[0].Invoices {
				if inv.Kind == "regularisation" {
					credits++
				}
				if inv.Reading == "estimated" {
					estimated++
				}
			}
		}
	}
	if strangers < customers/20 || credits == 0 || estimated < customers/2 {
		t.Errorf("of %d customers: %d strangers' contracts, %d credits, %d estimates; want some of each", customers, strangers, credits, estimated)
	}
}

// sameHolder compares a name as offices write it with one in natural order.
func sameHolder(official, natural string) bool {
	words := strings.Fields(strings.ToUpper(natural))
	slices.Sort(words)
	said := strings.Fields(official)
	slices.Sort(said)
	return slices.Equal(said, words)
}

func TestGasBooksATransactionOnce(t *testing.T) {
	city := start(t, town.Config{Size: "XS"})
	d := openBills(t, city, "ana", "gas")[0]
	pay := func(transaction, invoice, amount string) (int, string) {
		status, body := ask(t, "POST", city.URL()+"/gas/v1/payments", gasKey(city), fmt.Sprintf(
			`{"transaction":%q,"client_code":%q,"invoice":%q,"amount":%q,"paid_at":"2026-03-15T09:00:00+02:00"}`, transaction, d.Account, invoice, amount))
		var said struct {
			Number string
			Error  struct{ Code string }
		}
		if err := json.Unmarshal(body, &said); err != nil {
			t.Fatal(err)
		}
		return status, said.Number + said.Error.Code
	}
	for what, tc := range map[string]struct {
		invoice, amount string
		status          int
		code            string
	}{
		"more than is owed": {d.ExternalID, "99999.00", http.StatusConflict, "amount_exceeds"},
		"an unknown bill":   {"GN 1", "1.00", http.StatusNotFound, "invoice_unknown"},
		"one decimal":       {d.ExternalID, "1.0", http.StatusBadRequest, "bad_request"},
	} {
		if status, code := pay("t0", tc.invoice, tc.amount); status != tc.status || code != tc.code {
			t.Errorf("%s: got %d %s, want %d %s", what, status, code, tc.status, tc.code)
		}
	}
	first, number := pay("t1", d.ExternalID, "10.00")
	again, same := pay("t1", d.ExternalID, "10.00")
	other, taken := pay("t1", d.ExternalID, "11.00")
	if first != 201 || again != 200 || number != same || other != 409 || taken != "transaction_taken" {
		t.Errorf("got %d %s, %d %s, %d %s, want one receipt", first, number, again, same, other, taken)
	}
	if left := owed(t, city, "ana", "gas", d.ExternalID); left != d.Outstanding-1000 || len(city.Book("gas")) != 1 {
		t.Errorf("got %d owed and %d receipts, want %d and one", left, len(city.Book("gas")), d.Outstanding-1000)
	}
	if status, _ := ask(t, "GET", city.URL()+"/gas/v1/clients/020006011/invoices?page=1", nil, ""); status != http.StatusUnauthorized {
		t.Errorf("without a key: got %d, want 401", status)
	}
}
