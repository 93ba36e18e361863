package upstream

import (
	"io"
	"net/http"

	"racord/hub"
)

// wire is a transport on which every answer ends. It hides the transport's
// CloseIdleConnections: a failed call must not take its neighbours' connections
// along.
type wire struct {
	next    http.RoundTripper
	maxBody int64
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if try, ok := req.Context().(*attempts); ok {
		if first := try.first; first != nil {
			try.first = nil
			return first.resp, first.err
		}
		req.Header = try.header // of a request that is the reader's own
	}
	resp, err := w.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	leadNowhere(req, resp)
	limitBody(resp, w.maxBody)
	return resp, nil
}

// leadNowhere takes an address out of a redirect that is none: http.Client would
// repeat it in an error, and it may name a person.
func leadNowhere(req *http.Request, resp *http.Response) {
	if resp.StatusCode/100 != 3 {
		return
	}
	if _, err := req.URL.Parse(resp.Header.Get("Location")); err != nil {
		resp.Header.Del("Location")
	}
}

// limitBody makes an answer's body fail with CodeBadData after n bytes. One that
// says its length does not get longer: the transport ends it there.
func limitBody(resp *http.Response, n int64) {
	if resp.Body != http.NoBody && (resp.ContentLength < 0 || resp.ContentLength > n) {
		resp.Body = &fuse{resp.Body, n}
	}
}

type fuse struct {
	io.ReadCloser
	left int64
}

func (f *fuse) Read(p []byte) (int, error) {
	if f.left < 0 {
		return 0, tooLong()
	}
	if int64(len(p)) > f.left+1 {
		p = p[:f.left+1]
	}
	n, err := f.ReadCloser.Read(p)
	if f.left -= int64(n); f.left < 0 {
		return n - 1, tooLong()
	}
	return n, err
}

func tooLong() error {
	return hub.Errorf(hub.CodeBadData, "The creditor's answer is too long.")
}
