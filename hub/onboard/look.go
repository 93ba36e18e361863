package onboard

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"racord/hub"
)

// Detail is all there is about one version.
type Detail struct {
	Version  hub.Version
	Creditor hub.Name
	Text     hub.ManifestText
	Problems []hub.Field // of a draft
	Next     hub.Stage   // "" = none
	Gates    []Gate      // before it
	Trial    hub.Trial   // in this stage
}

// Read gives a version with its text and what stands before its next stage.
func (s *Service) Read(ctx context.Context, who hub.Caller, creditor hub.Name, no int) (Detail, error) {
	r, err := s.Registration(ctx, who, creditor)
	if err != nil {
		return Detail{}, err
	}
	v := r.Version(no)
	if v == nil {
		return Detail{}, absent()
	}
	text, err := s.text(ctx, creditor, no)
	if err != nil {
		return Detail{}, err
	}
	var problems []hub.Field
	if v.Stage == hub.StageDraft {
		_, problems = s.Reader.Read(creditor, text)
	}
	return s.detail(ctx, &r, v, text, problems)
}

func (s *Service) detail(ctx context.Context, r *hub.Registration, v *hub.Version, text hub.ManifestText, problems []hub.Field) (Detail, error) {
	seen, err := s.look(ctx, r.Creditor, v.No)
	if err != nil {
		return Detail{}, err
	}
	return Detail{
		Version: *v, Creditor: r.Creditor, Text: text, Problems: problems, Next: next(v), Gates: s.gates(r, v, &seen), Trial: seen.trial,
	}, nil
}

// Registration gives all that is on record about a connector, without texts.
func (s *Service) Registration(ctx context.Context, who hub.Caller, creditor hub.Name) (hub.Registration, error) {
	if err := reach(&who, creditor); err != nil {
		return hub.Registration{}, err
	}
	r, err := s.Store.Registration(ctx, creditor)
	if hub.CodeOf(err) == hub.CodeNotFound {
		return r, absent()
	}
	return r, err
}

func (s *Service) version(ctx context.Context, who *hub.Caller, creditor hub.Name, no int) (hub.Version, error) {
	r, err := s.Registration(ctx, *who, creditor)
	if err != nil {
		return hub.Version{}, err
	}
	if v := r.Version(no); v != nil {
		return *v, nil
	}
	return hub.Version{}, absent()
}

// List gives the connectors that the caller may see: an approver all, a company
// its own.
func (s *Service) List(ctx context.Context, who hub.Caller) ([]hub.Registration, error) {
	names := []hub.Name{who.Company}
	if who.Approver {
		var err error
		if names, err = s.Store.Registered(ctx); err != nil {
			return nil, err
		}
	}
	var list []hub.Registration
	for _, name := range names {
		r, err := s.Registration(ctx, who, name)
		if hub.CodeOf(err) == hub.CodeNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// Diff compares two versions' texts, in the unified form.
func (s *Service) Diff(ctx context.Context, who hub.Caller, creditor hub.Name, from, to int) (string, error) {
	if err := reach(&who, creditor); err != nil {
		return "", err
	}
	before, err := s.text(ctx, creditor, from)
	if err != nil {
		return "", err
	}
	after, err := s.text(ctx, creditor, to)
	if err != nil {
		return "", err
	}
	return diffTexts(before, after, from, to), nil
}

// Cards lists a company's secrets, by name.
func (s *Service) Cards(ctx context.Context, who hub.Caller, creditor hub.Name) ([]hub.SecretCard, error) {
	if err := reach(&who, creditor); err != nil {
		return nil, err
	}
	return s.Keeper.Cards(ctx, creditor)
}

// PutSecret keeps a secret. One that holds the address of a version that was
// submitted keeps its host: another address is a new version, which has to be
// approved.
func (s *Service) PutSecret(ctx context.Context, who hub.Caller, creditor hub.Name, name string, value hub.Secret) (hub.SecretCard, error) {
	if err := reach(&who, creditor); err != nil {
		return hub.SecretCard{}, err
	}
	if err := s.sameHost(ctx, creditor, name, value); err != nil {
		return hub.SecretCard{}, err
	}
	return s.Keeper.Put(ctx, creditor, name, value, who.Login)
}

// sameHost refuses to lead a version elsewhere. Where the address was is not known
// any more once the secret is gone, so that nothing takes its place.
func (s *Service) sameHost(ctx context.Context, creditor hub.Name, name string, value hub.Secret) error {
	r, err := s.Store.Registration(ctx, creditor)
	if err != nil {
		return ignoreAbsent(err)
	}
	if !leads(&r, name) {
		return nil
	}
	known, err := s.Parts.Secrets.SecretsOf(ctx, creditor, name)
	if err != nil && hub.CodeOf(err) != hub.CodeAuth {
		return err
	}
	if err != nil || hostOf(known[0].Reveal()) != hostOf(value.Reveal()) {
		return hub.Errorf(hub.CodeConflict, "This secret holds the address that a submitted version calls. Put another address under another name, and submit a version that names it.")
	}
	return nil
}

// secretAddress begins an address that stands in a secret, see hub.ManifestFacts.
const secretAddress = "secret:"

// leads tells whether a secret holds the address of a version under way, or of the
// one that citizens saw last: the next is compared with it by the secret's name.
func leads(r *hub.Registration, name string) bool {
	if last := r.Shown(0); last != nil && holdsAddress(last, name) {
		return true
	}
	return slices.ContainsFunc(r.Versions, func(v hub.Version) bool { return underWay(&v) && holdsAddress(&v, name) })
}

func holdsAddress(v *hub.Version, name string) bool {
	return slices.Contains(v.Facts.Addresses, secretAddress+name)
}

func underWay(v *hub.Version) bool {
	return v.Stage != hub.StageDraft && v.Stage != hub.StageRetired
}

func ignoreAbsent(err error) error {
	if hub.CodeOf(err) == hub.CodeNotFound {
		return nil
	}
	return err
}

// hostOf gives the host and port of an address, or all of it when it has none or
// may say elsewhere where it leads, as drivers let parameters do.
func hostOf(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || strings.Contains(u.Host, ",") || strings.Contains(address, "#") || !onlyTLS(u.RawQuery) {
		return address
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// onlyTLS tells whether parameters say no more than how far the other side is
// verified.
func onlyTLS(query string) bool {
	parameters, err := url.ParseQuery(query)
	delete(parameters, "sslmode")
	return err == nil && len(parameters) == 0
}

// DropSecret removes a secret, or only the value before the newest.
func (s *Service) DropSecret(ctx context.Context, who hub.Caller, creditor hub.Name, name string, previous bool) error {
	if err := reach(&who, creditor); err != nil {
		return err
	}
	if !previous {
		if err := s.unused(ctx, creditor, name); err != nil {
			return err
		}
	}
	return s.Keeper.Drop(ctx, creditor, name, previous)
}

// unused refuses to take away what a version that serves needs, and the address of
// one that may serve again: another could be put in its place.
func (s *Service) unused(ctx context.Context, creditor hub.Name, name string) error {
	r, err := s.Store.Registration(ctx, creditor)
	if err != nil {
		return ignoreAbsent(err)
	}
	for i := range r.Versions {
		v := &r.Versions[i]
		if v.Stage.Serves() && slices.Contains(v.Facts.Secrets, name) || underWay(v) && holdsAddress(v, name) {
			return hub.Errorf(hub.CodeConflict, "Version %d is %s and uses this secret.", v.No, v.Stage)
		}
	}
	return nil
}
