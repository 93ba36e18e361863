package connectortest

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"racord/connectors"
	"racord/hub"
)

// Bounds of a dry run.
const (
	mostExchanges = 20
	mostRecords   = 50
	mostRefused   = 20      // of a delivery, whose refused records may be anybody's
	rawBytes      = 4 << 10 // of a record
	fieldBytes    = 200
)

// Try asks the creditor of a manifest about one subject and shows what became of
// the answer: what went over the wire, and every record as it came, field by
// field as it was read, and as it was refused. Of a creditor that delivers in
// bulk it looks for the account in the delivery. Credentials, codes of persons
// and the subject's own code are masked, everything is bounded. What the creditor
// fails with stands in the result.
func Try(ctx context.Context, catalog connectors.Catalog, m *connectors.Manifest, env connectors.Env, who hub.Asked) hub.DryRun {
	ctx, cancel := context.WithTimeout(ctx, hub.TryFor)
	defer cancel()
	t := &trial{who: who, run: &run{suite: Suite{
		Creditor: m.Creditor, Traits: m.Traits, Known: who, Other: m.Test.Known, Unknown: m.Test.Other, Payer: m.Test.Paying.Payer, Patience: 2 * time.Second,
	}}}
	traced := m.Traced(t.wants, t.saw)
	t.run.suite.Open = func(ctx context.Context, wrap func(connectors.Env) connectors.Env) (*hub.Connector, error) {
		return catalog.Open(ctx, wrap(env), traced)
	}
	c, w, err := t.run.open(ctx, tamper{})
	if err == nil {
		err = t.ask(ctx, c)
	}
	return t.result(w, err)
}

// Subject gives whom a dry run asks about. It fails with CodeInvalid for a word
// the manifest has nobody for, and for a personal code in the place of an account's:
// codes of accounts stand in addresses.
func Subject(m *connectors.Manifest, whom hub.TrialSubject) (hub.Asked, error) {
	debtors := map[string]hub.Asked{"known": m.Test.Known, "other": m.Test.Other, "unknown": m.Test.Unknown, "settled": m.Test.Settled}
	who := debtors[whom.Debtor]
	switch {
	case hub.TypedCNP(whom.Account):
		return hub.Asked{}, hub.Errorf(hub.CodeInvalid, "This is a personal code, not the code of an account.")
	case whom.Debtor == "" && whom.Account != "":
		who = hub.Asked{Account: hub.AccountRef{Creditor: m.Creditor.Name, Code: whom.Account}}
	}
	if who == (hub.Asked{}) {
		return who, hub.Errorf(hub.CodeInvalid, "The manifest names nobody of that word: it is known, other, unknown or settled of its test part, or an account.")
	}
	return who, nil
}

// trial gathers what is seen.
type trial struct {
	who  hub.Asked
	run  *run
	bulk bool // a delivery is read, in which others stand too

	mu      sync.Mutex
	traces  []connectors.Trace
	refused int
}

// wants tells whether a record belongs to the answer.
func (t *trial) wants(o *hub.Obligation, refused *hub.QualityEvent) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(t.traces) >= mostRecords:
		return false
	case !t.bulk:
		return true
	case refused != nil:
		t.refused++
		return t.refused <= mostRefused
	}
	return o.Account == t.who.Account.Code
}

func (t *trial) saw(trace connectors.Trace) {
	t.mu.Lock()
	t.traces = append(t.traces, trace)
	t.mu.Unlock()
}

func (t *trial) ask(ctx context.Context, c *hub.Connector) error {
	switch {
	case c.Source != nil:
		_, err := t.run.ask(ctx, c, t.who)
		return err
	case c.Feed != nil && t.who.ByAccount():
		t.bulk = true
		_, err := t.run.pull(ctx, c, "")
		return err
	}
	return hub.Errorf(hub.CodeUnsupported, "This creditor cannot be asked about that: it sends by itself, or delivers by account.")
}

func (t *trial) result(w *wire, err error) hub.DryRun {
	dry := hub.DryRun{Exchanges: []hub.DryExchange{}, Records: []hub.DryRecord{}}
	if err != nil {
		dry.Code, dry.Detail = hub.CodeOf(err), t.run.masked(err.Error())
	}
	for _, e := range w.requests() {
		if len(dry.Exchanges) < mostExchanges {
			dry.Exchanges = append(dry.Exchanges, hub.DryExchange{
				Sent: cutTo(keepBytes, e.sent(t.run.hidden)), CameBack: cutTo(keepBytes, e.got(t.run.hidden)),
			})
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.traces {
		dry.Records = append(dry.Records, t.record(&t.traces[i]))
	}
	return dry
}

// record masks and bounds one record.
func (t *trial) record(trace *connectors.Trace) hub.DryRecord {
	r := hub.DryRecord{Raw: cutTo(rawBytes, t.run.hidden(trace.Raw)), Mapped: t.obligation(trace.Mapped)}
	for _, f := range trace.Fields {
		f.Raw, f.Ours = cutTo(fieldBytes, t.run.hidden(f.Raw)), cutTo(fieldBytes, t.run.hidden(f.Ours))
		r.Fields = append(r.Fields, f)
	}
	if trace.Refused != nil {
		r.Refused = append(r.Refused, *trace.Refused)
	}
	return r
}

// obligation masks every text of an obligation. Its id stays: it is made of a
// hash.
func (t *trial) obligation(o *hub.Obligation) *hub.Obligation {
	if o == nil {
		return nil
	}
	var plain any
	text, err := json.Marshal(o)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		err = decoder.Decode(&plain)
	}
	var masked hub.Obligation
	if err == nil {
		text, err = json.Marshal(t.texts(plain))
	}
	if err == nil {
		err = json.Unmarshal(text, &masked)
	}
	if err != nil {
		return nil // a number that looks like a code cannot be shown
	}
	masked.ID = o.ID
	return &masked
}

// texts masks the texts of a value of JSON. Amounts and days stay: a short code may
// be part of any.
func (t *trial) texts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = t.texts(member)
		}
	case []any:
		for i, member := range v {
			v[i] = t.texts(member)
		}
	case json.Number:
		if codes.MatchString(v.String()) {
			return hub.Mask(v.String())
		}
	case string:
		if !day(v) {
			return t.run.hidden(v)
		}
	}
	return v
}

// day tells whether a text is a day or a moment.
func day(text string) bool {
	_, noMoment := time.Parse(time.RFC3339, text)
	_, noDay := time.Parse(time.DateOnly, text)
	return noMoment == nil || noDay == nil
}
