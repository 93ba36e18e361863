package upstream_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"racord/adapters/upstream"
	"racord/connectors/wire"
)

// mock is a creditor that answers 1.2 KB at once and costs almost nothing.
func mock(b *testing.B) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = listener.Close() })
	go func() {
		for c, err := listener.Accept(); err == nil; c, err = listener.Accept() {
			go answer(c)
		}
	}()
	return "http://" + listener.Addr().String() + "/debts/search"
}

func answer(c net.Conn) {
	defer c.Close()
	said := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1200\r\n\r\n" + strings.Repeat("x", 1200))
	question := make([]byte, 4096)
	for n := 0; ; {
		more, err := c.Read(question[n:])
		if err != nil {
			return
		}
		if n += more; bytes.HasSuffix(question[:n], []byte("}")) {
			_, _ = c.Write(said)
			n = 0
		}
	}
}

// BenchmarkRead is one question, as connectors ask it, with everything on the path.
func BenchmarkRead(b *testing.B) {
	to, err := url.Parse(mock(b))
	if err != nil {
		b.Fatal(err)
	}
	client := open(b, upstream.Conf{MaxInflight: 64})
	for name, do := range map[string]func(*http.Request) (*http.Response, error){"reader": client.Read.Do, "writer": client.Write.Do} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					resp, err := do(wire.NewRequest(b.Context(), http.MethodPost, to, nil, []byte(`{"q":1}`)))
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
		})
	}
}
