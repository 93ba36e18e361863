package hub

import "context"

// Caller is who stands behind a verified token.
type Caller struct {
	Login     Login
	Portal    string // the registered portal that carries the person (azp)
	Assurance string // acr: low, substantial, high
	Citizen   bool   // a person's own token; false for a portal's client credentials
	Bare      bool   // a person's token that does not say whose: it shows no one's data, and is no portal's
	Refunds   bool   // may have money given back: staff whose token has the scope "refunds"
	Company   Name   // the one creditor whose connector it may work on: a company's token
	Approver  bool   // may approve connectors of all creditors; never a company's token
}

// Staffed tells whether the token is a company's or an approver's: it is neither
// a citizen's nor a portal's, and has no business with what those do.
func (c *Caller) Staffed() bool { return c.Company != "" || c.Approver }

// Doorman verifies bearer tokens. Admit returns CodeUnauthenticated for a token
// that is not good, CodeUnavailable when it cannot be checked now. Once a
// citizen was admitted, Folders.Folder knows the login.
type Doorman interface {
	Admit(ctx context.Context, bearer string) (Caller, error)
}
