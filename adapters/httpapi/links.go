package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"racord/hub"
)

// linkWanted is the body of POST /v1/links.
type linkWanted struct {
	Creditor hub.Name     `json:"creditor"`
	Account  string       `json:"account"`
	Proof    *proofWanted `json:"proof"`
}

type proofWanted struct {
	Invoice string     `json:"invoice"`
	Amount  *hub.Money `json:"amount"`
}

// linkShown is a link as its owner sees it.
type linkShown struct {
	ID       hub.LinkID `json:"id"`
	Creditor hub.Name   `json:"creditor"`
	Account  string     `json:"account"`
	LinkedAt time.Time  `json:"linked_at"`
}

type linksShown struct {
	Links []linkShown `json:"links"`
}

func shown(l hub.Link) linkShown {
	return linkShown{l.ID, l.Account.Creditor, l.Account.Code, l.LinkedAt.UTC().Truncate(time.Second)}
}

// longestCode in bytes is more than any bill prints.
const longestCode = 64

func decodeLink(r *http.Request) (linkWanted, error) {
	var want linkWanted
	if _, err := params(r); err != nil {
		return want, err
	}
	if err := decodeJSON(r, &want); err != nil {
		return want, err
	}
	return want, want.check()
}

// check names everything that is missing or cannot be.
func (l *linkWanted) check() error {
	var fields []hub.Field
	refuse := func(wrong bool, pointer, detail string) {
		if wrong {
			fields = append(fields, hub.Field{Pointer: pointer, Code: hub.CodeInvalid, Detail: detail})
		}
	}
	refuse(!l.Creditor.Valid(), "/creditor", "must be a creditor's name")
	refuse(!printable(strings.TrimSpace(l.Account)), "/account", "must be the account's code, 1 to 64 characters")
	if refuse(l.Proof == nil, "/proof", "is missing"); l.Proof != nil {
		refuse(!printable(l.Proof.Invoice), "/proof/invoice", "must be the number of a bill, 1 to 64 characters")
		money := l.Proof.Amount
		refuse(money == nil, "/proof/amount", "is missing")
		refuse(money != nil && money.Currency != hub.RON, "/proof/amount/currency", "must be RON")
	}
	if len(fields) == 0 {
		return nil
	}
	err := hub.Errorf(hub.CodeInvalid, "The request is not valid; errors says where.")
	err.Fields = fields
	return err
}

func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return false
		}
	}
	return len(s) > 0 && len(s) <= longestCode
}

// link proves an account. Whether the account does not exist or the proof does
// not fit is one and the same answer.
func (a *API) link(ctx context.Context, who hub.Login, want linkWanted) (linkShown, error) {
	account := hub.AccountRef{Creditor: want.Creditor, Code: want.Account}
	l, err := a.Links.Link(ctx, who, account, hub.Proof{Invoice: want.Proof.Invoice, Amount: *want.Proof.Amount})
	if hub.CodeOf(err) == hub.CodeNotFound {
		return linkShown{}, hub.Wrap(codeLinkRefused, err, hub.MessageOf(err))
	}
	return shown(l), err
}

func (a *API) listLinks(ctx context.Context, who hub.Login, _ none) (linksShown, error) {
	links, err := a.Links.List(ctx, who)
	list := linksShown{Links: make([]linkShown, len(links))}
	for i, l := range links {
		list.Links[i] = shown(l)
	}
	return list, err
}

// errNoLink is one answer for a link that does not exist and for another person's.
var errNoLink = hub.Errorf(hub.CodeNotFound, "You have no such link.")

func decodeLinkID(r *http.Request) (hub.LinkID, error) {
	if _, err := params(r); err != nil {
		return "", err
	}
	id := r.PathValue("id")
	if !printable(id) {
		return "", errNoLink
	}
	return hub.LinkID(id), nil
}

func (a *API) unlink(ctx context.Context, who hub.Login, id hub.LinkID) (none, error) {
	return none{}, a.Links.Unlink(ctx, who, id)
}

func writeJSON(x *exchange, w http.ResponseWriter, answer linksShown) error {
	return send(x, w, http.StatusOK, answer)
}

func writeCreated(x *exchange, w http.ResponseWriter, l linkShown) error {
	w.Header().Set("Location", "/v1/links/"+url.PathEscape(string(l.ID)))
	return send(x, w, http.StatusCreated, l)
}

func writeEmpty(x *exchange, w http.ResponseWriter, _ none) error {
	x.head(w.Header())
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// send encodes an answer and sends it.
func send(x *exchange, w http.ResponseWriter, status int, answer any) error {
	body, err := encode(answer)
	if err != nil {
		return err
	}
	return x.send(w, status, typeJSON, body)
}
