package lean_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/upstream/lean"
)

// mocks are creditors that answer 1.2 KB at once and cost almost nothing.
func mocks(b *testing.B, n int) (urls []string) {
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1200\r\n\r\n" + strings.Repeat("x", 1200))
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					question := make([]byte, 4096)
					for n := 0; ; {
						more, err := c.Read(question[n:])
						if err != nil {
							return
						}
						if n += more; bytes.HasSuffix(question[:n], []byte("}")) {
							_, _ = c.Write(answer)
							n = 0
						}
					}
				}()
			}
		}()
		urls = append(urls, "http://"+listener.Addr().String()+"/debts/search")
	}
	return urls
}

// BenchmarkColdView asks six creditors at once, as a view does.
func BenchmarkColdView(b *testing.B) {
	urls := mocks(b, 6)
	for name, rt := range map[string]http.RoundTripper{
		"net/http": &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		"lean":     &lean.Transport{Dial: (&net.Dialer{}).DialContext, Fallback: &http.Transport{}, MaxIdle: 64},
	} {
		b.Run(name, func(b *testing.B) {
			defer rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					view(b, rt, urls)
				}
			})
		})
	}
}

func view(b *testing.B, rt http.RoundTripper, urls []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for _, url := range urls {
		all.Go(func() {
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"cnp":"1850101000005","limit":50}`))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Api-Key", "key")
			resp, err := rt.RoundTrip(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		})
	}
	all.Wait()
}
