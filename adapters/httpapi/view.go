package httpapi

import (
	"net/http"
	"strings"
	"sync"

	"racord/hub/view"
)

// bodies are the buffers that views are put together in.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

// largestKept in bytes is a buffer that is used again; a rare giant is not.
const largestKept = 1 << 20

func keepBody(room *[]byte, used []byte) {
	if cap(used) <= largestKept {
		*room = used[:0]
		bodies.Put(room)
	}
}

// writeView answers with the view, or with 304 when the client has it already:
// then it is not even put together.
func writeView(x *exchange, w http.ResponseWriter, v *view.View) error {
	x.tagHeader[0] = `W/"` + v.ID + `"`
	w.Header()["Etag"] = x.tagHeader[:]
	if known(x.request.Header["If-None-Match"], x.tagHeader[0]) {
		v.Release()
		x.head(w.Header())
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if own, ok := w.(interface{ AvailableBuffer() []byte }); ok {
		return x.send(w, http.StatusOK, typeJSON, put(v, own.AvailableBuffer()))
	}
	room := bodies.Get().(*[]byte)
	body := put(v, (*room)[:0])
	err := x.send(w, http.StatusOK, typeJSON, body)
	keepBody(room, body)
	return err
}

// put appends the view and releases it, before a slow client is waited for.
func put(v *view.View, dst []byte) []byte {
	defer v.Release()
	return v.AppendJSON(dst)
}

// known tells whether one of a client's entity tags names what it would get
// (weak comparison, RFC 9110 §13.1.2).
func known(lists []string, tag string) bool {
	for _, list := range lists {
		if list == tag || list == "*" {
			return true
		}
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == tag || one == tag[2:] {
				return true
			}
		}
	}
	return false
}
