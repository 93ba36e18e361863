package wire_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

const loginForm = `<html><form action="login.php"><h1>Sesiunea a expirat</h1></form></html>`

// forgetful is a system for people: a form, a cookie, and the form again for who
// is not known any more.
type forgetful struct {
	logins, asked, paid atomic.Int64
	newest              atomic.Int64     // the session it knows; 0 for none
	deaf                atomic.Bool      // it forgets every session at once
	refuse              http.HandlerFunc // what it says to who is not known; nil = the form
}

func (f *forgetful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
	if r.URL.Path == "/login.php" {
		f.login(w, r)
		return
	}
	f.asked.Add(1)
	c, err := r.Cookie("PHPSESSID")
	if err != nil || c.Value != fmt.Sprintf("s%d", f.newest.Load()) || f.deaf.Load() {
		f.turnAway(w, r)
		return
	}
	if r.Method == http.MethodPut {
		f.paid.Add(1)
	}
	_, _ = w.Write([]byte("\n{\"nume\":\"MURE\xaaAN\"}")) // ISO 8859-2, whatever it says
}

func (f *forgetful) turnAway(w http.ResponseWriter, r *http.Request) {
	if f.refuse != nil {
		f.refuse(w, r)
		return
	}
	_, _ = w.Write([]byte(loginForm))
}

// unauthenticated is what a newer endpoint of such a system says, and elsewhere
// what its framework does.
func unauthenticated(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(`{"message":"Unauthenticated."}`))
}

func elsewhere(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", "/login.php")
	w.WriteHeader(http.StatusFound)
}

func (f *forgetful) login(w http.ResponseWriter, r *http.Request) {
	n := f.logins.Add(1)
	switch {
	case r.FormValue("u") != "racord" || r.FormValue("p") != "p&w=1":
		_, _ = w.Write([]byte(loginForm))
	case n%2 == 0: // half of them go on to a page
		f.newest.Store(n)
		http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: fmt.Sprintf("s%d", n), HttpOnly: true})
		w.Header().Set("Location", "/")
		w.WriteHeader(http.StatusFound)
	default:
		f.newest.Store(n)
		http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: fmt.Sprintf("s%d", n), HttpOnly: true})
	}
}

func sessionCaller(t *testing.T, f http.Handler, password string, lasts time.Duration) (*wire.Caller, string) {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return sessionAt(server.URL, client, func() string { return password }, lasts), server.URL
}

func sessionAt(url string, way connectors.Doer, password func() string, lasts time.Duration) *wire.Caller {
	env := connectors.Env{Read: way, Write: way, Secret: func(_ context.Context, name string) (hub.Secret, error) {
		return hub.NewSecret(map[string]string{"bus-user": "racord", "bus-password": password()}[name]), nil
	}}
	return wire.NewCaller(env, wire.Auth{Type: "session", Session: &wire.Session{
		LoginURL: url + "/login.php", User: "bus-user", Password: "bus-password", UserField: "u", PasswordField: "p",
		Cookie: "PHPSESSID", LoginPage: "Sesiunea a expirat", Lasts: lasts,
	}}).Reading(wire.Answers{HTML: true, Charset: "iso-8859-2"})
}

func ask(t *testing.T, c *wire.Caller, method, url string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url+"/api.php", nil)
	if err != nil {
		t.Fatal(err)
	}
	send := func() (*wire.Reply, error) { return c.Send(t.Context(), true, r) }
	if method == http.MethodPut {
		send = func() (*wire.Reply, error) { return c.SendOnce(t.Context(), r) }
	}
	reply, err := send()
	if err != nil {
		return "", err
	}
	defer reply.Release()
	body, err := reply.JSON()
	return string(body), err
}

func TestASessionIsBegunOnceAndAgainWhenItIsOver(t *testing.T) {
	f := &forgetful{}
	c, url := sessionCaller(t, f, "p&w=1", 0)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if body, err := ask(t, c, http.MethodGet, url); body != "\n{\"nume\":\"MUREŞAN\"}" || err != nil {
				t.Errorf("got %q, %v, want the answer in its own letters", body, err)
			}
		})
	}
	all.Wait()
	if f.logins.Load() != 1 {
		t.Errorf("got %d logins, want one for all", f.logins.Load())
	}
	f.newest.Store(0)
	if _, err := ask(t, c, http.MethodGet, url); err != nil || f.logins.Load() != 2 {
		t.Errorf("after the session was lost: got %v and %d logins, want an answer with a second", err, f.logins.Load())
	}
}

func TestASessionIsOverAlsoWithoutTheLoginPage(t *testing.T) {
	for name, tc := range map[string]struct {
		refuse http.HandlerFunc
		paying hub.Code // what a payment that meets it fails with; "" is a status to be classified
	}{
		"401":        {unauthenticated, ""},
		"a redirect": {elsewhere, hub.CodeBadData},
	} {
		t.Run(name, func(t *testing.T) {
			f := &forgetful{refuse: tc.refuse}
			c, url := sessionCaller(t, f, "p&w=1", 0)
			for session := int64(1); session <= 2; session++ {
				if body, err := ask(t, c, http.MethodGet, url); err != nil || body == "" || f.logins.Load() != session {
					t.Fatalf("got %q, %v and %d logins, want an answer in session %d", body, err, f.logins.Load(), session)
				}
				f.newest.Store(0)
			}
			if _, err := ask(t, c, http.MethodPut, url); hub.CodeOf(err) != tc.paying || hub.Certainly(err) || f.logins.Load() != 2 {
				t.Errorf("a payment: got %v (certain %t) and %d logins, want code %q, not certain, and no repetition", err, hub.Certainly(err), f.logins.Load(), tc.paying)
			}
			if _, err := ask(t, c, http.MethodPut, url); err != nil || f.paid.Load() != 1 || f.logins.Load() != 3 {
				t.Errorf("the next payment: got %v, %d payments and %d logins, want it booked in a new session", err, f.paid.Load(), f.logins.Load())
			}
		})
	}
}

