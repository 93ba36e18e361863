package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"racord/config"
)

func TestAMistakeInAWebhookIsNamed(t *testing.T) {
	for file, want := range map[string][]string{
		"bad-config-webhook-receiver-of-two-sorts.yaml": {"webhooks[0].portal", "one receiver"},
		"bad-config-webhook-without-receiver.yaml":      {"webhooks[0].portal", "one receiver"},
		"bad-config-webhook-portal-not-registered.yaml": {"webhooks[0].portal", `"another"`},
		"bad-config-webhook-in-the-clear.yaml":          {"webhooks[0].url", "https"},
		"bad-config-webhook-without-secret.yaml":        {"webhooks[0].secret_file"},
		"bad-config-webhook-of-no-event.yaml":           {"webhooks[0].events", `"everything"`},
		"bad-config-webhook-twice.yaml":                 {"webhooks[1].url", "already"},
	} {
		t.Run(file, func(t *testing.T) {
			_, err := config.Load(filepath.Join("testdata", file))
			if err == nil {
				t.Fatal("got no error")
			}
			for _, part := range append(want, file) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want it to name %q", err, part)
				}
			}
		})
	}
}

func TestTheExamplesWebhooksAreUnderstood(t *testing.T) {
	c, err := config.Load("racord.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs("secrets/webhooks/water")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Webhooks) != 2 || c.Webhooks[1].Creditor != "water" || c.Webhooks[1].Events[0] != "line.*" ||
		c.Webhooks[1].SecretFile != here && c.Webhooks[1].SecretFile != "secrets/webhooks/water" {
		t.Errorf("got %+v", c.Webhooks)
	}
}
