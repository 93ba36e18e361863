package euplatesc

import (
	"html/template"
	"net/http"
	"net/url"
	"sort"

	"racord/cmd/city/pspbook"
)

// pages are plain forms in Romanian; they need no script.
var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!DOCTYPE html>
<html lang="ro"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><title>{{.}} – EuPlătesc.ro (simulat)</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}label{display:block;margin:.8rem 0}
input{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}button{font:inherit;padding:.6rem 1.2rem;margin:.4rem .4rem .4rem 0}</style></head><body><main>{{end}}
{{define "foot"}}</main></body></html>
{{end}}
{{define "card"}}{{template "head" "Plată cu cardul"}}<h1>Plată cu cardul</h1>
<dl><dt>Comerciant</dt><dd>{{.Merchant}}</dd><dt>Descriere</dt><dd>{{.Description}}</dd><dt>Suma</dt><dd><strong>{{.Amount}} lei</strong></dd></dl>
<form method="post" action="{{.Action}}"><input type="hidden" name="cart_id" value="{{.ID}}">
<label>Număr card <input name="cc_pan" inputmode="numeric" autocomplete="cc-number" required></label>
<label>Expiră (LL/AA) <input name="cc_exp" autocomplete="cc-exp" value="12/30" required></label>
<label>Cod de securitate (CVC) <input name="cc_cvc" inputmode="numeric" autocomplete="cc-csc" value="123" required></label>
<label>Titular <input name="cc_name" autocomplete="cc-name" value="Test" required></label>
<button>Plătește {{.Amount}} lei</button></form>
<p>Mediu de test: niciun ban adevărat. Carduri de test, CVC 123: {{range .Cards}}<br><code>{{.Number}}</code> {{.Use}}{{end}}</p>{{template "foot"}}{{end}}
{{define "bank"}}{{template "head" "3-D Secure"}}<h1>Banca de Test: confirmați plata?</h1>
<p>Comerciant: {{.Merchant}}. Suma: <strong>{{.Amount}} lei</strong>.</p>
<form method="post" action="{{.Action}}">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}
<button name="answer" value="yes">Confirm</button> <button name="answer" value="no">Refuz</button></form>{{template "foot"}}{{end}}
{{define "result"}}{{template "head" "Rezultatul plății"}}<h1>{{.Description}}</h1>
{{if .Action}}<form method="post" action="{{.Action}}">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}
<button>Înapoi la comerciant</button></form>{{end}}{{template "foot"}}{{end}}
{{define "wrong"}}{{template "head" "Eroare"}}<h1>Plata nu poate fi făcută</h1><p>{{.}}</p>{{template "foot"}}{{end}}
`))

type field struct{ Name, Value string }

type hint struct{ Number, Use string }

type view struct {
	Merchant, Description, Amount, Action, ID string
	Fields                                    []field
	Cards                                     []hint
}

func show(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, data)
}

// page is the payment page of a transaction.
func (p *Provider) page(w http.ResponseWriter, r *http.Request) {
	o, err := p.book.ByID(r.URL.Query().Get("cart_id"))
	if err != nil {
		show(w, http.StatusNotFound, "wrong", refusedUnknown.Text)
		return
	}
	if o.State != pspbook.Opened {
		http.Redirect(w, r, p.resultURL(o.ID), http.StatusSeeOther)
		return
	}
	show(w, http.StatusOK, "card", view{
		Merchant: p.merchants[o.Merchant].Account.Name, Description: o.Description, Amount: pspbook.Shown(o.Amount),
		Action: p.conf.URL + "/tdsprocess/card.php", ID: o.ID,
		Cards: []hint{{TestCard, "aprobat"}, {NoFundsCard, "fonduri insuficiente"}, {"4000020000000000", "refuzat"}},
	})
}

// submit takes the card and shows the page of the payer's bank.
func (p *Provider) submit(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		show(w, http.StatusBadRequest, "wrong", refusedField.Text)
		return
	}
	o, err := p.challenge(form.Get("cart_id"), form.Get("cc_pan"))
	if err != nil {
		show(w, http.StatusConflict, "wrong", refusedState.Text)
		return
	}
	show(w, http.StatusOK, "bank", view{
		Merchant: p.merchants[o.Merchant].Account.Name, Amount: pspbook.Shown(o.Amount), Action: p.conf.URL + "/tdsprocess/acs.php",
		Fields: []field{{"cart_id", o.ID}, {"creq", p.carts.find(o.ID).bank}},
	})
}

// answered takes the bank's word.
func (p *Provider) answered(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		show(w, http.StatusBadRequest, "wrong", refusedField.Text)
		return
	}
	c := p.carts.find(form.Get("cart_id"))
	if c == nil || form.Get("creq") != c.bank {
		show(w, http.StatusNotFound, "wrong", refusedUnknown.Text)
		return
	}
	_, _ = p.authenticate(form.Get("cart_id"), form.Get("answer") == "yes") // again is the result again
	http.Redirect(w, r, p.resultURL(form.Get("cart_id")), http.StatusSeeOther)
}

func (p *Provider) resultURL(id string) string {
	return p.conf.URL + "/tdsprocess/replyd.php?cart_id=" + url.QueryEscape(id)
}

// finished sends the payer back to the merchant with the signed answer.
func (p *Provider) finished(w http.ResponseWriter, r *http.Request) {
	o, err := p.book.ByID(r.URL.Query().Get("cart_id"))
	if err != nil {
		show(w, http.StatusNotFound, "wrong", refusedUnknown.Text)
		return
	}
	to, form, get := p.back(o)
	if get && to != "" {
		http.Redirect(w, r, withQuery(to, form), http.StatusSeeOther)
		return
	}
	show(w, http.StatusOK, "result", view{Description: "Plată: " + o.Message, Action: to, Fields: fields(form)})
}

// back is where the payer goes, with what, and whether by GET.
func (p *Provider) back(o pspbook.Order) (to string, form url.Values, get bool) {
	extra := p.carts.find(o.ID).request.Extra
	form = p.answer(o, p.merchants[o.Merchant].Key, secOf(o))
	to = extra["failedurl"]
	if o.Code == approved.action && !o.AuthorisedAt.IsZero() {
		to = extra["successurl"]
	}
	if to == "" {
		to = extra["backtosite"]
	}
	return to, form, extra["ep_method"] == "get"
}

// secOf is the sec_status the payer's browser carries.
func secOf(o pspbook.Order) string {
	if o.State == pspbook.Review {
		return secWaiting
	}
	return ""
}

func withQuery(to string, form url.Values) string {
	u, err := url.Parse(to)
	if err != nil {
		return to
	}
	query := u.Query()
	for name, values := range form {
		query[name] = values
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func fields(form url.Values) []field {
	var all []field
	for name := range form {
		all = append(all, field{name, form.Get(name)})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// Pay plays the payer on the payment page: types a card, confirms or refuses at
// the bank, and returns the transaction and where the payer was sent.
func (p *Provider) Pay(id, card string, confirm bool) (o pspbook.Order, back string, err error) {
	if o, err = p.challenge(id, card); err != nil {
		return o, "", err
	}
	if o, err = p.authenticate(id, confirm); err != nil {
		return o, "", err
	}
	to, form, get := p.back(o)
	if get && to != "" {
		to = withQuery(to, form)
	}
	return o, to, nil
}
