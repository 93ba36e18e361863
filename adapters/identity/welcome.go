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
	ids, err = said.identifiers(subject)
	return said.fullName(), ids, err
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

// identifiers gives the codes by which creditors know the citizen. An answer
// about somebody else or with a code that cannot exist is not used.
func (p *person) identifiers(subject string) ([]hub.Identifier, error) {
	cui := hub.NormalCUI(p.CUI)
	switch {
	case p.Subject != subject:
		return nil, unreachable(errors.New("userinfo speaks about another subject"))
	case p.CNP != "" && !hub.ValidCNP(p.CNP), p.CUI != "" && !hub.ValidCUI(p.CUI):
		return nil, unreachable(errors.New("userinfo gives a code that cannot exist"))
	case p.CNP == "" && p.CUI == "":
		return nil, hub.Errorf(hub.CodeForbidden, "The identity provider did not share a personal or company code with the city.")
	}
	var ids []hub.Identifier
	if p.CNP != "" {
		ids = append(ids, hub.Identifier{Scheme: hub.SchemeCNP, Value: p.CNP})
	}
	if p.CUI != "" {
		ids = append(ids, hub.Identifier{Scheme: hub.SchemeCUI, Value: cui})
	}
	return ids, nil
}

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
