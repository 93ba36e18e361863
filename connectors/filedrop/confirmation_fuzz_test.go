package filedrop_test

import (
	"testing"

	"racord/connectors/filedrop"
)

// FuzzConfirmation reads anything as a confirmation: no panic, and rows only of
// the declared width.
func FuzzConfirmation(f *testing.F) {
	f.Add([]byte(answerHeader + "1;0090412;TF 0740000001;5,00;A;TI1;;hub:A:1\r\n#TOTAL;1;5,00\r\n"))
	f.Add([]byte(answerHeader + "#EROARE;LINIA 2\r\n"))
	f.Add([]byte(answerHeader))
	f.Add([]byte{})
	finder := newOffice(f).Finder
	f.Fuzz(func(t *testing.T, answer []byte) {
		rows, err := filedrop.ReadConfirmation(finder, answer)
		for _, cells := range rows {
			if len(cells) != 8 || err != nil {
				t.Fatalf("got a row of %d cells (%v)", len(cells), err)
			}
		}
	})
}
