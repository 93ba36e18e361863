package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"racord/hub"
)

// longestAnswer in bytes is how much of an issuer's answer is read.
const longestAnswer = 256 << 10

// careful gives a client that follows no redirect, reads no endless answer and
// waits no longer than patience.
func careful(given *http.Client, patience time.Duration) *http.Client {
	client := &http.Client{Timeout: patience}
	var way http.RoundTripper
	if given != nil {
		way = given.Transport
	}
	if way == nil {
		way = http.DefaultTransport
	}
	client.Transport = bounded{way}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, longestAnswer), answer.Body}
	return answer, nil
}

// get reads a JSON document. With a bearer, an issuer that does not accept it
// gives CodeUnauthenticated; every other failure is CodeUnavailable.
func (i *issuer) get(ctx context.Context, address, bearer string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return unreachable(errors.New("the issuer gives an address that is none"))
	}
	r.Header.Set("Accept", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := i.client.Do(r)
	if err != nil {
		return unreachable(silenced(err, "no answer"))
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusUnauthorized && bearer != "":
		return refused(errors.New("the issuer does not accept its own token"))
	case answer.StatusCode != http.StatusOK:
		return unreachable(fmt.Errorf("the issuer answered %d", answer.StatusCode))
	case !isJSON(answer.Header.Get("Content-Type")):
		return unreachable(errors.New("the issuer answered something that is not JSON"))
	}
	if json.NewDecoder(answer.Body).Decode(into) != nil {
		return unreachable(errors.New("the issuer's answer cannot be read"))
	}
	return nil
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

// silenced keeps what the network said about a failure and drops what the other
// side said: answers may hold anything.
func silenced(err error, what string) error {
	var network *url.Error
	if errors.As(err, &network) {
		return fmt.Errorf("%s: %w", what, network.Err)
	}
	if code := hub.CodeOf(err); code != hub.CodeInternal {
		return err
	}
	return errors.New(what)
}
