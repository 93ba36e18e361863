package connectortest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"racord/connectors"
	"racord/connectors/connectortest"
	"racord/connectors/kinds"
	"racord/hub"
)

const head = `creditor: gaz
name: Gaz
category: gas
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Gaz}]
traits: {fetch: [by_party], identifiers: ["ro:cnp"]}
test: {known: {cnp: "2920229120001"}, other: {cnp: "1850415120007"}, unknown: {cnp: "7760101400001"}}
`

const mapped = `    map: {external_id: id, kind: ="gas.bill", outstanding: due | money_ro}
`

const soapGaz = "kind: soap\n" + head + `settings: {endpoint: "BASE", charset: windows-1250, security: {username: gaz-user, password: gaz-key}}
calls:
  obligations:
    read: true
    request: {action: ask, body: {Ask: {"@xmlns": "urn:gaz", cnp: "{{ cnp }}"}}}
    subject: {party: cnp}
    items: bill
` + mapped

const restGaz = "kind: rest\n" + head + `settings: {base_url: "BASE", auth: {type: none}}
calls:
  obligations:
    read: true
    request: {method: POST, path: /bills, body: {key: "{{ secret gaz-key }}", cnp: "{{ cnp }}"}}
    subject: {party: cnp}
    items: bills
` + mapped

// echo repeats what it was asked, in whatever words, and knows nobody.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write(body)
}

func TestNoSpellingOfASecretIsShown(t *testing.T) {
	latin, err := charmap.Windows1250.NewEncoder().String("şarpe")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		manifest, secret string
		never            []string // beginnings are enough
	}{
		"signs of XML":         {soapGaz, `p&s"w<d-26`, []string{"p&amp;s", "w&lt;d", `p\u0026amp;s`, `w\u0026lt;d`}},
		"signs of JSON":        {restGaz, `p&s"w\d-26`, []string{`s\"w`, `s\\\"w`, `w\\\\d`, "p&s", `p\u0026s`}},
		"letters of a set":     {soapGaz, "șarpe-boa-26", []string{"arpe-boa", latin}},
		"two blanks":           {restGaz, "open  sesame-26", []string{"sesame-26"}},
		"at the edge of a cut": {restGaz, strings.Repeat("long-secret-", 400), []string{"long-secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(echo))
			t.Cleanup(server.Close)
			m, err := kinds.All().Parse("gaz.yaml", []byte(strings.Replace(tc.manifest, "BASE", server.URL, 1)))
			if err != nil {
				t.Fatal(err)
			}
			env := world(t)
			env.Secret = func(_ context.Context, name string) (hub.Secret, error) {
				return hub.NewSecret(map[string]string{"gaz-user": "racord", "gaz-key": tc.secret}[name]), nil
			}
			for what, shown := range map[string]any{
				"the dry run": connectortest.Try(t.Context(), kinds.All(), m, env, m.Test.Known),
				"the report":  connectortest.Run(t.Context(), connectortest.For(kinds.All(), m, env)),
			} {
				text := encoded(t, shown)
				for _, never := range tc.never {
					if strings.Contains(text, never) {
						t.Errorf("%s holds %q: %.2000s", what, never, text)
					}
				}
				if !strings.Contains(text, "<secret>") && len(tc.secret) < 2048 {
					t.Errorf("%s shows no place of the secret: %.2000s", what, text)
				}
			}
		})
	}
}

// encoded is what a reader of the API gets, with signs as they are.
func encoded(t *testing.T, shown any) string {
	t.Helper()
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(shown); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// leaky sends its key in the address, as addresses write it.
type leaky struct {
	env  connectors.Env
	base string
}

func (l leaky) Obligations(ctx context.Context, _ hub.Asked) (hub.Answer, error) {
	secret, err := l.env.Secret(ctx, "gaz-key")
	if err != nil {
		return hub.Answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.base+"/?key="+url.QueryEscape(secret.Reveal()), nil)
	if err != nil {
		return hub.Answer{}, err
	}
	response, err := l.env.Read.Do(request)
	if err != nil {
		return hub.Answer{}, connectors.Failure(hub.CodeUnavailable, nil)
	}
	return hub.Answer{}, errors.Join(connectors.Failure(hub.CodeUnavailable, nil), response.Body.Close())
}

func TestAnEscapedSecretInAnAddressIsFound(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(server.Close)
	s, env := suite(t, ""), world(t)
	env.Secret = func(context.Context, string) (hub.Secret, error) { return hub.NewSecret("p&s w<d-26"), nil }
	s.Open = func(_ context.Context, wrap func(connectors.Env) connectors.Env) (*hub.Connector, error) {
		return &hub.Connector{Creditor: s.Creditor, Traits: s.Traits, Source: leaky{wrap(env), server.URL}}, nil
	}
	const clause = "no credential in an address, an error or a log"
	if report := connectortest.Run(t.Context(), s); !slices.Contains(failures(report), clause) {
		t.Errorf("got %q, want %q among them", failures(report), clause)
	}
}
