package transport

import (
	"crypto/rand"
	"io"
	"net/http"
	"sync"
	"time"

	"racord/cmd/city/clock"
)

// cookie names the session.
const cookie = "PHPSESSID"

// life is how long a session is known, in the city's time, used or not.
const life = 15 * time.Minute

// sessions are the clerks and partners who are logged in.
type sessions struct {
	clock *clock.Clock
	mu    sync.Mutex
	until map[string]time.Time
}

func newSessions(c *clock.Clock) *sessions { return &sessions{clock: c, until: map[string]time.Time{}} }

func (s *sessions) begin() string {
	id, now := rand.Text(), s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, until := range s.until {
		if now.After(until) {
			delete(s.until, old)
		}
	}
	s.until[id] = now.Add(life)
	return id
}

func (s *sessions) knows(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	until, ok := s.until[id]
	return ok && !s.clock.Now().After(until)
}

// askWho is what whoever is not logged in sees.
func askWho(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=ISO-8859-1")
	_, _ = io.WriteString(w, loginPage)
}

const loginPage = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
<html><head><title>CTP - evidenta sanctiuni</title></head><body>
<form name="autentificare" method="post" action="login.php">
Utilizator: <input name="utilizator"> Parola: <input name="parola" type="password"> <input type="submit" value="Intra">
</form></body></html>
`
