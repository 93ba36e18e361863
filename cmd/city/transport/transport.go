// Package transport is the public transport company's register of penalties: a
// PHP application for its own clerks, opened to partners. Nothing in it is as a
// machine would have it.
//
//	POST /transport/login.php             form utilizator, parola: 302 and the cookie PHPSESSID
//	POST /transport/api.php?op=sanctiuni  {"cnp","pagina"}: the penalties of a person, two a page
//	POST /transport/api.php?op=plata      {"referinta","sanctiune","suma","data"}: books a payment
//	POST /transport/api.php?op=cauta      {"referinta"}: {"ok":1,"plati":[…]}, maybe none
//	POST /transport/api.php?op=storno     {"numar"}: undoes a payment
//	GET  /transport/api.php?op=jurnal&zi=D  what was booked on a day
//	GET  /transport/api.php?op=stare      {"ok":1}
//
// Everything is answered with status 200 and called text/html in ISO 8859-1,
// though it is JSON in ISO 8859-2. Times have no zone. An amount is a number or a
// text, "62.5" or 62.5, and null where nothing was paid. A session ends after
// fifteen minutes: then the answer to any question is the page that asks for user
// and password, and nothing was done. A page after the last is the last one again.
//
// A refusal is {"ok":0,"eroare":E}, and nothing was done: necunoscut, sanctiune
// (unknown), achitata, suma (another amount), anulata, plata (unknown), stornata,
// termen (too late to undo), date (bad request).
//
// Booking is not idempotent: each call books, whatever its reference. What was
// booked shows in lookups only after book.Manners Shows.
package transport

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/codepage"
	"racord/cmd/city/gate"
)

// PageSize is the most penalties one answer holds.
const PageSize = 2

// App answers for the company. It is an http.Handler for paths under /transport/.
type App struct {
	*http.ServeMux
	book  *book.Book
	clock *clock.Clock
	door  *gate.Gate
	known *sessions
}

// New opens the application for one user.
func New(b *book.Book, c *clock.Clock, door *gate.Gate, user, password string) *App {
	a := &App{ServeMux: http.NewServeMux(), book: b, clock: c, door: door, known: newSessions(c)}
	a.HandleFunc("POST /transport/login.php", func(w http.ResponseWriter, r *http.Request) {
		right := subtle.ConstantTimeCompare([]byte(r.PostFormValue("utilizator")), []byte(user)) &
			subtle.ConstantTimeCompare([]byte(r.PostFormValue("parola")), []byte(password))
		if right != 1 {
			askWho(w)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: cookie, Value: a.known.begin(), Path: "/transport", HttpOnly: true})
		w.Header().Set("Location", "/transport/index.php")
		w.WriteHeader(http.StatusFound)
	})
	a.HandleFunc("/transport/api.php", a.api)
	return a
}

// Posts tells the calls that change the books.
func Posts(r *http.Request, _ []byte) bool {
	op := r.URL.Query().Get("op")
	return op == "plata" || op == "storno"
}

// api is the one script behind which everything is.
func (a *App) api(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookie); err != nil || !a.known.knows(c.Value) {
		askWho(w)
		return
	}
	var q question
	if r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(&q) != nil {
		refuse(w, "date")
		return
	}
	switch op := r.URL.Query().Get("op"); {
	case op == "stare":
		say(w, map[string]any{"ok": 1})
	case op == "jurnal":
		a.statement(w, r.URL.Query().Get("zi"))
	case op == "sanctiuni" && r.Method == http.MethodPost:
		a.list(r.Context(), w, q)
	case op == "plata" && r.Method == http.MethodPost:
		a.pay(w, q)
	case op == "cauta" && r.Method == http.MethodPost:
		a.find(w, q)
	case op == "storno" && r.Method == http.MethodPost:
		a.reverse(w, q)
	default:
		refuse(w, "date")
	}
}

// list shows a page of a person's penalties.
func (a *App) list(ctx context.Context, w http.ResponseWriter, q question) {
	person, ok := a.book.People().ByCode(q.CNP)
	if !ok {
		refuse(w, "necunoscut")
		return
	}
	now := a.clock.Now()
	shown, on := a.book.Shown(book.Transport, now), calendar.Of(now)
	if gate.Mistaken(ctx) {
		person = a.neighbour(person, on)
	}
	all, known := shown.Penalties(person, on)
	if !known {
		refuse(w, "necunoscut")
		return
	}
	last := max(1, (len(all)+PageSize-1)/PageSize)
	from := (min(max(q.Page, 1), last) - 1) * PageSize
	p := a.book.People().Person(person)
	answer := page{OK: 1, Passenger: passenger{p.Code(), p.Official()}, Date: now.Format(naive), Penalties: []penalty{}}
	_, nothing := a.door.On(gate.NullAmount)
	for _, one := range all[from:min(from+PageSize, len(all))] {
		answer.Penalties = append(answer.Penalties, tell(one, nothing))
	}
	say(w, answer)
}

// neighbour is the next person with penalties to show.
func (a *App) neighbour(person int, on calendar.Day) int {
	n := a.book.People().Len()
	for step := 1; step < n; step++ {
		if all, _ := a.book.Penalties((person+step)%n, on); len(all) > 0 {
			return (person + step) % n
		}
	}
	return person
}

// say writes JSON as the application does: in ISO 8859-2, which it calls
// ISO 8859-1, and a page.
func say(w http.ResponseWriter, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // texts and numbers only
	}
	w.Header().Set("Content-Type", "text/html; charset=ISO-8859-1")
	w.Header().Set("X-Powered-By", "PHP/5.3.29")
	_, _ = w.Write(append([]byte("\r\n"), codepage.Latin2.Append(nil, string(body))...))
}

func refuse(w http.ResponseWriter, why string) { say(w, map[string]any{"ok": 0, "eroare": why}) }

// naive is how times are written.
const naive = "2006-01-02 15:04:05"

// loose writes an amount as it happens: a number, or a text without the zeros at
// its end.
func loose(bani int64, asText bool) json.RawMessage {
	written := strconv.FormatFloat(float64(bani)/100, 'f', -1, 64)
	if asText {
		written = `"` + written + `"`
	}
	return json.RawMessage(written)
}
