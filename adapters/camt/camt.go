// Package camt reads what a bank booked from its statements in ISO 20022
// camt.053.001.08, fetched one file for each account and day. A statement is
// believed as a whole or not at all.
package camt

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"racord/hub"
)

// Conf says where statements are.
type Conf struct {
	URL    string // a statement is at <URL>/<iban>/<YYYY-MM-DD>.xml
	APIKey string // name of the secret that goes along as X-API-Key; "" = none does
}

// Env is the only way to the outside world.
type Env struct {
	HTTP interface {
		Do(*http.Request) (*http.Response, error)
	}
	Secret func(ctx context.Context, name string) (hub.Secret, error)
}

// Bank is a hub.Bank over HTTP.
type Bank struct {
	conf Conf
	env  Env
}

var _ hub.Bank = (*Bank)(nil)

// New makes a Bank.
func New(conf Conf, env Env) *Bank {
	conf.URL = strings.TrimRight(conf.URL, "/")
	return &Bank{conf, env}
}

// Entries fetches and reads one statement.
func (b *Bank) Entries(ctx context.Context, iban string, day hub.Date) ([]hub.BankEntry, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.conf.URL+"/"+iban+"/"+string(day)+".xml", nil)
	if err != nil {
		return nil, hub.Wrap(hub.CodeInternal, err, "The bank's statement cannot be asked for.")
	}
	if b.conf.APIKey != "" {
		key, err := b.env.Secret(ctx, b.conf.APIKey)
		if err != nil {
			return nil, hub.Wrap(hub.CodeAuth, err, "The bank's key is missing.")
		}
		request.Header.Set("X-API-Key", key.Reveal())
	}
	answer, err := b.env.HTTP.Do(request)
	if err != nil {
		return nil, hub.Wrap(hub.CodeOf(err), err, "The bank does not answer.")
	}
	defer answer.Body.Close()
	if err := judged(answer.StatusCode); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, MostBytes+1))
	if err != nil {
		return nil, hub.Wrap(hub.CodeUnavailable, err, "The bank's statement broke off.")
	}
	return Parse(data, iban)
}

func judged(status int) error {
	cause := errors.New("HTTP status " + strconv.Itoa(status))
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusNotFound:
		return hub.Wrap(hub.CodeNotFound, cause, "There is no statement of that day.")
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return hub.Wrap(hub.CodeAuth, cause, "The bank refused our credentials.")
	case status >= 500, status == http.StatusTooManyRequests:
		return hub.Wrap(hub.CodeUnavailable, cause, "The bank has a fault.")
	}
	return hub.Wrap(hub.CodeBadData, cause, "The bank's answer cannot be understood.")
}
