package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"racord/adapters/telemetry"
	"racord/hub"

	"github.com/google/go-cmp/cmp"
)

func TestALogLineHoldsNobodysData(t *testing.T) {
	const cnp = "1850415120007"
	for name, tc := range map[string]struct {
		attr slog.Attr
		want any
	}{
		"an allowed field":            {slog.String("connector", "water"), "water"},
		"a number":                    {slog.Int("records", 12), 12.0},
		"a duration reads well":       {slog.Duration("took", 1500*time.Millisecond), "1.5s"},
		"an error":                    {slog.Any("error", errors.New("no answer")), "no answer"},
		"a code of ours":              {slog.Any("code", hub.CodeTimeout), "timeout"},
		"a field nobody thought of":   {slog.String("debtor", "Ana Pop"), "<hidden>"},
		"a number nobody thought of":  {slog.Int("cnp", 1850415120007), "<hidden>"},
		"a personal code in a text":   {slog.String("reason", "about "+cnp+"."), "about <number>."},
		"a personal code in an error": {slog.Any("error", fmt.Errorf("cnp=%s", cnp)), "cnp=<number>"},
		"an address":                  {slog.String("error", `Get "https://u:p@tax.example/x?cnp=1": EOF`), `Get "<address>": EOF`},
		"a token":                     {slog.String("error", "bearer eyJhbGciOi.eyJpc3Mi.c2ln refused"), "bearer <token> refused"},
		"a secret":                    {slog.Any("error", hub.NewSecret("s3cret")), "<secret>"},
		"an identifier":               {slog.Any("reason", hub.Identifier{Scheme: hub.SchemeCNP, Value: cnp}), "ro:cnp:***007"},
		"a trace of many digits":      {slog.String("trace_id", "00000000000000000000000000000001"), "00000000000000000000000000000001"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log, err := telemetry.NewLogger(&out, "info")
			if err != nil {
				t.Fatal(err)
			}
			log.Info("something about "+cnp, tc.attr)
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, line[tc.attr.Key]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.attr.Key, diff)
			}
			if line["msg"] != "something about <number>" || line["level"] != "INFO" || line["time"] == nil {
				t.Errorf("got %v", line)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, "warn")
	if err != nil {
		t.Fatal(err)
	}
	if log.Info("quiet"); out.Len() > 0 {
		t.Errorf("got %s, want nothing below warn", &out)
	}
	log.Log(t.Context(), telemetry.Always, "kept elsewhere")
	if got := out.String(); !strings.Contains(got, `"level":"INFO","msg":"kept elsewhere"`) {
		t.Errorf("got %s, want what is always written, as information", got)
	}
	if _, err := telemetry.NewLogger(&out, "loud"); hub.CodeOf(err) != hub.CodeInvalid {
		t.Errorf("got %v, want %q", err, hub.CodeInvalid)
	}
}
