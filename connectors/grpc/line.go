package grpc

import (
	"context"
	"errors"
	"net"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/stats"

	"racord/connectors"
	"racord/connectors/wire"
)

// server is whom the calls go to.
type server struct {
	address string // host:port
	secure  bool
}

// serverOf reads the address of a service.
func serverOf(base string) (server, error) {
	u, err := url.Parse(base)
	if err != nil {
		return server{}, errors.New("not an address")
	}
	if strings.Trim(u.Path, "/") != "" {
		return server{}, errors.New("a service of gRPC has no path")
	}
	s := server{address: u.Host, secure: u.Scheme == "https"}
	if u.Port() == "" {
		port := "80"
		if s.secure {
			port = "443"
		}
		s.address = net.JoinHostPort(u.Hostname(), port)
	}
	return s, nil
}

// idle is how long a connection is kept without calls.
const idle = time.Minute

// line is the connection to one service, opened when it is first needed. What
// carries it ends when nobody holds the line any more: connectors are not closed.
type line struct{ conn *rpc.ClientConn }

// newLine makes a line. The name is never looked up here and no proxy is taken
// from the environment: env dials host and port, and its wall looks at the
// address. Nothing is repeated but what the other side says it never saw.
func newLine(env connectors.Env, to server, own *wire.TLS) (*line, error) {
	secure := insecure.NewCredentials()
	switch host, _, _ := net.SplitHostPort(to.address); {
	case own != nil:
		secure = credentials.NewTLS(own.Config(env, host))
	case to.secure:
		secure = credentials.NewTLS(nil)
	}
	conn, err := rpc.NewClient("passthrough:///"+to.address,
		rpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return env.Dial(ctx, "tcp", address) }),
		rpc.WithTransportCredentials(secure),
		rpc.WithNoProxy(), rpc.WithDisableServiceConfig(), rpc.WithDisableRetry(), rpc.WithDisableHealthCheck(),
		rpc.WithIdleTimeout(idle),
		rpc.WithConnectParams(rpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second}, MinConnectTimeout: 2 * time.Second,
		}),
		rpc.WithStatsHandler(watcher{}),
		rpc.WithDefaultCallOptions(rpc.ForceCodecV2(raw{})),
	)
	if err != nil {
		return nil, err
	}
	l := &line{conn}
	runtime.AddCleanup(l, func(conn *rpc.ClientConn) { _ = conn.Close() }, conn)
	return l, nil
}

// raw leaves encoding to us: what arrives is bytes until we have looked at their
// number.
type raw struct{}

var _ encoding.CodecV2 = raw{}

// Marshal sends bytes as they are.
func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

// Unmarshal copies bytes as they came.
func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// Name is the content's subtype that servers expect.
func (raw) Name() string { return "proto" }

// course is how far a call came.
type course struct {
	begun atomic.Bool // its header was written
	ended atomic.Bool // the other side said a status
}

type courseKey struct{}

// watcher notes how far calls come: a status may be the other side's, or what
// this side makes of a failure.
type watcher struct{}

// TagRPC leaves the context as it is.
func (watcher) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC notes what happens to a call.
func (watcher) HandleRPC(ctx context.Context, event stats.RPCStats) {
	c, ok := ctx.Value(courseKey{}).(*course)
	if !ok {
		return
	}
	switch event.(type) {
	case *stats.OutHeader:
		c.begun.Store(true)
	case *stats.InTrailer:
		c.ended.Store(true)
	}
}

// TagConn leaves the context as it is.
func (watcher) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (watcher) HandleConn(context.Context, stats.ConnStats) {}
