// Package receipt writes what a payer shows to others: a PDF document in
// Romanian, with a code by which anybody can check it and a picture of that code
// for telephones; and the page that the picture leads people to. Both are made anew
// each time from what the hub knows then. The document is not tagged: who cannot see
// it asks for the same receipt as JSON.
package receipt

import (
	_ "embed"
	"io"

	"racord/hub"

	"codeberg.org/go-pdf/fpdf"
)

var (
	//go:embed font/DejaVuSans.ttf
	regular []byte
	//go:embed font/DejaVuSans-Bold.ttf
	bold []byte
)

// Printer writes receipts. The zero Printer is ready.
type Printer struct{}

// Measures of the page in millimetres, and of letters in points.
const (
	margin  = 20.0
	width   = 210.0 - 2*margin
	row     = 5.5
	small   = 8.0
	normal  = 10.0
	heading = 18.0
	font    = "dejavu"
)

// Print writes the receipt as a PDF document of A4 pages. Equal receipts are
// equal byte for byte.
func (Printer) Print(to io.Writer, r *hub.PaymentReceipt) error {
	p := newPage(r)
	p.head(r)
	for i := range r.Lines {
		p.line(&r.Lines[i])
	}
	p.providers(r.Providers)
	if err := p.proof(r); err != nil {
		return err
	}
	return p.Output(to)
}

// page is a document being written from top to bottom.
type page struct{ *fpdf.Fpdf }

func newPage(r *hub.PaymentReceipt) page {
	p := page{fpdf.New("P", "mm", "A4", "")}
	p.AddUTF8FontFromBytes(font, "", regular)
	p.AddUTF8FontFromBytes(font, "B", bold)
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(true, margin)
	p.SetTitle("Dovadă de plată "+string(r.Payment), true)
	p.SetCreator("Racord", true)
	p.SetProducer("Racord", true)
	p.SetLang("ro-RO")
	p.SetCreationDate(r.AsOf)
	p.SetModificationDate(r.AsOf)
	p.SetCatalogSort(true)
	p.AddPage()
	return p
}

func (p page) head(r *hub.PaymentReceipt) {
	p.write("B", heading, "Dovadă de plată")
	p.Ln(2)
	p.pair("Plata", string(r.Payment))
	p.pair("Plătită la", moment(r.PaidAt))
	p.pair("Total plătit", lei(r.Total))
	if r.Refunded.Minor > 0 {
		p.pair("Din care returnat", lei(r.Refunded))
	}
}

// line writes what one creditor was paid. It does not begin at the foot of a page.
func (p page) line(l *hub.ReceiptLine) {
	if _, height := p.GetPageSize(); p.GetY() > height-margin-9*row {
		p.AddPage()
	}
	p.rule()
	p.write("B", normal+1, clean(l.Title))
	p.maybe("Cod fiscal", l.CUI)
	p.maybe("Pentru", l.Label)
	if l.Reference != l.Label {
		p.maybe("Document", l.Reference)
	}
	p.maybe("Cod debit", l.ExternalID)
	p.maybe("Cod client", l.Account)
	p.pair("Suma", lei(l.Amount))
	for _, t := range l.Transfers {
		p.transfer(t, len(l.Transfers) > 1)
	}
	p.pair("Situația", clean(state(*l)))
}

func (p page) transfer(t hub.ReceiptTransfer, amount bool) {
	text := grouped(t.IBAN) + ", " + clean(t.Beneficiary)
	if t.RevenueCode != "" {
		text += ", cod venit " + clean(t.RevenueCode)
	}
	if amount {
		text += ", " + lei(t.Amount)
	}
	p.pair("În contul", text)
}

func (p page) providers(list []hub.ReceiptCharge) {
	p.rule()
	for _, c := range list {
		text := clean(c.Title) + ", tranzacția " + clean(c.Order)
		if c.Ref != "" {
			text += ", referința " + clean(c.Ref)
		}
		p.pair("Încasată prin", text+", "+lei(c.Taken))
	}
}

// proof writes how the receipt is checked.
func (p page) proof(r *hub.PaymentReceipt) error {
	const side = 34.0
	if _, height := p.GetPageSize(); p.GetY() > height-margin-side-3*row {
		p.AddPage()
	}
	p.rule()
	top := p.GetY()
	text := margin
	if r.Link != "" {
		if err := p.picture(r.Link, margin, top, side); err != nil {
			return err
		}
		text = margin + side + 5
	}
	p.SetLeftMargin(text)
	p.SetXY(text, top)
	p.write("B", normal, "Cod de verificare")
	p.write("", normal, r.Code)
	if r.Link != "" {
		p.write("", small, r.Link)
		p.LinkString(margin, top, side, side, r.Link)
	}
	p.write("", small, "Oricine primește această dovadă poate verifica situația plății după codul de mai sus. "+
		"Dovada arată situația de la "+moment(r.AsOf)+".")
	p.SetLeftMargin(margin)
	return nil
}
