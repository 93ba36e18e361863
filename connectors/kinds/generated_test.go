package kinds_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"racord/connectors/kinds"
)

var update = flag.Bool("update", false, "write the generated pages")

func TestGeneratedPagesAreUpToDate(t *testing.T) {
	for file, want := range map[string][]byte{
		"../REFERENCE.md": kinds.All().Reference(), "../manifest.schema.json": kinds.All().Schema(),
	} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the declarations say (%v): run go generate ./connectors/kinds", file, err)
		}
	}
}

func manifestSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(kinds.All().Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("manifest.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON turns YAML into what a schema looks at.
func asJSON(t *testing.T, file string) any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheSchemaAcceptsTheDemoCity(t *testing.T) {
	s := manifestSchema(t)
	files, _ := filepath.Glob("../../config/creditors/*.yaml")
	for _, file := range files {
		if err := s.Validate(asJSON(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestTheSchemaRefusesWhatASchemaCan(t *testing.T) {
	s := manifestSchema(t)
	for _, name := range []string{
		"unknown-kind", "category", "unknown-key", "unknown-setting", "missing-setting", "missing-outstanding", "type-of-value",
		"number-out-of-range", "duration", "identifier-scheme", "unknown-call", "unknown-error-code",
	} {
		if s.Validate(asJSON(t, "../../config/testdata/bad-"+name+".yaml")) == nil {
			t.Errorf("bad-%s.yaml: the schema accepts it", name)
		}
	}
}

func TestTheReferenceNamesWhatAuthorsNeed(t *testing.T) {
	page := string(kinds.All().Reference())
	for _, want := range []string{
		"## Kind `rest`", "`base_url`", "`map.next_change[].after`", "`pad_zeros(width)`", "`{{ cnp }}`", "`traits.freshness.ttl`", "`paging.max_pages`", "`map.options[].each`",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the reference does not say %s", want)
		}
	}
}
