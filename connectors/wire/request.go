package wire

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
)

// NewRequest makes a request to an address that was read already. A body can be sent
// again; nil is none. A header is nil where a letterhead stands for it. It is
// http.NewRequest without what that does twice, and without a Host beside the URL's,
// for which http.Client would copy the URL.
func NewRequest(ctx context.Context, method string, to *url.URL, header http.Header, body []byte) *http.Request {
	blank := http.Request{Method: method, URL: to, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if len(body) > 0 {
		blank.ContentLength = int64(len(body))
		blank.Body = newPayload(body)
		blank.GetBody = func() (io.ReadCloser, error) { return newPayload(body), nil }
	}
	return blank.WithContext(ctx)
}

// payload is a body in memory.
type payload struct{ bytes.Reader }

func newPayload(body []byte) *payload {
	p := &payload{}
	p.Reset(body)
	return p
}

// Close does nothing: there is nothing to give back.
func (*payload) Close() error { return nil }

// Rewind goes back to the beginning, so that the body can be sent again.
func (p *payload) Rewind() { _, _ = p.Seek(0, io.SeekStart) }
