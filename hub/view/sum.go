package view

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"racord/hub"
)

// sum adds up the pages and names the view after its content.
func (v *View) sum(party hub.PartyID) {
	confirmed, known := int64(0), int64(0)
	for i := range v.Pages {
		p := &v.Pages[i]
		if p.gap != "" {
			v.NotCounted = append(v.NotCounted, NotCounted{Creditor: p.Creditor, Reason: p.gap, Since: p.Since})
		}
		if p.State == hub.PageFresh {
			confirmed += p.Due
		} else if p.State != hub.PageNotKnownHere {
			v.Complete = false
		}
		known += p.Due
	}
	v.TotalConfirmed, v.TotalLastKnown = hub.Bani(confirmed), hub.Bani(known)
	v.ID = v.name(party)
}

// name is the same as long as nothing a reader could see has changed, and says
// nothing about whose view it is.
func (v *View) name(party hub.PartyID) string {
	var room [1024]byte
	b := append(room[:0], party...)
	for i := range v.Pages {
		p := &v.Pages[i]
		b = append(append(append(b, p.Creditor...), p.State...), p.Reason...)
		if p.Payable {
			b = append(b, '+')
		}
		b = binary.BigEndian.AppendUint64(b, p.version)
		b = binary.BigEndian.AppendUint64(b, uint64(p.Since.Unix()))
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
