package pay

import "racord/hub"

// Manifest and ReadManifest let a test go there and back.
func Manifest(p *hub.Payment, charge int) string { return manifest(p, p.Charge(charge)) }

// ReadManifest gives what a manifest says: the payment, the charge and the lines.
func ReadManifest(text string) (hub.PaymentID, int, []hub.Line, bool) {
	m, ok := readManifest(text)
	return m.payment, m.charge, m.lines, ok
}
