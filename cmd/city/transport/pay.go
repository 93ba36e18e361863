package transport

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
)

// maxReference is how long a caller's reference may be.
const maxReference = 64

// pay books each call.
func (a *App) pay(w http.ResponseWriter, q question) {
	now := a.clock.Now()
	amount, ok := bani(q.Amount.String())
	paid, err := time.ParseInLocation(naive, q.PaidAt, calendar.Bucharest)
	if !ok || err != nil || paid.After(now.Add(24*time.Hour)) || q.Reference == "" || len(q.Reference) > maxReference || q.Penalty == "" {
		refuse(w, "date")
		return
	}
	booked, _, err := a.book.Enter(book.Transport, book.Payment{
		Reference: q.Reference, Debt: q.Penalty, Amount: amount, Effective: paid,
	}, now)
	if err != nil {
		refuseFor(w, err)
		return
	}
	say(w, map[string]any{"ok": 1, "plata": tellReceipt(booked)})
}

// bani reads a positive amount of at most two decimals.
func bani(text string) (int64, bool) {
	whole, cents, _ := strings.Cut(text, ".")
	if len(cents) > 2 || whole == "" || len(whole) > 9 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+(cents + "00")[:2], 10, 63)
	return int64(n), err == nil && n > 0
}

// refuseFor says why nothing was booked or undone.
func refuseFor(w http.ResponseWriter, err error) {
	for _, no := range []struct {
		cause error
		word  string
	}{
		{book.ErrUnknownDebt, "sanctiune"}, {book.ErrCancelled, "anulata"}, {book.ErrAlreadyPaid, "achitata"},
		{book.ErrAmountChanged, "suma"}, {book.ErrNoReceipt, "plata"}, {book.ErrReversed, "stornata"}, {book.ErrClosed, "termen"},
	} {
		if errors.Is(err, no.cause) {
			refuse(w, no.word)
			return
		}
	}
	refuse(w, "date")
}

// find gives the payments of a reference, once they show.
func (a *App) find(w http.ResponseWriter, q question) {
	if q.Reference == "" {
		refuse(w, "date")
		return
	}
	say(w, map[string]any{"ok": 1, "plati": tellReceipts(a.book.Find(book.Transport, q.Reference, a.clock.Now()))})
}

func (a *App) reverse(w http.ResponseWriter, q question) {
	undone, err := a.book.Reverse(book.Transport, q.Number, a.clock.Now())
	if err != nil {
		refuseFor(w, err)
		return
	}
	say(w, map[string]any{"ok": 1, "plata": tellReceipt(undone)})
}

func (a *App) statement(w http.ResponseWriter, day string) {
	on, err := calendar.Parse(day)
	if err != nil {
		refuse(w, "date")
		return
	}
	say(w, map[string]any{"ok": 1, "zi": on.ISO(), "plati": tellReceipts(a.book.Statement(book.Transport, on, a.clock.Now()))})
}
