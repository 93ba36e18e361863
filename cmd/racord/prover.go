package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"

	"racord/adapters/guard"
	"racord/adapters/upstream"
	"racord/connectors"
	"racord/connectors/connectortest"
	"racord/connectors/kinds"
	"racord/hub"
	"racord/hub/roster"
)

// prover calls the creditors that candidates describe, behind the same wall and
// within the same limits as citizens' questions.
type prover struct {
	*berth
	key ed25519.PrivateKey // signs reports
}

var (
	_ hub.Prover = prover{}
	_ hub.Trier  = prover{}
)

// newProver makes what onboarding proves and tries connectors with.
func (b *berth) newProver() (prover, error) {
	key, err := hub.SigningKey(b.h.master, reportsKey)
	return prover{b, key}, err
}

// Prove runs the conformance suite and signs what it found.
func (p prover) Prove(ctx context.Context, c hub.Candidate, secrets hub.SecretStore) (hub.Report, error) {
	m, env, closing, err := p.candidate(c, secrets)
	if err != nil {
		return hub.Report{}, err
	}
	defer closing()
	report := connectortest.Run(ctx, connectortest.For(kinds.All(), m, env))
	if err := ctx.Err(); err != nil {
		return hub.Report{}, hub.Wrap(hub.CodeUnavailable, err, "There was not time enough for the whole suite.")
	}
	signed, err := report.Sign(p.key)
	if err != nil {
		return hub.Report{}, err
	}
	document, err := json.Marshal(signed)
	return hub.Report{At: p.setup.Clock.Now(), Digest: c.Digest, Passed: report.Passed(), Class: report.Granted(), Document: document}, err
}

// Try asks about one subject and shows what became of every record.
func (p prover) Try(ctx context.Context, c hub.Candidate, whom hub.TrialSubject, secrets hub.SecretStore) (hub.DryRun, error) {
	m, env, closing, err := p.candidate(c, secrets)
	if err != nil {
		return hub.DryRun{}, err
	}
	defer closing()
	who, err := connectortest.Subject(m, whom)
	if err != nil {
		return hub.DryRun{}, err
	}
	return connectortest.Try(ctx, kinds.All(), m, env, who), nil
}

// candidate reads a manifest and gives it the world that a company's connector is
// given.
func (p prover) candidate(c hub.Candidate, secrets hub.SecretStore) (*connectors.Manifest, connectors.Env, func(), error) {
	m, err := kinds.All().Parse(fmt.Sprintf("%s@%d", c.Creditor, c.Version), c.Text.YAML, beside(c.Text.Files))
	if err != nil {
		return nil, connectors.Env{}, nil, hub.Wrap(hub.CodeInvalid, err, "The manifest cannot be read.")
	}
	for old, now := range p.setup.Config.Sandbox.Bases {
		m.Rebase(old, now)
	}
	allowance := p.allowance(m)
	way := upstream.New(upstream.Conf{
		MaxInflight: m.Traits.MaxInflight, Turn: allowance.Turn, Allow: allowed(p.setup, c.Creditor), Deny: denied(p.setup.Config.Wall),
	})
	env := through(way, allowance)
	env.Secret, env.Clock, env.Log = roster.Secrets(secrets, c.Creditor), p.setup.Clock, p.h.log.With("connector", string(c.Creditor))
	return m, env, way.Close, nil
}

// allowance is the one that the creditor's connector has. One that no replica
// calls yet is called by the suite alone.
func (p prover) allowance(m *connectors.Manifest) *guard.Allowance {
	for _, c := range p.h.fleet.OnDuty() {
		if c.Creditor.Name == m.Creditor.Name {
			return p.leaser.Allowance(m.Creditor.Name, guard.LimitsOf(m.Traits))
		}
	}
	return guard.Fixed(m.Creditor.Name, guard.LimitsOf(m.Traits))
}
