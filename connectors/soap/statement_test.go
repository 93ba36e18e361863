package soap_test

import (
	"fmt"
	"strings"
	"testing"

	"racord/connectors"
	"racord/hub"
)

// TestAStatementHoldsAllWhoPaidOnADay reads what the office booked on a day on
// which as many paid as a statement may hold, and one more.
func TestAStatementHoldsAllWhoPaidOnADay(t *testing.T) {
	for rows, want := range map[int]hub.Code{connectors.MaxBooked: "", connectors.MaxBooked + 1: hub.CodeBadData} {
		var b strings.Builder
		for n := range rows {
			fmt.Fprintf(&b, `<Plata><NrDocExtern>GZ3V6TQ2N5Y7A4KEXD2QJ4MWLU:%d</NrDocExtern><NrChitanta>CH-2026-%08d</NrChitanta><IdDebit>2026-07-01-%09d-1</IdDebit><Suma>1.257,50</Suma><Stornata>0</Stornata></Plata>`, n, n, n)
		}
		answer := `<ExtrasPlatiResponse xmlns="urn:napoca-test:ditl:v3"><CodEroare>0</CodEroare><Plati>` + b.String() + `</Plati></ExtrasPlatiResponse>`
		c := office(t, &said{status: 200, kind: xml1250, body: []byte(envelope("windows-1250", answer))})
		booked, err := c.Statement.Statement(t.Context(), "2026-03-31")
		if hub.CodeOf(err) != want || want == "" && len(booked) != rows {
			t.Errorf("%d rows: got %d (%v), want code %q", rows, len(booked), err, want)
		}
	}
}
