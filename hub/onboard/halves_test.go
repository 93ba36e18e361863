package onboard_test

import (
	"context"
	"testing"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/onboard"
)

// interposed lets somebody else act once, after a text was read.
type interposed struct {
	*sqlite.Store
	act func()
}

func (i *interposed) Text(ctx context.Context, creditor hub.Name, version int) (hub.ManifestText, error) {
	text, err := i.Store.Text(ctx, creditor, version)
	if act := i.act; act != nil {
		i.act = nil
		act()
	}
	return text, err
}

// over is a service over another store.
func (s *scene) over(store onboard.Store) *onboard.Service {
	parts := s.Parts
	parts.Store = store
	r := onboard.New(parts, onboard.Default())
	s.t.Cleanup(r.Close)
	return r
}

// written is the draft as it is kept.
func (s *scene) written(no int) hub.ManifestText {
	s.t.Helper()
	text, err := s.store.Text(s.t.Context(), "water", no)
	s.want("Text", err, "")
	return text
}

func TestNoHalfOfADraftIsLost(t *testing.T) {
	put := func(s *onboard.Service, text string) error {
		_, err := s.Draft(context.Background(), company, "water", []byte(text))
		return err
	}
	attach := func(s *onboard.Service, name string) error {
		_, err := s.Attach(context.Background(), company, "water", name, []byte("says"))
		return err
	}
	for name, tc := range map[string]struct {
		ours, theirs func(*onboard.Service) error
		yaml         string
		files        int
	}{
		"a text while a file is attached": {func(s *onboard.Service) error { return attach(s, "b.csv") }, func(s *onboard.Service) error { return put(s, "url b") }, "url b", 1},
		"a file while a text is put":      {func(s *onboard.Service) error { return put(s, "url b") }, func(s *onboard.Service) error { return attach(s, "b.csv") }, "url a", 2},
		"a file beside another":           {func(s *onboard.Service) error { return attach(s, "c.csv") }, func(s *onboard.Service) error { return attach(s, "b.csv") }, "url a", 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			no := s.draft("url a")
			s.want("Attach", attach(s.Service, "a.csv"), "")
			slow := s.over(&interposed{s.store, func() { s.want("the other's", tc.theirs(s.Service), "") }})
			s.want("ours", tc.ours(slow), hub.CodeConflict)
			if text := s.written(no); string(text.YAML) != tc.yaml || len(text.Files) != tc.files {
				t.Fatalf("got %q with %d files, want %q with %d, as the other wrote it", text.YAML, len(text.Files), tc.yaml, tc.files)
			}
			s.want("ours, again", tc.ours(slow), "")
		})
	}
}
