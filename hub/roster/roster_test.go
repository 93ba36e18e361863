package roster_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/roster"
)

// register is what companies have registered.
type register struct {
	mu     sync.Mutex
	list   []hub.Deployment
	epoch  int64
	down   bool
	hangs  bool          // nothing is said of trials until the caller gives up
	slow   time.Duration // how long a list is on its way once it was read
	trials map[int]hub.Trial
	moves  []string
}

func (s *register) Deployed(_ context.Context, known int64) ([]hub.Deployment, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known == s.epoch {
		return nil, known, nil
	}
	list, epoch, slow := slices.Clone(s.list), s.epoch, s.slow
	s.mu.Unlock()
	time.Sleep(slow)
	s.mu.Lock()
	return list, epoch, nil
}

func (s *register) Demote(_ context.Context, _ hub.Name, version int, to hub.Stage, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return hub.Errorf(hub.CodeUnavailable, "down")
	}
	s.moves = append(s.moves, fmt.Sprint(version, " ", to))
	s.list, s.epoch = slices.DeleteFunc(s.list, func(d hub.Deployment) bool { return d.Version == version }), s.epoch+1
	return nil
}

func (s *register) AddTrial(_ context.Context, _ hub.Name, version int, more hub.Trial) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.trials[version]
	sum.Calls, sum.Failed, sum.Foreign = sum.Calls+more.Calls, sum.Failed+more.Failed, sum.Foreign+more.Foreign
	sum.Compared, sum.Differed = sum.Compared+more.Compared, sum.Differed+more.Differed
	sum.Mismatches = append(sum.Mismatches, more.Mismatches...)
	s.trials[version] = sum
	return nil
}

func (s *register) Trial(ctx context.Context, _ hub.Name, version int) (hub.Trial, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hangs {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return hub.Trial{}, ctx.Err()
	}
	return s.trials[version], nil
}

func (s *register) delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = d
}

func (s *register) hang(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs = on
}

func (s *register) serve(list ...hub.Deployment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range list {
		list[i].Creditor = "water"
	}
	s.list, s.epoch = list, s.epoch+1
}

// office answers what each version says.
type office func(version int, who hub.Asked) (hub.Answer, error)

type source struct {
	office  office
	version int
}

func (s source) Obligations(_ context.Context, who hub.Asked) (hub.Answer, error) {
	return s.office(s.version, who)
}

// scene is a roster with an operator's own water company, or none.
type scene struct {
	*roster.Roster
	store  *register
	mu     sync.Mutex
	closed []int
	broken map[int]string // versions that cannot be opened, and why
	told   []string       // of which creditors there are such
	free   bool           // nobody is in quarantine
	log    bytes.Buffer
	lists  int // how many were made
}

// breaks lets a version not be opened any more, for a reason; "" mends it.
func (s *scene) breaks(version int, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[version] = why
}

// slowToOpen is a version that takes ten seconds to open.
const slowToOpen = 8

// byAccountOnly is a version that finds nobody by a personal code.
const byAccountOnly = 9

func newScene(t *testing.T, own bool, says office) *scene {
	t.Helper()
	return (&register{trials: map[int]hub.Trial{}}).newScene(t, own, says)
}

