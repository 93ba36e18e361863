package connectors

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"

	"racord/hub"
)

// Doer sends one HTTP request. It never follows redirects.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Env is a kind's only way to the outside world.
type Env struct {
	// Read sends HTTP that may be repeated: it repeats within the guard's budget,
	// and waits for the creditor's rate share before every wire call.
	Read Doer
	// Write sends HTTP once, and waits for the rate share.
	Write Doer
	// Secure gives Read and Write whose TLS is conf's: with a certificate of ours, or
	// roots of the creditor's own.
	Secure func(conf *tls.Config) (read, write Doer)
	// Expires hears until when a credential of the creditor's is good; may be nil.
	Expires func(what string, end time.Time)
	// Dial connects what is not HTTP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Turn waits for the rate share; a kind that does not speak HTTP calls it
	// before every wire call.
	Turn func(ctx context.Context) error
	// Secret gives one of the creditor's own secrets; CodeAuth when there is none
	// of that name.
	Secret func(ctx context.Context, name string) (hub.Secret, error)
	// Clock tells business time.
	Clock hub.Clock
	// LocalFiles allows local paths and SQLite files: the operator's own manifests
	// only.
	LocalFiles bool
	// Log names the connector by itself.
	Log *slog.Logger
}
