package connectors

import (
	"context"
	"net/http"
	"time"

	"racord/hub"
)

// Reply is an answer to a call of paying, decoded. Root is valid during the call
// it is given to.
type Reply struct {
	Status     int           // of HTTP; 0 where there is none
	Root       Value         // nil when the answer could not be decoded
	Broken     error         // why it could not, or is no good answer unless a rule knows better
	Unproven   bool          // nobody knows who said it: no rule of the manifest counts
	RetryAfter time.Duration // as Classify takes it
}

// Use takes an answer, or a page of one. page is false when a rule of the manifest
// knew what the answer means: then it has no records, and nothing follows.
type Use func(Reply) (page bool, err error)

// Exchange sends a call in a kind's protocol and gives the answer to use: every
// page of it, where the call has pages. It fails with what use fails with, and
// with what kept an answer from coming: an error is Certain when nothing reached
// the creditor. A call that is not Safe is sent once.
type Exchange func(ctx context.Context, c *Call, v *Vars, use Use) error

// Pay gives a connector the parts of paying that its manifest describes. It is
// for kinds whose postings are calls; those that pay by files have a Sink of
// their own.
func (m *Manifest) Pay(c *hub.Connector, env Env, exchange Exchange) {
	part := func(name string) payer { return payer{manifest: m, env: env, call: m.Calls[name], exchange: exchange} }
	if m.Calls[CallQuote] != nil {
		c.Quoter = quoter{part(CallQuote), c.Source}
	}
	if m.Calls[CallPost] != nil {
		c.Sink = sink{part(CallPost)}
	}
	if m.Calls[CallFind] != nil {
		c.Finder = finder{part(CallFind)}
	}
	if m.Calls[CallReverse] != nil {
		c.Reverser = reverser{part(CallReverse)}
	}
	if m.Calls[CallStatement] != nil {
		c.Statement = statement{part(CallStatement)}
	}
}

// payer makes one call of paying.
type payer struct {
	manifest *Manifest
	env      Env
	call     *Call
	exchange Exchange
}

// send sends the call and judges every page of the answer before use has it.
func (p payer) send(ctx context.Context, v *Vars, use func(r *Reading, v Verdict) error) error {
	v.Page, v.Now, v.Secret = 1, p.env.Clock.Now(), p.env.Secret
	r := p.manifest.Reading(p.call, v.Asked, v.Now)
	return p.exchange(ctx, p.call, v, func(reply Reply) (page bool, err error) {
		verdict, err := r.verdict(reply)
		switch {
		case v.Page > 1 && (verdict.Found == hub.FoundAbsent || hub.CodeOf(err) == hub.CodeNotFound):
			return false, BadData("page %d says that there is nothing, and the one before said that there is one", v.Page)
		case err != nil:
			return false, err
		case verdict.Found == "" && reply.Broken != nil && !p.over(verdict, reply):
			return false, reply.Broken
		}
		return verdict.Found == "", use(r, verdict)
	})
}

// over tells whether an answer without content says all there is to say: of a
// reversal nothing is read but that it was done.
func (p payer) over(v Verdict, reply Reply) bool {
	return p.call.Name == CallReverse && (v.Done || !reply.Unproven && reply.Status == http.StatusNoContent)
}

// verdict judges what the creditor said. Of what anybody between may have said
// counts what it means in HTTP, and nothing for certain.
func (r *Reading) verdict(reply Reply) (Verdict, error) {
	if reply.Unproven {
		return Verdict{}, OfStatus(reply.Status, reply.RetryAfter)
	}
	return r.Judge(reply.Status, reply.Root, reply.RetryAfter)
}

// sink books one posting at a time.
type sink struct{ payer }

// Post sends one posting, once.
func (s sink) Post(ctx context.Context, postings []hub.Posting) ([]hub.Receipt, error) {
	if len(postings) != 1 {
		return nil, hub.NotDone(hub.Errorf(hub.CodeInvalid, "This creditor is told of one payment at a time."))
	}
	var receipts []hub.Receipt
	err := s.send(ctx, &Vars{Posting: &postings[0]}, func(r *Reading, v Verdict) error {
		receipt, err := r.Receipt(&postings[0], v.Content)
		receipts = append(receipts, receipt)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(receipts) != 1:
		return nil, BadData("%d answers to one posting", len(receipts))
	}
	return receipts, nil
}

// finder looks postings up.
type finder struct{ payer }

// Find looks through the answer's pages until the posting stands there.
func (f finder) Find(ctx context.Context, p hub.Posting) (hub.Found, hub.Receipt, error) {
	found, receipt := hub.FoundAbsent, hub.Receipt{}
	err := f.send(ctx, &Vars{Posting: &p}, func(r *Reading, v Verdict) error {
		if v.Found != "" {
			found = v.Found
			return nil
		}
		on, proof, err := r.Search(&p, v.Content)
		if err == nil && on != hub.FoundAbsent && found != hub.FoundBooked {
			found, receipt = on, proof
		}
		return err
	})
	if err != nil {
		return "", hub.Receipt{}, err
	}
	return found, receipt, nil
}

// reverser takes bookings back.
type reverser struct{ payer }

// Reverse sends the call reverse, once. That it was reversed before is a success
// where a rule of the manifest says so, and so is 204, which has no content.
func (r reverser) Reverse(ctx context.Context, p hub.Posting, receipt string) error {
	return r.send(ctx, &Vars{Posting: &p, Receipt: receipt}, func(*Reading, Verdict) error { return nil })
}

var (
	_ hub.Sink     = sink{}
	_ hub.Finder   = finder{}
	_ hub.Reverser = reverser{}
)