// newScene is one replica more on what companies have registered.
func (store *register) newScene(t *testing.T, own bool, says office) *scene {
	t.Helper()
	keys, err := hub.NewKeys(hubtest.Master(), "cache")
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{store: store, broken: map[int]string{}}
	connector := func(version int) *hub.Connector {
		c := &hub.Connector{Creditor: hub.Creditor{Name: "water", Title: fmt.Sprint("Water ", version)}, Source: source{says, version}, Feed: bulk(version), Inbox: bulk(version)}
		c.Traits.Fetch, c.Traits.Identifiers = []hub.Fetch{hub.FetchByParty}, []hub.Scheme{hub.SchemeCNP}
		if version == byAccountOnly {
			c.Traits.Fetch = []hub.Fetch{hub.FetchByAccount}
		}
		return c
	}
	parts := roster.Parts{Store: s.store, Keys: keys, Log: slog.New(slog.NewTextHandler(&s.log, nil)), Open: func(_ context.Context, d hub.Deployment) (roster.Opened, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if d.Version == slowToOpen {
			s.mu.Unlock()
			time.Sleep(10 * time.Second)
			s.mu.Lock()
		}
		if why := s.broken[d.Version]; why != "" {
			return roster.Opened{}, hub.Errorf(hub.CodeInvalid, "%s", why)
		}
		return roster.Opened{Connector: connector(d.Version), Close: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.closed = append(s.closed, d.Version)
		}, Tests: []hub.Asked{{Account: hub.AccountRef{Creditor: "water", Code: "T1"}}, {}, {Account: hub.AccountRef{Creditor: "water", Code: "T2"}}}}, nil
	}}
	parts.Unopened = func(creditor hub.Name, in bool) { s.told = append(s.told, fmt.Sprint(creditor, " ", in)) }
	parts.Lifts = func(creditor hub.Name) int { return len(creditor) }
	parts.Held = func(creditor hub.Name) bool { return creditor == "water" && !s.free }
	parts.Changed = func([]*hub.Connector) { s.lists++ }
	if own {
		parts.Own = []*hub.Connector{connector(0)}
	}
	s.Roster = roster.New(parts, roster.Conf{})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// end stops the roster; what is closed later is closed.
func (s *scene) end() {
	_ = s.Stop(context.Background())
	time.Sleep(time.Minute)
}

// answerOf gives the version that a party is shown and what it says, -1 for none.
func (s *scene) answerOf(party hub.PartyID) (version int, err error) {
	for _, c := range s.OnDuty() {
		if own := c.For(party); own != nil {
			answer, err := own.Source.Obligations(context.Background(), hub.Asked{Party: party})
			if answer.Loan != nil {
				answer.Loan.Return()
			}
			return own.Version, err
		}
	}
	return -1, nil
}

// lent is an answer in memory that is cleared when it comes back.
type lent []hub.Obligation

func (l lent) Return() { clear(l) }

func good(int, hub.Asked) (hub.Answer, error) { return hub.Answer{}, nil }

func TestTheListFollowsWhatIsRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, true, good)
		defer s.end()
		before := s.OnDuty()
		steps := []struct {
			list []hub.Deployment
			want int
		}{
			{nil, 0},
			{[]hub.Deployment{{Version: 1, Stage: hub.StageShadow}}, 0},
			{[]hub.Deployment{{Version: 1, Stage: hub.StageLive}}, 1},
			{[]hub.Deployment{{Version: 2, Stage: hub.StageLive}}, 2},
			{nil, 0},
		}
		for i, step := range steps {
			s.store.serve(step.list...)
			time.Sleep(2 * time.Second)
			if got, _ := s.answerOf("p"); got != step.want {
				t.Errorf("step %d: version %d is shown, want %d", i, got, step.want)
			}
		}
		if len(before) != 1 || before[0].Version != 0 {
			t.Error("a list that was given out has changed")
		}
		time.Sleep(time.Minute)
		s.mu.Lock()
		defer s.mu.Unlock()
		if !slices.Equal(slices.Sorted(slices.Values(s.closed)), []int{1, 1, 2}) {
			t.Errorf("closed are %v, want version 1 in both roles, and 2", s.closed)
		}
	})
}

func TestACanaryServesAStableShare(t *testing.T) {
	for _, own := range []bool{true, false} {
		t.Run(fmt.Sprint("own ", own), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, own, good)
				defer s.end()
				others, had := -1, map[hub.PartyID]bool{}
				if own {
					others = 0
				}
				for _, share := range []int{0, 10, 50, 100} {
					s.store.serve(hub.Deployment{Version: 3, Stage: hub.StageCanary, Share: share})
					time.Sleep(2 * time.Second)
					count := 0
					for i := range 2000 {
						party := hub.PartyID(fmt.Sprint("party-", i))
						switch got, _ := s.answerOf(party); {
						case got == 3:
							count++
							had[party] = true
						case got != others:
							t.Fatalf("a party outside is shown version %d, want %d", got, others)
						case had[party]:
							t.Fatalf("a party left when the share grew to %d", share)
						}
					}
					if want := 20 * share; count < want-100 || count > want+100 {
						t.Errorf("with a share of %d, %d of 2000 are shown the canary", share, count)
					}
				}
			})
		})
	}
}

func TestAShadowIsComparedAndNeverShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		debt := func(id string, bani int64) hub.Obligation {
			return hub.Obligation{ExternalID: id, Outstanding: hub.Bani(bani)}
		}
		s := newScene(t, true, func(version int, who hub.Asked) (hub.Answer, error) {
			switch {
			case version == 0:
				shown := lent{debt("a", 100), debt("b", 200)}
				return hub.Answer{Obligations: shown, Loan: shown}, nil
			case who.Party == "wrong":
				return hub.Answer{Obligations: []hub.Obligation{debt("a", 101), debt("c", 1)}}, nil
			case who.Party == "slow":
				time.Sleep(10 * time.Second)
			}
			return hub.Answer{Obligations: []hub.Obligation{debt("b", 200), debt("a", 100)}}, nil
		})
		defer s.end()
		s.store.serve(hub.Deployment{Version: 1, Stage: hub.StageShadow})
		time.Sleep(2 * time.Second)
		begun := time.Now()
		for _, party := range []hub.PartyID{"right", "slow", "wrong"} {
			if got, err := s.answerOf(party); got != 0 || err != nil {
				t.Errorf("shown is version %d (%v)", got, err)
			}
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("a shadow made citizens wait for %s", took)
		}
		time.Sleep(time.Minute)
		trial, _ := s.store.Trial(context.Background(), "water", 1)
		if trial.Compared != 3 || trial.Differed != 1 || trial.Calls != 3 || len(trial.Mismatches) != 3 {
			t.Fatalf("got %+v, want one of three to differ, in three places", trial)
		}
		for _, m := range trial.Mismatches {
			if m.Subject == "" || m.Subject == "wrong" {
				t.Errorf("the subject of a mismatch is %q", m.Subject)
			}
		}
	})
}

func TestAShadowWithoutALiveVersionIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, false, good)
		defer s.end()
		s.store.serve(hub.Deployment{Version: 1, Stage: hub.StageShadow})
		time.Sleep(2 * time.Second)
		fleet := s.OnDuty()
		if len(fleet) != 1 || fleet[0].For("p") != nil || fleet[0].Shadow == nil {
			t.Fatalf("got %+v, want a creditor that nobody is shown", fleet)
		}
		for range 3 {
			fleet[0].Overhear(hub.Asked{Party: "p"})
		}
		time.Sleep(time.Minute)
		if trial, _ := s.store.Trial(context.Background(), "water", 1); trial.Calls != 3 || trial.Compared != 0 {
			t.Errorf("got %+v, want three calls and nothing to compare", trial)
		}
	})
}

// TestAStoreThatHangsHoldsNobody: while the database gives no answer about a canary,
// a version that answers about somebody else leaves at once, and the roster stops
// when it is told to.
// TestWhatNobodyDeliversElseAVersionOnItsWayReads has a company that brings files:
// without them its first version would never have anything to say.
func TestWhatNobodyDeliversElseAVersionOnItsWayReads(t *testing.T) {
	for name, tc := range map[string]struct {
		own  bool
		list []hub.Deployment
		feed int // whose Feed and Inbox are on duty
		by   int
	}{
		"a first shadow":               {false, []hub.Deployment{{Version: 2, Stage: hub.StageShadow}}, 2, 2},
		"a first canary":               {false, []hub.Deployment{{Version: 2, Stage: hub.StageCanary, Share: 10}}, 2, 2},
		"beside a live one":            {false, []hub.Deployment{{Version: 1, Stage: hub.StageLive}, {Version: 2, Stage: hub.StageShadow}}, 1, 0},
		"beside the operator's own":    {true, []hub.Deployment{{Version: 2, Stage: hub.StageCanary, Share: 10}}, 0, 0},
		"after a suspended one":        {false, []hub.Deployment{{Version: 1, Stage: hub.StageSuspended}, {Version: 2, Stage: hub.StageCanary, Share: 10}}, 2, 2},
		"a live one":                   {false, []hub.Deployment{{Version: 2, Stage: hub.StageLive}}, 2, 0},
		"a suspended one by itself":    {false, []hub.Deployment{{Version: 2, Stage: hub.StageSuspended}}, -1, 0},
		"the operator's own by itself": {true, nil, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, tc.own, good)
				defer s.end()
				s.store.serve(tc.list...)
				time.Sleep(2 * time.Second)
				c := s.OnDuty()[0]
				if got := versionOf(c.Feed); got != tc.feed || c.FedBy != tc.by {
					t.Errorf("got the feed of %d by %d, want %d by %d", got, c.FedBy, tc.feed, tc.by)
				}
				if got := versionOf(c.Inbox); tc.feed >= 0 && got != tc.feed {
					t.Errorf("got the inbox of %d, want %d", got, tc.feed)
				}
			})
		})
	}
}

