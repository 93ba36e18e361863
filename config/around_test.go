package config_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"racord/hub"
)

// around reads an example of what an operator sets up around a hub.
func around(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// places are the locations of nginx.example.conf with a pattern and a patience of
// their own.
var places = regexp.MustCompile(`(?m)^    location ~ (\S+) \{\n(?:        .*\n)*?        proxy_read_timeout (\w+);`)

func TestTheProxyWaitsAsLongAsADryRunMayTake(t *testing.T) {
	for _, place := range places.FindAllStringSubmatch(around(t, "nginx.example.conf"), -1) {
		if !regexp.MustCompile(place[1]).MatchString("/v1/connectors/salub/versions/2/try") {
			continue
		}
		if waits, err := time.ParseDuration(place[2]); err != nil || waits <= hub.TryFor {
			t.Errorf("got %s (%v), want more than %s", place[2], err, hub.TryFor)
		}
		return
	}
	t.Error("dry runs have no place of their own")
}

func TestSystemdNeverGivesAReplicaUp(t *testing.T) {
	unit, _, _ := strings.Cut(around(t, "racord.service"), "[Service]")
	if !strings.Contains(unit, "\nStartLimitIntervalSec=0\n") {
		t.Errorf("got\n%s\nwant no limit of starts", unit)
	}
}
