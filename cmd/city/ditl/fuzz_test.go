package ditl_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/ditl"
	"racord/cmd/city/people"
)

// Whatever is sent, the office answers XML and tells a stranger nothing.
func FuzzOffice(f *testing.F) {
	b := book.New(people.New(1, 200))
	office := ditl.New(b, clock.New(time.Date(2026, 3, 15, 10, 0, 0, 0, calendar.Bucharest)), "user", "a password nobody guesses")
	f.Add(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><ListaDebite xmlns="urn:napoca-test:ditl:v3"><CNP>2920229120001</CNP></ListaDebite></e:Body></e:Envelope>`)
	f.Add(`<?xml version="1.0" encoding="windows-1250"?><a/>`)
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, body string) {
		answer := httptest.NewRecorder()
		office.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/ditl/ws", strings.NewReader(body)))
		if answer.Code != http.StatusInternalServerError || strings.Contains(answer.Body.String(), "Sold") {
			t.Errorf("got status %d and %s, want a fault", answer.Code, answer.Body)
		}
	})
}