func TestARefusalRightAfterALoginStands(t *testing.T) {
	for name, tc := range map[string]struct {
		refuse http.HandlerFunc
		want   hub.Code
	}{
		"401":        {unauthenticated, ""}, // a status, for the rules of the manifest
		"a redirect": {elsewhere, hub.CodeBadData},
	} {
		f := &forgetful{refuse: tc.refuse}
		f.deaf.Store(true)
		c, url := sessionCaller(t, f, "p&w=1", 0)
		if _, err := ask(t, c, http.MethodGet, url); hub.CodeOf(err) != tc.want || f.asked.Load() != 2 || f.logins.Load() != 2 {
			t.Errorf("%s: got %v after %d questions and %d logins, want code %q after two", name, err, f.asked.Load(), f.logins.Load(), tc.want)
		}
	}
}

func TestTheLoginPageAfterALoginIsARefusal(t *testing.T) {
	f := &forgetful{}
	f.deaf.Store(true)
	c, url := sessionCaller(t, f, "p&w=1", 0)
	if _, err := ask(t, c, http.MethodGet, url); hub.CodeOf(err) != hub.CodeAuth || f.asked.Load() != 2 || f.logins.Load() != 2 {
		t.Errorf("got %v after %d questions and %d logins, want auth after two", err, f.asked.Load(), f.logins.Load())
	}
}

func TestAWrongPasswordIsNotAskedWith(t *testing.T) {
	f := &forgetful{}
	c, url := sessionCaller(t, f, "wrong", 0)
	if _, err := ask(t, c, http.MethodPut, url); hub.CodeOf(err) != hub.CodeAuth || !hub.Certainly(err) || f.asked.Load() != 0 {
		t.Errorf("got %v (certain %t) after %d questions, want auth for certain after none", err, hub.Certainly(err), f.asked.Load())
	}
}

// A payment that the login page answers was not booked, and is not repeated here.
func TestAPaymentThatMeetsTheLoginPageWasNotDone(t *testing.T) {
	f := &forgetful{}
	c, url := sessionCaller(t, f, "p&w=1", 0)
	if _, err := ask(t, c, http.MethodPut, url); err != nil || f.paid.Load() != 1 {
		t.Fatalf("got %v, want it booked", err)
	}
	f.newest.Store(0)
	if _, err := ask(t, c, http.MethodPut, url); hub.CodeOf(err) != hub.CodeAuth || !hub.Certainly(err) || f.paid.Load() != 1 || f.logins.Load() != 1 {
		t.Errorf("got %v (certain %t), %d payments and %d logins, want auth for certain", err, hub.Certainly(err), f.paid.Load(), f.logins.Load())
	}
	if _, err := ask(t, c, http.MethodPut, url); err != nil || f.paid.Load() != 2 || f.logins.Load() != 2 {
		t.Errorf("got %v, %d payments and %d logins, want it booked in a new session", err, f.paid.Load(), f.logins.Load())
	}
}

// A page that is not the login page is no reason to log in, and no answer.
func TestOtherPagesAreNotAnswers(t *testing.T) {
	var logins atomic.Int64
	c, url := sessionCaller(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/login.php" {
			logins.Add(1)
			http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: "x"})
			return
		}
		_, _ = w.Write([]byte("<html>Lucrăm la site</html>"))
	}), "p&w=1", 0)
	for range 3 {
		if _, err := ask(t, c, http.MethodPut, url); hub.CodeOf(err) != hub.CodeBadData || hub.Certainly(err) || logins.Load() != 1 {
			t.Errorf("got %v (certain %t) and %d logins, want bad data with one", err, hub.Certainly(err), logins.Load())
		}
	}
}

// Some begin a session for the form, and another one for who came in.
func TestTheLastValueOfACookieCounts(t *testing.T) {
	c, url := sessionCaller(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/login.php" {
			http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: "before"})
			http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: "after"})
			return
		}
		c, _ := r.Cookie("PHPSESSID")
		_, _ = w.Write([]byte(`{"session":"` + c.Value + `"}`))
	}), "p&w=1", 0)
	if body, err := ask(t, c, http.MethodGet, url); err != nil || body != `{"session":"after"}` {
		t.Errorf("got %s, %v, want the answer of the session that was begun last", body, err)
	}
}

func TestALoginWithoutItsCookieIsBadData(t *testing.T) {
	c, url := sessionCaller(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: "gone", MaxAge: -1})
		http.SetCookie(w, &http.Cookie{Name: "lang", Value: "ro"})
	}), "p&w=1", 0)
	var failure *hub.Error
	if _, err := ask(t, c, http.MethodGet, url); hub.CodeOf(err) != hub.CodeBadData || !errors.As(err, &failure) {
		t.Errorf("got %v, want bad data", err)
	}
}
