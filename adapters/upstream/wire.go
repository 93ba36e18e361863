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
	resp, err := w.next.RoundTrip(once(req))
	if err != nil {
		return nil, err
	}
	resp.Body = &fuse{resp.Body, w.maxBody}
	return resp, nil
}

// once keeps http.Transport from repeating a request by itself when a kept
// connection turns out to be closed: such a repetition would take no turn. It
// repeats only what it can rewind.
func once(req *http.Request) *http.Request {
	single := *req
	single.GetBody = nil
	if req.Body == nil || req.Body == http.NoBody {
		single.Body = nothing{}
	}
	return &single
}

// nothing is an empty body that http.Transport does not know to be empty.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }

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
