package httpapi

// Patterns lists the route table: "GET /v1/view" and so on.
func (a *API) Patterns() (list []string) {
	for _, r := range a.routes() {
		list = append(list, r.pattern)
	}
	return list
}
