package onboard

import (
	"context"
	"slices"

	"racord/hub"
)

// staysHome is notElsewhere as things stand now.
func (s *Service) staysHome(ctx context.Context, creditor hub.Name, facts *hub.ManifestFacts) error {
	r, err := s.Store.Registration(ctx, creditor)
	if err != nil {
		return err
	}
	return notElsewhere(&r, facts)
}

// notElsewhere refuses a text that names a secret which citizens' versions send, and
// a host to which none of those sends it: a dry run or the suite would give it away
// before anybody was told of the address. Another host takes secrets of its own.
func notElsewhere(r *hub.Registration, facts *hub.ManifestFacts) error {
	var lent []hub.Field
	for _, name := range facts.Secrets {
		known, sent := hostsOf(r, name)
		for _, address := range facts.Addresses {
			if host := hostOf(address); sent && !slices.Contains(known, host) {
				lent = append(lent, hub.Field{Pointer: name, Code: hub.CodeConflict, Detail: "this secret was never sent to " + host})
			}
		}
	}
	if lent == nil {
		return nil
	}
	conflict := hub.Errorf(hub.CodeConflict, "Another address needs secrets with names of their own: put them, and name them in the manifest.")
	conflict.Fields = lent
	return conflict
}

// hostsOf gives the hosts to which versions that citizens saw send a secret, and
// whether any sends it.
func hostsOf(r *hub.Registration, secret string) (hosts []string, sent bool) {
	for i := range r.Versions {
		v := &r.Versions[i]
		if v.ShownAt.IsZero() || !slices.Contains(v.Facts.Secrets, secret) {
			continue
		}
		sent = true
		for _, address := range v.Facts.Addresses {
			hosts = append(hosts, hostOf(address))
		}
	}
	return hosts, sent
}
