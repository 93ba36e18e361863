package netopia

import (
	"html/template"
	"net/http"
	"net/url"

	"racord/cmd/city/pspbook"
)

// pages are plain forms in Romanian; they need no script.
var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!DOCTYPE html>
<html lang="ro"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><title>{{.}} – NETOPIA Payments (simulat)</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}label{display:block;margin:.8rem 0}
input{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}button{font:inherit;padding:.6rem 1.2rem;margin:.4rem .4rem .4rem 0}</style></head><body><main>{{end}}
{{define "foot"}}</main></body></html>
{{end}}
{{define "card"}}{{template "head" "Plată cu cardul"}}<h1>Plată cu cardul</h1>
<dl><dt>Comerciant</dt><dd>{{.Merchant}}</dd><dt>Descriere</dt><dd>{{.Description}}</dd><dt>Suma</dt><dd><strong>{{.Amount}} lei</strong></dd></dl>
<form method="post" action="{{.Action}}"><input type="hidden" name="p" value="{{.Secret}}">
<label>Număr card <input name="account" inputmode="numeric" autocomplete="cc-number" required></label>
<label>Expiră (LL/AA) <input name="exp" autocomplete="cc-exp" value="12/30" required></label>
<label>Cod de securitate (CVV) <input name="secretCode" inputmode="numeric" autocomplete="cc-csc" value="111" required></label>
<label>Titular <input name="name" autocomplete="cc-name" value="Test Test" required></label>
<button>Plătește {{.Amount}} lei</button></form>
<p>Mediu de test: niciun ban adevărat. Carduri de test, CVV 111: {{range .Cards}}<br><code>{{.Number}}</code> {{.Use}}{{end}}</p>{{template "foot"}}{{end}}
{{define "forward"}}{{template "head" "Autentificare 3-D Secure"}}<h1>{{.Description}}</h1>
<form method="post" action="{{.Action}}">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}
<button>Continuă</button></form>{{template "foot"}}{{end}}
{{define "bank"}}{{template "head" "3-D Secure"}}<h1>Banca de Test: confirmați plata?</h1>
<p>Comerciant: {{.Merchant}}. Suma: <strong>{{.Amount}} lei</strong>.</p>
<form method="post" action="{{.Action}}">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}
<button name="answer" value="yes">Confirm</button> <button name="answer" value="no">Refuz</button></form>{{template "foot"}}{{end}}
{{define "closed"}}{{template "head" "Comandă închisă"}}<h1>Această comandă nu mai poate fi plătită</h1>
{{with .}}<p><a href="{{.}}">Înapoi la comerciant</a></p>{{end}}{{template "foot"}}{{end}}
`))

type field struct{ Name, Value string }

type view struct {
	Merchant, Description, Amount, Action, Secret string
	Fields                                        []field
	Cards                                         []hint
}

type hint struct{ Number, Use string }

func show(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, data)
}

func (p *Provider) pageURL(s *session) string {
	return p.conf.URL + "/ui/card?p=" + url.QueryEscape(s.secret)
}

// page is the hosted page of an order.
func (p *Provider) page(w http.ResponseWriter, r *http.Request) {
	s := p.sessions.page(r.URL.Query().Get("p"))
	if s == nil {
		show(w, http.StatusNotFound, "closed", "")
		return
	}
	o, err := p.book.ByID(s.id)
	if err == nil && o.State == pspbook.Challenged {
		p.toBank(w, s.id)
		return
	}
	if err != nil || o.State != pspbook.Opened {
		show(w, http.StatusOK, "closed", p.backURL(s))
		return
	}
	account, _ := p.account(o.Merchant)
	show(w, http.StatusOK, "card", view{
		Merchant: account.Name, Description: o.Description, Amount: pspbook.Shown(o.Amount), Action: p.conf.URL + "/ui/card", Secret: s.secret,
		Cards: []hint{
			{TestCard, "cu 3-D Secure"}, {StraightCard, "fără 3-D Secure"}, {NoFundsCard, "fonduri insuficiente"}, {ReviewCard, "verificare antifraudă"},
		},
	})
}

// submit takes the card from the page.
func (p *Provider) submit(w http.ResponseWriter, r *http.Request) {
	form, ok := readForm(w, r)
	s := p.sessions.page(form.Get("p"))
	if !ok || s == nil {
		show(w, http.StatusNotFound, "closed", "")
		return
	}
	o := p.charge(s.id, form.Get("account"), form.Get("secretCode"))
	if o.State != pspbook.Challenged {
		http.Redirect(w, r, p.backURL(s), http.StatusSeeOther)
		return
	}
	p.toBank(w, s.id)
}

// toBank sends the payer to confirm.
func (p *Provider) toBank(w http.ResponseWriter, id string) {
	show(w, http.StatusOK, "forward", view{
		Description: "Banca dumneavoastră vă cere să confirmați plata", Action: p.conf.URL + "/sandbox/authorize",
		Fields: []field{{"paReq", p.sessions.find(id).paReq}, {"backUrl", p.conf.URL + "/ui/return"}},
	})
}

// challenge is the page of the payer's bank.
func (p *Provider) challenge(w http.ResponseWriter, r *http.Request) {
	form, ok := readForm(w, r)
	s := p.sessions.bank(form.Get("paReq"))
	if !ok || s == nil || !absolute(form.Get("backUrl")) {
		show(w, http.StatusNotFound, "closed", "")
		return
	}
	o, _ := p.book.ByID(s.id)
	account, _ := p.account(o.Merchant)
	show(w, http.StatusOK, "bank", view{
		Merchant: account.Name, Amount: pspbook.Shown(o.Amount), Action: p.conf.URL + "/sandbox/answer",
		Fields: []field{{"paReq", s.paReq}, {"backUrl", form.Get("backUrl")}},
	})
}

// answered sends the payer back with the bank's word.
func (p *Provider) answered(w http.ResponseWriter, r *http.Request) {
	form, ok := readForm(w, r)
	s := p.sessions.bank(form.Get("paReq"))
	if !ok || s == nil || !absolute(form.Get("backUrl")) {
		show(w, http.StatusNotFound, "closed", "")
		return
	}
	word := pspbook.Secret(33)
	if form.Get("answer") == "yes" {
		word = s.paRes
	}
	show(w, http.StatusOK, "forward", view{Description: "Banca a răspuns", Action: form.Get("backUrl"), Fields: []field{{"paRes", word}, {"paReq", s.paReq}}})
}

// returned ends 3-D Secure of a card that was typed on the hosted page.
func (p *Provider) returned(w http.ResponseWriter, r *http.Request) {
	form, ok := readForm(w, r)
	s := p.sessions.bank(form.Get("paReq"))
	if !ok || s == nil {
		show(w, http.StatusNotFound, "closed", "")
		return
	}
	p.authenticate(s.id, s.proves(form.Get("paRes")))
	http.Redirect(w, r, p.backURL(s), http.StatusSeeOther)
}

// backURL is where the payer goes when all is done.
func (p *Provider) backURL(s *session) string {
	o, err := p.book.ByID(s.id)
	back, bad := url.Parse(s.config.RedirectURL)
	if err != nil || bad != nil {
		return ""
	}
	query := back.Query()
	query.Set("orderId", o.OrderID)
	back.RawQuery = query.Encode()
	return back.String()
}

// readForm reads a bounded form post.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	if err := r.ParseForm(); err != nil {
		return url.Values{}, false
	}
	return r.PostForm, true
}

// Pay plays the payer on the hosted page: types a card, confirms or refuses at
// the bank, and returns the order and where the payer was sent.
func (p *Provider) Pay(secret, card string, confirm bool) (o pspbook.Order, back string, err error) {
	s := p.sessions.page(secret)
	if s == nil {
		return o, "", pspbook.ErrUnknown
	}
	if before, _ := p.book.ByID(s.id); before.State != pspbook.Opened {
		return before, p.backURL(s), errLate
	}
	if o = p.charge(s.id, card, cvv); o.State == pspbook.Challenged {
		o = p.authenticate(s.id, confirm)
	}
	return o, p.backURL(s), nil
}
