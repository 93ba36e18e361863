package roster

import (
	"context"
	"time"

	"racord/hub"
)

// shadow asks a version that nobody is shown what the one that is shown was
// asked, and compares.
type shadow struct {
	r         *Roster
	at        post
	candidate hub.Source
	questions chan question
	stop      context.CancelFunc
}

// question is what the version that is shown was asked, and what it said.
type question struct {
	who    hub.Asked
	alone  bool // nobody was asked: there is nothing to compare with
	answer hub.Answer
	known  bool
}

// waiting is how many questions wait at most; what comes more is not compared.
const waiting = 64

// cast begins to compare a version.
func (r *Roster) cast(at post, c *hub.Connector) *shadow {
	if c.Source == nil {
		return nil
	}
	s := &shadow{r: r, at: at, candidate: c.Source, questions: make(chan question, waiting)}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	r.ended.Go(func() { s.run(ctx) })
	return s
}

// run asks one question after the other, never faster than the roster allows. The
// candidate's calls take the creditor's slots and rate as all others do.
func (s *shadow) run(ctx context.Context) {
	tick := time.NewTicker(s.r.conf.Shadow)
	defer tick.Stop()
	for {
		select {
		case q := <-s.questions:
			s.compare(ctx, q)
		case <-ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// compare asks the candidate. One that is busy or closed says nothing.
func (s *shadow) compare(ctx context.Context, q question) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	answer, err := s.candidate.Obligations(ctx, q.who)
	switch code := hub.CodeOf(err); {
	case q.alone:
	case code == "":
		s.r.tally.compared(s.at, s.differences(q, answer, true))
	case code == hub.CodeNotFound:
		s.r.tally.compared(s.at, s.differences(q, hub.Answer{}, false))
	}
}

// behind gives a source that asks the version that is shown, and leaves what it
// said to the shadow.
func (s *shadow) behind(shown hub.Source) hub.Source { return &overheard{shown, s} }

type overheard struct {
	shown  hub.Source
	shadow *shadow
}

func (o *overheard) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	answer, err := o.shown.Obligations(ctx, who)
	if code := hub.CodeOf(err); code == "" || code == hub.CodeNotFound {
		o.shadow.ask(question{who: who, answer: answer, known: code == ""})
	}
	return answer, err
}

// overhear takes a question that nobody was asked.
func (s *shadow) overhear(who hub.Asked) { s.ask(question{who: who, alone: true}) }

// ask leaves a question to the shadow. It never waits.
func (s *shadow) ask(q question) {
	select {
	case s.questions <- q:
	default:
	}
}
