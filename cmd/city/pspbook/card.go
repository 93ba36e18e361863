package pspbook

import (
	"strings"
)

// Card is what the payer types on the hosted page. It is looked at and
// forgotten: the book keeps the mask only.
type Card struct{ number string }

// ReadCard takes a number as people write it, with blanks or dashes; ok is false
// when it is not 12 to 19 digits.
func ReadCard(typed string) (c Card, ok bool) {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(typed))
	if len(digits) < 12 || len(digits) > 19 || strings.Trim(digits, "0123456789") != "" {
		return Card{}, false
	}
	return Card{digits}, true
}

// Is reports whether it is the card of that number.
func (c Card) Is(number string) bool { return c.number == number }

// BIN is the part that names the issuer.
func (c Card) BIN() string { return c.number[:6] }

// Mask is what may be shown: the issuer and the last four digits.
func (c Card) Mask() string {
	return c.BIN() + strings.Repeat("x", len(c.number)-10) + c.number[len(c.number)-4:]
}

// String hides the number.
func (c Card) String() string { return "<card>" }
