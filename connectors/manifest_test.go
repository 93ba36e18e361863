package connectors_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"racord/connectors"
	"racord/hub"
)

// station is a kind with every sort of setting.
type station struct {
	URL    string        `json:"url" doc:"Address." required:"true"`
	Line   *stationLine  `json:"line" doc:"A part that may be missing."`
	Wait   time.Duration `json:"wait" doc:"A while." max:"60"`
	Stops  []string      `json:"stops" doc:"Names."`
	Weight float64       `json:"weight" doc:"A number." min:"0" max:"1"`
	Loud   bool          `json:"loud" doc:"A choice."`
}

type stationLine struct {
	Address string                `json:"address" doc:"Another address."`
	Key     connectors.SecretName `json:"key" doc:"A secret."`
	Number  int                   `json:"number" doc:"A whole number."`
}

// trainKind tells what it was given in the contact of its creditor.
var trainKind = connectors.Define("train", "Every sort of setting.", station{Wait: 5 * time.Second, Weight: 0.5},
	func(_ context.Context, _ connectors.Env, m *connectors.Manifest, s station) (*hub.Connector, error) {
		if s.Loud {
			return nil, hub.Errorf(hub.CodeUnsupported, "too loud")
		}
		c := m.Connector()
		c.Creditor.Contact = s.URL + " " + s.Wait.String()
		if s.Line != nil {
			c.Creditor.Contact += " " + s.Line.Address
		}
		return c, nil
	})

const train = `kind: train
creditor: rail
name: Căi
category: transport
traits:
  fetch: [by_account]
  windows: ["23:30-04:30", "12:00-12:30"]
  delivery: {at: "05:30", grace: 1h}
settings:
  url: http://old/a
  line: {address: http://old/b, key: rail-key, number: 7}
calls:
  obligations:
    map: {external_id: id, kind: ="ticket", outstanding: due | bani}
`

func parseTrain(t *testing.T, text string) *connectors.Manifest {
	t.Helper()
	m, err := connectors.NewCatalog(trainKind).Parse("rail.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func contact(t *testing.T, m *connectors.Manifest) string {
	t.Helper()
	c, err := connectors.NewCatalog(trainKind).Open(context.Background(), connectors.Env{}, m)
	if err != nil {
		t.Fatal(err)
	}
	return c.Creditor.Contact
}

func TestAManifestBecomesAConnector(t *testing.T) {
	m := parseTrain(t, train)
	if got := contact(t, m); got != "http://old/a 5s http://old/b" {
		t.Errorf("got %q, want settings over the kind's defaults", got)
	}
	if tr := m.Traits; tr.MaxInflight != 16 || tr.Timeout != 1500*time.Millisecond || tr.Freshness.StaleIfError != 24*time.Hour || tr.Freshness.Negative != 5*time.Minute {
		t.Errorf("got %+v, want the defaults", tr)
	}
	if tr := m.Traits; len(tr.Windows) != 2 || tr.Windows[0] != (hub.Window{From: 23*60 + 30, To: 4*60 + 30}) || tr.Delivery != (hub.Delivery{At: 330, Grace: time.Hour}) {
		t.Errorf("got %+v, want two windows and a delivery at 05:30", tr)
	}
	if m.Creditor.Name != "rail" || m.Creditor.Title != "Căi" || m.Kind != "train" {
		t.Errorf("got %+v of kind %s", m.Creditor, m.Kind)
	}
}

func TestADemoCityCanMove(t *testing.T) {
	m := parseTrain(t, train)
	if n := m.Rebase("http://old", "http://new:1"); n != 2 {
		t.Errorf("got %d settings, want 2", n)
	}
	if got := contact(t, m); got != "http://new:1/a 5s http://new:1/b" {
		t.Errorf("got %q", got)
	}
	copied := *m
	if n := copied.Rebase("http://new:1", "http://third"); n != 2 || strings.Contains(contact(t, m), "third") {
		t.Errorf("got %d, %q: a copy changed the manifest it was made of", n, contact(t, m))
	}
}

func TestWhatAKindRefusesNamesTheFile(t *testing.T) {
	m := parseTrain(t, strings.Replace(train, "url: http://old/a", "url: http://old/a\n  loud: true", 1))
	_, err := connectors.NewCatalog(trainKind).Open(context.Background(), connectors.Env{}, m)
	if hub.CodeOf(err) != hub.CodeUnsupported || !strings.Contains(err.Error(), "rail.yaml") {
		t.Errorf("got %v, want unsupported of rail.yaml", err)
	}
}

func TestSettingsAreReadStrictly(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want string }{
		"a duration that is too long": {"url: http://old/a", "url: http://old/a\n  wait: 2h", "rail.yaml:11: settings.wait: must be at most 60"},
		"a number that is too large":  {"url: http://old/a", "url: http://old/a\n  weight: 1.5", "rail.yaml:11: settings.weight: must be from 0 to 1"},
		"a truth that is a text":      {"url: http://old/a", `url: http://old/a` + "\n  loud: \"yes\"", "rail.yaml:11: settings.loud: must be true or false, not text"},
		"a list that is a text":       {"url: http://old/a", "url: http://old/a\n  stops: Cluj", "rail.yaml:11: settings.stops: must be a list, not text"},
		"a number with a zero":        {"number: 7", "number: 07", "rail.yaml:11: settings.line.number"},
		"a text that is empty":        {"url: http://old/a", `url: ""`, "rail.yaml:10: settings.url: must not be empty"},
		"a mapping that is a text":    {"{address: http://old/b, key: rail-key, number: 7}", "north", "rail.yaml:11: settings.line: must be a mapping of keys to values, not text"},
	} {
		_, err := connectors.NewCatalog(trainKind).Parse("rail.yaml", []byte(strings.Replace(train, tc.from, tc.to, 1)))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}

// FuzzManifest parses anything: no panic, and every problem names the file and a
// line that exists.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(train))
	f.Add([]byte(paperHead + paperMap))
	f.Add([]byte("kind: train\ncreditor: a\n? [b]\n: c\n<<: *x\n"))
	f.Add([]byte("kind: &a [*a]"))
	f.Add([]byte("- 1\n-\n"))
	catalog := connectors.NewCatalog(trainKind, paper)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := catalog.Parse("any.yaml", data)
		var problems connectors.Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("got %v, want problems", err)
		}
		for _, p := range problems {
			if p.File != "any.yaml" || p.Line < 1 || p.Line > 2+strings.Count(string(data), "\n")+strings.Count(string(data), "\r") || p.What == "" {
				t.Fatalf("got %q on line %d of a file with %d lines", p.What, p.Line, strings.Count(string(data), "\n")+1)
			}
		}
	})
}
