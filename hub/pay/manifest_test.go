package pay_test

import (
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
			return
		}
		for _, l := range lines {
			if len(id) != 26 || charge < 1 || l.No < 1 || l.Amount.Minor < 1 || !l.Creditor.Valid() {
				t.Errorf("%q: got %s %d %+v", text, id, charge, l)
			}
		}
	})
}
