package connectors

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"racord/hub"
)

// Doer sends one HTTP request. It never follows redirects.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Env is a kind's only way to the outside world.
type Env struct {
	Read       Doer                                                                 // HTTP that may be repeated: repeats within the guard's budget, and waits for the creditor's rate share before every wire call
	Write      Doer                                                                 // HTTP that is sent once, and waits for the rate share
	Dial       func(ctx context.Context, network, address string) (net.Conn, error) // what is not HTTP
	Turn       func(ctx context.Context) error                                      // waits for the rate share; a kind that does not speak HTTP calls it before every wire call
	Secret     func(ctx context.Context, name string) (hub.Secret, error)           // the creditor's own secrets; CodeAuth when there is none of that name
	Clock      hub.Clock                                                            // business time
	LocalFiles bool                                                                 // local paths and SQLite files are allowed: the operator's own manifests only
	Log        *slog.Logger
}
