package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// call is a request of a portal's to the hub.
type call struct {
	method, path string
	token        string
	key          string // Idempotency-Key
	body         any
}

// answer is what came back. Status 0 is no answer.
type answer struct {
	status int
	body   []byte
	after  time.Duration // Retry-After
}

// code is what a refusal is called (RFC 9457).
func (a answer) code() string {
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(a.body, &problem) // what is no problem has no code
	return problem.Code
}

func (a answer) good() bool { return a.status >= 200 && a.status < 300 }

// final tells whether asking again would change nothing.
func (a answer) final() bool {
	switch {
	case a.good():
		return true
	case a.status == 0 || a.status >= 500 || a.status == http.StatusTooManyRequests || a.status == http.StatusUnauthorized:
		return false
	case a.status == http.StatusConflict && a.after > 0 && a.after < 5*time.Second:
		return false // another request of the same key is under way
	}
	return true
}

// read reads a good answer.
func (a answer) read(into any) bool { return json.Unmarshal(a.body, into) == nil }

// patience is how long a portal asks before it gives up.
const patience = 2 * time.Minute

// ask sends every request twice, to two replicas at once, and again after a
// while until one of them is answered. It gives all answers that settle the
// matter: none, one or two.
func (s *storm) ask(ctx context.Context, c call) (settled []answer) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	body, _ := json.Marshal(c.body) // what is sent is made of strings and numbers
	wait, last := 50*time.Millisecond, answer{}
	for ctx.Err() == nil {
		both := make(chan answer, 2)
		first := rand.IntN(len(s.replicas))
		for i := range 2 {
			go func() { both <- s.send(ctx, s.replicas[(first+i)%len(s.replicas)].url, c, body) }()
		}
		for range 2 {
			a := <-both
			if a.final() {
				settled = append(settled, a)
			}
			if a.status > 0 {
				last = a
			}
			wait = max(wait, a.after)
		}
		if len(settled) > 0 {
			return settled
		}
		s.pause(ctx, wait/2+rand.N(wait))
		wait = min(wait*3/2, time.Second)
	}
	s.tally.because(fmt.Sprintf("%s %s was never settled: %d %s", c.method, c.path, last.status, last.code()))
	return nil
}

// send sends a request once.
func (s *storm) send(ctx context.Context, url string, c call, body []byte) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var sent io.Reader
	if c.body != nil {
		sent = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, c.method, url+c.path, sent)
	if err != nil {
		return a
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	if c.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		request.Header.Set("Idempotency-Key", c.key)
	}
	defer func() { s.tally.answered(a.status > 0) }()
	got, err := browser.Do(request)
	if err != nil {
		return a
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return a // it broke off
	}
	seconds, _ := strconv.Atoi(got.Header.Get("Retry-After")) // 0 when it says nothing
	return answer{got.StatusCode, text, time.Duration(seconds) * time.Second}
}

// browser follows nobody.
var browser = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// asked is ask, with the first good answer read into something.
func (s *storm) asked(ctx context.Context, c call, into any) bool {
	for _, a := range s.ask(ctx, c) {
		if a.good() {
			return a.read(into)
		}
	}
	return false
}
