package httpapi

import (
	"context"
	"encoding/base64"
	"hash/fnv"
	"net/http"

	"racord/hub"
)

// creditorShown is a creditor as portals see it.
type creditorShown struct {
	Creditor hub.Name    `json:"creditor"`
	Name     string      `json:"name"`
	Category string      `json:"category"`
	CUI      string      `json:"cui,omitempty"`
	Contact  string      `json:"contact,omitempty"`
	Fetch    []hub.Fetch `json:"fetch"`
	Linkable bool        `json:"linkable"`
	ProofDoc string      `json:"proof_doc,omitempty"`

	Pays        bool `json:"pays"`
	Partial     bool `json:"partial"`
	ByReference bool `json:"by_reference"`
}

type creditorsShown struct {
	Creditors []creditorShown `json:"creditors"`
}

// listCreditors gives the creditors on duty that everybody is shown.
func (a *API) listCreditors(context.Context, hub.Login, none) (creditorsShown, error) {
	list := creditorsShown{Creditors: []creditorShown{}}
	for _, c := range a.Roster.OnDuty() {
		if c.Hidden {
			continue
		}
		shown := creditorShown{
			Creditor: c.Creditor.Name, Name: c.Creditor.Title, Category: c.Creditor.Category,
			CUI: c.Creditor.CUI, Contact: c.Creditor.Contact, Fetch: c.Traits.Fetch,
			Linkable: c.Traits.Can(hub.FetchByAccount), ProofDoc: c.Traits.ProofDoc,
		}
		shown.Pays = c.TakesPayments() && a.Paying.Payments != nil
		shown.Partial = shown.Pays && c.Traits.Paying.Partial
		shown.ByReference = c.TakesReferences() && a.Paying.References != nil
		if c.Traits.Fetch == nil {
			shown.Fetch = []hub.Fetch{}
		}
		list.Creditors = append(list.Creditors, shown)
	}
	return list, nil
}

// writeList answers with the list, or with 304 when the client has it.
func writeList(x *exchange, w http.ResponseWriter, list creditorsShown) error {
	body, err := encode(list)
	if err != nil {
		return err
	}
	return x.sendTagged(w, typeJSON, body)
}

// sendTagged sends a body under a tag made of its content.
func (x *exchange) sendTagged(w http.ResponseWriter, contentType []string, body []byte) error {
	sum := fnv.New128a()
	_, _ = sum.Write(body)
	x.tagHeader[0] = `W/"` + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)) + `"`
	w.Header()["Etag"] = x.tagHeader[:]
	if known(x.request.Header["If-None-Match"], x.tagHeader[0]) {
		x.head(w.Header())
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return x.send(w, http.StatusOK, contentType, body)
}
