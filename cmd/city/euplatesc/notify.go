package euplatesc

import (
	"net/http"
	"net/url"
	"time"

	"racord/cmd/city/pspbook"
)

// tell notifies the merchant: with sec a review has begun, with ended it is over.
func (p *Provider) tell(o pspbook.Order, sec, ended string) {
	if ended == "" {
		p.notifier.Tell(p.post(o, o.Code, sec))
		return
	}
	c, post := p.carts.find(o.ID), p.post(o, "review "+ended, "")
	if to := c.request.Extra["silenturlsec"]; to != "" {
		post.URL = to
	}
	post.Make = func(pspbook.Variant) (http.Header, []byte, error) {
		return encoded(url.Values{"cart_id": {o.ID}, "sec_status": {ended}}) // unsigned, as published
	}
	p.notifier.Tell(post)
}

// post is the notification about an order as it is at this moment.
func (p *Provider) post(o pspbook.Order, what, sec string) pspbook.Post {
	return pspbook.Post{ID: o.ID, What: what, URL: o.NotifyURL, Taken: taken, Make: func(v pspbook.Variant) (http.Header, []byte, error) {
		switch v {
		case pspbook.Forged:
			fake := o
			fake.Code, fake.Message, fake.Approval = approved.action, approved.message, "000000"
			return encoded(p.answer(fake, pspbook.Hex(20), ""))
		case pspbook.Altered: // only where fp_hash does not reach
			form := p.answer(o, p.merchants[o.Merchant].Key, sec)
			form.Set("ExtraData[amount]", pspbook.Lei(o.Amount+100))
			form.Set("original_amount", pspbook.Lei(o.Amount+100))
			return encoded(form)
		default:
			return encoded(p.answer(o, p.merchants[o.Merchant].Key, sec))
		}
	}}
}

// answer is the signed answer about an order.
func (p *Provider) answer(o pspbook.Order, key, sec string) url.Values {
	stamp, nonce := p.clock.Now().UTC().Format("20060102150405"), pspbook.Hex(16)
	c := p.carts.find(o.ID)
	values := []string{
		c.request.Amount, o.Currency, o.OrderID, o.ID, o.Merchant, o.Code, o.Message, o.Approval, stamp, nonce,
	}
	form := c.request.echoed()
	if sec != "" {
		values = append(values, sec)
		form.Set("sec_status", sec)
	}
	for i, name := range answerFields {
		form.Set(name, values[i])
	}
	form.Set("fp_hash", Hash(key, values...))
	return form
}

var answerFields = []string{"amount", "curr", "invoice_id", "ep_id", "merch_id", "action", "message", "approval", "timestamp", "nonce"}

func encoded(form url.Values) (http.Header, []byte, error) {
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode()), nil
}

// taken reads the merchant's answer: its text does not matter.
func taken(status int, _ []byte) pspbook.Verdict {
	if status == http.StatusOK {
		return pspbook.Taken
	}
	return pspbook.Again
}

// local writes a time as check_status does.
func local(t time.Time) string { return t.Format("2006-01-02 15:04:05") }
