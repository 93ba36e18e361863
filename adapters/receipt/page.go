package receipt

import (
	_ "embed"
	"html/template"
	"io"

	"racord/hub"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageStyle string

	pageTemplate = template.Must(template.New("receipt").Funcs(template.FuncMap{
		"lei": lei, "moment": moment, "masked": hub.Mask, "state": state,
	}).Parse(pageHTML))
)

// Page writes the page that the picture on a receipt leads people to, in HTML. It
// tells what the answer for programs tells, in Romanian like the paper itself. nil
// stands for a code that is of no receipt.
func (Printer) Page(to io.Writer, r *hub.PaymentReceipt) error {
	return pageTemplate.Execute(to, struct {
		Receipt *hub.PaymentReceipt
		Style   template.CSS
	}{r, template.CSS(pageStyle)})
}

// Style is the page's own style sheet, all that it needs beside itself.
func (Printer) Style() string { return pageStyle }
