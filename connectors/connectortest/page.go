package connectortest

import (
	_ "embed"
	"html/template"
	"io"
	"time"

	"racord/hub"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("report").Parse(pageHTML))

// Page writes the report as one HTML page that needs nothing else: no script, no
// font, no address.
func (r Report) Page(to io.Writer) error {
	same, cause := r.common()
	return pageTemplate.Execute(to, pageData{
		Same: same, Cause: cause,
		Report: r, When: r.At.In(hub.Bucharest).Format("2 January 2006, 15:04"), Zone: hub.Bucharest.String(), Date: r.At.Format(time.RFC3339),
		Passed: r.count(Passed), Failed: r.count(Failed), Rest: r.count(NotApplicable),
	})
}

// pageData is what the template shows.
type pageData struct {
	Report
	When, Zone, Date     string
	Passed, Failed, Rest int
	Same                 int    // failures that have one cause
	Cause                string // what came back for them
}