// bulk is what a version delivers, by its number.
type bulk int

func (bulk) Pull(context.Context, hub.Cursor) (hub.Batch, error) {
	return nil, hub.Errorf(hub.CodeNotFound, "nothing newer")
}

func (bulk) Rows(hub.Form, io.Reader) (iter.Seq2[hub.Record, error], error) {
	return nil, hub.Errorf(hub.CodeUnsupported, "no rows")
}

func versionOf(part any) int {
	if b, ok := part.(bulk); ok {
		return int(b)
	}
	return -1
}

// TestWhatIsPublishedIsNotComparedWithItself has a second version of a company that
// brings files: both answer what is published.
func TestWhatIsPublishedIsNotComparedWithItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, true, func(int, hub.Asked) (hub.Answer, error) { return hub.Answer{Published: true}, nil })
		defer s.end()
		s.store.serve(hub.Deployment{Version: 1, Stage: hub.StageShadow})
		time.Sleep(2 * time.Second)
		for range 5 {
			_, _ = s.answerOf("p")
			time.Sleep(2 * time.Second)
		}
		if got, _ := s.store.Trial(t.Context(), "water", 1); got.Calls == 0 || got.Compared != 0 {
			t.Errorf("got %+v, want it asked and nothing compared", got)
		}
	})
}

func TestAStoreThatHangsHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, true, func(version int, who hub.Asked) (hub.Answer, error) {
			if version == 7 && who.Party == "victim" {
				return hub.Answer{}, hub.Errorf(hub.CodeForeignData, "somebody else's")
			}
			return hub.Answer{}, nil
		})
		s.store.serve(hub.Deployment{Version: 7, Stage: hub.StageCanary, Share: 100})
		time.Sleep(2 * time.Second)
		s.store.hang(true)
		s.store.serve(hub.Deployment{Version: 7, Stage: hub.StageCanary, Share: 100, Since: time.Now()}) // opened anew
		time.Sleep(2 * time.Second)
		begun := time.Now()
		if _, err := s.answerOf("victim"); hub.CodeOf(err) != hub.CodeForeignData {
			t.Errorf("got %v", err)
		}
		if got, _ := s.answerOf("p"); got != 0 || time.Since(begun) != 0 {
			t.Errorf("version %d is shown, after %s", got, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := s.Stop(ctx); time.Since(begun) > 3*time.Second {
			t.Errorf("got %v after %s, want it stopped within 3 s", err, time.Since(begun))
		}
		s.store.hang(false)
		s.end()
	})
}

// TestWhoLeavesWhileAnotherIsOpenedStaysAway takes a canary out of service while a
// list is made that still has it, and stops while another is made.
func TestWhoLeavesWhileAnotherIsOpenedStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, true, func(version int, who hub.Asked) (hub.Answer, error) {
			if version == 7 && who.Party == "victim" {
				return hub.Answer{}, hub.Errorf(hub.CodeForeignData, "somebody else's")
			}
			return hub.Answer{}, nil
		})
		canary := hub.Deployment{Version: 7, Stage: hub.StageCanary, Share: 100}
		s.store.serve(canary)
		time.Sleep(2 * time.Second)
		s.store.mu.Lock()
		s.store.down = true // and hears of nothing yet
		s.store.mu.Unlock()
		s.store.serve(canary, hub.Deployment{Version: slowToOpen, Stage: hub.StageLive})
		time.Sleep(2 * time.Second)
		_, _ = s.answerOf("victim")
		for range 20 {
			if got, _ := s.answerOf("p"); got == 7 {
				t.Fatal("a version is shown that left")
			}
			time.Sleep(time.Second)
		}
		if got, _ := s.answerOf("p"); got != slowToOpen {
			t.Errorf("version %d is shown, want %d", got, slowToOpen)
		}
		s.store.serve(hub.Deployment{Version: slowToOpen, Stage: hub.StageLive, Pays: true})
		time.Sleep(2 * time.Second)
		s.end()
		s.mu.Lock()
		defer s.mu.Unlock()
		if slices.Sort(s.closed); !slices.Equal(s.closed, []int{7, slowToOpen, slowToOpen}) {
			t.Errorf("closed are %v, want each once, and what was opened too late", s.closed)
		}
	})
}

