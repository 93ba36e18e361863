package identity_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"racord/adapters/identity"
	"racord/cmd/city/town"
	"racord/hub"
)

// TestTheCitysCitizensAreAdmitted holds the doorman against a provider written
// by somebody else.
func TestTheCitysCitizensAreAdmitted(t *testing.T) {
	city, err := town.Start(ctx, town.Config{Size: "S", Latency: "none", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer city.Close()
	known := &folders{clock: hub.ClockFunc(time.Now)}
	way := &http.Client{Transport: &http.Transport{}}
	defer way.CloseIdleConnections()
	doorman, err := identity.New(
		identity.Conf{Issuers: []identity.Issuer{{URL: city.URL() + "/oidc", Portals: []string{"demo-portal", "demo-portal-service"}}}},
		identity.Parts{Folders: known, HTTP: way, Clock: hub.ClockFunc(time.Now)},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer doorman.Close()
	for _, name := range []string{"ana", "istvan", companyIn(t, city)} {
		person, err := city.Person(name)
		if err != nil {
			t.Fatal(err)
		}
		token, err := city.Token(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		caller, err := doorman.Admit(ctx, token)
		if err != nil || !caller.Citizen || caller.Portal != "demo-portal" || caller.Assurance != "substantial" {
			t.Fatalf("%s: got %+v, %v", name, caller, err)
		}
		party := known.known[caller.Login].Party
		if len(party.Identifiers) != 1 || party.Identifiers[0].Value != person.CNP+person.CUI || party.Name != person.Name {
			t.Errorf("%s: enrolled as %q with %v", name, party.Name, party.Identifiers)
		}
	}
	caller, err := doorman.Admit(ctx, serviceToken(t, city))
	if err != nil || caller.Citizen || caller.Portal != "demo-portal-service" {
		t.Errorf("the portal's own token: got %+v, %v", caller, err)
	}
}

func companyIn(t *testing.T, city *town.Town) string {
	t.Helper()
	for _, p := range city.People() {
		if p.CUI != "" {
			return p.ID
		}
	}
	t.Fatal("the city has no company")
	return ""
}

func serviceToken(t *testing.T, city *town.Town) string {
	t.Helper()
	secrets := city.Credentials()
	way := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := way.PostForm(city.URL()+"/oidc/token", url.Values{
		"grant_type": {"client_credentials"},
		"client_id":  {secrets["portal-client-id"]}, "client_secret": {secrets["portal-client-secret"]},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var said struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || said.Token == "" {
		t.Fatalf("no token: %v", err)
	}
	return said.Token
}
