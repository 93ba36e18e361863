package euplatesc

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"racord/cmd/city/pspbook"
)

// request opens a transaction.
type request struct {
	Amount, Curr, InvoiceID, OrderDesc, MerchID, Timestamp, Nonce string
	FPHash                                                        string
	Email, First, Last                                            string
	Extra                                                         map[string]string // ExtraData; the single text is under ""
	JSON                                                          bool              // generate_epid
	optional                                                      []string          // further hashed values, in order
	bani                                                          int64
}

// maxRequest bounds a request; the hosted page of a city hall needs little.
const maxRequest = 64 << 10

// errForm is told of what cannot be read as a form.
var errForm = errors.New("bad request")

// readForm reads query and body, urlencoded or multipart, of a request.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	var err error
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		err = r.ParseMultipartForm(maxRequest)
	} else {
		err = r.ParseForm()
	}
	if err != nil {
		return nil, errForm
	}
	return r.Form, nil
}

// readRequest takes a form apart; it judges nothing.
func readRequest(form url.Values) request {
	r := request{
		Amount: form.Get("amount"), Curr: form.Get("curr"), InvoiceID: form.Get("invoice_id"), OrderDesc: form.Get("order_desc"),
		MerchID: form.Get("merch_id"), Timestamp: form.Get("timestamp"), Nonce: form.Get("nonce"), FPHash: form.Get("fp_hash"),
		Email: form.Get("email"), First: form.Get("fname"), Last: form.Get("lname"),
		Extra: map[string]string{}, JSON: form.Get("generate_epid") == "1",
	}
	for _, name := range []string{"recurent_freq", "recurent_exp", "valability", "c2p_id", "c2p_cid"} {
		if form.Has(name) {
			r.optional = append(r.optional, form.Get(name))
		}
	}
	for name, values := range form {
		if inner, ok := strings.CutPrefix(name, "ExtraData["); ok && strings.HasSuffix(inner, "]") {
			r.Extra[strings.TrimSuffix(inner, "]")] = values[0]
		}
	}
	if form.Has("ExtraData") {
		r.Extra[""] = form.Get("ExtraData")
	}
	return r
}

// refusal is how the provider says no.
type refusal struct {
	Text string `json:"error"`
	Code string `json:"ecode"`
}

// Error is what is wrong.
func (r refusal) Error() string { return r.Text }

// Refusals. The texts and codes are the simulator's own: none are published.
var (
	refusedMerchant = refusal{"Invalid merchant", "E01"}
	refusedHash     = refusal{"Invalid fp_hash", "E02"}
	refusedAmount   = refusal{"Invalid amount", "E03"}
	refusedField    = refusal{"Invalid request", "E04"}
	refusedMethod   = refusal{"Invalid method", "E05"}
	refusedUnknown  = refusal{"Transaction not found", "E06"}
	refusedState    = refusal{"Operation not allowed in this state", "E07"}
	refusedReview   = refusal{"Transaction under verification", "E08"}
	refusedExpired  = refusal{"Authorization expired", "E09"}
	refusedInvoice  = refusal{"Invoice not found", "E10"}
)

// check verifies the hash first and then the fields.
func (r *request) check(m Merchant) error {
	values := append([]string{r.Amount, r.Curr, r.InvoiceID, r.OrderDesc, r.MerchID, r.Timestamp, r.Nonce}, r.optional...)
	if !matches(r.FPHash, Hash(m.Key, values...)) {
		return refusedHash
	}
	bani, err := pspbook.Bani(r.Amount)
	if err != nil || bani == 0 || r.Curr != "RON" {
		return refusedAmount
	}
	r.bani = bani
	_, err = time.Parse("20060102150405", r.Timestamp)
	if err != nil || r.InvoiceID == "" || len(r.InvoiceID) > 128 || r.OrderDesc == "" || len(r.Nonce) < 32 || len(r.Nonce) > 64 {
		return refusedField
	}
	for _, name := range addresses {
		if to := r.Extra[name]; to != "" && !absolute(to) {
			return refusedField
		}
	}
	return nil
}

// addresses are the parts of ExtraData that say where to go.
var addresses = []string{"silenturl", "silenturlsec", "successurl", "failedurl", "backtosite"}

// echoed is what of ExtraData is sent back.
func (r request) echoed() url.Values {
	back := url.Values{}
	for name, value := range r.Extra {
		switch {
		case name == "":
			back.Set("ExtraData", value)
		case !slices.Contains(addresses, name) && name != "ep_method":
			back.Set("ExtraData["+name+"]", value)
		}
	}
	return back
}

func absolute(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
