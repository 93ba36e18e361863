// Package codepage writes Romanian text as older systems do: in one byte a
// letter, with cedillas (Ş Ţ) because those code pages know no comma (Ș Ț).
package codepage

import "golang.org/x/text/encoding/charmap"

// Page is a single-byte code page.
type Page struct{ bytes map[rune]byte }

// The code pages the city's systems use.
var (
	Windows1250 = of(charmap.Windows1250)
	CP852       = of(charmap.CodePage852)
	Latin2      = of(charmap.ISO8859_2)
)

func of(cm *charmap.Charmap) *Page {
	p := &Page{bytes: make(map[rune]byte, 136)}
	for b := 255; b >= 128; b-- {
		p.bytes[cm.DecodeByte(byte(b))] = byte(b)
	}
	for comma, cedilla := range map[rune]rune{'Ș': 'Ş', 'ș': 'ş', 'Ț': 'Ţ', 'ț': 'ţ'} {
		p.bytes[comma] = p.bytes[cedilla]
	}
	return p
}

// Append adds s to dst in the code page; a letter it does not have becomes '?'.
func (p *Page) Append(dst []byte, s string) []byte {
	for _, r := range s {
		dst = append(dst, p.letter(r))
	}
	return dst
}

func (p *Page) letter(r rune) byte {
	if r < 128 {
		return byte(r)
	}
	if b, ok := p.bytes[r]; ok {
		return b
	}
	return '?'
}

// AppendLei adds bani as Romanian offices write them: 1.284,77.
func AppendLei(dst []byte, bani int64) []byte {
	if bani < 0 {
		dst, bani = append(dst, '-'), -bani
	}
	dst = appendGrouped(dst, bani/100)
	return append(dst, ',', byte('0'+bani/10%10), byte('0'+bani%10))
}

func appendGrouped(dst []byte, n int64) []byte {
	if n >= 1000 {
		dst = append(appendGrouped(dst, n/1000), '.')
		return append(dst, byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10))
	}
	if n >= 100 {
		dst = append(dst, byte('0'+n/100))
	}
	if n >= 10 {
		dst = append(dst, byte('0'+n/10%10))
	}
	return append(dst, byte('0'+n%10))
}
