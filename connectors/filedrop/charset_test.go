package filedrop_test

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"racord/connectors/filedrop"
)

func TestTheCharsetOfAFileIsFound(t *testing.T) {
	const mark = "\ufeff"
	ascii := strings.Repeat("0090412;TF 0740000001;12,50;POPESCU ION\r\n", 20)
	in := func(page *charmap.Charmap, text string) string {
		encoded, err := page.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
	for name, tc := range map[string]struct {
		sample, declared, want string // want "" = none is sure
	}{
		"a mark and ASCII":                         {mark + ascii, "utf-8", "utf-8"},
		"a mark and three letters":                 {mark + ascii + "ȘĂț", "utf-8", "utf-8"},
		"a mark, declared a code page":             {mark + ascii, "windows-1250", "utf-8"},
		"a mark and letters, declared a code page": {mark + ascii + "ȘĂț", "windows-1250", "utf-8"},
		"a mark that lies":                         {mark + in(charmap.Windows1250, ascii+"ŞĂţîâ"), "windows-1250", "windows-1250"},
		"cubic metres and euros":                   {ascii + "12 m³;4 €;13 m³;5 €", "utf-8", "utf-8"},
		"letters of nobody here":                   {ascii + "Łódź Åse Čapek Žižka", "utf-8", "utf-8"},
		"cut within a letter":                      {ascii + "Șțăî" + "ș"[:1], "utf-8", "utf-8"},
		"cubic metres, declared a code page":       {ascii + "12 m³;13 m³;14 m³", "windows-1250", "utf-8"},
		"euros in a code page":                     {in(charmap.Windows1250, ascii+"4 €;5 €;6 €;7 €"), "windows-1250", "windows-1250"},
		"German names in a code page":              {in(charmap.Windows1250, ascii+"SCHÄFER, GROß, JÄGER, Bäcker, §"), "windows-1250", "windows-1250"},
		"German names in an old one":               {in(charmap.CodePage852, ascii+"SCHÄFER, GROß, JÄGER, Bäcker"), "cp852", "cp852"},
		"declared UTF-8 and a code page":           {in(charmap.Windows1250, ascii+"ŞĂţîâ MUREŞAN"), "utf-8", "windows-1250"},
		"declared a code page and UTF-8":           {ascii + "ȘĂțîâ MUREȘAN", "windows-1250", "utf-8"},
		"German names, declared a code page":       {ascii + "SCHÄFER, GROß, JÄGER, Bäcker", "windows-1250", "utf-8"},
		"declared a code page and an old one":      {in(charmap.CodePage852, ascii+"ŞĂţîâ MUREŞAN Ţăran"), "windows-1250", "cp852"},
		"nonsense":                                 {ascii + "\xff\xfe\x90\x81\x98\xff\xfe\x90\x81\x98", "utf-8", ""},
		"UTF-16":                                   {"\xff\xfe" + strings.Join(strings.Split(ascii, ""), "\x00") + "\x19\x02\xda\x02\x19\x02\xda\x02", "utf-8", ""},
	} {
		got, sure := filedrop.Guess(tc.sample, tc.declared)
		if want := tc.want; sure != (want != "") || sure && got != want {
			t.Errorf("%s: got %s, sure %t, want %q", name, got, sure, want)
		}
	}
}
