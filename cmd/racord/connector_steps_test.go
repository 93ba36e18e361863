package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// atHub works at a hub that answers as the test says.
func atHub(t *testing.T, answer func(method, path string, body []byte) string) *desk {
	t.Helper()
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, answer(r.Method, r.URL.Path, body))
	}))
	t.Cleanup(hub.Close)
	return &desk{t, hub.URL, "a-token"}
}

func TestASuiteThatCouldNotBeRunSaysWhy(t *testing.T) {
	water := atHub(t, func(method, path string, _ []byte) string {
		switch method + " " + path {
		case "GET /v1/connectors/water/versions/3/report":
			return `{"code":"unavailable","detail":"There was not time enough for the whole suite."}`
		case "POST /v1/connectors/water/versions/3/prove":
			return `{"version":3,"stage":"proving"}`
		}
		return `{}`
	})
	water.fails("There was not time enough for the whole suite. (unavailable)", "report", "water", "--version", "3")
	water.does("version 3: proving", "", "prove", "water", "--version", "3")
}

func TestADryRunNamesAnyTestDebtor(t *testing.T) {
	water := atHub(t, func(_, path string, body []byte) string {
		if path != "/v1/connectors/water/versions/1/try" || string(body) != `{"debtor":"settled"}` {
			t.Errorf("got %s %s, want settled asked about", path, body)
		}
		return `{"exchanges":[{"sent":"GET /water","came_back":"[]"}],"records":[]}`
	})
	water.does("GET /water", "", "try", "water", "--version", "1", "--debtor", "settled")
}

// TestAManifestSaysWhoseItIs writes the same name as YAML lets one.
func TestAManifestSaysWhoseItIs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	for line, want := range map[string]string{
		"creditor: water":          "/v1/connectors/water/validate",
		`creditor: "water"`:        "/v1/connectors/water/validate",
		"creditor: 'water' # ours": "/v1/connectors/water/validate",
		"creditor:":                "",
		"creditor: [water]":        "",
	} {
		asked := ""
		water := atHub(t, func(_, path string, _ []byte) string { asked = path; return `{"valid":true,"problems":[]}` })
		if err := os.WriteFile(file, []byte("kind: rest\n"+line+"\nname: [broken\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, ok := water.run("", "validate", file); asked != want || ok == (want == "") {
			t.Errorf("%s: asked %q, want %q\n%s", line, asked, want, out)
		}
	}
}
