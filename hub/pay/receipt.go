package pay

import (
	"context"
	"crypto/subtle"
	"encoding/base32"
	"strconv"
	"strings"

	"racord/hub"
)

// ReceiptOf gives the receipt of a payment that its owner was shown, of the whole
// basket or, with a number, of that line alone, so that nobody who asks about one
// debt sees the others. It fails with CodeConflict while no money was taken for
// it, and CodeNotFound for a line that is not there.
func (s *Service) ReceiptOf(p *hub.Payment, line int) (*hub.PaymentReceipt, error) {
	if line != 0 && p.Line(line) == nil {
		return nil, hub.Errorf(hub.CodeNotFound, "The payment has no such line.")
	}
	r := &hub.PaymentReceipt{
		Code: s.receiptCode(p.ID, line), Payment: p.ID, AsOf: s.Clock.Now(), Total: hub.Bani(0), Refunded: hub.Bani(0),
	}
	for i := range p.Lines {
		if l := &p.Lines[i]; line == 0 || line == l.No {
			s.addLine(r, p, l)
		}
	}
	switch {
	case len(r.Lines) > 0:
	case p.State().Final():
		return nil, hub.Errorf(hub.CodeConflict, "There is no receipt: no money was taken.")
	default:
		return nil, hub.Errorf(hub.CodeConflict, "There is no receipt yet: no money was taken so far.")
	}
	s.addProviders(r, p)
	return r, nil
}

// receiptStates are the lines that stand on a receipt: those that money was taken
// for.
var receiptStates = map[hub.LineState]hub.ReceiptState{
	hub.LineDue: hub.ReceiptPaid, hub.LinePosting: hub.ReceiptPaid, hub.LinePostUnknown: hub.ReceiptPaid, hub.LineStuck: hub.ReceiptPaid,
	hub.LinePosted: hub.ReceiptBooked, hub.LineReversing: hub.ReceiptRefunding, hub.LineRejected: hub.ReceiptRefunding,
	hub.LineRefunded: hub.ReceiptRefunded,
}

func (s *Service) addLine(r *hub.PaymentReceipt, p *hub.Payment, l *hub.Line) {
	state, taken := receiptStates[l.State]
	if !taken {
		return
	}
	if c := p.ChargeOf(l.No); c != nil && c.State == hub.ChargeDisputed && state != hub.ReceiptRefunded {
		state = hub.ReceiptDisputed
	}
	creditor := s.creditorOf(l.Creditor)
	r.Lines = append(r.Lines, hub.ReceiptLine{
		No: l.No, Creditor: l.Creditor, Title: creditor.Title, CUI: creditor.CUI, Label: inWords(l.Label), Reference: l.Reference,
		ExternalID: l.ExternalID, Account: l.Account, Amount: l.Amount, PaidAt: l.PaidAt, State: state,
		Number: number(l), BookedAt: l.BookedAt, Transfers: receiptTransfers(&creditor, l.Transfers),
	})
	r.Total.Minor += l.Amount.Minor // the quote added them up with checks
	if state == hub.ReceiptRefunded {
		r.Refunded.Minor += l.Amount.Minor
	}
	if r.PaidAt.IsZero() || l.PaidAt.Before(r.PaidAt) {
		r.PaidAt = l.PaidAt
	}
}

// number is the creditor's own of a booking. Before that a line may hold the name
// of a file that was put in its place.
func number(l *hub.Line) string {
	if l.BookedAt.IsZero() {
		return ""
	}
	return l.Receipt
}

func (s *Service) creditorOf(name hub.Name) hub.Creditor {
	if c := s.connector(name); c != nil {
		return c.Creditor
	}
	return hub.Creditor{Name: name, Title: string(name)}
}

func receiptTransfers(c *hub.Creditor, list []hub.Transfer) []hub.ReceiptTransfer {
	shown := make([]hub.ReceiptTransfer, len(list))
	for i, t := range list {
		shown[i] = hub.ReceiptTransfer{IBAN: t.IBAN, Beneficiary: c.Beneficiary(t.AccountID), RevenueCode: t.RevenueCode, Amount: t.Amount}
	}
	return shown
}

// addProviders names who took the money of the receipt's lines.
func (s *Service) addProviders(r *hub.PaymentReceipt, p *hub.Payment) {
	for i := range p.Charges {
		c := &p.Charges[i]
		taken := hub.Bani(0)
		for _, l := range r.Lines {
			if p.ChargeOf(l.No).No == c.No {
				taken.Minor += l.Amount.Minor
			}
		}
		if taken.Minor > 0 {
			r.Providers = append(r.Providers, hub.ReceiptCharge{Title: s.Title(c.PSP), Order: c.Order, Ref: c.Ref, Taken: taken})
		}
	}
}

// CheckReceipt gives the receipt that a code stands for, as it is now. It fails
// with CodeNotFound for a code that no receipt has.
func (s *Service) CheckReceipt(ctx context.Context, code string) (*hub.PaymentReceipt, error) {
	id, line, ok := s.readCode(code)
	if !ok {
		return nil, errNoReceipt()
	}
	p, err := s.Store.Payment(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.ReceiptOf(p, line)
}

func errNoReceipt() error { return hub.Errorf(hub.CodeNotFound, "No receipt has this code.") }

// receiptCode is "<payment>-<line>-<proof>": whoever knows a payment's name alone,
// as portals and providers do, cannot make it.
func (s *Service) receiptCode(id hub.PaymentID, line int) string {
	return string(id) + "-" + strconv.Itoa(line) + "-" + s.receiptProof(id, line)
}

func (s *Service) receiptProof(id hub.PaymentID, line int) string {
	mac := s.Keys.MAC("receipt", string(id), strconv.Itoa(line))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac[:10])
}

// readCode believes a code that this hub made, in whatever case it was typed.
func (s *Service) readCode(code string) (id hub.PaymentID, line int, ok bool) {
	parts := strings.Split(strings.ToUpper(code), "-")
	if len(parts) != 3 || len(code) > 64 {
		return "", 0, false
	}
	line, err := strconv.Atoi(parts[1])
	id = hub.PaymentID(parts[0])
	good := subtle.ConstantTimeCompare([]byte(parts[2]), []byte(s.receiptProof(id, line))) == 1
	return id, line, good && err == nil
}
