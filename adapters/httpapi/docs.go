package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"

	"racord/hub"
)

//go:embed openapi.yaml
var openapi []byte

//go:embed docs.html
var docsTemplate string

//go:embed docs.css
var docsStyle string

// file is a document served as it is.
type file struct {
	contentType []string
	policy      []string // of the Content-Security-Policy header; nil = nothing may be loaded
	body        []byte
}

// docsPage makes a page of openapi.yaml.
func docsPage() (file, error) {
	ref, err := readReference(openapi)
	if err != nil {
		return file{}, err
	}
	page, err := template.New("docs").Funcs(template.FuncMap{"prose": prose, "breakable": breakable}).Parse(docsTemplate)
	if err != nil {
		return file{}, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, struct {
		*reference
		Style template.CSS
	}{ref, template.CSS(docsStyle)})
	return file{[]string{"text/html; charset=utf-8"}, []string{onlyStyle(docsStyle)}, out.Bytes()}, err
}

// onlyStyle allows one style sheet, by its hash, and nothing else.
func onlyStyle(css string) string {
	sum := sha256.Sum256([]byte(css))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func (a *API) readYAML(context.Context, hub.Login, none) (file, error) {
	return file{[]string{"application/yaml"}, nil, openapi}, nil
}

func (a *API) readDocs(context.Context, hub.Login, none) (file, error) { return a.docs() }

func writeFile(x *exchange, w http.ResponseWriter, f file) error {
	if f.policy != nil {
		w.Header()["Content-Security-Policy"] = f.policy
	}
	return x.sendTagged(w, f.contentType, f.body)
}
