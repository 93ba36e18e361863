package hub_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"racord/hub"
	"racord/hub/hubtest"
)

func TestWhatIsAskedSurvivesBeingStored(t *testing.T) {
	for name, asked := range map[string]hub.Asked{
		"by party":   {Party: "p", Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: hubtest.CNP}},
		"by account": {Party: "p", Account: hub.AccountRef{Creditor: "water", Code: "0004411"}},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(hub.Line{Asked: asked})
			if err != nil {
				t.Fatal(err)
			}
			var back hub.Line
			if err := json.Unmarshal(body, &back); err != nil {
				t.Fatal(err)
			}
			if back.Asked != asked {
				t.Errorf("got %v, want %v", back.Asked, asked)
			}
		})
	}
}

func TestALogDoesNotNameWhoIsAskedAbout(t *testing.T) {
	var out bytes.Buffer
	asked := hub.Asked{Party: "p", Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: hubtest.CNP}}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "asked", asked)
	if strings.Contains(out.String(), hubtest.CNP) {
		t.Errorf("the log names a person: %s", out.String())
	}
}
