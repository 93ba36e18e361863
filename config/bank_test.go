package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"racord/config"
)

func TestAWrongBankIsRefused(t *testing.T) {
	for file, want := range map[string]string{
		"bad-config-bank-url.yaml":           "bank.url",
		"bad-config-bank-secret-inline.yaml": "bank.api_key",
		"bad-config-bank-payer.yaml":         "bank.payers[1]",
	} {
		t.Run(file, func(t *testing.T) {
			_, err := config.Load(filepath.Join("testdata", file))
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "S3cret") {
				t.Errorf("got %v, want an error about %s that does not repeat a secret", err, want)
			}
		})
	}
}
