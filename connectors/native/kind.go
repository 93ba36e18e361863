// Package native is the hub's own contract for a company that writes a small
// server: four calls (obligations, ping, post, find), and three more for who
// offers them (quote, statement, reverse). native.openapi.yaml describes them;
// a manifest says where the server is and nothing about its fields.
package native

import (
	"context"
	_ "embed"
	"strings"

	"racord/connectors"
	"racord/connectors/rest"
	"racord/connectors/wire"
	"racord/hub"
)

//go:generate go test -run TestTheExampleIsGenerated -update

// Kind declares the protocol.
var Kind = connectors.Define("native", "Our own contract, for a company that writes a small server: connectors/native/native.openapi.yaml.",
	Settings{}, open,
	connectors.Calls[rest.Request](append([]string{connectors.CallObligations, connectors.CallPing}, connectors.PayingCalls()...)...),
	connectors.Contract(calls(), Settings.calls))

// Settings is all that a manifest has to say.
type Settings struct {
	URL    string                `json:"url" doc:"Root of the company's server, https: the paths of the contract stand below it." required:"true"`
	Secret connectors.SecretName `json:"secret" doc:"Secret with the token the hub sends as Authorization: Bearer. Until it was changed on both sides, the company takes the old one and the new one." required:"true"`
	Offers []string              `json:"offers" doc:"Calls offered beyond the four." enum:"quote|statement|reverse"`
}

// Check finds what cannot be an address.
func (s Settings) Check(report func(field, problem string)) {
	if problem := connectors.CheckURL(s.URL); problem != "" {
		report("url", problem)
	}
}

// calls are those of the contract that the company has.
func (s Settings) calls(t hub.Traits) []string {
	calls := append([]string{connectors.CallObligations, connectors.CallPing}, s.Offers...)
	if t.Paying.Class != "" {
		calls = append(calls, connectors.CallPost, connectors.CallFind)
	}
	return calls
}

//go:embed contract.yaml
var contractYAML string

//go:embed obligation.yaml
var obligationYAML string

// posting is how an answer says what was booked.
const posting = `    posting: posting
    number: receipt
    booked_at: booked_at | datetime_iso
    external_id: obligation
    amount: amount | bani
    pending: {at: state, is: pending}
    refused: {at: state, is: refused}
    reversed: {at: state, is: reversed}
`

// calls is the contract in the language of manifests.
func calls() string {
	return strings.NewReplacer("  map: obligation\n", "  map:\n"+Obligation("    "), "  booking: posting\n", "  booking:\n"+posting).Replace(contractYAML)
}

// Obligation gives the map of one obligation as the contract describes it, every
// line behind the indent.
func Obligation(indent string) string {
	return indent + strings.ReplaceAll(strings.TrimSuffix(obligationYAML, "\n"), "\n", "\n"+indent) + "\n"
}

func open(_ context.Context, env connectors.Env, m *connectors.Manifest, s Settings) (*hub.Connector, error) {
	return rest.New(env, m, rest.Settings{BaseURL: s.URL, Auth: wire.Auth{Type: "bearer", Secret: s.Secret}}), nil
}
