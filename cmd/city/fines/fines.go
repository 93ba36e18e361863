// Package fines is the local police's register of fines: JSON over HTTP with an
// API key, pages of two fines with cursors, and entity tags.
package fines

import (
	"crypto/subtle"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"strconv"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

// PageSize is the most fines one answer holds, whatever limit is asked for.
const PageSize = 2

// Register answers for the police. It is an http.Handler for paths under
// /fines/.
type Register struct {
	*http.ServeMux
	book  *book.Book
	clock *clock.Clock
	key   string
}

// New opens the register; callers must send key in X-Api-Key.
func New(b *book.Book, c *clock.Clock, key string) *Register {
	r := &Register{ServeMux: http.NewServeMux(), book: b, clock: c, key: key}
	r.HandleFunc("POST /fines/v1/debts/search", r.search)
	r.HandleFunc("GET /fines/v1/health", r.health)
	return r
}

func (r *Register) health(w http.ResponseWriter, req *http.Request) {
	if !r.known(req) {
		refuse(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}`))
}

func (r *Register) known(req *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(req.Header.Get("X-Api-Key")), []byte(r.key)) == 1
}

// search answers what one person owes. It is a POST so that the personal code
// stays out of URLs; repeating it does no harm.
func (r *Register) search(w http.ResponseWriter, req *http.Request) {
	if !r.known(req) {
		refuse(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	var asked query
	if err := json.NewDecoder(req.Body).Decode(&asked); err != nil || asked.CNP == "" {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	now := r.clock.Now()
	person, all, ok := r.find(req, asked.CNP, calendar.Of(now))
	if !ok {
		refuse(w, http.StatusNotFound, "person_unknown")
		return
	}
	from, ok := position(asked.Cursor, len(all))
	if !ok {
		refuse(w, http.StatusBadRequest, "bad_cursor")
		return
	}
	size := PageSize
	if asked.Limit > 0 {
		size = min(size, asked.Limit)
	}
	to := min(from+size, len(all))
	r.answer(w, req, page{Person: person, Debts: debts(all[from:to]), NextCursor: cursor(to, len(all))}, now)
}

// find looks a person up by CNP or CUI; ok is false for somebody never fined.
func (r *Register) find(req *http.Request, code string, on calendar.Day) (who, []book.Fine, bool) {
	everybody := r.book.People()
	i, ok := everybody.ByCode(code)
	if !ok {
		return who{}, nil, false
	}
	if gate.Mistaken(req.Context()) {
		i = r.neighbour(i, on)
	}
	all, known := r.book.Fines(i, on)
	p := everybody.Person(i)
	return who{p.Code(), p.Official()}, all, known
}

// neighbour is the next person with fines to show.
func (r *Register) neighbour(i int, on calendar.Day) int {
	n := r.book.People().Len()
	for step := 1; step < n; step++ {
		if all, _ := r.book.Fines((i+step)%n, on); len(all) > 0 {
			return (i + step) % n
		}
	}
	return i
}

// answer writes a page, or 304 when the caller has it already. The tag covers
// all but the time of the answer.
func (r *Register) answer(w http.ResponseWriter, req *http.Request, p page, now time.Time) {
	body, err := json.Marshal(p)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "internal")
		return
	}
	hash := fnv.New64a()
	_, _ = hash.Write(body)
	tag := `W/"` + strconv.FormatUint(hash.Sum64(), 16) + `"`
	w.Header().Set("ETag", tag)
	if req.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	body = append(body[:len(body)-1], `,"as_of":"`...)
	body = now.AppendFormat(body, time.RFC3339)
	_, _ = w.Write(append(body, `"}`...))
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"code":"` + code + `"}`))
}
