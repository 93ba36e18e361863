// Package ditl is the tax office: SOAP 1.1 in windows-1250, a password in the
// header, eight calls at once, closed at night and in the first days of the
// year, and an error code inside answers that HTTP calls good.
//
// All operations are POST /ditl/ws, elements in urn:napoca-test:ditl:v3, in any
// order; amounts are written 1.234,56 and times DD.MM.YYYY HH:MM:SS in
// Bucharest. Every answer is <Operation>Response with CodEroare and
// MesajEroare, and what follows only when CodEroare is 0.
//
//	ListaDebite        CNP | Rol                  → Contribuabil, Debite
//	InregistreazaPlata Rol IdDebit Suma DataPlata NrDocExtern [IBAN] [CodVenit]
//	                   → NrChitanta NrDocExtern Rol IdDebit Suma DataPlata
//	                     DataInregistrare Stornata Repetata Distribuire
//	CautaPlata         NrDocExtern                → Plati of Plata, each as above
//	StornoPlata        NrChitanta [Motiv]         → as InregistreazaPlata, with DataStorno
//	ExtrasPlati        Data (DD.MM.YYYY)          → Numar Total Data Plati
//
// DataPlata is when the money was authorised: amounts and the discount are
// those of that moment. Suma is at most the Sold of IdDebit then; when it is
// exactly the year's balance less BonificatieAnIntegral offered then, it pays
// the year's tax whole, whichever of its instalments is named. Distribuire
// lists Debit elements with Id, Suma and Bonificatie.
//
// Normally NrDocExtern is unique: a repeat with the same Rol, IdDebit and Suma
// gives the same receipt with Repetata 1 (another payment: 35). With
// book.Manners Doubles a repeat is booked again; CautaPlata then shows both.
//
//	 0 done                        31 unknown IdDebit
//	 2 missing or wrong parameter  32 already paid
//	 4 unknown Rol or CNP          33 Suma is more than is owed
//	17 closed, nothing was done    34 the debt was cancelled
//	35 NrDocExtern stands for another payment
//	36 IBAN or CodVenit is not the debt's
//	41 no such payment or receipt (of CautaPlata: not visible yet, or never)
//	42 already reversed            43 too late to reverse
//	44 the operation is not offered (CautaPlata of an office that is Mute)
package ditl

import (
	"bytes"
	"context"
	"crypto/subtle"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
	"racord/cmd/city/memo"
)

// Limit is how many calls the office bears at once.
const Limit = 8

// Result codes of the office (CodEroare).
const (
	ok          = 0
	badRequest  = 2
	unknown     = 4
	maintenance = 17

	debtUnknown    = 31
	alreadyPaid    = 32
	amountChanged  = 33
	debtCancelled  = 34
	referenceTaken = 35
	wrongAccount   = 36
	notFound       = 41
	reversed       = 42
	tooLate        = 43
	notOffered     = 44
)

var messages = map[int]string{
	badRequest:     "Parametri lipsa sau gresiti",
	unknown:        "Contribuabil necunoscut",
	maintenance:    "Sistem in intretinere, reveniti",
	debtUnknown:    "Debit necunoscut",
	alreadyPaid:    "Debitul este achitat",
	amountChanged:  "Suma depaseste soldul",
	debtCancelled:  "Debitul este anulat",
	referenceTaken: "NrDocExtern folosit pentru alta plata",
	wrongAccount:   "Cont sau cod venit gresit",
	notFound:       "Plata negasita",
	reversed:       "Chitanta este deja stornata",
	tooLate:        "Chitanta nu mai poate fi stornata",
	notOffered:     "Operatie indisponibila",
}

// Office answers POST /ditl/ws.
type Office struct {
	book           *book.Book
	clock          *clock.Clock
	user, password string
	shape          atomic.Pointer[shape]
	written        memo.Memo[[]byte] // listings by person, for towns that are not too large
}

// remembered is the largest population whose listings are kept once written.
const remembered = 10_000

// New opens the office to one user.
func New(b *book.Book, c *clock.Clock, user, password string) *Office {
	o := &Office{book: b, clock: c, user: user, password: password}
	if n := b.People().Len(); n <= remembered {
		o.written.Size(n)
	}
	return o
}

// ServeHTTP answers one operation.
func (o *Office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/ditl/ws" {
		http.NotFound(w, r)
		return
	}
	asked, err := o.read(r.Body)
	switch {
	case err != nil:
		fault(w, "soap:Client", "Cerere SOAP nevalida")
		return
	case !o.admits(asked):
		refused(w)
		return
	}
	now := o.clock.Now()
	switch {
	case closed(now):
		send(w, http.StatusOK, verdict(asked.operation, maintenance, now))
	case asked.operation == opList:
		o.list(w, r, asked, now)
	default:
		send(w, http.StatusOK, o.pay(asked, now))
	}
}

