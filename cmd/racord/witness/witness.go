// Package witness reads the books of a simulated city's payment providers and
// creditors: they were written by nobody of the hub, so they can testify about it.
package witness

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"racord/hub"
	"racord/hub/judge"
)

// Orders gives a provider's book.
func Orders(ctx context.Context, city, psp string) (orders []judge.Order, err error) {
	var book struct {
		Orders []struct {
			OrderID     string            `json:"order_id"`
			State       string            `json:"state"`
			Authorised  int64             `json:"authorised_bani"`
			Captured    int64             `json:"captured_bani"`
			Refunded    int64             `json:"refunded_bani"`
			ChargedBack int64             `json:"charged_back_bani"`
			Data        map[string]string `json:"data"`
			Movements   []struct {
				Kind    string `json:"kind"`
				Account string `json:"account"`
			} `json:"movements"`
		} `json:"orders"`
	}
	if err := ask(ctx, city+"/__ctl/psp/"+psp+"/book", &book); err != nil {
		return nil, err
	}
	for _, o := range book.Orders {
		captures, first := 0, ""
		for _, m := range o.Movements {
			if m.Kind == "capture" && (first == "" || m.Account == first) { // a split is one capture on many accounts
				first = m.Account
				captures++
			}
		}
		orders = append(orders, judge.Order{
			PSP: psp, Number: o.OrderID, Payment: manifested(o.Data), Authorised: o.Authorised, Captured: o.Captured,
			Refunded: o.Refunded, Disputed: o.ChargedBack, Captures: captures, Open: o.State == "authorised",
		})
	}
	return orders, nil
}

// manifested finds our manifest in what an order keeps.
func manifested(data map[string]string) hub.PaymentID {
	for _, value := range data {
		if parts := strings.Split(value, ";"); len(parts) > 2 && strings.HasPrefix(parts[0], "hub") {
			return hub.PaymentID(parts[1])
		}
	}
	return ""
}

// Entries gives what a creditor booked under references of the hub's.
func Entries(ctx context.Context, city string, creditor hub.Name) (entries []judge.Entry, err error) {
	var book struct {
		Receipts []struct {
			Reference  string `json:"reference"`
			ExternalID string `json:"external_id"`
			Amount     int64  `json:"amount_bani"`
			Reversed   bool   `json:"reversed"`
		} `json:"receipts"`
	}
	if err := ask(ctx, city+"/__ctl/books/"+string(creditor), &book); err != nil {
		return nil, err
	}
	for _, r := range book.Receipts {
		if strings.HasPrefix(r.Reference, "hub:") {
			entries = append(entries, judge.Entry{
				Creditor: creditor, ID: hub.PostingID(r.Reference), ExternalID: r.ExternalID, Amount: r.Amount, Reversed: r.Reversed,
			})
		}
	}
	return entries, nil
}

func ask(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
