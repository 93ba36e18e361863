package pay

import (
	"context"
	"strings"

	"racord/hub"
)

// longestReference in characters is what creditors' fields hold.
const longestReference = 35

// QuoteReference quotes a payment of something no creditor lists yet, by what
// stands on paper: a fine that is not registered, say. The payer need not sign
// in. It says nothing about anybody: only that the creditor takes such
// payments, and where the money goes. It fails with CodeInvalid for a creditor
// that does not, and for a reference or an amount that cannot be one.
func (s *Service) QuoteReference(_ context.Context, portal string, creditor hub.Name, reference string, amount hub.Money) (*Quote, error) {
	c := s.connector(creditor)
	reference = strings.ToUpper(strings.Join(strings.Fields(reference), " "))
	switch {
	case c == nil || !c.TakesReferences():
		return nil, invalid("/creditor", "takes no payments without a listed debt")
	case len(reference) < 3 || len(reference) > longestReference || !plainText(reference):
		return nil, invalid("/reference", "from 3 to 35 letters, digits, blanks and . - /")
	case hub.TypedCNP(reference):
		return nil, invalid("/reference", "a personal code, not a document's number")
	case amount.Minor < 1 || amount.Minor > mostBani:
		return nil, invalid("/amount", "an amount in bani from 1 to 100,000,000,000")
	case amount.Currency != hub.RON:
		return nil, invalid("/amount/currency", "must be RON")
	}
	line := unlistedLine(c, reference, amount)
	return s.sealed([]QuotedLine{{State: Confirmed, Line: line}}, "", portal)
}

func plainText(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-/") == ""
}

// unlistedLine is a line without a debt. Two payments of one reference exclude
// each other like those of one debt.
func unlistedLine(c *hub.Connector, reference string, amount hub.Money) hub.Line {
	account := c.Creditor.Accounts[0]
	return hub.Line{
		Creditor: c.Creditor.Name, Obligation: hub.NewObligationID(c.Creditor.Name, "reference "+reference), Reference: reference,
		Option: "unlisted", Label: reference, Amount: amount, Owed: amount, Class: c.Traits.Paying.Class,
		Verified: hub.VerifiedSnapshot, State: hub.LineHeld,
		Transfers: []hub.Transfer{{Seq: 1, AccountID: account.ID, IBAN: account.IBAN, RevenueCode: account.RevenueCode, Amount: amount}},
	}
}
