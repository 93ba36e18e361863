package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"racord/hub"
)

// payer is a citizen with debts.
type payer struct {
	id     string
	debts  []debt
	mu     sync.Mutex
	token  string
	signed time.Time
}

// debt is something a creditor's book says the citizen owes.
type debt struct {
	Creditor    string `json:"creditor"`
	ExternalID  string `json:"external_id"`
	Outstanding int64  `json:"outstanding_bani"`
	Account     string `json:"account"`
	Reachable   string `json:"reachable"`
}

func (d debt) obligation() string {
	return string(hub.NewObligationID(hub.Name(d.Creditor), d.ExternalID))
}

// inhabitant is somebody the city tells of.
type inhabitant struct {
	ID       string
	Accounts map[string][]struct {
		Code  string
		Proof struct {
			Invoice string
			Amount  int64 `json:"amount_bani"`
		}
	}
}

// invite finds citizens with debts enough for all baskets, signs them in and
// links their accounts. Debts that two people can pay are given to one.
func (s *storm) invite(ctx context.Context) error {
	need, given, after := s.baskets*3, 0, ""
	taken := map[string]bool{}
	for given < need {
		var page struct {
			People []inhabitant
			Next   *string
		}
		if err := s.city.control(ctx, http.MethodGet, "people?limit=200&after="+after, nil, &page); err != nil {
			return err
		}
		fresh, err := s.inviteAll(ctx, page.People, taken)
		if err != nil {
			return err
		}
		for _, p := range fresh {
			given += len(p.debts)
		}
		s.payers = append(s.payers, fresh...)
		if page.Next == nil {
			break
		}
		after = *page.Next
	}
	s.say("%d citizens with %d debts have linked their accounts", len(s.payers), given)
	if given < s.baskets {
		return fmt.Errorf("the city has %d debts, too few for %d baskets", given, s.baskets)
	}
	return nil
}

// inviteAll invites people, several at once. Taken are the debts of those
// invited before.
func (s *storm) inviteAll(ctx context.Context, people []inhabitant, taken map[string]bool) (fresh []*payer, failed error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	turn := make(chan struct{}, 8)
	free := func(d debt) bool {
		mu.Lock()
		defer mu.Unlock()
		name := d.Creditor + "/" + d.ExternalID
		had := taken[name]
		taken[name] = true
		return !had
	}
	for _, who := range people {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			p, err := s.inviteOne(ctx, who, free)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			if p != nil {
				fresh = append(fresh, p)
			}
		})
	}
	all.Wait()
	slices.SortFunc(fresh, func(a, b *payer) int { return strings.Compare(a.id, b.id) })
	return fresh, failed
}

// inviteOne makes a payer of somebody who owes something.
func (s *storm) inviteOne(ctx context.Context, who inhabitant, free func(debt) bool) (*payer, error) {
	var book struct{ Truth map[string][]debt }
	if err := s.city.control(ctx, http.MethodGet, "truth?person="+who.ID, nil, &book); err != nil {
		return nil, err
	}
	p := &payer{id: who.ID}
	linked := map[string]bool{}
	for _, debts := range book.Truth {
		for _, d := range debts {
			if d.Outstanding > 0 && s.reaches(ctx, p, who, d, linked) && free(d) {
				p.debts = append(p.debts, d)
			}
		}
	}
	if len(p.debts) == 0 {
		return nil, nil
	}
	return p, nil
}

// reaches tells whether the hub finds a debt of the citizen's: by his personal
// code, or once he has linked the account.
func (s *storm) reaches(ctx context.Context, p *payer, who inhabitant, d debt, linked map[string]bool) bool {
	switch d.Reachable {
	case "cnp":
		return true
	case "role":
		return false // somebody else's personal code finds it
	}
	name := d.Creditor + "/" + d.Account
	if done, known := linked[name]; known {
		return done
	}
	linked[name] = s.link(ctx, p, who, d.Creditor, d.Account)
	return linked[name]
}

// link proves an account with what stands on its last bill.
func (s *storm) link(ctx context.Context, p *payer, who inhabitant, creditor, code string) bool {
	for _, account := range who.Accounts[creditor] {
		if account.Code != code || account.Proof.Invoice == "" {
			continue
		}
		token, err := s.tokenOf(ctx, p)
		if err != nil {
			return false
		}
		for _, a := range s.ask(ctx, call{method: http.MethodPost, path: "/v1/links", token: token, body: map[string]any{
			"creditor": creditor, "account": code,
			"proof": map[string]any{"invoice": account.Proof.Invoice, "amount": map[string]any{"amount": account.Proof.Amount, "currency": "RON"}},
		}}) {
			if a.good() || a.status == http.StatusConflict {
				return true
			}
		}
	}
	return false
}

// tokenLife is how long a token is used; the city's are good for a quarter of an
// hour.
const tokenLife = 10 * time.Minute

// tokenOf gives the citizen's access token, signing him in when there is none.
func (s *storm) tokenOf(ctx context.Context, p *payer) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.signed) < tokenLife {
		return p.token, nil
	}
	token, err := s.signIn(ctx, p.id)
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	p.token, p.signed = token, time.Now()
	return token, nil
}

// signIn goes the way of a browser (code and PKCE, RFC 7636).
func (s *storm) signIn(ctx context.Context, citizen string) (string, error) {
	ctx = oidc.ClientContext(ctx, browser)
	portal := oauth2.Config{
		ClientID: "demo-portal", RedirectURL: "http://127.0.0.1/callback", Scopes: []string{oidc.ScopeOpenID, "racord"},
		Endpoint: oauth2.Endpoint{AuthURL: s.city.url + "/oidc/authorize", TokenURL: s.city.url + "/oidc/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	verifier := oauth2.GenerateVerifier()
	address := portal.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("login_hint", citizen))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	redirect, err := browser.Do(request)
	if err != nil {
		return "", err
	}
	_ = redirect.Body.Close()
	back, err := url.Parse(redirect.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		return "", fmt.Errorf("the identity provider answered %s without a code", redirect.Status)
	}
	token, err := portal.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return "", err
	}
	return token.AccessToken, nil
}
