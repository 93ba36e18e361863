package config_test

import (
	"fmt"
	"strings"
	"testing"

	"racord/config"
)

func TestNamesAreHeldAgainstTheManifests(t *testing.T) {
	file := "testdata/names.yaml"
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	wrong, doubtful := c.Compare(file, map[string][]string{"ditl": {"land", "vehicles"}, "water": {"main"}, "gas": nil, "associations": {"a1", "a2", "a3", "a4"}})
	for _, side := range []struct {
		got  error
		want []string
	}{
		{wrong, []string{
			"testdata/names.yaml:1: issuers: is missing",
			"testdata/names.yaml:9: providers[0].merchants.'ditl/lnd': the manifest of ditl has no such account; it has land, vehicles",
			"testdata/names.yaml:11: providers[0].merchants.'gas/main': the manifest of gas has no such account; it has none",
		}},
		{doubtful, []string{
			"testdata/names.yaml:3: providers: none has a merchant account for a1, a2, a3 and 1 more of associations: ",
			"testdata/names.yaml:3: providers: none has a merchant account for land, vehicles of ditl: ",
			"testdata/names.yaml:12: providers[0].merchants.'wter/main': no manifest",
			"testdata/names.yaml:14: webhooks[0].creditor: no manifest",
			"testdata/names.yaml:19: wall.creditors.dilt: no manifest",
		}},
	} {
		got := strings.Split(fmt.Sprint(side.got), "\n")
		if len(got) != len(side.want) {
			t.Fatalf("got %d lines, want %d:\n%v", len(got), len(side.want), side.got)
		}
		for i, want := range side.want {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("got %s, want %s …", got[i], want)
			}
		}
	}
}

func TestNothingIsSaidOfNamesThatAreThere(t *testing.T) {
	c, err := config.Load("racord.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if wrong, doubtful := c.Compare("racord.example.yaml", map[string][]string{"ditl": {"buildings"}, "water": {"main"}}); wrong != nil || doubtful != nil {
		t.Errorf("got %v and %v", wrong, doubtful)
	}
}