func (o *Office) list(w http.ResponseWriter, r *http.Request, asked request, now time.Time) {
	about, code := o.answer(r.Context(), asked.query, now)
	if code != ok {
		send(w, http.StatusOK, verdict(opList, code, now))
		return
	}
	send(w, http.StatusOK, timed(about, now))
}

// read understands a request, at little cost when it has the same shape as the
// one before.
func (o *Office) read(from io.Reader) (request, error) {
	body, err := io.ReadAll(from)
	if err != nil {
		return request{}, err
	}
	if s := o.shape.Load(); s != nil {
		if asked, ok := s.read(body); ok {
			return asked, nil
		}
	}
	asked, err := readRequest(bytes.NewReader(body))
	if err != nil {
		return request{}, err
	}
	if s := shapeOf(body, asked); asked.operation == opList && s != nil {
		o.shape.Store(s)
	}
	return asked, nil
}

// answer is the listing a query asks for, and a result code.
func (o *Office) answer(ctx context.Context, q query, now time.Time) ([]byte, int) {
	on, shown := calendar.Of(now), o.book.Shown(book.Ditl, now)
	if q.role != "" || gate.Mistaken(ctx) || shown != o.book {
		roles, code := o.find(ctx, shown, q, on)
		return listing(roles), code
	}
	person, found := o.book.ByRegisteredCode(q.code)
	if !found {
		_, code := o.find(ctx, shown, q, on)
		return nil, code
	}
	state := o.book.State(book.Ditl, person, on)
	if about, known := o.written.Get(person, state); known {
		return about, ok
	}
	roles, code := o.find(ctx, shown, q, on)
	if code != ok {
		return nil, code
	}
	return o.written.Keep(person, state, listing(roles)), ok
}

func (o *Office) admits(r request) bool {
	user := subtle.ConstantTimeCompare([]byte(r.user), []byte(o.user))
	return user&subtle.ConstantTimeCompare([]byte(r.password), []byte(o.password)) == 1
}

// closed is every night from 23:30 to 04:30, and 1 to 11 January for closing
// the year.
func closed(now time.Time) bool {
	minute := now.Hour()*60 + now.Minute()
	if minute >= 23*60+30 || minute < 4*60+30 {
		return true
	}
	return now.Month() == time.January && now.Day() <= 11
}

// find returns the roles a query is about and a result code.
func (o *Office) find(ctx context.Context, shown *book.Book, q query, on calendar.Day) ([]book.Role, int) {
	if (q.code == "") == (q.role == "") {
		return nil, badRequest
	}
	person, which, found := 0, -1, false
	if q.code != "" {
		person, found = o.book.ByRegisteredCode(q.code)
	} else {
		person, which, found = o.book.RoleOwner(q.role)
	}
	if !found {
		return nil, unknown
	}
	if gate.Mistaken(ctx) {
		person, which = o.neighbour(person, on), -1
	}
	roles := shown.Roles(person, on)
	if which >= 0 {
		roles = only(roles, q.role)
	}
	if len(roles) == 0 {
		return nil, unknown
	}
	return roles, ok
}

func only(roles []book.Role, number string) []book.Role {
	for i, r := range roles {
		if r.Number == number {
			return roles[i : i+1]
		}
	}
	return nil
}

func (o *Office) neighbour(person int, on calendar.Day) int {
	n := o.book.People().Len()
	for step := 1; step < n; step++ {
		if other := (person + step) % n; len(o.book.Roles(other, on)) > 0 {
			return other
		}
	}
	return person
}

// Voice is how the office says no.
func Voice(c *clock.Clock) gate.Voice {
	return gate.Voice{
		Busy: func(w http.ResponseWriter) { fault(w, "soap:Server", "Server busy") },
		Maintenance: func(w http.ResponseWriter, r *http.Request) {
			send(w, http.StatusOK, verdict(operationOf(r), maintenance, c.Now()))
		},
		Refused: refused,
		Garble:  claimUTF8,
	}
}

// operationOf is the operation a request asks for; it may be wrong otherwise.
func operationOf(r *http.Request) string {
	asked, err := readRequest(r.Body)
	if err != nil {
		return opList
	}
	return asked.operation
}

// Posts tells the operations that change the office's books.
func Posts(_ *http.Request, body []byte) bool {
	return bytes.Contains(body, []byte(opPay)) || bytes.Contains(body, []byte(opReverse))
}

// claimUTF8 declares UTF-8 over windows-1250 bytes.
func claimUTF8(h http.Header, body []byte) []byte {
	h.Set("Content-Type", "text/xml; charset=utf-8")
	return bytes.Replace(body, []byte(`encoding="windows-1250"`), []byte(`encoding="UTF-8"`), 1)
}

func refused(w http.ResponseWriter) {
	fault(w, "wsse:FailedAuthentication", "The security token could not be authenticated or authorized")
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/xml; charset=windows-1250")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
