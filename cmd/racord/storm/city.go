package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// city is the simulated city, in a process that is never killed.
type city struct {
	url, sftp, secure string
	http              *http.Client
}

// openCity starts the city. A storm of thousands of baskets needs many debts.
func (s *storm) openCity(ctx context.Context) (err error) {
	program := s.options.city
	if program == "" {
		if program, err = s.build(ctx, "city"); err != nil {
			return err
		}
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	size := "S"
	if s.baskets > 1500 {
		size = "M"
	}
	p, err := s.spawn("city", "ready", nil, program, "-listen", ports[0], "-sftp-listen", ports[1], "-tls-listen", ports[2], "-latency", "none",
		"-size", size, "-psp-extras", "-data", s.dir)
	if err != nil {
		return err
	}
	s.onClose(p.kill)
	s.city = &city{url: "http://" + ports[0], sftp: ports[1], secure: "https://" + ports[2], http: &http.Client{Timeout: 30 * time.Second}}
	return p.await(ctx, time.Minute)
}

// control asks the city's control channel; body nil is a question.
func (c *city) control(ctx context.Context, method, path string, body, into any) error {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+"/__ctl/"+path, sent)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// fault is one way somebody misbehaves, for a share of the calls.
type fault struct {
	Creditor string  `json:"creditor"`
	Kind     string  `json:"kind"`
	Share    float64 `json:"share"`
	Delay    string  `json:"delay,omitempty"`
}

// The weather. Of a hundred answers of everybody who speaks HTTP twelve are
// faulty: five are refused before anything is done, seven are lost after it was
// done. Of the providers' notifications some are lost, doubled, early, replayed
// or forged.
var (
	answersFail = []fault{
		{Kind: "down", Share: 0.03}, {Kind: "refuse_503", Share: 0.02},
		{Kind: "lost_answer", Share: 0.06}, {Kind: "lost_silence", Share: 0.01, Delay: "6s"},
	}
	noticesFail = []fault{
		{Kind: "notify_lost", Share: 0.05}, {Kind: "notify_twice", Share: 0.10}, {Kind: "notify_early", Share: 0.05},
		{Kind: "notify_replayed", Share: 0.05}, {Kind: "notify_forged", Share: 0.02}, {Kind: "notify_altered", Share: 0.02},
	}
)

// misbehave begins all faults.
func (s *storm) misbehave(ctx context.Context) error {
	providers := []string{"netopia", "euplatesc"}
	if err := s.meet(ctx, answersFail, append(providers, "ditl", "fines", "water", "electricity", "parking", "roadfines", "transport", "gas", "associations")...); err != nil {
		return err
	}
	return s.meet(ctx, noticesFail, providers...)
}

func (s *storm) meet(ctx context.Context, faults []fault, of ...string) error {
	for _, who := range of {
		for _, f := range faults {
			f.Creditor = who
			if err := s.city.control(ctx, http.MethodPost, "faults", f, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// behave ends all faults.
func (s *storm) behave(ctx context.Context) error {
	return s.city.control(ctx, http.MethodDelete, "faults", nil, nil)
}

// morning moves business time to the next morning: the heating company books
// the files it was given, and providers tell what they paid out.
func (s *storm) morning(ctx context.Context) error {
	return s.city.control(ctx, http.MethodPost, "day", map[string]string{"until": "05:45"}, nil)
}

// settle has the hub read what providers paid out. It does so four times a day;
// days are short here, so it is told to, as an operator may.
func (s *storm) settle(ctx context.Context) {
	for _, n := range rand.Perm(len(s.replicas)) {
		if s.replicas[n].ready() && s.replicas[n].compare(ctx, "settlement") == nil {
			return // the others may try when this one is killed over it
		}
	}
}
