package config_test

import (
	"strings"
	"testing"

	"racord/config"
)

func TestAMailRelayThatCannotWorkIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"mail: {from: racord@city.example}":                         "mail.host",
		"mail: {host: 'smtp.city.example:25', from: a@b.example}":   "mail.host",
		"mail: {host: smtp.city.example, from: 'City <a@b.c>'}":     "mail.from",
		"mail: {host: smtp.city.example, from: a@b.c, username: x}": "mail.password_file",
		"mail: {host: smtp.city.example, from: a@b.c, port: 99999}": "mail.port",
		"mail: {host: smtp.city.example, from: a@b.c}":              "",
	} {
		_, err := config.Parse("racord.yaml", []byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