// TestALookIsBounded: a store that hangs for a while and then answers is followed
// again, though the call that hung never ended by itself.
func TestALookIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, true, good)
		defer s.end()
		s.store.serve(hub.Deployment{Version: 7, Stage: hub.StageCanary, Share: 100})
		time.Sleep(2 * time.Second)
		s.store.hang(true)
		time.Sleep(2 * time.Second)
		s.store.hang(false)
		s.store.serve(hub.Deployment{Version: 3, Stage: hub.StageLive})
		time.Sleep(8 * time.Second)
		if got, _ := s.answerOf("p"); got != 3 {
			t.Errorf("version %d is shown, want 3", got)
		}
	})
}

// TestNothingBeginsAfterTheEnd: a look that was under way when the roster stopped
// leaves nothing open and nobody running.
func TestNothingBeginsAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, true, good)
		s.end()
		s.store.serve(hub.Deployment{Version: 1, Stage: hub.StageShadow})
		if err := s.Look(context.Background()); err != nil {
			t.Error(err)
		}
		if fleet := s.OnDuty(); len(fleet) != 1 || fleet[0].Version != 0 {
			t.Errorf("got %+v", fleet)
		}
	})
}

func TestAStoppedConnectorIsSaidToBe(t *testing.T) {
	for name, tc := range map[string]struct {
		own, free bool // the operator's own manifest; what was live is not in quarantine
		stage     hub.Stage
		version   int
		code      hub.Code
		held      bool
	}{
		"suspended":                           {false, true, hub.StageSuspended, 4, hub.CodeMaintenance, false},
		"suspended, and in quarantine before": {false, false, hub.StageSuspended, 4, hub.CodeMaintenance, true},
		"quarantined":                         {false, true, hub.StageQuarantined, 4, hub.CodeForeignData, true},
		"suspended, own":                      {true, true, hub.StageSuspended, 0, "", false},
		"quarantined, own":                    {true, true, hub.StageQuarantined, 0, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, tc.own, good)
				defer s.end()
				s.free = tc.free
				s.store.serve(hub.Deployment{Version: 4, Stage: hub.StageLive})
				time.Sleep(2 * time.Second)
				s.store.serve(hub.Deployment{Version: 4, Stage: tc.stage})
				time.Sleep(2 * time.Second)
				got, err := s.answerOf("p")
				if held := s.OnDuty()[0].Quarantined(); held != tc.held {
					t.Errorf("held is %t", held)
				}
				if got != tc.version || hub.CodeOf(err) != tc.code {
					t.Errorf("shown is version %d (%v)", got, err)
				}
			})
		})
	}
}

// TestACreditorWithoutALiveVersionSaysSo retires what is live while the next version is
// on its way. Payments under way ask the connector that is on duty what is still owed.
func TestACreditorWithoutALiveVersionSaysSo(t *testing.T) {
	for _, stage := range []hub.Stage{hub.StageShadow, hub.StageCanary} {
		t.Run(string(stage), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, false, good)
				defer s.end()
				next := hub.Deployment{Version: 2, Stage: stage}
				s.store.serve(hub.Deployment{Version: 1, Stage: hub.StageLive}, next)
				time.Sleep(2 * time.Second)
				s.store.serve(next)
				time.Sleep(2 * time.Second)
				c := s.OnDuty()[0]
				if c.Source == nil {
					t.Fatal("there is nobody to ask")
				}
				if _, err := c.Source.Obligations(t.Context(), hub.Asked{Party: "p"}); hub.CodeOf(err) != hub.CodeUnavailable {
					t.Errorf("got %v, want %s", err, hub.CodeUnavailable)
				}
				if !c.Hidden || c.For("p") != nil || c.Sink != nil {
					t.Errorf("got %+v, want nobody shown anything, and nothing paid", c)
				}
			})
		})
	}
}

