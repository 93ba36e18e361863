package webhook_test

import (
	"net/http"
	"strings"
	"testing"

	"racord/adapters/webhook"
	"racord/hub"
)

func TestACompanyHearsOfItsOwnConnectorAlone(t *testing.T) {
	company := listening(t, takes)
	gone := listening(t, func(http.ResponseWriter) int { return http.StatusGone })
	heat, picky := gone.endpoint(t, hub.CreditorReceiver("heat")), company.endpoint(t, hub.CreditorReceiver("gas"), "line.*")
	teller, err := webhook.New(webhook.Parts{Endpoints: []webhook.Endpoint{company.endpoint(t, water), heat, picky}}, webhook.Conf{})
	if err != nil {
		t.Fatal(err)
	}
	for creditor, want := range map[hub.Name]hub.Code{
		"water": "", "heat": hub.CodeUnsupported, "gas": hub.CodeUnsupported, "nobody": hub.CodeUnsupported,
	} {
		err := teller.Deliver(t.Context(), hub.Letter{Creditor: creditor, No: 3, Notice: hub.ContactNotice{
			Contact: "it@water.example", Version: 2, Kind: "address_changed", Detail: "will call https://x.example",
		}})
		if hub.CodeOf(err) != want {
			t.Errorf("%s: got %v, want %q", creditor, err, want)
		}
	}
	if company.taken() != 1 || company.got["notice_water_3"] != 1 || strings.Contains(company.bodies[0], "@") ||
		!strings.Contains(company.bodies[0], `"type":"connector.address_changed"`) {
		t.Errorf("got %v %v", company.got, company.bodies)
	}
}
