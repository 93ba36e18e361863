package httpapi

import (
	"context"
	"net/http"

	"racord/hub"
	"racord/hub/view"
)

// streaming asks for a view page by page.
type streaming struct {
	ask view.Ask
	to  *events
}

type writerKey struct{}

// withWriter lets the decoder of a streaming operation find where to write.
func withWriter(r *http.Request, w http.ResponseWriter) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), writerKey{}, w))
}

// upload lets the decoder of what takes long find the connection it comes over.
func (a *API) upload(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, withWriter(r, w)) })
}

func decodeStream(r *http.Request) (streaming, error) {
	ask, err := decodeAsk(r)
	w := r.Context().Value(writerKey{}).(http.ResponseWriter)
	return streaming{ask, &events{w: w, flush: http.NewResponseController(w).Flush}}, err
}

// stream sends every page as soon as it is decided, then what they come to. A
// view that fails after its first page ends with a problem event.
func (a *API) stream(ctx context.Context, who hub.Login, s streaming) (none, error) {
	x := exchangeOf(ctx)
	whole, err := a.Views.Stream(ctx, who, s.ask, func(p *view.Page) error {
		return s.to.send(x, "page", p.AppendJSON)
	})
	switch {
	case err == nil:
		defer whole.Release()
		return none{}, s.to.send(x, "view", whole.AppendSummary)
	case !x.streams:
		return none{}, err
	}
	_ = s.to.send(x, "problem", func(dst []byte) []byte {
		body, _ := encode(describe(x, err)) // strings and numbers always encode
		return append(dst, body...)
	})
	return none{}, err
}

// events is the client's end of a stream (text/event-stream, HTML standard
// §9.2).
type events struct {
	w     http.ResponseWriter
	flush func() error
}

var typeEvents = []string{"text/event-stream"}

// send writes one event. The data are one line of JSON.
func (e *events) send(x *exchange, name string, data func([]byte) []byte) error {
	if !x.streams {
		x.head(e.w.Header())
		e.w.Header()["Content-Type"] = typeEvents
		e.w.Header().Set("X-Accel-Buffering", "no") // a proxy must not wait for the end
		x.streams = true
	}
	room := bodies.Get().(*[]byte)
	b := append(append(append((*room)[:0], "event: "...), name...), "\ndata: "...)
	b = append(data(b), "\n\n"...)
	_, err := e.w.Write(b)
	keepBody(room, b)
	if err == nil {
		err = e.flush()
	}
	if err != nil {
		return hub.Wrap(hub.CodeCancelled, err, "The client left.")
	}
	return nil
}

func writeNothing(*exchange, http.ResponseWriter, none) error { return nil }
