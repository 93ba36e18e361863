package httpapi

import (
	"net/http"
	"strings"
)

// route is one line of the table of contents.
type route struct {
	pattern string
	handler http.Handler
}

// routes is the table of contents.
func (a *API) routes() []route {
	return []route{
		{"GET /v1/view", a.byAccept(
			serve(a, citizens("view_read", a.limits.views), decodeAsk, a.Views.Of, writeView),
			serve(a, citizens("view_stream", a.limits.views), decodeStream, a.stream, writeNothing))},
		{"GET /v1/creditors", serve(a, anyone("creditor_list", a.limits.calls), decodeNothing, a.listCreditors, writeList)},
		{"GET /v1/links", serve(a, citizens("link_list", a.limits.calls), decodeNothing, a.listLinks, writeJSON)},
		{"POST /v1/links", serve(a, citizens("link_create", a.limits.calls), decodeLink, a.link, writeCreated)},
		{"DELETE /v1/links/{id}", serve(a, citizens("link_delete", a.limits.calls), decodeLinkID, a.unlink, writeEmpty)},
		{"GET /openapi.yaml", serve(a, public("openapi_read"), decodeNothing, a.readYAML, writeFile)},
		{"GET /docs", serve(a, public("docs_read"), decodeNothing, a.readDocs, writeFile)},
	}
}

// elsewhere answers what no route matches: 405 when the path exists, else 404.
func (a *API) elsewhere() http.Handler {
	methods := []string{"GET", "HEAD", "POST", "DELETE"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range methods {
			probe := *r
			probe.Method = method
			if _, pattern := a.mux.Handler(&probe); pattern != "/" {
				allowed = append(allowed, method)
			}
		}
		x := newExchange(r)
		if len(allowed) == 0 {
			writeProblem(x, w, errNoRoute)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(x, w, errMethod)
	})
}
