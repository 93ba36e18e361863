package filedrop_test

import (
	"testing"

	"racord/hub"
)

// FuzzConfirmation reads anything as a confirmation: no panic, and a posting is
// booked only under a number.
func FuzzConfirmation(f *testing.F) {
	p := payment(1, 500)
	f.Add(answerHeader + "1;0090412;TF 0740000001;5,00;A;TI1;;" + string(p.ID) + "\r\n#TOTAL;1;5,00\r\n")
	f.Add(answerHeader + "#EROARE;LINIA 2\r\n")
	f.Add(answerHeader)
	f.Add("")
	f.Fuzz(func(t *testing.T, answer string) {
		o := newOffice(t)
		receipts, err := o.Sink.Post(t.Context(), []hub.Posting{p})
		if err != nil {
			t.Fatal(err)
		}
		o.out.put("confirmare_"+receipts[0].Number, answer, nil)
		found, receipt, err := o.Finder.Find(t.Context(), p)
		if found == hub.FoundBooked && receipt.Number == "" || (err == nil) != (found != "") {
			t.Fatalf("got %q, %+v, %v", found, receipt, err)
		}
	})
}
