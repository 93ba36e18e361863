package einvoice

import (
	"context"
	"strings"

	"racord/connectors"
	"racord/connectors/rest"
	"racord/connectors/wire"
	"racord/hub"
)

// callLatest reads from the answer to obligations the bill that a supplier
// names although nothing may be owed for it any more: citizens prove their
// account with it.
const callLatest = "latest"

// Kind is e-invoices with a balance call. The call pull maps one bill; its paths
// are the names of columns. The call obligations is a rest call.
var Kind = connectors.Define("einvoice", "E-invoices (UBL 2.1, CIUS-RO) in ZIP files, listed and downloaded over HTTP, and a balance call.",
	defaults, open, connectors.Calls[rest.Request](append([]string{connectors.CallPull, connectors.CallObligations, callLatest}, connectors.PayingCalls()...)...))

// Settings are what a manifest says about the supplier's interface.
type Settings struct {
	BaseURL  string    `json:"base_url" doc:"Root of the supplier's API, without user, query and fragment." required:"true"`
	Auth     wire.Auth `json:"auth" doc:"How the hub shows who it is." required:"true"`
	Messages string    `json:"messages" doc:"Path of the list, below base_url. It takes after and limit, and gives messages, oldest first, and more." required:"true"`
	Download string    `json:"download" doc:"Path of one message; {index} stands for its index." required:"true"`
	Page     int       `json:"page" doc:"Messages asked for at once." min:"1" max:"1000"`
	Batch    int       `json:"batch" doc:"The most messages of one delivery. A first night is taken in several." min:"1" max:"100000"`
	Property string    `json:"property" doc:"Name of the property of a bill's lines that tells the place of consumption, such as POD."`
	Balance  *Balance  `json:"balance" doc:"Where the answer to obligations says what is owed in all."`
}

// Balance is the sum a supplier states beside the bills.
type Balance struct {
	Path   connectors.Path `json:"path" doc:"Path in the answer." required:"true"`
	Amount string          `json:"amount" doc:"How it is written." enum:"money_ro|money_decimal|bani"`
}

var defaults = Settings{Page: 500, Batch: 500}

// Check finds what cannot work.
func (s Settings) Check(report func(field, problem string)) {
	if problem := connectors.CheckURL(s.BaseURL); problem != "" {
		report("base_url", problem)
	}
	if !strings.HasPrefix(s.Messages, "/") || strings.ContainsAny(s.Messages, "?#{}") {
		report("messages", "must be a path that begins with /")
	}
	if !strings.HasPrefix(s.Download, "/") || strings.Count(s.Download, wordIndex) != 1 || strings.ContainsAny(s.Download, "?#") {
		report("download", "must be a path that begins with / and says {index} once")
	}
}

// wordIndex stands for a message's index in a path.
const wordIndex = "{index}"

func open(_ context.Context, env connectors.Env, m *connectors.Manifest, s Settings) (*hub.Connector, error) {
	if m.Creditor.CUI == "" {
		return nil, hub.Errorf(hub.CodeInvalid, "A supplier of e-invoices needs its cui: bills of others are refused by it.")
	}
	caller := wire.NewCaller(env, s.Auth)
	f := &feed{env: env, manifest: m, settings: s, caller: caller, rules: rules{cui: m.Creditor.CUI, property: s.Property}}
	c := m.Connector()
	c.Feed, c.Probe = f, f
	if m.Calls[connectors.CallObligations] != nil {
		c.Source = &balance{
			env: env, manifest: m, settings: s,
			asker: rest.NewAsker(env, m, rest.Settings{BaseURL: s.BaseURL, Auth: s.Auth}, caller),
		}
	}
	rest.Pay(c, env, m, rest.Settings{BaseURL: s.BaseURL, Auth: s.Auth}, caller)
	return c, nil
}
