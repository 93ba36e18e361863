package roster

import (
	"context"
	"slices"
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
	tests     []hub.Asked // whom to ask about when nobody can be
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

// cast begins to compare a version. One that is found by account only is asked
// about its test debtors too: as long as it is not shown, no citizen can link an
// account, and nobody else would ever be asked about.
func (r *Roster) cast(at post, c *hub.Connector, tests []hub.Asked) *shadow {
	if c.Source == nil {
		return nil
	}
	s := &shadow{r: r, at: at, candidate: c.Source, questions: make(chan question, waiting)}
	if c.Traits.Can(hub.FetchByAccount) && !c.Traits.Can(hub.FetchByParty) {
		s.tests = slices.DeleteFunc(slices.Clone(tests), func(who hub.Asked) bool { return !who.ByAccount() })
	}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	r.ended.Go(func() { s.run(ctx) })
	return s
}

// run asks one question after the other, never faster than the roster allows. The
// candidate's calls take the creditor's slots and rate as all others do.
func (s *shadow) run(ctx context.Context) {
	tick, test := time.NewTicker(s.r.conf.Shadow), time.NewTicker(s.r.conf.Tests)
	defer tick.Stop()
	defer test.Stop()
	for turn := 0; ; {
		select {
		case q := <-s.questions:
			s.compare(ctx, q)
		case <-test.C:
			if len(s.tests) > 0 {
				s.compare(ctx, question{who: s.tests[turn%len(s.tests)], alone: true})
				turn++
			}
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

// compare asks the candidate. One that is busy or closed says nothing, and neither
// does one that answers what is published already.
func (s *shadow) compare(ctx context.Context, q question) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	answer, err := s.candidate.Obligations(ctx, q.who)
	switch code := hub.CodeOf(err); {
	case q.alone, answer.Published:
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
	answer.Loan = nil // the shadow keeps it
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
