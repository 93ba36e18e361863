package pay

import "racord/hub"

// Manifest and ReadManifest let a test go there and back.
func Manifest(p *hub.Payment, charge int) string { return manifest(p, p.Charge(charge)) }

// ReadManifest gives what a manifest says: the payment, the charge and the lines.
func ReadManifest(text string) (hub.PaymentID, int, []hub.Line, bool) {
	m, ok := readManifest(text)
	return m.payment, m.charge, m.lines, ok
}

// LongestManifest routes a basket through a provider with one merchant account, and
// gives how many bytes the longest manifest of its charges has.
func LongestManifest(p *hub.Payment) (long int, err error) {
	psp := &hub.PSP{Name: "one", Merchants: hub.Merchants{}}
	for i := range p.Lines {
		l := &p.Lines[i]
		l.Transfers = []hub.Transfer{{AccountID: "main", Amount: l.Amount}}
		psp.Merchants[string(l.Creditor)+"/main"] = "m1"
	}
	plans, err := New(Parts{PSPs: []*hub.PSP{psp}}, Conf{}).route(p, pointers(p.Lines), nil)
	for _, plan := range plans {
		long = max(long, len(manifest(p, &hub.Charge{No: mostCharges, Lines: plan.lines})))
	}
	return long, err
}
