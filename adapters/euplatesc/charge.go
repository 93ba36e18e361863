package euplatesc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"time"

	"racord/adapters/pspwire"
	"racord/hub"
)

// The longest texts of a request, in bytes.
const (
	maxAmount = 12
	maxOrder  = 45
	maxAbout  = 127
)

// stamp is how moments are written.
const stamp = "20060102150405"

// Start signs the address that leads the payer to the page. The provider is not
// asked: an error is always Certain. The nonce belongs to the order, so that an
// order that is started again is the same transaction. The description must be
// ASCII: the length of anything else is counted in bytes by some and in letters
// by others.
func (p *Provider) Start(ctx context.Context, o hub.ChargeOrder) (hub.Session, error) {
	order, err := p.order(o)
	if err != nil {
		return hub.Session{}, err
	}
	key, err := p.merchantKey(ctx, o.Merchant)
	if err != nil {
		return hub.Session{}, err
	}
	order = append(order, field{"timestamp", p.env.Now().UTC().Format(stamp)}, field{"nonce", key.nonce(o)})
	if !o.ExpiresAt.IsZero() {
		order = append(order, field{"valability", o.ExpiresAt.In(hub.Bucharest).Format(stamp)})
	}
	form := order.form(key)
	for name, value := range unsigned(o) {
		if value != "" {
			form.Set(name, value)
		}
	}
	return hub.Session{URL: p.conf.PageURL + "?" + form.Encode()}, nil
}

// order writes the first of the signed fields.
func (p *Provider) order(o hub.ChargeOrder) (message, error) {
	amount, err := pspwire.Lei(o.Amount)
	if err != nil {
		return nil, err
	}
	switch {
	case len(amount) > maxAmount:
		return nil, pspwire.Unable("%s is more than the provider can take", o.Amount)
	case !pspwire.Latin(o.Order, maxOrder):
		return nil, pspwire.Unable("an order number has 1 to %d characters of ASCII", maxOrder)
	case !pspwire.Latin(o.Description, maxAbout):
		return nil, pspwire.Unable("a description has 1 to %d characters of ASCII", maxAbout)
	case len(o.Splits) > 1, len(o.Splits) == 1 && (o.Splits[0].Merchant != o.Merchant || o.Splits[0].Amount != o.Amount):
		return nil, pspwire.Unable("the provider does not split an order")
	}
	return message{
		{"amount", amount}, {"curr", o.Amount.Currency}, {"invoice_id", o.Order}, {"order_desc", o.Description}, {"merch_id", o.Merchant},
	}, nil
}

// unsigned are the fields that fp_hash does not cover. Whoever changes them
// changes only where the payer or the notification goes, and neither is believed.
// The payer comes back by GET: a POST from another site would come without the
// portal's cookies (SameSite=Lax). Whatever else stands in ExtraData is echoed there
// and by no method that an order can be recalled with, so the manifest is not sent:
// creditors and amounts would only lie in the browser's history.
func unsigned(o hub.ChargeOrder) map[string]string {
	return map[string]string{
		"lang":                  o.Language,
		"ExtraData[silenturl]":  o.NotifyURL,
		"ExtraData[successurl]": o.ReturnURL,
		"ExtraData[failedurl]":  o.ReturnURL,
		"ExtraData[backtosite]": o.ReturnURL,
		"ExtraData[ep_method]":  "get",
	}
}

// nonce makes the nonce of an order: nobody without the key can guess it.
func (s signer) nonce(o hub.ChargeOrder) string {
	mac := hmac.New(sha256.New, s)
	mac.Write([]byte("racord nonce " + o.Merchant + " " + o.Order))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Lookup asks where an order stands, over all transactions that were made for
// it. Without ExtraAmounts it needs the amounts that the hub asked for
// (CodeUnsupported when there is money and r does not say).
func (p *Provider) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	all, err := p.transactions(ctx, r)
	if err != nil {
		return hub.ChargeFacts{}, err
	}
	return p.facts(all, r)
}

