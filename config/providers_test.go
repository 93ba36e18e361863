package config_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"racord/config"
)

func TestAMistakeInAProviderIsNamedWithItsPlace(t *testing.T) {
	for file, want := range map[string][]string{
		"bad-config-provider-without-kind.yaml":             {"bad-config-provider-without-kind.yaml:2:", "no kind"},
		"bad-config-provider-of-unknown-kind.yaml":          {"bad-config-provider-of-unknown-kind.yaml:2:", "paypal"},
		"bad-config-provider-unknown-key.yaml":              {"bad-config-provider-unknown-key.yaml:8:", "apikey"},
		"bad-config-provider-key-of-another-kind.yaml":      {"bad-config-provider-key-of-another-kind.yaml:7:", "signature"},
		"bad-config-provider-name.yaml":                     {"bad-config-provider-name.yaml:8:", "Netopia Live"},
		"bad-config-provider-without-merchants.yaml":        {"bad-config-provider-without-merchants.yaml:2:", "merchants"},
		"bad-config-provider-merchant-without-account.yaml": {"bad-config-provider-merchant-without-account.yaml:7:", "creditor/account-id"},
		"bad-config-provider-merchant-not-a-number.yaml":    {"bad-config-provider-merchant-not-a-number.yaml:7:", "posID"},
		"bad-config-provider-page-life.yaml":                {"bad-config-provider-page-life.yaml:8:", "1m to 1h"},
		"bad-config-provider-page-life-in-words.yaml":       {"bad-config-provider-page-life-in-words.yaml:8:", "soon"},
		"bad-config-provider-base-url.yaml":                 {"bad-config-provider-base-url.yaml:3:", "base_url"},
		"bad-config-provider-secret-inline.yaml":            {"bad-config-provider-secret-inline.yaml:5:", "name of a secret"},
		"bad-config-provider-without-public-key.yaml":       {"bad-config-provider-without-public-key.yaml:2:", "public_key_file"},
		"bad-config-provider-extra.yaml":                    {"bad-config-provider-extra.yaml:8:", "capture"},
		"bad-config-provider-capture.yaml":                  {"bad-config-provider-capture.yaml:7:", "later"},
		"bad-config-provider-merchant-without-key.yaml":     {"bad-config-provider-merchant-without-key.yaml:2:", "has no key"},
		"bad-config-provider-twice.yaml":                    {"bad-config-provider-twice.yaml", "providers[1].name"},
	} {
		t.Run(file, func(t *testing.T) {
			_, err := config.Load(filepath.Join("testdata", file))
			if err == nil {
				t.Fatal("got no error")
			}
			for _, part := range want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want it to name %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "k3Y") {
				t.Errorf("the error repeats a secret: %q", err)
			}
		})
	}
}

func TestProvidersStandInTheCitysOrder(t *testing.T) {
	c, err := config.Load("racord.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Providers) != 2 {
		t.Fatalf("got %d providers, want 2", len(c.Providers))
	}
	first, second := c.Providers[0].EuPlatesc, c.Providers[1].Netopia
	if first == nil || first.Name != "euplatesc" || first.Capture != "manual" || first.Keys["44841000002"] != "key-water" || first.Merchants["ditl/buildings"] != "44841000001" {
		t.Errorf("got %+v", first)
	}
	if second == nil || second.Name != "netopia" || time.Duration(second.PageLife) != 15*time.Minute || second.Contact.County != "Cluj" {
		t.Errorf("got %+v", second)
	}
	if second != nil && filepath.Base(second.PublicKeyFile) != "netopia.pem" {
		t.Errorf("got a public key at %s", second.PublicKeyFile)
	}
	if terms := c.Providers[1].Terms(); terms.Name != "netopia" || terms.Merchants["water/main"] != "10002" {
		t.Errorf("got %+v", terms)
	}
}
