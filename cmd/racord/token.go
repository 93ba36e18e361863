package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"racord/config"
	"racord/hub"
)

// demoFile is what the demo leaves in its data directory for racord token.
const demoFile = "demo.json"

// demoFacts are the addresses of a running demo.
type demoFacts struct {
	Issuer   string `json:"issuer"`
	Client   string `json:"client"`
	Redirect string `json:"redirect"`
	API      string `json:"api"`
	Ops      string `json:"ops"`
	City     string `json:"city"`

	Bases     map[string]string `json:"bases"`     // addresses in the demo's manifests, and those of the running city
	Providers []config.Provider `json:"providers"` // the demo's contracts; secrets are named
	Bank      config.Bank       `json:"bank"`
}

type tokenCommand struct {
	Data     string `help:"Data directory of the running demo." default:"data/demo" type:"path"`
	Citizen  string `help:"A demo citizen: ana, ion, maria, istvan, or the id of any inhabitant." xor:"who" required:"" placeholder:"ana"`
	Company  string `help:"A company's engineer, by the creditor's short name: for connectors." xor:"who" required:"" placeholder:"water"`
	Approver string `help:"One of the city's approvers, by any name: for connectors." xor:"who" required:"" placeholder:"maria"`
	Staff    bool   `help:"The city's cashier, who may have money given back." xor:"who" required:""`
}

// Run prints an access token. It signs a citizen in at the demo city's identity
// provider as a portal would (code and PKCE, RFC 7636).
func (c *tokenCommand) Run(ctx context.Context, to streams) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	facts, err := readDemoFacts(c.Data)
	if err != nil {
		return err
	}
	token, err := c.token(ctx, facts)
	if err != nil {
		return fmt.Errorf("sign in %s%s%s: %w", c.Citizen, c.Company, c.Approver, err)
	}
	_, err = fmt.Fprintln(to.out, token)
	return err
}

func (c *tokenCommand) token(ctx context.Context, facts demoFacts) (string, error) {
	switch {
	case c.Company != "":
		return atDesk(ctx, facts, c.Data, "company-"+c.Company)
	case c.Approver != "":
		return atDesk(ctx, facts, c.Data, "approver-"+c.Approver)
	case c.Staff:
		return atDesk(ctx, facts, c.Data, "demo-desk")
	default:
		return signIn(ctx, facts, c.Citizen)
	}
}

// atDesk signs somebody in who works at a desk (client credentials, RFC 6749
// §4.4), with the secret that the demo left.
func atDesk(ctx context.Context, facts demoFacts, data, name string) (string, error) {
	secret, err := os.ReadFile(filepath.Join(data, "secrets", "desk", "desk-client-secret"))
	if err != nil {
		return "", err
	}
	desk := clientcredentials.Config{ClientID: name, ClientSecret: string(secret), TokenURL: facts.Issuer + "/token"}
	token, err := desk.Token(ctx)
	if err != nil {
		return "", err
	}
	return token.AccessToken, nil
}

func readDemoFacts(dir string) (facts demoFacts, err error) {
	data, err := os.ReadFile(filepath.Join(dir, demoFile))
	if err != nil {
		return facts, fmt.Errorf("no running demo in %s (start one with: racord demo --data %s): %w", dir, dir, err)
	}
	return facts, json.Unmarshal(data, &facts)
}

// signIn goes the way of a browser: the provider answers the authorisation
// request with a redirect that carries the code.
func signIn(ctx context.Context, facts demoFacts, citizen string) (string, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ctx = oidc.ClientContext(ctx, client)
	provider, err := oidc.NewProvider(ctx, facts.Issuer)
	if err != nil {
		return "", err
	}
	portal := oauth2.Config{
		ClientID: facts.Client, RedirectURL: facts.Redirect, Endpoint: provider.Endpoint(),
		Scopes: []string{oidc.ScopeOpenID, "racord"},
	}
	verifier, state := oauth2.GenerateVerifier(), hub.NewID()
	code, err := authorise(ctx, client, portal.AuthCodeURL(state,
		oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("login_hint", citizen)), state)
	if err != nil {
		return "", err
	}
	token, err := portal.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return "", err
	}
	return token.AccessToken, nil
}

func authorise(ctx context.Context, client *http.Client, address, state string) (code string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	_ = answer.Body.Close()
	back, err := url.Parse(answer.Header.Get("Location"))
	if answer.StatusCode == http.StatusOK { // the provider asks who it is
		return "", errors.New("nobody of that name lives in the demo city; ana, ion, maria and istvan do")
	}
	if err != nil || back.Query().Get("code") == "" || back.Query().Get("state") != state {
		return "", fmt.Errorf("the identity provider answered %s without a code", answer.Status)
	}
	return back.Query().Get("code"), nil
}
