package fines_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/fines"
	"racord/cmd/city/people"
)

// Whatever is asked, the register answers, and only about the person asked for.
func FuzzRegister(f *testing.F) {
	everybody := people.New(1, 200)
	now := clock.New(time.Date(2026, 3, 15, 10, 0, 0, 0, calendar.Bucharest))
	register := fines.New(book.New(everybody), now, "key")
	f.Add(`{"cnp":"2920229120001"}`)
	f.Add(`{"cnp":"2920229120001","cursor":"ZnJvbToy","limit":1}`)
	f.Add(`{"cnp":"1850415120007","cursor":"ZnJvbTotMQ"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		request := httptest.NewRequest(http.MethodPost, "/fines/v1/debts/search", strings.NewReader(body))
		request.Header.Set("X-Api-Key", "key")
		answer := httptest.NewRecorder()
		register.ServeHTTP(answer, request)
		if !slices.Contains([]int{200, 400, 404}, answer.Code) {
			t.Errorf("got status %d, want 200, 400 or 404", answer.Code)
		}
		if answer.Code != http.StatusOK {
			return
		}
		var asked struct{ CNP string }
		var told struct {
			Person struct{ CNP string }
			Debts  []any
		}
		if json.Unmarshal([]byte(body), &asked) != nil || json.Unmarshal(answer.Body.Bytes(), &told) != nil {
			t.Fatalf("asked %q: got %s, want JSON for JSON", body, answer.Body)
		}
		if told.Person.CNP != asked.CNP || len(told.Debts) > fines.PageSize {
			t.Errorf("asked %q: got %s", body, answer.Body)
		}
	})
}
