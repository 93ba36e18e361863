package euplatesc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"racord/adapters/pspwire"
	"racord/hub"
)

// answer are the fields of a notification in the order in which they are signed;
// sec_status is there only while somebody looks for fraud.
var answer = []string{"amount", "curr", "invoice_id", "ep_id", "merch_id", "action", "message", "approval", "timestamp", "nonce", "sec_status"}

const (
	maxNotice = 64 << 10
	maxSigned = 256 // bytes of a signed value
)

// Causes of a refusal.
var (
	errShape = errors.New("not the fields of an answer, each once")
	errHash  = errors.New("fp_hash is not of the merchant's key")
)

// Read verifies a notification: fp_hash, over the documented fields in their
// order, of the merchant's key. It fails with CodeUnauthenticated, or with
// CodeUnavailable when the key cannot be read.
//
// The timestamp is not compared with the time of day. The provider sends a
// notification until it is taken, and does not say that it signs it anew: one
// that comes hours late is still the only word about a payment. A repetition
// gains nothing: it is the same event, and a fact only makes the hub ask.
func (p *Provider) Read(ctx context.Context, _ http.Header, body []byte) (hub.Fact, error) {
	if len(body) > maxNotice {
		return hub.Fact{}, forged(errShape)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return hub.Fact{}, forged(errShape)
	}
	said, err := readMessage(form)
	if err != nil {
		return hub.Fact{}, forged(err)
	}
	merchant := form.Get("merch_id")
	key, err := p.merchantKey(ctx, merchant)
	switch {
	case hub.CodeOf(err) == hub.CodeInvalid:
		return hub.Fact{}, forged(err)
	case err != nil:
		return hub.Fact{}, hub.Wrap(hub.CodeUnavailable, err, "The notification cannot be verified now.")
	}
	signed := said.signed()
	if !key.made(form.Get("fp_hash"), signed) {
		return hub.Fact{}, forged(errHash)
	}
	event := sha256.Sum256([]byte(merchant + " " + signed))
	return hub.Fact{
		PSP: p.conf.Name, Event: hex.EncodeToString(event[:]), Order: form.Get("invoice_id"), Ref: form.Get("ep_id"), Raw: body,
	}, nil
}

// forged is the one answer to a notification that is not the provider's.
func forged(cause error) error {
	return hub.Wrap(hub.CodeUnauthenticated, cause, "The notification is not signed by the payment provider.")
}

// readMessage takes the signed fields, each of which stands there exactly once
// and has its form: what is signed has no marks between the fields, so their
// forms keep one from being read as the end of another.
func readMessage(form url.Values) (message, error) {
	var said message
	for _, name := range append(slices.Clone(answer), "fp_hash") {
		values, there := form[name]
		switch {
		case !there && name == "sec_status":
			continue
		case len(values) != 1, len(values[0]) > maxSigned:
			return nil, errShape
		case name != "fp_hash":
			said = append(said, field{name, values[0]})
		}
	}
	_, badAmount := pspwire.Bani(form.Get("amount"))
	_, badStamp := time.Parse(stamp, form.Get("timestamp"))
	_, badNonce := hex.DecodeString(form.Get("nonce"))
	if badAmount != nil || badStamp != nil || badNonce != nil || len(form.Get("curr")) != 3 || !pspwire.Latin(form.Get("invoice_id"), maxOrder) ||
		!pspwire.Latin(form.Get("ep_id"), 64) || len(form.Get("sec_status")) > 1 {
		return nil, errShape
	}
	return said, nil
}

// Reply answers a notification: 200 takes it, anything else has it sent again.
func (p *Provider) Reply(w http.ResponseWriter, err error) {
	status, text := http.StatusOK, "OK"
	switch hub.CodeOf(err) {
	case "":
	case hub.CodeUnauthenticated:
		status, text = http.StatusUnauthorized, "fp_hash"
	default:
		status, text = http.StatusServiceUnavailable, "try again"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}