// Recall tells what the provider keeps of an order: no manifest.
func (p *Provider) Recall(ctx context.Context, r hub.ChargeRef) (hub.ListedCharge, error) {
	all, err := p.transactions(ctx, r)
	if err != nil {
		return hub.ListedCharge{}, err
	}
	facts, err := p.facts(all, r)
	if err != nil {
		return hub.ListedCharge{}, err
	}
	amount := r.Amount
	if p.amounts() {
		amount = hub.Bani(all[0].amount)
	}
	return hub.ListedCharge{Order: r.Order, Amount: amount, Facts: facts}, nil
}

// facts folds the transactions of an order. One is what we make; a payer who got
// another one paid would have paid twice, and the sum says so.
func (p *Provider) facts(all []transaction, r hub.ChargeRef) (hub.ChargeFacts, error) {
	var sum hub.ChargeFacts
	sum.Declined = true
	for _, t := range all {
		if !p.amounts() {
			t.assume(r)
		}
		if t.approved && t.amount <= 0 || t.captured && t.taken <= 0 {
			return hub.ChargeFacts{}, hub.Errorf(hub.CodeUnsupported, "The payment provider does not tell amounts.")
		}
		t.addTo(&sum)
	}
	return sum, nil
}

// assume takes the amounts from what the hub asked for.
func (t *transaction) assume(r hub.ChargeRef) {
	t.amount, t.taken, t.back = r.Amount.Minor, 0, 0
	if t.captured {
		if t.taken = r.Take.Minor; t.taken == 0 {
			t.taken = r.Amount.Minor
		}
	}
}

// addTo adds what a transaction says to what the others said.
func (t *transaction) addTo(sum *hub.ChargeFacts) {
	if !t.refused {
		sum.Declined = false
	}
	if !t.approved { // its number is nothing that money could be asked of
		return
	}
	if sum.Authorised == 0 || t.captured {
		sum.Ref = t.id
	}
	sum.Authorised += t.amount
	sum.Captured += t.taken
	sum.Refunded += t.back
	sum.RefundedSome = sum.RefundedSome || t.refunded
	sum.Voided = sum.Voided || t.reversed
	if sum.AuthorisedAt.IsZero() || t.at.Before(sum.AuthorisedAt) {
		sum.AuthorisedAt = t.at
	}
}

// Capture takes an amount of what was authorised; the rest is released. When the
// provider says no, it is asked whether that is because it was done before.
func (p *Provider) Capture(ctx context.Context, r hub.ChargeRef, amount hub.Money, _ string) error {
	lei, err := pspwire.Lei(amount)
	if err != nil {
		return err
	}
	id, err := p.held(ctx, r)
	if err != nil {
		return pspwire.Before(err)
	}
	call := message{{"method", "partial_capture"}, {"ukey", ""}, {"amount", lei}, {"epid", id}}
	if amount == r.Amount {
		call = message{{"method", "capture"}, {"ukey", ""}, {"epid", id}}
	}
	no := p.move(ctx, call)
	if no == nil || !hub.Certainly(no) || hub.CodeOf(no) != hub.CodeConflict {
		return no
	}
	r.Take = amount
	return p.afterNo(ctx, r, no, func(t transaction) bool { return t.id == id && t.captured && t.taken == amount.Minor })
}

// Void releases what was authorised.
func (p *Provider) Void(ctx context.Context, r hub.ChargeRef, _ string) error {
	all, err := p.transactions(ctx, r)
	if err != nil {
		return pspwire.Before(err)
	}
	for _, t := range all {
		if t.captured { // a reversal would not be refused everywhere
			return pspwire.Refused(hub.CodeConflict, errCaptured)
		}
	}
	released := false
	for _, t := range all {
		if !t.approved || t.reversed {
			released = released || t.reversed
			continue
		}
		no := p.move(ctx, message{{"method", "reversal"}, {"ukey", ""}, {"epid", t.id}})
		if no != nil && hub.Certainly(no) && hub.CodeOf(no) == hub.CodeConflict {
			no = p.afterNo(ctx, r, no, func(now transaction) bool { return now.id == t.id && now.reversed })
		}
		if no != nil {
			return no
		}
		released = true
	}
	if !released {
		return pspwire.Refused(hub.CodeConflict, errNotHeld)
	}
	return nil
}

