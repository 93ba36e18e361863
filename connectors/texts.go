package connectors

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"racord/hub"
)

// commas maps the letters with a cedilla, which windows-1250 has, to those with
// a comma below, which are right (SR 13411:1999).
var commas = strings.NewReplacer("ş", "ș", "Ş", "Ș", "ţ", "ț", "Ţ", "Ț")

// CommaBelow turns ş and ţ with a cedilla into ș and ț with a comma below.
func CommaBelow(s string) string { return commas.Replace(s) }

// Cedillas tells whether a letter has the wrong mark.
func Cedillas(s string) bool { return strings.ContainsAny(s, "şŞţŢ") }

// Fold makes a key of a name that does not depend on marks, case and blanks:
// "Mureșan", "Mureşan" and "MURESAN" give "MURESAN".
func Fold(s string) string {
	var b strings.Builder
	blank := false
	for _, c := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, c):
		case unicode.IsSpace(c) || unicode.Is(unicode.Pd, c):
			blank = b.Len() > 0
		default:
			if blank {
				b.WriteByte(' ')
				blank = false
			}
			b.WriteRune(unicode.ToUpper(c))
		}
	}
	return b.String()
}

// PadZeros puts back leading zeros that a spreadsheet ate, up to n digits. It
// leaves other text alone.
func PadZeros(s string, n int) string {
	if len(s) >= n || len(s) == 0 || strings.Trim(s, "0123456789") != "" {
		return s
	}
	return strings.Repeat("0", n-len(s)) + s
}

// Digits keeps the digits only.
func Digits(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, s)
}

// spoken are what Romanian, Hungarian and German names are written with beyond
// ASCII, and the marks that stand between them and behind numbers.
const spoken = "ăâîșțşţĂÂÎȘȚŞŢáéíóöőúüűÁÉÍÓÖŐÚÜŰäÄß–„”°€²³§"

// SpokenHere tells whether a letter or mark beyond ASCII is of the languages spoken
// here. Text that was read with the wrong code page is full of others.
func SpokenHere(c rune) bool { return strings.ContainsRune(spoken, c) }

// CountSpoken counts the letters and marks of a text beyond ASCII, and those of
// them that are spoken here.
func CountSpoken(text string) (beyond, here int) {
	for _, c := range text {
		if c < utf8.RuneSelf {
			continue
		}
		beyond++
		if SpokenHere(c) {
			here++
		}
	}
	return beyond, here
}

// RepairMojibake undoes two misreadings: UTF-8 that was read as windows-1250
// ("MureČ™an") and windows-1250 that was read as Latin-1 ("Þarã"). It tells
// whether it changed anything.
func RepairMojibake(s string) (string, bool) {
	if ascii(s) {
		return s, false
	}
	if bytes, err := charmap.Windows1250.NewEncoder().String(s); err == nil && utf8.ValidString(bytes) && !allSpoken(s, bytes) {
		return bytes, true
	}
	if !strings.ContainsAny(s, "ãþºÞªÃ") {
		return s, false
	}
	bytes, err := charmap.ISO8859_1.NewEncoder().String(s)
	if err != nil {
		return s, false
	}
	repaired, err := charmap.Windows1250.NewDecoder().String(bytes)
	if err != nil {
		return s, false
	}
	return CommaBelow(repaired), repaired != s
}

// allSpoken tells whether a text reads well as it is, and its repair does not: ĂŞ is
// what ê would have become, and stands in PĂŞUNE.
func allSpoken(text, repaired string) bool {
	beyond, here := CountSpoken(text)
	others, fewer := CountSpoken(repaired)
	return here == beyond && fewer < others
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// normalCUI strips the RO prefix.
func normalCUI(s string) string { return hub.NormalCUI(strings.Trim(s, " ")) }
