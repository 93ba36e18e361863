package httpapi

import (
	"context"
	_ "embed"
	"net/http"

	"racord/hub"
)

//go:embed openapi.yaml
var openapi []byte

// file is a document served as it is.
type file struct {
	contentType []string
	policy      []string // of the Content-Security-Policy header; nil = nothing may be loaded
	body        []byte
}

// document is openapi.yaml and the page made of it.
type document struct{ yaml, page file }

func readDocument() (document, error) {
	return document{yaml: file{[]string{"application/yaml"}, nil, openapi}}, nil
}

func (a *API) readYAML(context.Context, hub.Login, none) (file, error) { return a.document.yaml, nil }

func (a *API) readDocs(context.Context, hub.Login, none) (file, error) { return a.document.page, nil }

func writeFile(x *exchange, w http.ResponseWriter, f file) error {
	if f.policy != nil {
		w.Header()["Content-Security-Policy"] = f.policy
	}
	return x.sendTagged(w, f.contentType, f.body)
}
