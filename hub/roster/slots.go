package roster

import (
	"context"

	"racord/hub"
)

// Secrets gives a connector its own tenant's secrets, by name: the newest, or the
// one before when that was refused (see TwoSlots).
func Secrets(store hub.SecretStore, creditor hub.Name) func(ctx context.Context, name string) (hub.Secret, error) {
	return func(ctx context.Context, name string) (hub.Secret, error) {
		list, err := store.SecretsOf(ctx, creditor, name)
		switch {
		case err != nil:
			return hub.Secret{}, err
		case len(list) == 0:
			return hub.Secret{}, hub.Errorf(hub.CodeAuth, "The connector has no secret of this name.")
		}
		return list[min(slotOf(ctx), len(list)-1)], nil
	}
}

type slotKey struct{}

// slotOf tells which slot a call uses: 0 is the newest.
func slotOf(ctx context.Context) int {
	slot, _ := ctx.Value(slotKey{}).(int) // without one, the newest
	return slot
}

// TwoSlots asks again with the secret before the newest when the creditor refuses
// the newest: a company that changes a secret need not do so in the same moment
// as its system. Only what reads is repeated.
func TwoSlots(c *hub.Connector) *hub.Connector {
	twice := *c
	if c.Source != nil {
		twice.Source = patientSource{c.Source}
	}
	if c.Quoter != nil {
		twice.Quoter = patientQuoter{c.Quoter}
	}
	if c.Finder != nil {
		twice.Finder = patientFinder{c.Finder}
	}
	if c.Probe != nil {
		twice.Probe = patientProbe{c.Probe}
	}
	return &twice
}

// patiently calls with the newest secret, and with the one before when that is
// refused.
func patiently(ctx context.Context, call func(context.Context) error) error {
	err := call(ctx)
	if hub.CodeOf(err) != hub.CodeAuth || ctx.Err() != nil {
		return err
	}
	return call(context.WithValue(ctx, slotKey{}, 1))
}

type patientSource struct{ next hub.Source }

func (p patientSource) Obligations(ctx context.Context, who hub.Asked) (answer hub.Answer, err error) {
	err = patiently(ctx, func(ctx context.Context) error { answer, err = p.next.Obligations(ctx, who); return err })
	return answer, err
}

type patientQuoter struct{ next hub.Quoter }

func (p patientQuoter) Quote(ctx context.Context, who hub.Asked, wanted []hub.Wanted) (quoted []hub.Quoted, err error) {
	err = patiently(ctx, func(ctx context.Context) error { quoted, err = p.next.Quote(ctx, who, wanted); return err })
	return quoted, err
}

type patientFinder struct{ next hub.Finder }

func (p patientFinder) Find(ctx context.Context, posting hub.Posting) (found hub.Found, receipt hub.Receipt, err error) {
	err = patiently(ctx, func(ctx context.Context) error { found, receipt, err = p.next.Find(ctx, posting); return err })
	return found, receipt, err
}

type patientProbe struct{ next hub.Probe }

func (p patientProbe) Ping(ctx context.Context) error { return patiently(ctx, p.next.Ping) }
