package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// serveUpstreams runs the mock creditors as a process of their own until ctx
// ends, with a door to steer them. It announces the door, then the creditors.
func serveUpstreams(ctx context.Context, out io.Writer) error {
	u, err := openUpstreams(ctx)
	if err != nil {
		return err
	}
	defer u.close()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: u.control(), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	announce(out, append([]string{door.Addr().String()}, u.addresses()...)...)
	_ = server.Serve(door) // ends with ctx
	return nil
}

// announce tells the parent process where a child listens.
func announce(out io.Writer, addresses ...string) {
	fmt.Fprintln(out, strings.Join(addresses, " "))
}

func (u *upstreams) control() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("POST /delay/{duration}", func(w http.ResponseWriter, r *http.Request) {
		delay, err := time.ParseDuration(r.PathValue("duration"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		u.delay.Store(int64(delay))
	})
	routes.HandleFunc("POST /hang/{creditor}", func(w http.ResponseWriter, r *http.Request) {
		creditor, err := strconv.Atoi(r.PathValue("creditor"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		u.hung.Store(int64(creditor) + 1)
	})
	routes.HandleFunc("GET /calls", func(w http.ResponseWriter, _ *http.Request) {
		calls := make([]uint64, len(u.calls))
		for i := range u.calls {
			calls[i] = u.calls[i].Load()
		}
		reply(w, calls)
	})
	return routes
}

// remote steers the upstreams from the process that measures.
type remote struct{ door string }

// nobody is the creditor that hangs when none does.
const nobody = -1

func (r remote) delay(ctx context.Context, d time.Duration) error {
	return r.post(ctx, "/delay/"+d.String())
}

func (r remote) hang(ctx context.Context, creditor int) error {
	return r.post(ctx, "/hang/"+strconv.Itoa(creditor))
}

// calls tells how many questions each creditor has been asked since the start.
func (r remote) calls(ctx context.Context) (calls []uint64, err error) {
	answer, err := r.do(ctx, http.MethodGet, "/calls")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return calls, json.NewDecoder(answer.Body).Decode(&calls)
}

func (r remote) post(ctx context.Context, path string) error {
	answer, err := r.do(ctx, http.MethodPost, path)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func (r remote) do(ctx context.Context, method, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+r.door+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("upstreams: %s answered %d", path, answer.StatusCode)
	}
	return answer, nil
}
