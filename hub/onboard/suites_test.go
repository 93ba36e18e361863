package onboard_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/onboard"
)

// slow is a suite that says which version it has begun with, and ends when it is
// told how, or cut off.
type slow struct {
	begun chan int
	end   chan hub.Report
}

func newSlow() slow { return slow{begun: make(chan int, 10), end: make(chan hub.Report, 10)} }

func (p slow) Prove(ctx context.Context, c hub.Candidate, _ hub.SecretStore) (hub.Report, error) {
	p.begun <- c.Version
	select {
	case r := <-p.end:
		return r, nil
	case <-ctx.Done():
		return hub.Report{}, ctx.Err()
	}
}

// underWay submits a version at a replica whose suite does not end by itself.
func (s *scene) underWay(at *onboard.Service, prover slow) int {
	s.t.Helper()
	_, err := s.SetContacts(s.t.Context(), company, "water", []string{"it@water.example"})
	s.want("SetContacts", err, "")
	no := s.draft("url https://a")
	_, err = at.Submit(s.t.Context(), company, "water", no)
	s.want("Submit", err, "")
	s.begins(prover, no)
	return no
}

// begins fails the test unless a suite begins with a version.
func (s *scene) begins(p slow, no int) {
	s.t.Helper()
	select {
	case begun := <-p.begun:
		if begun != no {
			s.t.Fatalf("got a suite for version %d, want %d", begun, no)
		}
	case <-time.After(30 * time.Second):
		s.t.Fatalf("got no suite for version %d", no)
	}
}

func TestASuiteThatWasCutOffIsTakenUp(t *testing.T) {
	s, prover := newScene(t), newSlow()
	s.Close()
	first := s.replica(prover)
	no := s.underWay(first, prover)
	first.Close()
	_, err := s.Report(t.Context(), company, "water", no)
	s.want("Report after the stop", err, hub.CodeNotFound)
	s.replica(suite{hub.ClassB}).Start()
	if r := s.reported(no); !r.Passed {
		t.Errorf("got %+v, want the report of the whole suite", r)
	}
}

func TestOneSuiteOfACreditorAtATime(t *testing.T) {
	s, prover := newScene(t), newSlow()
	s.Close()
	first, second := s.replica(prover), s.replica(prover)
	no := s.underWay(first, prover)
	for name, replica := range map[string]*onboard.Service{"here": first, "at another replica": second} {
		_, err := replica.Prove(t.Context(), company, "water", no)
		s.want("Prove "+name, err, hub.CodeConflict)
		if len(prover.begun) > 0 {
			t.Errorf("%s: got a second suite", name)
		}
	}
	prover.end <- hub.Report{Passed: true, Document: []byte(`{}`)}
	s.reported(no)
	first.Close() // the suite has left
	_, err := second.Prove(t.Context(), company, "water", no)
	s.want("Prove after the end", err, "")
	s.begins(prover, no)
}

// TestAVersionThatWasReplacedGivesItsPlaceUp submits another while the suite runs.
func TestAVersionThatWasReplacedGivesItsPlaceUp(t *testing.T) {
	s, prover := newScene(t), newSlow()
	s.Close()
	replica := s.replica(prover)
	replica.Start()
	first := s.underWay(replica, prover)
	second := s.draft("url https://b")
	_, err := replica.Submit(t.Context(), company, "water", second)
	s.want("Submit", err, "")
	prover.end <- hub.Report{Passed: true, Document: []byte(`{}`)}
	s.begins(prover, second)
	_, err = s.Report(t.Context(), company, "water", first)
	s.want("Report of what was replaced", err, hub.CodeNotFound)
	prover.end <- hub.Report{Passed: true, Document: []byte(`{}`)}
	s.reported(second)
}

// begun tells how many suites of a version are on record as under way.
func (s *scene) begun(no int) int {
	s.t.Helper()
	r, err := s.store.Registration(s.t.Context(), "water")
	s.want("Registration", err, "")
	return r.Version(no).Begun
}

// TestASuiteThatTakesItsReplicaWithItIsNotBegunForEver leaves on record what two
// replicas that died have left.
func TestASuiteThatTakesItsReplicaWithItIsNotBegunForEver(t *testing.T) {
	s, prover := newScene(t), newSlow()
	s.Close()
	first := s.replica(prover)
	no := s.underWay(first, prover)
	if got := s.begun(no); got != 1 {
		t.Errorf("while the suite runs: got %d on record, want 1", got)
	}
	first.Close()
	if got := s.begun(no); got != 0 {
		t.Errorf("after a restart: got %d on record, want none: it did not break off by itself", got)
	}
	_, err := s.store.ChangeRegistration(t.Context(), "water", func(r *hub.Registration) error { r.Version(no).Begun = 2; return nil })
	s.want("ChangeRegistration", err, "")
	replica := s.replica(prover)
	replica.Start()
	if r := s.reported(no); r.Passed || !strings.Contains(string(r.Document), "broke off") || len(prover.begun) > 0 {
		t.Errorf("got %s and %d suites, want it told that the suite broke off", r.Document, len(prover.begun))
	}
	for range 10_000 { // the report is there just before the lease is given back
		if _, err = replica.Prove(t.Context(), company, "water", no); hub.CodeOf(err) != hub.CodeConflict {
			break
		}
		time.Sleep(time.Millisecond)
	}
	s.want("Prove", err, "")
	s.begins(prover, no)
	prover.end <- hub.Report{Passed: true, Document: []byte(`{}`)}
	for range 10_000 {
		if r := s.reported(no); r.Passed && s.begun(no) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("got %+v and %d on record, want the report of the suite, and none", s.reported(no), s.begun(no))
}
