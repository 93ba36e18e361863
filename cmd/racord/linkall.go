package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"racord/cmd/city/town"
)

// linkAll links every account of a demo citizen with what stands on its last
// bill, through the API, as a portal would.
func linkAll(ctx context.Context, city *town.Town, facts demoFacts, citizen string) error {
	person, err := city.Person(citizen)
	if err != nil {
		return err
	}
	token, err := signIn(ctx, facts, citizen)
	if err != nil {
		return err
	}
	for creditor, accounts := range person.Accounts {
		for _, account := range accounts {
			if account.Proof.Invoice == "" {
				continue // nothing to prove it with
			}
			if err := linkPatiently(ctx, facts.API, token, creditor, account); err != nil {
				return fmt.Errorf("%s: %w", creditor, err)
			}
		}
	}
	return nil
}

// errBusy is a creditor that asks to come back later.
var errBusy = errors.New("the creditor is busy")

// linkPatiently asks again while the creditor is busy, for a minute at most.
func linkPatiently(ctx context.Context, api, token, creditor string, account town.Account) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := linkOne(ctx, api, token, creditor, account)
		if !errors.Is(err, errBusy) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func linkOne(ctx context.Context, api, token, creditor string, account town.Account) error {
	body, err := json.Marshal(map[string]any{
		"creditor": creditor, "account": account.Code,
		"proof": map[string]any{
			"invoice": account.Proof.Invoice,
			"amount":  map[string]any{"amount": account.Proof.AmountBani, "currency": "RON"},
		},
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, api+"/v1/links", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusCreated, http.StatusConflict:
		return nil
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return errBusy
	default:
		return fmt.Errorf("the hub answered %s", answer.Status)
	}
}
