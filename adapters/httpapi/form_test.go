package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestAManifestComesWithItsFiles sends forms that are right and forms that are not.
func TestAManifestComesWithItsFiles(t *testing.T) {
	const (
		manifest = "--b\r\nContent-Disposition: form-data; name=\"manifest\"\r\n\r\nurl a\r\n"
		file     = "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.csv\"\r\n\r\nid\r\n"
		end      = "--b--\r\n"
	)
	s := newRegistry(t, "")
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"a manifest":       {manifest + end, 200},
		"with a file":      {manifest + file + end, 200},
		"in any order":     {file + manifest + end, 200},
		"two manifests":    {manifest + manifest + end, 400},
		"no manifest":      {file + end, 400},
		"a file twice":     {manifest + file + file + end, 400},
		"something else":   {manifest + strings.ReplaceAll(file, "files", "more") + end, 400},
		"a hidden file":    {manifest + strings.ReplaceAll(file, "a.csv", ".a") + end, 400},
		"cut off":          {manifest + file, 400},
		"not a form":       {"url a", 400},
		"a long file":      {manifest + strings.Replace(file, "id\r\n", strings.Repeat("x", 1<<20+1)+"\r\n", 1) + end, 400},
		"a very long form": {manifest + strings.Replace(file, "id\r\n", strings.Repeat("x", 5<<20)+"\r\n", 1) + end, http.StatusRequestEntityTooLarge},
	} {
		w := s.ask("POST", "/v1/connectors/salub/validate", tc.body, "Authorization", "Bearer salub", "Content-Type", "multipart/form-data; boundary=b")
		if w.Code != tc.want {
			t.Errorf("%s: got %d %s, want %d", name, w.Code, w.Body, tc.want)
		}
	}
}
