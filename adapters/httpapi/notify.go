package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"

	"racord/hub"

	kit "github.com/go-kit/kit/transport/http"
)

// notice is what a payment provider tells, as it came. The provider's adapter
// checks its signature over these bytes.
type notice struct {
	psp    string
	header http.Header
	body   []byte
}

// longestNotice in bytes is read of a notification.
const longestNotice = 64 << 10

// notify is the door of the payment providers. They bring no token, send the
// type they like and are answered in their own words, also when they are refused.
func (a *API) notify() http.Handler {
	core := func(ctx context.Context, request any) (any, error) {
		if x := exchangeOf(ctx); x.refused != nil {
			return nil, x.refused
		}
		n := request.(notice)
		return nil, a.Paying.Notices.Notify(ctx, n.psp, n.header, n.body)
	}
	decode := func(ctx context.Context, r *http.Request) (any, error) {
		n, err := readNotice(r)
		exchangeOf(ctx).refused = err
		return n, nil
	}
	reply := func(ctx context.Context, err error, w http.ResponseWriter) {
		x := exchangeOf(ctx)
		x.head(w.Header())
		neverKept(w)
		a.Paying.Notices.Reply(x.request.PathValue("psp"), w, err)
	}
	encode := func(ctx context.Context, w http.ResponseWriter, _ any) error { reply(ctx, nil, w); return nil }
	server := kit.NewServer(a.handled(paying(public("payment_notify")))(core), decode, encode,
		kit.ServerBefore(begin), kit.ServerErrorEncoder(reply))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.Paying.Notices == nil {
			writeProblem(newExchange(r), w, errNotOffered)
			return
		}
		server.ServeHTTP(w, r)
	})
}

// readNotice reads the body before anything is believed of it.
func readNotice(r *http.Request) (notice, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, longestNotice))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return notice{}, hub.Errorf(codeTooLarge, "The notification is longer than 64 KiB.")
	case err != nil:
		return notice{}, hub.Errorf(codeMalformed, "The notification did not arrive whole.")
	}
	return notice{r.PathValue("psp"), r.Header, body}, nil
}
