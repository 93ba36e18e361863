package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"racord/config"
)

func TestAMistakeIsNamedWithItsPlace(t *testing.T) {
	for file, want := range map[string][]string{
		"bad-config-deadline-in-words.yaml":      {"bad-config-deadline-in-words.yaml:3: view.deadline: ", "soon"},
		"bad-config-unknown-key.yaml":            {"bad-config-unknown-key.yaml:3", "adress"},
		"bad-config-prefix.yaml":                 {"bad-config-prefix.yaml:3", "127.0.0.0/99"},
		"bad-config-replica.yaml":                {"bad-config-replica.yaml:2: replica: "},
		"bad-config-log.yaml":                    {"bad-config-log.yaml:2: log: ", "loud"},
		"bad-config-listen.yaml":                 {"bad-config-listen.yaml:1: ops_listen: "},
		"bad-config-issuer-without-portals.yaml": {"bad-config-issuer-without-portals.yaml:2: issuers[0].portals: "},
		"bad-config-bank-payer.yaml":             {"bad-config-bank-payer.yaml:3: bank.payers[1]: "},
		"bad-config-quota.yaml":                  {"bad-config-quota.yaml:3: limits.starts_per_minute: "},
		"bad-config-webhook-twice.yaml":          {"bad-config-webhook-twice.yaml:9: webhooks[1].url: "},
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
		})
	}
}

func TestTheExampleIsUnderstood(t *testing.T) {
	c, err := config.Load("racord.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if time.Duration(c.View.Deadline) != 1500*time.Millisecond || len(c.Wall.Creditors["ditl"]) != 1 || c.Issuers[0].Portals[0] != "city-portal" {
		t.Errorf("got %+v", c)
	}
	if here, _ := filepath.Abs("creditors"); c.Creditors != "creditors" && c.Creditors != here {
		t.Errorf("got manifests in %s, want them beside the file", c.Creditors)
	}
}

// TestTheExampleHasEveryKey: keys that it has in a comment are understood, too.
func TestTheExampleHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("racord.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^( *)# ([a-z_]+: )`).ReplaceAll(text, []byte("$1$2"))
	if _, err := config.Parse("racord.example.yaml", text); err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	key := ""
	for line := range strings.Lines(string(text)) {
		if name, _, is := strings.Cut(line, ":"); is && !strings.ContainsAny(line[:1], " #") {
			key = name
		}
		sections[key] += line
	}
	fields := reflect.TypeFor[config.Config]()
	for i := range fields.NumField() {
		name := fields.Field(i).Tag.Get("yaml")
		for _, key := range append(keysOf(fields.Field(i).Type), name) {
			if !regexp.MustCompile(`\b` + key + `:`).MatchString(sections[name]) {
				t.Errorf("%s: %s is not there", name, key)
			}
		}
	}
}

// keysOf lists the keys of a section and of all that is in it.
func keysOf(kind reflect.Type) (keys []string) {
	for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice {
		kind = kind.Elem()
	}
	if kind.Kind() != reflect.Struct || kind == reflect.TypeFor[config.Prefix]() {
		return nil
	}
	for i := range kind.NumField() {
		field := kind.Field(i)
		if name, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); name != "" {
			keys = append(keys, name)
		}
		keys = append(keys, keysOf(field.Type)...)
	}
	return keys
}

func TestAnEmptyFileIsTheDefault(t *testing.T) {
	file := filepath.Join(t.TempDir(), "racord.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil || c.Limits != config.Default().Limits {
		t.Errorf("got %+v, %v; want the defaults", c, err)
	}
}
