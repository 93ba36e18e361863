package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"racord/config"
)

// TestAValueThatCannotWorkIsRefused goes through the settings that would let a hub
// start and then fail, or do something else than was meant.
func TestAValueThatCannotWorkIsRefused(t *testing.T) {
	for file, want := range map[string]string{
		"bad-config-workers.yaml":                      ":2: payments.workers: must be from 1 to 1000",
		"bad-config-call-for.yaml":                     ":3: payments.call_for: must be from 500ms to 1m",
		"bad-config-lease.yaml":                        ":2: payments.lease: must be from 1s to 5m",
		"bad-config-look-up-every.yaml":                ":2: payments.look_up_every: must be from 100ms to 1m",
		"bad-config-payment-page-life.yaml":            ":2: payments.page_life: must be from 1m to 1h",
		"bad-config-refund-again.yaml":                 ":2: payments.refund_again: must be from 1s to 72h",
		"bad-config-refund-alone.yaml":                 ":2: payments.refund_alone: ",
		"bad-config-public-url-without-scheme.yaml":    ":2: payments.public_url: ",
		"bad-config-public-url-in-the-clear.yaml":      ":2: payments.public_url: ",
		"bad-config-public-url-slash.yaml":             ":2: payments.public_url: ",
		"bad-config-providers-without-public-url.yaml": ":1: payments.public_url: is missing",
		"bad-config-same-door.yaml":                    ":2: ops_listen: ",
		"bad-config-port.yaml":                         ":1: listen: ",
		"bad-config-data-nowhere.yaml":                 ":1: data: ",
		"bad-config-fetch-for.yaml":                    ":2: view.fetch_for: must be from 100ms to 1m",
		"bad-config-cache.yaml":                        ":2: cache.megabytes: ",
		"bad-config-feeds.yaml":                        ":2: feeds.every: must be from 1s to 24h",
		"bad-config-drain.yaml":                        ":1: drain: must be from 0s to 10m",
		"bad-config-in-flight.yaml":                    ":2: limits.in_flight: ",
		"bad-config-redis-address.yaml":                ":2: redis.addresses[0]: ",
		"bad-config-redis-without-address.yaml":        ":2: redis.addresses: is missing",
		"bad-config-redis-username-alone.yaml":         ":2: redis.password_file: is missing",
		"bad-config-issuer-algorithm.yaml":             ":4: issuers[0].algorithms: ",
		"bad-config-issuer-service.yaml":               ":4: issuers[0].services: ",
		"bad-config-issuer-twice.yaml":                 ":4: issuers[1].url: ",
		"bad-config-issuer-url.yaml":                   ":2: issuers[0].url: ",
		"bad-config-wall-creditor.yaml":                ":3: wall.creditors: ",
		"bad-config-sandbox-clock.yaml":                ":2: sandbox.clock: ",
		"bad-config-cooling.yaml":                      ":2: onboarding.cooling: must be from 0s to 2160h",
		"bad-config-error-budget.yaml":                 ":2: onboarding.error_budget: must be from 0 to 1",
	} {
		t.Run(file, func(t *testing.T) {
			_, err := config.Load(filepath.Join("testdata", file))
			if err == nil || !strings.Contains(err.Error(), file+want) {
				t.Errorf("got %v, want %s%s", err, file, want)
			}
		})
	}
}

func TestOtherAddressesAreLookedAtAsThoseOfTheFile(t *testing.T) {
	c := config.Default()
	c.Providers = []config.Provider{{Netopia: &config.Netopia{}}}
	for listen, good := range map[string]bool{
		"": true, "127.0.0.1:80": true, "[::1]:80": true, "localhost:80": true,
		"0.0.0.0:80": false, ":80": false, "192.168.1.7:80": false, "racord.example.ro:80": false, "127.0.0.1": false, "127.0.0.1:9090": false,
	} {
		if _, err := c.At(listen, ""); (err == nil) != good {
			t.Errorf("at %q: got %v", listen, err)
		}
	}
	c.Payments.PublicURL = "https://racord.example.ro"
	if moved, err := c.At("0.0.0.0:80", ":90"); err != nil || moved.Listen != "0.0.0.0:80" || moved.OpsListen != ":90" {
		t.Errorf("got %s and %s, %v", moved.Listen, moved.OpsListen, err)
	}
}

func TestOfNothingOneOfTheStaffHasAnythingGivenBackAlone(t *testing.T) {
	for text, want := range map[string]int64{"log: info\n": 100_000, "payments: {refund_alone: 0}\n": 0} {
		if c, err := config.Parse("racord.yaml", []byte(text)); err != nil || c.Payments.RefundAlone != want {
			t.Errorf("%s: got %d, %v, want %d", text, c.Payments.RefundAlone, err, want)
		}
	}
}