// TestAVersionThatCannotBeOpenedIsNotGone: what is owed to its creditor is not
// known, and nobody else is asked in its place.
func TestAVersionThatCannotBeOpenedIsNotGone(t *testing.T) {
	for name, tc := range map[string]struct {
		own, before bool // the operator's own manifest; a version that was live before
		title       string
		serves      hub.Deployment
		code        hub.Code
	}{
		"live, with a version before":  {false, true, "Water 1", hub.Deployment{Version: 2, Stage: hub.StageLive}, hub.CodeUnavailable},
		"live, with an own manifest":   {true, false, "Water 0", hub.Deployment{Version: 2, Stage: hub.StageLive}, hub.CodeUnavailable},
		"live, and nothing before":     {false, false, "water", hub.Deployment{Version: 2, Stage: hub.StageLive}, hub.CodeUnavailable},
		"suspended":                    {false, false, "water", hub.Deployment{Version: 2, Stage: hub.StageSuspended}, hub.CodeMaintenance},
		"a canary, and nothing beside": {false, false, "water", hub.Deployment{Version: 2, Stage: hub.StageCanary, Share: 100}, hub.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, tc.own, good)
				defer s.end()
				if tc.before {
					s.store.serve(hub.Deployment{Version: 1, Stage: hub.StageLive})
					time.Sleep(2 * time.Second)
				}
				s.breaks(2, "a setting of another release")
				s.store.serve(tc.serves)
				time.Sleep(2 * time.Second)
				if got, err := s.answerOf("p"); got != 2 || hub.CodeOf(err) != tc.code {
					t.Fatalf("shown is version %d (%v), want 2 and %s", got, err, tc.code)
				}
				c := s.OnDuty()[0].For("p")
				folder := hub.Folder{Party: hub.Party{ID: "p", Identifiers: []hub.Identifier{{Scheme: hub.SchemeCNP, Value: "1"}}}}
				if len(s.OnDuty()) != 1 || c.Creditor.Title != tc.title || len(c.Questions(&folder)) != 1 || c.Sink != nil || c.Quarantined() == (tc.serves.Stage == hub.StageCanary) {
					t.Errorf("got %+v", c)
				}
				synctest.Wait()
				lists := s.lists
				time.Sleep(time.Hour)
				synctest.Wait()
				if s.lists != lists || strings.Count(s.log.String(), "level=ERROR") != 1 {
					t.Errorf("an hour later: %d lists more, and\n%s", s.lists-lists, s.log.String())
				}
				s.breaks(2, "")
				time.Sleep(2 * time.Second)
				if c := s.OnDuty()[0].For("p"); c.Creditor.Title != "Water 2" {
					t.Errorf("opened at last: got %+v", c)
				}
				synctest.Wait()
				if !slices.Equal(s.told, []string{"water true", "water false"}) {
					t.Errorf("told %v", s.told)
				}
			})
		})
	}
}

// TestACanaryThatCannotBeOpenedShowsWhatIsLive leaves its share of the citizens
// with the version that they had.
func TestACanaryThatCannotBeOpenedShowsWhatIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, true, good)
		defer s.end()
		s.breaks(2, "a setting of another release")
		s.store.serve(hub.Deployment{Version: 2, Stage: hub.StageCanary, Share: 100})
		time.Sleep(2 * time.Second)
		if got, err := s.answerOf("p"); got != 0 || err != nil {
			t.Errorf("shown is version %d (%v), want 0", got, err)
		}
		s.store.serve()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !slices.Equal(s.told, []string{"water true", "water false"}) {
			t.Errorf("told %v", s.told)
		}
	})
}

func TestAForeignAnswerEndsACanaryAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, true, func(version int, who hub.Asked) (hub.Answer, error) {
			if version == 7 && who.Party == "victim" {
				return hub.Answer{}, hub.Errorf(hub.CodeForeignData, "somebody else's")
			}
			return hub.Answer{}, nil
		})
		defer s.end()
		s.store.serve(hub.Deployment{Version: 7, Stage: hub.StageCanary, Share: 100})
		time.Sleep(2 * time.Second)
		if got, _ := s.answerOf("p"); got != 7 {
			t.Fatalf("shown is version %d", got)
		}
		s.store.mu.Lock()
		s.store.down = true // this replica cannot tell anybody yet
		s.store.mu.Unlock()
		if _, err := s.answerOf("victim"); hub.CodeOf(err) != hub.CodeForeignData {
			t.Errorf("got %v", err)
		}
		for range 5 {
			if got, _ := s.answerOf("p"); got != 0 {
				t.Errorf("after the foreign answer version %d is shown", got)
			}
			time.Sleep(2 * time.Second)
		}
		s.store.mu.Lock()
		s.store.down = false
		s.store.mu.Unlock()
		time.Sleep(5 * time.Second)
		if s.store.mu.Lock(); !slices.Equal(s.store.moves, []string{"7 quarantined"}) || s.store.trials[7].Foreign != 1 {
			t.Errorf("the store was told %v, %+v", s.store.moves, s.store.trials[7])
		}
		s.store.mu.Unlock()
	})
}

// TestAnOldListBringsNobodyBack: a list is read, its canary answers about somebody
// else, the store is told and knows, and only then the list arrives.
func TestAnOldListBringsNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, true, func(version int, who hub.Asked) (hub.Answer, error) {
			if version == 7 && who.Party == "victim" {
				return hub.Answer{}, hub.Errorf(hub.CodeForeignData, "somebody else's")
			}
			return hub.Answer{}, nil
		})
		defer s.end()
		canary := hub.Deployment{Version: 7, Stage: hub.StageCanary, Share: 100}
		s.store.serve(canary)
		time.Sleep(2 * time.Second)
		s.store.delay(2 * time.Second)
		s.store.serve(canary)
		time.Sleep(1500 * time.Millisecond) // it is read, and on its way
		if _, err := s.answerOf("victim"); hub.CodeOf(err) != hub.CodeForeignData {
			t.Errorf("got %v", err)
		}
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			if got, _ := s.answerOf("p"); got != 0 {
				t.Fatalf("version %d is shown after its foreign answer", got)
			}
		}
		s.store.serve(hub.Deployment{Version: 7, Stage: hub.StageCanary, Share: 100})
		time.Sleep(5 * time.Second)
		if got, _ := s.answerOf("p"); got != 7 {
			t.Errorf("lifted: version %d is shown, want 7", got)
		}
	})
}

func TestACanaryThatFailsTooOftenIsSuspended(t *testing.T) {
	for _, c := range []struct {
		every int // every so many calls fail
		want  int
	}{{20, 7}, {5, 0}} {
		t.Run(fmt.Sprint("every ", c.every), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				s := newScene(t, true, func(version int, _ hub.Asked) (hub.Answer, error) {
					if version != 7 {
						return hub.Answer{}, nil
					}
					if calls++; calls%c.every == 0 {
						return hub.Answer{}, hub.Errorf(hub.CodeTimeout, "silent")
					}
					return hub.Answer{}, nil
				})
				defer s.end()
				s.store.serve(hub.Deployment{Version: 7, Stage: hub.StageCanary, Share: 100})
				time.Sleep(2 * time.Second)
				for range 60 {
					_, _ = s.answerOf("p")
				}
				time.Sleep(3 * time.Second)
				if got, _ := s.answerOf("p"); got != c.want {
					t.Errorf("shown is version %d, want %d", got, c.want)
				}
			})
		})
	}
}

