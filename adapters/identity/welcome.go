package identity

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"racord/hub"
)

// welcome makes sure that the hub knows a citizen. The personal code is asked of
// the issuer with the citizen's own token, at first and when that was long ago, and
// sealed by the store.
func (d *Doorman) welcome(ctx context.Context, from *issuer, who hub.Login, bearer string) error {
	folder, err := d.folders.Folder(ctx, who)
	if err == nil {
		d.renew(ctx, from, who, bearer, folder.ReadAt)
		return nil
	}
	if hub.CodeOf(err) != hub.CodeNotFound {
		return err
	}
	name, ids, err := from.about(ctx, who.Subject, bearer)
	if err != nil {
		return err
	}
	_, err = d.folders.Enrol(ctx, who, name, ids)
	return err
}

// about asks the issuer about the citizen to whom it gave a token.
func (i *issuer) about(ctx context.Context, subject, bearer string) (name string, ids []hub.Identifier, err error) {
	known := i.last()
	if known == nil || known.userinfo == "" {
		return "", nil, unreachable(errors.New("the issuer has no userinfo endpoint"))
	}
	var said person
	if err := i.get(ctx, known.userinfo, bearer, &said); err != nil {
		return "", nil, err
	}
	if said.Subject != subject {
		return "", nil, unreachable(errors.New("userinfo speaks about another subject"))
	}
	ids, err = i.usable(&said)
	return said.fullName(), ids, err
}

// usable gives the codes by which creditors know the citizen. One that fails its
// check is left out: the citizen cannot correct it, and the other may be good.
func (i *issuer) usable(said *person) ([]hub.Identifier, error) {
	good, bad := said.codes()
	for _, scheme := range bad {
		i.door.log.Warn("a citizen's code fails its check and is left out", "issuer", i.host(), "field", scheme)
	}
	switch {
	case len(good) > 0:
		return good, nil
	case len(bad) > 0:
		return nil, hub.Errorf(hub.CodeForbidden, "The personal or company code that the identity provider shares with the city fails its check. Have the provider correct it.")
	}
	return nil, hub.Errorf(hub.CodeForbidden, "The identity provider did not share a personal or company code with the city.")
}

// person is what userinfo says (OpenID Connect Core §5.3, with the claims of
// the racord scope).
type person struct {
	Subject    string `json:"sub"`
	Name       string `json:"name"`
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name"`
	CNP        string `json:"cnp"`
	CUI        string `json:"cui"`
}

// codes gives the codes that can exist, and of which schemes those are that cannot.
func (p *person) codes() (good []hub.Identifier, bad []hub.Scheme) {
	cnp, cui := unspaced(p.CNP), hub.NormalCUI(unspaced(p.CUI))
	for _, said := range []struct {
		hub.Identifier
		valid bool
	}{
		{hub.Identifier{Scheme: hub.SchemeCNP, Value: cnp}, hub.ValidCNP(cnp)},
		{hub.Identifier{Scheme: hub.SchemeCUI, Value: cui}, hub.ValidCUI(cui)},
	} {
		switch {
		case said.valid:
			good = append(good, said.Identifier)
		case said.Value != "":
			bad = append(bad, said.Scheme)
		}
	}
	return good, bad
}

// unspaced takes the blanks out of a code: people write RO 12345674.
func unspaced(code string) string { return strings.Join(strings.Fields(code), "") }

// longestName in runes is kept of a citizen's name.
const longestName = 200

func (p *person) fullName() string {
	name := p.Name
	if name == "" {
		name = p.GivenName + " " + p.FamilyName
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, name)
	if runes := []rune(strings.TrimSpace(name)); len(runes) > longestName {
		return string(runes[:longestName])
	}
	return strings.TrimSpace(name)
}
