// Package link answers the question "which accounts are mine?": a citizen
// proves an account with what stands on its last bill, sees the accounts that
// are linked, and takes links back.
package link

import (
	"context"
	"errors"
	"strings"

	"racord/hub"
)

// AttemptsADay is how often a party may try, and how often an account may be
// tried, on one day. Tries the creditor could not answer are not counted.
const AttemptsADay = 5

// Store is what the service keeps its links in.
type Store interface {
	hub.Folders
	hub.Links
	hub.Attempts
}

// Service links accounts.
type Service struct {
	Store  Store
	Roster hub.Roster
	Clock  hub.Clock
}

// Link proves an account and links it to the party. An account that is unknown,
// belongs to somebody else or does not fit the proof gives one and the same
// CodeNotFound. It fails with CodeInvalid for a creditor that has no such
// accounts, CodeConflict when the account is linked already, CodeTooMany when
// the day's attempts are used up, and with the creditor's own failure when it
// could not be asked.
func (s *Service) Link(ctx context.Context, who hub.Login, account hub.AccountRef, proof hub.Proof) (hub.Link, error) {
	account.Code = strings.TrimSpace(account.Code) // copied from a bill, it brings blanks along
	folder, err := s.Store.Folder(ctx, who)
	if err != nil {
		return hub.Link{}, err
	}
	party := folder.Party.ID
	connector, err := s.connector(party, account)
	if err != nil {
		return hub.Link{}, err
	}
	if hub.TypedCNP(account.Code) {
		return hub.Link{}, errPersonal()
	}
	if err := s.attempt(ctx, party, account); err != nil {
		return hub.Link{}, err
	}
	if err := s.prove(ctx, connector, party, account, proof); err != nil {
		return hub.Link{}, err
	}
	l := hub.Link{ID: hub.LinkID(hub.NewID()), Party: party, Account: account, LinkedAt: s.Clock.Now()}
	return l, s.Store.Link(ctx, l)
}

// List gives the party's links.
func (s *Service) List(ctx context.Context, who hub.Login) ([]hub.Link, error) {
	folder, err := s.Store.Folder(ctx, who)
	return folder.Links, err
}

// Unlink takes a link back. It fails with CodeNotFound for a link that is not
// the party's own.
func (s *Service) Unlink(ctx context.Context, who hub.Login, id hub.LinkID) error {
	folder, err := s.Store.Folder(ctx, who)
	if err != nil {
		return err
	}
	return s.Store.Unlink(ctx, folder.Party.ID, id)
}

// connector gives the version of the account's creditor that the party is shown.
func (s *Service) connector(party hub.PartyID, account hub.AccountRef) (*hub.Connector, error) {
	for _, c := range s.Roster.OnDuty() {
		if c.Creditor.Name != account.Creditor {
			continue
		}
		if own := c.For(party); own != nil && own.Traits.Can(hub.FetchByAccount) {
			return own, nil
		}
	}
	err := hub.Errorf(hub.CodeInvalid, "There is no creditor of this name whose accounts can be linked.")
	err.Fields = []hub.Field{{Pointer: "/creditor", Code: hub.CodeInvalid, Detail: "not a creditor whose accounts can be linked"}}
	return nil, err
}

// errPersonal refuses a personal code typed where an account's belongs: account
// codes may stand in addresses and files, personal codes never.
func errPersonal() error {
	err := hub.Errorf(hub.CodeInvalid, "This is a personal code. Type the client code on your bill.")
	err.Fields = []hub.Field{{Pointer: "/account", Code: hub.CodeInvalid, Detail: "a personal code, not an account's"}}
	return err
}

// attempt counts the try before it is made, so that many at once cannot slip
// through.
func (s *Service) attempt(ctx context.Context, party hub.PartyID, account hub.AccountRef) error {
	byParty, byAccount, err := s.Store.Attempt(ctx, party, account, hub.DateOf(s.Clock.Now()))
	if err != nil {
		return err
	}
	if byParty > AttemptsADay || byAccount > AttemptsADay {
		now := s.Clock.Now()
		tooMany := hub.Errorf(hub.CodeTooMany, "Too many attempts today. Try again tomorrow.")
		tooMany.RetryAfter = hub.DateOf(now).End().Sub(now)
		return tooMany
	}
	return nil
}

// prove checks the proof. A right proof and a silent creditor cost no attempt.
func (s *Service) prove(ctx context.Context, c *hub.Connector, party hub.PartyID, account hub.AccountRef, proof hub.Proof) error {
	err := check(ctx, c, party, account, proof)
	if errors.Is(err, errRefused) {
		return err
	}
	forgiven := s.Store.Forgive(context.WithoutCancel(ctx), party, account, hub.DateOf(s.Clock.Now()))
	return errors.Join(err, forgiven)
}

// errRefused is the one refusal for every proof that does not fit.
var errRefused = hub.Errorf(hub.CodeNotFound, "The account cannot be linked with these data. Check the code, the invoice number and the amount on your last bill.")

func check(ctx context.Context, c *hub.Connector, party hub.PartyID, account hub.AccountRef, proof hub.Proof) error {
	if c.Linker != nil {
		return refusedIfUnknown(c.Linker.Prove(ctx, account, proof))
	}
	answer, err := c.Source.Obligations(ctx, hub.Asked{Party: party, Account: account})
	if err != nil {
		return refusedIfUnknown(err)
	}
	for i := range answer.Obligations {
		if fits(&answer.Obligations[i], proof) {
			return nil
		}
	}
	return errRefused
}

func refusedIfUnknown(err error) error {
	if hub.CodeOf(err) == hub.CodeNotFound {
		return errRefused
	}
	return err
}

// fits tells whether the obligation carries the number and the amount of the
// proof. An amount of nothing proves nothing.
func fits(o *hub.Obligation, proof hub.Proof) bool {
	if proof.Amount.Minor == 0 || proof.Invoice == "" {
		return false
	}
	number := proof.Invoice == o.ExternalID
	if r := o.Reference; r != nil {
		number = number || proof.Invoice == r.Invoice || proof.Invoice == r.Decision
	}
	return number && (proof.Amount == o.Total || proof.Amount == o.Outstanding || proof.Amount == principal(o))
}

// principal is the bill without penalties and older balances, as it was printed.
func principal(o *hub.Obligation) hub.Money {
	for _, part := range o.Components {
		if part.Type == "principal" {
			return part.Amount
		}
	}
	return o.Total
}
