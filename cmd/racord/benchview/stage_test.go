package main

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// TestMain plays a role when the stage starts it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == roleUpstreams || os.Args[1] == roleYardstick) {
		if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// What is compared must be the same: the yardstick's bytes are those of the real
// program over the same creditors.
func TestTheYardstickAnswersWhatTheHubAnswers(t *testing.T) {
	s := &stage{bench: &bench{dir: t.TempDir(), say: t.Logf}}
	defer s.close()
	if err := s.open(t.Context(), options{citizens: 4}); err != nil {
		t.Fatal(err)
	}
	if err := s.agree(t.Context()); err != nil {
		t.Error(err)
	}
}