// Refund gives back a part of what was captured. The key goes along as the
// reason, where a person may find it: the provider does not know repetitions.
func (p *Provider) Refund(ctx context.Context, r hub.ChargeRef, amount hub.Money, _ []hub.Split, key string) error {
	lei, err := pspwire.Lei(amount)
	if err != nil {
		return err
	}
	id, err := p.held(ctx, r)
	if err != nil {
		return pspwire.Before(err)
	}
	return p.move(ctx, message{{"method", "refund"}, {"ukey", ""}, {"amount", lei}, {"reason", key}, {"epid", id}})
}

// held gives the number of the transaction that has the money.
func (p *Provider) held(ctx context.Context, r hub.ChargeRef) (string, error) {
	if r.Ref != "" {
		return r.Ref, nil
	}
	all, err := p.transactions(ctx, r)
	if err != nil {
		return "", err
	}
	best := ""
	for _, t := range all {
		if t.approved && !t.reversed && (best == "" || t.captured) {
			best = t.id
		}
	}
	if best == "" {
		return "", pspwire.Refused(hub.CodeConflict, errNotHeld)
	}
	return best, nil
}

// afterNo asks whether a refusal only says that it was done before.
func (p *Provider) afterNo(ctx context.Context, r hub.ChargeRef, no error, done func(transaction) bool) error {
	all, err := p.transactions(ctx, r)
	if err != nil {
		return hub.Wrap(hub.CodeOf(err), no, "The payment provider refused, and did not say why.")
	}
	for _, t := range all {
		if !p.amounts() {
			t.assume(r)
		}
		if done(t) {
			return nil
		}
	}
	return no
}

// Settlement tells what was paid out to a merchant on some days: the invoices of
// those days with their transactions.
func (p *Provider) Settlement(ctx context.Context, merchant string, from, to hub.Date) ([]hub.SettledCharge, error) {
	var invoices []invoiceWire
	call := message{{"method", "invoices"}, {"ukey", ""}, {"mid", merchant}, {"from", string(from)}, {"to", string(to)}}
	if err := p.list(ctx, call, &invoices); err != nil {
		return nil, err
	}
	var all []hub.SettledCharge
	for _, invoice := range invoices {
		day, err := hub.ParseDate(invoice.Date[:min(len(invoice.Date), len(time.DateOnly))])
		if err != nil || day < from || day > to || invoice.Currency != hub.RON {
			return nil, pspwire.BadData("an invoice of another day or currency")
		}
		var items []itemWire
		if err := p.list(ctx, message{{"method", "invoice"}, {"ukey", ""}, {"invoice", invoice.Number}}, &items); err != nil {
			return nil, err
		}
		settled, err := invoice.settled(merchant, day, items)
		if err != nil {
			return nil, err
		}
		all = append(all, settled...)
	}
	return all, nil
}

// Ping asks about one of our merchants.
func (p *Provider) Ping(ctx context.Context) error {
	for _, merchant := range p.conf.Merchants {
		key, err := p.merchantKey(ctx, merchant)
		if err != nil {
			return err
		}
		_, err = p.call(ctx, p.env.Read, key, message{{"method", "check_mid"}, {"mid", merchant}})
		return err
	}
	return nil
}

// address gives the management address.
func (p *Provider) address() string {
	return p.conf.ManagerURL + "?" + url.Values{"action": {"ws"}}.Encode()
}

// parse reads a local moment of theirs: 2026-03-31 10:15:00.
func parse(text string) (time.Time, error) {
	return time.ParseInLocation(time.DateTime, text, hub.Bucharest)
}
