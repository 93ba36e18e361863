package connectortest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"

	"racord/hub"
)

// damage is an answer that must not be believed.
type damage struct {
	what  string
	to    func(reply) reply
	codes []hub.Code // what it may fail with
}

// unusable are the codes of an answer that makes no sense.
var unusable = []hub.Code{hub.CodeBadData, hub.CodeUnavailable}

// refuses tries every damage: each must end in an error of one of its codes and
// list nothing.
func (r *run) refuses(ctx context.Context, damages ...damage) finding {
	for _, d := range damages {
		a, w, err := r.disturbed(ctx, tamper{reply: d.to})
		if !slices.Contains(d.codes, hub.CodeOf(err)) {
			return failed(w, "%s gave %v; want an error of one of the codes %v", d.what, orNothing(err), d.codes)
		}
		if len(a.Obligations) > 0 || len(a.Refused) > 0 {
			return failed(w, "%s listed %d debts beside its error", d.what, len(a.Obligations))
		}
	}
	return passed()
}

func truncated(ctx context.Context, r *run) finding {
	return r.refuses(ctx,
		damage{"half an answer", func(p reply) reply { p.body = p.body[:len(p.body)/2]; return p }, unusable},
		damage{"an answer without its last bytes", func(p reply) reply { p.body = p.body[:max(len(p.body)-3, 0)]; return p }, unusable},
		damage{"a connection that breaks in the middle", func(p reply) reply {
			p.body, p.cut = p.body[:len(p.body)/2], io.ErrUnexpectedEOF
			return p
		}, unusable},
		damage{"an empty answer", func(p reply) reply { p.body = nil; return p }, unusable},
	)
}

const login = "<!DOCTYPE html>\n<html><head><title>Autentificare</title></head><body><form action=\"/login\"><input name=\"user\"></form></body></html>"

func loginPage(ctx context.Context, r *run) finding {
	codes := append([]hub.Code{hub.CodeAuth}, unusable...)
	return r.refuses(ctx,
		damage{"a login page of status 200", func(reply) reply { return *page(http.StatusOK, "text/html; charset=utf-8", login) }, codes},
		damage{"a login page that claims to be an answer", func(p reply) reply { p.body = []byte(login); return p }, codes},
		damage{"a redirect to a login page", func(reply) reply {
			return reply{status: http.StatusFound, header: http.Header{"Location": {"/login"}}}
		}, codes},
	)
}

// flood is how many bytes an endless answer has.
const flood = 10 << 20

// endless lengthens a good answer with blanks, so that only a limit refuses it.
func endless(ctx context.Context, r *run) finding {
	blanks := bytes.Repeat([]byte(" "), flood)
	_, w, err := r.disturbed(ctx, tamper{reply: func(p reply) reply {
		p.body = append(slices.Clip(p.body), blanks...)
		return p
	}})
	if !slices.Contains(unusable, hub.CodeOf(err)) {
		return failed(w, "an answer of %d MiB gave %v; want an error of one of the codes %v", flood>>20, orNothing(err), unusable)
	}
	for _, e := range w.requests() {
		if e.taken() >= flood {
			return failed(w, "all %d MiB of an answer were read before it was refused", flood>>20)
		}
	}
	return passed()
}

func garbage(ctx context.Context, r *run) finding {
	noise := make([]byte, 4<<10)
	for i := range noise {
		noise[i] = byte(i*i + i>>3)
	}
	return r.refuses(ctx,
		damage{"noise", func(p reply) reply { p.body = noise; return p }, unusable},
		damage{"a sentence", func(p reply) reply { p.body = []byte("Serviciul este temporar indisponibil."); return p }, unusable},
		damage{"the word null", func(p reply) reply { p.body = []byte("null"); return p }, unusable},
		damage{"an empty object", func(p reply) reply { p.body = []byte("{}"); return p }, unusable},
	)
}
