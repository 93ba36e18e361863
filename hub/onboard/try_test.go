package onboard_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/onboard"
)

// silent is a creditor that answers no dry run before it is told to.
type silent struct {
	suite
	asked chan hub.Name
	speak chan struct{}
}

func (p silent) Try(ctx context.Context, c hub.Candidate, _ hub.TrialSubject, _ hub.SecretStore) (hub.DryRun, error) {
	p.asked <- c.Creditor
	select {
	case <-p.speak:
	case <-ctx.Done():
	}
	return hub.DryRun{}, ctx.Err()
}

// tries begins a dry run of a company's first version.
func tries(t *testing.T, at *onboard.Service, creditor hub.Name) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := at.Try(t.Context(), hub.Caller{Company: creditor}, creditor, 1, hub.TrialSubject{Debtor: "known"})
		ended <- err
	}()
	return ended
}

// ends gives what a dry run ended with; one that is still under way fails the test.
func ends(t *testing.T, run <-chan error) error {
	t.Helper()
	select {
	case err := <-run:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("got no end, want the dry run refused or ended")
		return nil
	}
}

func TestFewDryRunsAtATime(t *testing.T) {
	s := newScene(t)
	away := silent{suite{hub.ClassB}, make(chan hub.Name, 20), make(chan struct{})}
	replica := s.replica(away)
	var under []<-chan error
	for i := range 9 {
		creditor := hub.Name(fmt.Sprintf("water%d", i))
		_, err := s.Draft(t.Context(), hub.Caller{Company: creditor}, creditor, []byte("url https://a"))
		s.want("Draft", err, "")
	}
	for i := range 8 {
		under = append(under, tries(t, replica, hub.Name(fmt.Sprintf("water%d", i))))
		<-away.asked
		s.want("a second one of the same company", ends(t, tries(t, replica, "water0")), hub.CodeBusy)
	}
	s.want("a ninth company", ends(t, tries(t, replica, "water8")), hub.CodeBusy)
	close(away.speak)
	for _, run := range under {
		s.want("Try", ends(t, run), "")
	}
	s.want("afterwards", ends(t, tries(t, replica, "water8")), "")
	s.want("the first one again", ends(t, tries(t, replica, "water0")), "")
}
