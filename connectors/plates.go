package connectors

import (
	"slices"
	"strings"
)

// counties are the letters number plates begin with.
var counties = strings.Fields("B AB AR AG BC BH BN BR BT BV BZ CJ CL CS CT CV DB DJ GJ GL GR HD HR IF IL IS MH MM MS NT OT PH SB SJ SM SV TL TM TR VL VN VS")

// toDigits and toLetters put right what a person types who reads a plate.
var (
	toDigits  = strings.NewReplacer("O", "0", "I", "1")
	toLetters = strings.NewReplacer("0", "O", "1", "I")
)

// Plate writes a Romanian number plate as "CJ 01 ABC": letters of the county,
// two digits (Bucharest two or three), three letters. changed tells whether a
// letter stood for a digit or a digit for a letter. What cannot be such a plate
// comes back as it was.
func Plate(s string) (plate string, changed bool) {
	bare := strings.ToUpper(strings.NewReplacer(" ", "", "-", "", ".", "").Replace(s))
	for _, width := range []int{2, 1} { // OT before a B that is followed by O
		county := bare[:min(width, len(bare))]
		if !slices.Contains(counties, county) {
			continue
		}
		rest := bare[len(county):]
		if len(rest) != 5 && (county != "B" || len(rest) != 6) {
			continue
		}
		digits, letters := toDigits.Replace(rest[:len(rest)-3]), toLetters.Replace(rest[len(rest)-3:])
		if strings.Trim(digits, "0123456789") == "" && strings.Trim(letters, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			return county + " " + digits + " " + letters, county+digits+letters != bare
		}
	}
	return s, false
}

func plates(string) (func(*scope, string) string, error) {
	return func(s *scope, in string) string {
		plate, changed := Plate(in)
		if changed {
			s.remark("plate_repaired", "a letter stood for a digit of a number plate, or a digit for a letter")
		}
		return plate
	}, nil
}
