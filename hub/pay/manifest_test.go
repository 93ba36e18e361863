package pay_test

import (
	"fmt"
	"strings"
	"testing"

	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/pay"
)

func TestAManifestSaysWhatAChargeIsFor(t *testing.T) {
	p := hubtest.Basket("ana", "a", "b")
	id, charge, lines, ok := pay.ReadManifest(pay.Manifest(p, 1))
	if !ok || id != p.ID || charge != 1 || len(lines) != 2 || lines[1].Creditor != "water" || lines[1].Amount != hub.Bani(200) || lines[1].No != 2 {
		t.Errorf("got %s %d %+v %v from %q", id, charge, lines, ok, pay.Manifest(p, 1))
	}
}

// basketOf is a payment of so many lines, each of a creditor whose name has so many
// letters.
func basketOf(lines, letters int, same bool) *hub.Payment {
	p := &hub.Payment{ID: hub.PaymentID(hub.NewID()), Charges: []hub.Charge{{No: 1}}}
	for no := range lines {
		name := strings.Repeat("a", letters)
		if !same {
			name = name[:letters-2] + fmt.Sprintf("%02d", no)
		}
		p.Lines = append(p.Lines, hub.Line{No: no + 1, Creditor: hub.Name(name), Amount: hub.Bani(12_345)})
		p.Charges[0].Lines = append(p.Charges[0].Lines, no+1)
	}
	return p
}

func TestAManifestThatIsCutIsNotBelieved(t *testing.T) {
	p := basketOf(20, 18, true)
	whole := pay.Manifest(p, 1)
	if _, _, lines, ok := pay.ReadManifest(whole); !ok || len(lines) != 20 || lines[19].Creditor != p.Lines[0].Creditor || len(whole) > 500 {
		t.Errorf("got %v %+v of %d bytes, want 20 lines in 500", ok, lines, len(whole))
	}
	for cut := range len(whole) {
		if id, charge, lines, ok := pay.ReadManifest(whole[:cut]); ok || id != "" || charge != 0 || lines != nil {
			t.Fatalf("cut at %d: got %s %d %+v %v, want nothing", cut, id, charge, lines, ok)
		}
	}
}

func TestAnOlderManifestIsRead(t *testing.T) {
	text := "hub1;" + strings.Repeat("A", 26) + ";2;1:water:500;3:fines:29000"
	id, charge, lines, ok := pay.ReadManifest(text)
	if !ok || len(id) != 26 || charge != 2 || len(lines) != 2 || lines[1].Creditor != "fines" || lines[1].Amount != hub.Bani(29_000) {
		t.Errorf("got %s %d %+v %v", id, charge, lines, ok)
	}
}

// TestABasketIsNotLongerThanAProvidersBook pays at one merchant account for all.
func TestABasketIsNotLongerThanAProvidersBook(t *testing.T) {
	for name, tc := range map[string]struct {
		lines, letters int
		same, refused  bool
	}{
		"twenty of one creditor":       {20, 32, true, false},
		"ten of ten creditors":         {10, 18, false, false},
		"twenty of twenty creditors":   {20, 18, false, true},
		"twenty of short-named ones":   {20, 8, false, false},
		"one more than there is room":  {15, 23, false, true},
		"as many as there is room for": {14, 23, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := basketOf(tc.lines, tc.letters, tc.same)
			long, err := pay.LongestManifest(p)
			if tc.refused != (hub.CodeOf(err) == hub.CodeNotPayable) || long > 500 {
				t.Errorf("got %d bytes (%v), want it refused: %v", long, err, tc.refused)
			}
		})
	}
}

func FuzzReadManifest(f *testing.F) {
	f.Add(pay.Manifest(hubtest.Basket("ana", "a", "b"), 1))
	for _, bad := range []string{"", "hub1", "hub1;x;1;1:water:5", "hub2;" + strings.Repeat("A", 26) + ";1;1:water:5", "hub1;" + strings.Repeat("A", 26) + ";0;1:water:-5"} {
		if _, _, _, ok := pay.ReadManifest(bad); ok {
			f.Errorf("%q was read", bad)
		}
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, charge, lines, ok := pay.ReadManifest(text)
		if !ok {
			if id != "" || charge != 0 || lines != nil {
				t.Errorf("%q is not read, and says %s %d %+v", text, id, charge, lines)
			}
			return
		}
		for _, l := range lines {
			if len(id) != 26 || charge < 1 || l.No < 1 || l.Amount.Minor < 1 || !l.Creditor.Valid() {
				t.Errorf("%q: got %s %d %+v", text, id, charge, l)
			}
		}
	})
}
