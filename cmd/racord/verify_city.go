package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"racord/hub"
	"racord/hub/judge"
)

// cityBooks reads the books of a simulated city: they were written by nobody of
// the hub.
func cityBooks(ctx context.Context, city string, d *desk, e *judge.Evidence) error {
	for _, psp := range d.psps {
		if err := cityOrders(ctx, city, psp.Name, e); err != nil {
			return err
		}
	}
	for _, c := range d.fleet {
		if err := cityEntries(ctx, city, c.Creditor.Name, e); err != nil {
			return err
		}
	}
	return nil
}

func cityOrders(ctx context.Context, city, psp string, e *judge.Evidence) error {
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
	if err := cityAsk(ctx, city+"/__ctl/psp/"+psp+"/book", &book); err != nil {
		return err
	}
	for _, o := range book.Orders {
		captures, first := 0, ""
		for _, m := range o.Movements {
			if m.Kind == "capture" && (first == "" || m.Account == first) { // a split is one capture on many accounts
				first = m.Account
				captures++
			}
		}
		e.Orders = append(e.Orders, judge.Order{
			PSP: psp, Number: o.OrderID, Payment: manifested(o.Data), Authorised: o.Authorised, Captured: o.Captured,
			Refunded: o.Refunded, Disputed: o.ChargedBack, Captures: captures, Open: o.State == "authorised",
		})
	}
	return nil
}

// manifested finds our manifest in what an order keeps.
func manifested(data map[string]string) hub.PaymentID {
	for _, value := range data {
		if parts := strings.Split(value, ";"); len(parts) > 2 && parts[0] == "hub1" {
			return hub.PaymentID(parts[1])
		}
	}
	return ""
}

func cityEntries(ctx context.Context, city string, creditor hub.Name, e *judge.Evidence) error {
	var book struct {
		Receipts []struct {
			Reference  string `json:"reference"`
			ExternalID string `json:"external_id"`
			Amount     int64  `json:"amount_bani"`
			Reversed   bool   `json:"reversed"`
		} `json:"receipts"`
	}
	if err := cityAsk(ctx, city+"/__ctl/books/"+string(creditor), &book); err != nil {
		return err
	}
	for _, r := range book.Receipts {
		if strings.HasPrefix(r.Reference, "hub:") {
			e.Entries = append(e.Entries, judge.Entry{
				Creditor: creditor, ID: hub.PostingID(r.Reference), ExternalID: r.ExternalID, Amount: r.Amount, Reversed: r.Reversed,
			})
		}
	}
	return nil
}

func cityAsk(ctx context.Context, address string, into any) error {
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
