package town_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
)

// clerk is somebody who is logged in at the transport company.
type clerk struct {
	base string
	*http.Client
}

func logIn(t *testing.T, city *town.Town) *clerk {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	c := &clerk{city.URL() + "/transport", &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if status := c.login(t, city.Credentials()["transport-password"]); status != http.StatusFound {
		t.Fatalf("log in: got status %d, want 302", status)
	}
	return c
}

func (c *clerk) login(t *testing.T, password string) int {
	t.Helper()
	answer, err := c.PostForm(c.base+"/login.php", url.Values{"utilizator": {"racord"}, "parola": {password}})
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// ask sends a question; page is true when a login page came instead of an answer.
func (c *clerk) ask(t *testing.T, op, body string) (answer map[string]any, page bool) {
	t.Helper()
	raw, err := c.Post(c.base+"/api.php?op="+op, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Body.Close()
	text, err := io.ReadAll(charmap.ISO8859_2.NewDecoder().Reader(raw.Body))
	if err != nil || raw.StatusCode != http.StatusOK || raw.Header.Get("Content-Type") != "text/html; charset=ISO-8859-1" {
		t.Fatalf("%s: got %d %s, %v", op, raw.StatusCode, raw.Header.Get("Content-Type"), err)
	}
	if bytes.Contains(text, []byte("<form")) {
		return nil, true
	}
	numbers := json.NewDecoder(bytes.NewReader(text))
	numbers.UseNumber()
	if err := numbers.Decode(&answer); err != nil {
		t.Fatalf("%s: %v in %s", op, err, text)
	}
	return answer, false
}

// looseBani reads an amount as the company writes it.
func looseBani(t *testing.T, v any) int64 {
	t.Helper()
	if v == nil {
		return 0
	}
	whole, cents, _ := strings.Cut(fmt.Sprint(v), ".")
	return bani(t, whole+"."+(cents + "00")[:2], "", ".")
}

func readTransport(t *testing.T, c *clerk, p town.Person, seen books) {
	t.Helper()
	before := ""
	for n := 1; ; n++ {
		answer, _ := c.ask(t, "sanctiuni", fmt.Sprintf(`{"cnp":%q,"pagina":%d}`, p.CNP+p.CUI, n))
		if answer["eroare"] == "necunoscut" {
			return
		}
		if who := answer["calator"].(map[string]any)["cnp"]; who != p.CNP+p.CUI {
			t.Fatalf("asked for %s: got somebody else", p.ID)
		}
		penalties := answer["sanctiuni"].([]any)
		if now := fmt.Sprint(penalties); now == before || len(penalties) == 0 {
			return
		} else {
			before = now
		}
		for _, raw := range penalties {
			one := raw.(map[string]any)
			seen.add("transport", p.ID, one["id"].(string), shown{
				looseBani(t, one["suma"]), looseBani(t, one["achitat"]), looseBani(t, one["rest"]), one["scadent"].(string)[:10],
			})
		}
	}
}

func TestTransportForgetsItsSessions(t *testing.T) {
	city := start(t, town.Config{Size: "XS"})
	c := logIn(t, city)
	if _, page := c.ask(t, "stare", "{}"); page {
		t.Fatal("got the login page in a new session")
	}
	if err := city.Advance(16 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, page := c.ask(t, "stare", "{}"); !page {
		t.Error("got an answer after 16 minutes, want the login page")
	}
	if status := c.login(t, "wrong"); status != http.StatusOK {
		t.Errorf("a wrong password: got status %d, want the page again", status)
	}
	if status := c.login(t, city.Credentials()["transport-password"]); status != http.StatusFound {
		t.Errorf("the right one: got status %d, want 302", status)
	}
	if _, page := c.ask(t, "stare", "{}"); page {
		t.Error("got the login page in a new session")
	}
}

func TestTransportWritesAsItPleases(t *testing.T) {
	city := start(t, town.Config{Size: "XS"})
	c := logIn(t, city)
	ana, _ := city.Person("ana")
	texts, numbers, nulls := 0, 0, 0
	for n := 1; n <= 2; n++ {
		answer, _ := c.ask(t, "sanctiuni", fmt.Sprintf(`{"cnp":%q,"pagina":%d}`, ana.CNP, n))
		for _, raw := range answer["sanctiuni"].([]any) {
			one := raw.(map[string]any)
			for _, name := range []string{"suma", "achitat", "rest"} {
				switch one[name].(type) {
				case string:
					texts++
				case json.Number:
					numbers++
				case nil:
					nulls++
				}
			}
		}
		if name := answer["calator"].(map[string]any)["nume"]; name != "MUREŞAN ANA" {
			t.Errorf("got the name %q, want it with a cedilla", name)
		}
	}
	if texts == 0 || numbers == 0 || nulls == 0 {
		t.Errorf("got %d texts, %d numbers and %d nulls, want all of them", texts, numbers, nulls)
	}
	second, _ := c.ask(t, "sanctiuni", fmt.Sprintf(`{"cnp":%q,"pagina":2}`, ana.CNP))
	ninth, _ := c.ask(t, "sanctiuni", fmt.Sprintf(`{"cnp":%q,"pagina":9}`, ana.CNP))
	if fmt.Sprint(second["sanctiuni"]) != fmt.Sprint(ninth["sanctiuni"]) {
		t.Error("page 9 is another than page 2, want page 2 for ever")
	}
	meet(t, city, "transport", town.Fault{Kind: gate.NullAmount})
	answer, _ := c.ask(t, "sanctiuni", fmt.Sprintf(`{"cnp":%q,"pagina":1}`, ana.CNP))
	if one := answer["sanctiuni"].([]any)[0].(map[string]any); one["suma"] != nil || one["rest"] != nil {
		t.Errorf("got %v, want null", one)
	}
}

func TestTransportBooksEachCall(t *testing.T) {
	city := start(t, town.Config{Size: "XS"})
	c, d := logIn(t, city), openBills(t, city, "ana", "transport")[0]
	pay := func(reference, penalty, amount string) map[string]any {
		answer, _ := c.ask(t, "plata", fmt.Sprintf(`{"referinta":%q,"sanctiune":%q,"suma":%s,"data":"2026-03-15 09:59:00"}`, reference, penalty, amount))
		return answer
	}
	exact := fmt.Sprintf("%d.%02d", d.Outstanding/100, d.Outstanding%100)
	for what, tc := range map[string]struct{ penalty, amount, want string }{
		"another amount":     {d.ExternalID, "1.00", "suma"},
		"an unknown penalty": {"TC-9999999", exact, "sanctiune"},
		"nothing":            {d.ExternalID, "0", "date"},
		"too many decimals":  {d.ExternalID, "1.005", "date"},
	} {
		if got := pay("r", tc.penalty, tc.amount); got["eroare"] != tc.want {
			t.Errorf("%s: got %v, want %s", what, got, tc.want)
		}
	}
	one, two := pay("r", d.ExternalID, `"`+exact+`"`), pay("r", d.ExternalID, exact)
	if one["ok"] != json.Number("1") || two["ok"] != json.Number("1") || len(city.Book("transport")) != 2 {
		t.Fatalf("got %v and %v, want both booked", one, two)
	}
	if got := pay("other", d.ExternalID, exact); got["eroare"] != "achitata" {
		t.Errorf("got %v, want achitata", got)
	}
	number := two["plata"].(map[string]any)["numar"].(string)
	if got, _ := c.ask(t, "storno", fmt.Sprintf(`{"numar":%q}`, number)); got["plata"].(map[string]any)["stornat"] != "D" {
		t.Errorf("got %v, want it undone", got)
	}
	if got, _ := c.ask(t, "storno", fmt.Sprintf(`{"numar":%q}`, number)); got["eroare"] != "stornata" {
		t.Errorf("got %v, want stornata", got)
	}
	if got := owed(t, city, "ana", "transport", d.ExternalID); got != 0 {
		t.Errorf("got %d owed, want nothing", got)
	}
}
