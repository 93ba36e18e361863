package upstream

import (
	"context"
	"io"
	"net/http"

	"racord/hub"
)

// wire is a transport on which every request waits for its turn and every
// answer ends. It hides the transport's CloseIdleConnections: a failed call must
// not take its neighbours' connections along.
type wire struct {
	next    http.RoundTripper
	turn    func(context.Context) error
	maxBody int64
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := w.turn(req.Context()); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	resp, err := w.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &fuse{resp.Body, w.maxBody}
	return resp, nil
}

// LimitBody makes an answer's body fail with CodeBadData after n bytes.
func LimitBody(resp *http.Response, n int64) { resp.Body = &fuse{resp.Body, n} }

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
