package wire

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"racord/connectors"
	"racord/hub"
)

// Session is how the hub logs in at a system made for people: a form with user
// and password, and a cookie by which it is known until the system forgets it.
type Session struct {
	LoginURL      string                `json:"login_url" doc:"Where the form is sent." required:"true"`
	User          connectors.SecretName `json:"user" doc:"Secret that holds the user's name." required:"true"`
	Password      connectors.SecretName `json:"password" doc:"Secret that holds the password." required:"true"`
	UserField     string                `json:"user_field" doc:"Name of the form's field for the user." required:"true"`
	PasswordField string                `json:"password_field" doc:"Name of the form's field for the password." required:"true"`
	Cookie        string                `json:"cookie" doc:"Name of the cookie that is the session." required:"true"`
	LoginPage     string                `json:"login_page" doc:"Text, without accents, by which the login page is known. Where it comes instead of an answer, nothing was done: the hub logs in again, once." required:"true"`
	Lasts         time.Duration         `json:"lasts" doc:"How long a session lasts: a new one is begun a little earlier. Without it, when the login page, a redirect or a 401 comes." min:"60" max:"86400"`
}

// Check finds what cannot work.
func (s Session) Check(report func(field, problem string)) {
	if problem := connectors.CheckURL(s.LoginURL); problem != "" {
		report("login_url", problem)
	}
	if !isToken(s.Cookie) {
		report("cookie", "not the name of a cookie (RFC 6265 §4.1.1)")
	}
	if len(s.LoginPage) < 6 || strings.Trim(s.LoginPage, printable) != "" {
		report("login_page", "needs 6 plain characters at least, so that no answer has them by chance")
	}
}

// printable are the characters of ASCII that can be seen, and the blank: they are
// the same in every character set a page may have.
const printable = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

func isToken(s string) bool {
	return s != "" && strings.Trim(s, printable) == "" && !strings.ContainsAny(s, " ()<>@,;:\\\"/[]?={}")
}

// isLogin tells whether a page is the one that asks who we are.
func (s *Session) isLogin(reply *Reply) bool {
	return !looksJSON(reply.Body) && bytes.Contains(reply.Body, []byte(s.LoginPage))
}

// login sends the form and gives the session's cookie.
func (t *tokens) login(ctx context.Context, as credentials) (cookie string, life time.Duration, err error) {
	s := t.auth.Session
	form := url.Values{s.UserField: {as.name.Reveal()}, s.PasswordField: {as.secret.Reveal()}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.LoginURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, connectors.Failure(hub.CodeInternal, errors.New("the login cannot be made"))
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply, err := fetch(t.env.Read, request, connectors.MaxAnswer)
	if err != nil {
		return "", 0, err
	}
	defer reply.Release()
	cookie, err = s.accept(reply)
	if life = s.Lasts; life == 0 {
		life = 24 * time.Hour // or until the creditor has forgotten it
	}
	return cookie, life, err
}

var errNoEntry = errors.New("login: user or password are refused")

// accept reads the answer to a login. Systems for people answer one that went
// wrong with the form again, and one that went well with a redirect.
func (s *Session) accept(reply *Reply) (cookie string, err error) {
	switch {
	case reply.Status >= 400:
		return "", refusedToken(reply, "login")
	case s.isLogin(reply):
		return "", connectors.Failure(hub.CodeAuth, errNoEntry)
	}
	said := http.Response{Header: reply.Header}
	for _, c := range said.Cookies() {
		if c.Name == s.Cookie && c.Value != "" && c.MaxAge >= 0 {
			cookie = c.Value // one that is set twice has its last value (RFC 6265 §5.3)
		}
	}
	if cookie == "" {
		return "", connectors.BadData("login: an answer without the cookie %s", s.Cookie)
	}
	return cookie, nil
}

// loggedOut tells whether the creditor has forgotten the session.
func (c *Caller) loggedOut(reply *Reply) bool {
	return c.auth.Session != nil && c.auth.Session.isLogin(reply)
}

// notLoggedIn is the failure of a question that was answered with the login page.
func notLoggedIn(reply *Reply) error {
	reply.Release()
	return connectors.Failure(hub.CodeAuth, errors.New("the login page instead of an answer"))
}
