package receipt

import (
	"strings"
	"unicode"

	"racord/hub"

	"rsc.io/qr"
)

// write writes a paragraph.
func (p page) write(style string, size float64, text string) {
	p.SetFont(font, style, size)
	p.MultiCell(0, size*0.55, text, "", "L", false)
}

// pair writes a name and its value beside each other.
func (p page) pair(name, value string) {
	const names = 38.0
	p.SetFont(font, "", small)
	p.SetTextColor(90, 90, 90)
	p.CellFormat(names, row, name, "", 0, "L", false, 0, "")
	p.SetTextColor(0, 0, 0)
	p.SetFont(font, "", normal)
	p.MultiCell(width-names, row, value, "", "L", false)
}

func (p page) maybe(name, value string) {
	if value = clean(value); value != "" {
		p.pair(name, value)
	}
}

func (p page) rule() {
	p.Ln(3)
	p.SetDrawColor(170, 170, 170)
	p.Line(margin, p.GetY(), margin+width, p.GetY())
	p.Ln(3)
}

// picture draws a text as a QR code (ISO/IEC 18004), with the quiet zone that
// cameras need around it.
func (p page) picture(text string, x, y, side float64) error {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return hub.Wrap(hub.CodeInternal, err, "The receipt could not be written.")
	}
	const quiet = 4
	module := side / float64(code.Size+2*quiet)
	p.SetFillColor(0, 0, 0)
	for i := range code.Size {
		for j := range code.Size {
			if code.Black(j, i) {
				p.Rect(x+float64(j+quiet)*module, y+float64(i+quiet)*module, module, module, "F")
			}
		}
	}
	return nil
}

// longestText in characters is shown of what creditors say.
const longestText = 160

// clean makes a creditor's text fit to be printed: one line, not too long,
// without control characters, and without those beyond U+FFFF, which the document's
// fonts cannot have.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || r > 0xFFFF {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	letters := []rune(strings.Join(strings.Fields(text), " "))
	if len(letters) > longestText {
		letters = append(letters[:longestText], '…')
	}
	return string(letters)
}

// grouped writes an IBAN in groups of four, as on paper.
func grouped(iban string) string {
	var out strings.Builder
	for i, r := range clean(iban) {
		if i > 0 && i%4 == 0 {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
	}
	return out.String()
}
