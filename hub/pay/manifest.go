package pay

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"racord/hub"
)

// A manifest tells a provider's book what a charge is for, so that the hub's own
// can be rebuilt from it: the payment, the charge's number, and of each line its
// number, its creditor and its amount. It names no person and no debt. The creditor
// is left out where it is that of the line before, and a checksum at the end tells
// whether all of it is there: providers cut what is too long for them.
const (
	manifestMark    = "hub2"
	manifestMarkOld = "hub1"      // without the checksum, and with every creditor
	manifestSum     = ";89abcdef" // CRC-32 (IEEE 802.3) of what stands before it
	manifestBytes   = 500         // at most
	manifestRest    = len(manifestMark) + 1 + 26 + len(";100") + len(manifestSum)
)

// manifest writes the manifest of a charge.
func manifest(p *hub.Payment, c *hub.Charge) string {
	text := manifestHead(p.ID, c.No)
	before := hub.Name("")
	for _, no := range c.Lines {
		l := p.Line(no)
		text += manifestLine(l, before)
		before = l.Creditor
	}
	return text + checksum(text)
}

func manifestHead(id hub.PaymentID, charge int) string {
	return manifestMark + ";" + string(id) + ";" + strconv.Itoa(charge)
}

func manifestLine(l *hub.Line, before hub.Name) string {
	creditor := l.Creditor
	if creditor == before {
		creditor = ""
	}
	return ";" + strconv.Itoa(l.No) + ":" + string(creditor) + ":" + strconv.FormatInt(l.Amount.Minor, 10)
}

func checksum(text string) string { return fmt.Sprintf(";%08x", crc32.ChecksumIEEE([]byte(text))) }

// manifestWords is what a manifest says.
type manifestWords struct {
	payment hub.PaymentID
	charge  int
	lines   []hub.Line // number, creditor and amount only
}

// readManifest reads what manifest wrote, or an earlier version of it; ok is false
// for anything else, of which nothing is believed.
func readManifest(text string) (m manifestWords, ok bool) {
	if strings.HasPrefix(text, manifestMark+";") {
		whole, found := strings.CutSuffix(text, checksum(text[:max(0, len(text)-len(manifestSum))]))
		if !found {
			return manifestWords{}, false
		}
		text = whole
	}
	parts := strings.Split(text, ";")
	if len(parts) < 4 || parts[0] != manifestMark && parts[0] != manifestMarkOld || len(parts[1]) != 26 {
		return manifestWords{}, false
	}
	no, err := strconv.Atoi(parts[2])
	if err != nil || no < 1 || no > mostCharges {
		return manifestWords{}, false
	}
	m = manifestWords{payment: hub.PaymentID(parts[1]), charge: no}
	before := hub.Name("")
	for _, part := range parts[3:] {
		l, ok := readLine(part, before)
		if !ok {
			return manifestWords{}, false
		}
		m.lines, before = append(m.lines, l), l.Creditor
	}
	return m, true
}

// mostCharges is the highest number of a charge that is believed.
const mostCharges = 100

// readLine reads what manifestLine wrote.
func readLine(text string, before hub.Name) (hub.Line, bool) {
	words := strings.Split(text, ":")
	if len(words) != 3 {
		return hub.Line{}, false
	}
	creditor := hub.Name(words[1])
	if creditor == "" {
		creditor = before
	}
	no, err := strconv.Atoi(words[0])
	amount, wrong := strconv.ParseInt(words[2], 10, 64)
	if err != nil || wrong != nil || no < 1 || no > 1000 || amount < 1 || amount > mostBani || !creditor.Valid() {
		return hub.Line{}, false
	}
	return hub.Line{No: no, Creditor: creditor, Amount: hub.Bani(amount)}, true
}
