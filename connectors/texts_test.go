package connectors_test

import (
	"testing"

	"racord/connectors"
)

func TestTextsOfRomanianSystemsAreRepaired(t *testing.T) {
	mojibake := func(s string) string { s, _ = connectors.RepairMojibake(s); return s }
	pad := func(s string) string { return connectors.PadZeros(s, 7) }
	for name, tc := range map[string]struct {
		step     func(string) string
		in, want string
	}{
		"cedillas become commas":            {connectors.CommaBelow, "MUREŞAN ŢÎRLEA şţ", "MUREȘAN ȚÎRLEA șț"},
		"right letters stay":                {connectors.CommaBelow, "Ștefănești Lőrincz", "Ștefănești Lőrincz"},
		"a key forgets marks":               {connectors.Fold, "  Mureșan – Ioan ", "MURESAN IOAN"},
		"a key forgets cedillas":            {connectors.Fold, "Mureşan-ioan", "MURESAN IOAN"},
		"a key forgets Hungarian marks":     {connectors.Fold, "Lőrincz", "LORINCZ"},
		"UTF-8 read as windows-1250":        {mojibake, "MureČ™an", "Mureșan"},
		"windows-1250 read as Latin-1":      {mojibake, "Þarã", "Țară"},
		"good text is not repaired":         {mojibake, "Mureșan Lőrincz Kovács", "Mureșan Lőrincz Kovács"},
		"good text with cedillas either":    {mojibake, "Mureşan", "Mureşan"},
		"a chance pair is not repaired":     {mojibake, "PĂŞUNII", "PĂŞUNII"},
		"letters of others are repaired":    {mojibake, "Ă‡ELIK, RENĂ‰", "ÇELIK, RENÉ"},
		"plain text either":                 {mojibake, "Popescu", "Popescu"},
		"zeros that a spreadsheet ate":      {pad, "4411", "0004411"},
		"nothing gets no zeros":             {pad, "", ""},
		"what is no number gets no zeros":   {pad, "A11", "A11"},
		"what is long enough gets no zeros": {pad, "12345678", "12345678"},
		"digits only":                       {connectors.Digits, "AP 074-00", "07400"},
	} {
		if got := tc.step(tc.in); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}