// TestAConnectorKnowsHowOftenItWasLetOut, as a version and as the creditor's, also
// one that cannot be opened.
func TestAConnectorKnowsHowOftenItWasLetOut(t *testing.T) {
	for _, stage := range []hub.Stage{hub.StageCanary, hub.StageLive, hub.StageSuspended} {
		for _, why := range []string{"", "a setting of another release"} {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, false, good)
				defer s.end()
				s.breaks(4, why)
				s.store.serve(hub.Deployment{Version: 4, Stage: stage, Share: 100, Lifted: 2})
				time.Sleep(2 * time.Second)
				if got, want := s.OnDuty()[0].For("p").Term(), (hub.Term{Version: 2, Creditor: int32(len("water"))}); got != want {
					t.Errorf("%s, %q: got %+v, want %+v", stage, why, got, want)
				}
			})
		}
	}
}

// TestReplicasShareACanarysBudget lets three replicas see a third of a canary's
// calls each: none of them enough to judge alone.
func TestReplicasShareACanarysBudget(t *testing.T) {
	for name, tc := range map[string]struct {
		failing [3]int // calls that fail, of eight at each replica
		want    int
	}{
		"each sees some fail":      {[3]int{1, 1, 1}, 0},
		"one sees all that fail":   {[3]int{0, 0, 3}, 0},
		"what fails is too little": {[3]int{0, 0, 2}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &register{trials: map[int]hub.Trial{}}
				store.serve(hub.Deployment{Version: 7, Stage: hub.StageCanary, Share: 100})
				fail := false
				var replicas []*scene
				for range 3 {
					s := store.newScene(t, true, func(version int, _ hub.Asked) (hub.Answer, error) {
						if version == 7 && fail {
							return hub.Answer{}, hub.Errorf(hub.CodeTimeout, "silent")
						}
						return hub.Answer{}, nil
					})
					defer s.end()
					replicas = append(replicas, s)
				}
				for i, s := range replicas {
					for call := range 8 {
						fail = call < tc.failing[i]
						_, _ = s.answerOf("p")
					}
				}
				fail = false
				time.Sleep(3 * time.Second)
				for i, s := range replicas {
					if got, _ := s.answerOf("p"); got != tc.want {
						t.Errorf("replica %d shows version %d, want %d", i, got, tc.want)
					}
				}
			})
		})
	}
}

// TestAReplicaAloneDoesNotOverdraw fails many calls at one replica that are few
// among those of all.
func TestAReplicaAloneDoesNotOverdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &register{trials: map[int]hub.Trial{}}
		store.serve(hub.Deployment{Version: 7, Stage: hub.StageCanary, Share: 100})
		failing := func(version int, _ hub.Asked) (hub.Answer, error) {
			if version == 7 {
				return hub.Answer{}, hub.Errorf(hub.CodeTimeout, "silent")
			}
			return hub.Answer{}, nil
		}
		busy, unlucky := store.newScene(t, true, good), store.newScene(t, true, failing)
		defer busy.end()
		defer unlucky.end()
		for range 1000 {
			_, _ = busy.answerOf("p")
		}
		time.Sleep(3 * time.Second)
		for range 40 {
			_, _ = unlucky.answerOf("p")
		}
		time.Sleep(3 * time.Second)
		for i, s := range []*scene{busy, unlucky} {
			if got, _ := s.answerOf("p"); got != 7 {
				t.Errorf("replica %d shows version %d, want 7", i, got)
			}
		}
	})
}

// TestAShadowFoundByAccountOnlyAsksItsTestDebtors has no citizen to ask about.
func TestAShadowFoundByAccountOnlyAsksItsTestDebtors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := map[string]int{}
		s := newScene(t, false, func(_ int, who hub.Asked) (hub.Answer, error) {
			mu.Lock()
			defer mu.Unlock()
			asked[who.Account.Code]++
			return hub.Answer{}, nil
		})
		defer s.end()
		s.store.serve(hub.Deployment{Version: byAccountOnly, Stage: hub.StageShadow})
		time.Sleep(10*time.Minute + 2*time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(asked) != 2 || asked["T1"] != 10 || asked["T2"] != 10 {
			t.Errorf("asked about %v, want each test account ten times", asked)
		}
		if trial, _ := s.store.Trial(t.Context(), "water", byAccountOnly); trial.Calls < 19 {
			t.Errorf("got %d answers told, want 20", trial.Calls)
		}
	})
}
