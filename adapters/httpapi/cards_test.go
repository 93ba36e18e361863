package httpapi_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"racord/adapters/httpapi"
)

// card makes a number that looks like a card's: so many digits, the last by
// Luhn's rule (ISO/IEC 7812-1).
func card(length int) string {
	digits := make([]byte, length)
	prefix := scheme(length)
	sum := 0
	for i := range length - 1 {
		d := rand.IntN(10)
		if i < len(prefix) {
			d = int(prefix[i] - '0')
		}
		digits[i] = byte('0' + d)
		if (length-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	digits[length-1] = byte('0' + (10-sum%10)%10)
	return string(digits)
}

// scheme draws what a card's number of so many digits begins with.
func scheme(length int) string {
	if length == 13 {
		return "4"
	}
	if length == 16 && rand.IntN(5) == 0 {
		return strconv.Itoa(2221 + rand.IntN(500))
	}
	return strconv.Itoa(3 + rand.IntN(4))
}

// written writes a card's number as people do.
func written(number string, how int) string {
	switch how {
	case 0:
		return number
	case 1:
		return grouped(number, " ")
	case 2:
		return grouped(number, "-")
	case 3:
		return grouped(number, "\u00a0")
	case 4:
		return "card " + grouped(number, " ") + ", exp 03/29"
	default:
		return "(" + number + ")"
	}
}

func grouped(number, by string) string {
	var groups []string
	for len(number) > 4 {
		groups, number = append(groups, number[:4]), number[4:]
	}
	return strings.Join(append(groups, number), by)
}

func TestTheTestsCardsAreCards(t *testing.T) {
	s := newTill(t, nil)
	for _, known := range []string{"4111111111111111", "5555555555554444", "378282246310005", "6011000990139424", "2223003122003222", "2720992593319364", "4222222222222"} {
		if w := s.ask("POST", "/v1/quotes", `{"creditor":"water","reference":"`+known+`"}`); w.Code != 422 {
			t.Errorf("%s: got %d, want 422", known, w.Code)
		}
	}
}

// TestACardNumberIsRefusedAndNotRepeated tries 10,000 numbers in every place of
// a body.
func TestACardNumberIsRefusedAndNotRepeated(t *testing.T) {
	var out bytes.Buffer
	s := newTill(t, func(p *httpapi.Parts, _ *httpapi.Conf) { p.Log = slog.New(slog.NewJSONHandler(&out, nil)) })
	for i := range 10_000 {
		number := card(13 + i%7)
		text, _ := json.Marshal(written(number, i%6))
		body := []string{
			`{"quote":` + string(text) + `,"return_url":"https://portal.example/"}`,
			`{"creditor":"water","reference":` + string(text) + `,"amount":{"amount":1,"currency":"RON"}}`,
			`{"lines":[{"creditor":"water","obligation":"x","option":` + string(text) + `}]}`,
			`{"creditor":"water",` + string(text) + `:1}`,
			`{"creditor":"water","amount":{"amount":` + number + `,"currency":"RON"}}`,
		}[i%5]
		target := []string{"/v1/payments", "/v1/quotes", "/v1/quotes", "/v1/quotes", "/v1/links"}[i%5]
		w := s.ask("POST", target, body, "Idempotency-Key", strconv.Itoa(i), "Authorization", "Bearer u"+strconv.Itoa(i%400))
		if w.Code != 401 {
			t.Fatalf("got %d, want 401 before the body is looked at", w.Code)
		}
		w = s.ask("POST", target, body, "Idempotency-Key", strconv.Itoa(i), "Authorization", "Bearer "+s.somebody(i))
		if p := problemIn(t, w); w.Code != 422 || p.Code != "card_data" {
			t.Fatalf("%s: got %d %q, want 422 card_data", body, w.Code, p.Code)
		}
		if strings.Contains(w.Body.String(), number) || strings.Contains(w.Body.String(), number[:4]+" ") {
			t.Fatalf("%s: the answer repeats it: %s", body, w.Body)
		}
	}
	if out.Len() > 0 {
		t.Errorf("logged %s", out.String())
	}
}

// somebody is a citizen with a quota that is not used up yet.
func (s *till) somebody(i int) string {
	name := "citizen" + strconv.Itoa(i/50)
	s.doorman.callers[name] = citizen(name)
	return name
}

func TestOtherNumbersAreNoCards(t *testing.T) {
	s := newTill(t, nil)
	for name, reference := range map[string]string{
		"a series and a number": "PA 0123456",
		"an IBAN":               "RO49AAAA1B31007593840000",
		"an invoice":            "F 26-0004411-02",
		"12 digits":             "411111111111",
		"20 digits":             "41111111111111111111",
		"not Luhn's":            "4111111111111112",
		"inside a word":         "x4111111111111111",
		"a bill with its date":  "2026031500104",
		"one of 16 digits":      "2026031500000014",
		"13 digits of no Visa":  "5026031500101",
		"an obligation":         "3h6v0q9t2k8x7m4c5r1w0y2z6n",
	} {
		body := `{"creditor":"water","reference":"` + reference + `","amount":{"amount":1,"currency":"RON"}}`
		if w := s.ask("POST", "/v1/quotes", body, "Authorization", "Bearer portal"); strings.Contains(w.Body.String(), "card_data") {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
	}
}

func TestAPersonalCodeIsNoReferenceAndNoAddress(t *testing.T) {
	s := newTill(t, nil)
	body := `{"creditor":"water","reference":"CNP 1850415120007","amount":{"amount":1,"currency":"RON"}}`
	if w := s.ask("POST", "/v1/quotes", body, "Authorization", "Bearer portal"); w.Code/100 != 4 || strings.Contains(w.Body.String(), "1850415120007") {
		t.Errorf("reference: got %d %s", w.Code, w.Body)
	}
	for _, bad := range []string{
		"https://portal.example/?cnp=1850415120007", "http://portal.example/", "javascript:alert(1)", "/back", "",
		"https://user:secret@portal.example/", "https://portal.example/" + strings.Repeat("x", 512),
	} {
		quoted, _ := json.Marshal(bad)
		w := s.ask("POST", "/v1/payments", `{"quote":"x","return_url":`+string(quoted)+`}`, "Idempotency-Key", "k")
		if p := problemIn(t, w); w.Code != 400 || len(p.Errors) != 1 || p.Errors[0].Pointer != "/return_url" {
			t.Errorf("%s: got %d %+v, want 400 about /return_url", bad, w.Code, p.Errors)
		}
	}
}
