package connectortest

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"racord/connectors"
)

// tamper is how a wire is disturbed. The zero tamper leaves it alone.
type tamper struct {
	request func(request *http.Request, body []byte) *http.Request // what is sent instead
	instead *reply                                                 // an answer for which nothing is sent
	reply   func(reply) reply                                      // what the answer is turned into
	silent  bool                                                   // there never is an answer
	drip    bool                                                   // the answer begins and never goes on
	secret  func(value string) string                              // what a credential is turned into
}

// reply is an HTTP answer.
type reply struct {
	status int
	header http.Header
	body   []byte
	cut    error // how the body ends; nil = well
}

// page makes an answer of one content type.
func page(status int, kind, body string) *reply {
	return &reply{status: status, header: http.Header{"Content-Type": {kind}}, body: []byte(body)}
}

// send answers as the tamper says.
func (t tamper) send(next connectors.Doer, request *http.Request) (*http.Response, error) {
	switch {
	case t.silent:
		<-request.Context().Done()
		return nil, request.Context().Err()
	case t.instead != nil:
		return t.instead.response(request), nil
	}
	response, err := next.Do(request)
	if err != nil || t.reply == nil && !t.drip {
		return response, err
	}
	if t.drip {
		response.Body = &dripping{body: response.Body, done: request.Context().Done(), err: request.Context().Err}
		return response, nil
	}
	defer func() { _ = response.Body.Close() }() // it was read whole
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return t.reply(reply{status: response.StatusCode, header: response.Header, body: body}).response(request), nil
}

func (r reply) response(request *http.Request) *http.Response {
	header := r.header.Clone()
	header.Del("Content-Length")
	ending := r.cut
	if ending == nil {
		ending = io.EOF
	}
	return &http.Response{
		Status: http.StatusText(r.status), StatusCode: r.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, ContentLength: -1, Request: request,
		Body: io.NopCloser(io.MultiReader(bytes.NewReader(r.body), broken{ending})),
	}
}

// broken is a body that ends with an error.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// dripping gives one byte and then waits for the end of the request.
type dripping struct {
	body    io.ReadCloser
	done    <-chan struct{}
	err     func() error
	started bool
}

func (d *dripping) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !d.started {
		d.started = true
		return d.body.Read(p[:1])
	}
	<-d.done
	return 0, errors.Join(d.err(), io.ErrUnexpectedEOF)
}

func (d *dripping) Close() error { return d.body.Close() }
