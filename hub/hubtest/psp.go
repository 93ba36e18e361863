package hubtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"racord/hub"
)

// PSPBench is a payment provider with its simulator around it, as the contract
// of hub.PSP needs it. What the provider cannot do, the contract leaves out.
type PSPBench struct {
	PSP         *hub.PSP
	Unreachable *hub.PSP // the same provider where nobody listens
	Merchant    string   // a merchant account that takes orders
	Other       string   // another one, for splits
	NotifyURL   string
	ReturnURL   string

	Pay     func(page string) error               // a payer with a good card, who confirms at the bank
	Decline func(page string) error               // a payer without money
	Books   func(order string) PSPBook            // what the provider itself wrote down
	Lose    func(answers bool)                    // from here on it does what it is asked, and the answer is lost
	Break   func(broken bool)                     // from here on it answers 503
	Settled func() hub.Date                       // lets time pass to the next payout, and gives its day
	Notices func(t *testing.T, n int) []PSPNotice // the first n notifications that came
	Bank    func(order, what string) error        // the payer's bank: chargeback, or represent when it has to give it up
}

// PSPBook is what a provider's own book says of an order, in bani.
type PSPBook struct {
	Orders                         int // transactions under the order number
	Authorised, Captured, Refunded int64
	Parts                          map[string]int64 // captured, by merchant account; may be nil without splits
}

// PSPNotice is a notification as it came.
type PSPNotice struct {
	Header http.Header
	Body   []byte
}

// TestPSP runs the contract of hub.PSP. open gives a provider with an empty book
// that disturbs nothing.
func TestPSP(t *testing.T, open func(t *testing.T) *PSPBench) {
	for name, clause := range map[string]struct {
		can  func(*hub.PSP) bool
		test func(*testing.T, *PSPBench)
	}{
		"it says who it is":                                 {always, pspSaysWho},
		"an order that nobody started is not known":         {always, pspKnowsNothing},
		"a page that nobody paid on is not money":           {always, pspOpenIsNoMoney},
		"amounts are exact to the ban":                      {always, pspExact},
		"a refused card is declined and no money":           {always, pspDeclines},
		"an order that is started again is the same":        {always, pspStartsOnce},
		"an order of nothing, or of euros, is not started":  {always, pspRefusesAmounts},
		"where nobody listens, nothing was done":            {always, pspUnreachable},
		"a lost answer does not say what was done":          {always, pspLosesStart},
		"a fault of theirs does not say what was done":      {always, pspBreaks},
		"who gives up does not know what was done":          {always, pspGivesUp},
		"a split gives each account its part":               {splits, pspSplits},
		"a split that does not add up is not started":       {splits, pspSplitMustAddUp},
		"a split where there is none is not started":        {noSplits, pspCannotSplit},
		"what is authorised is captured":                    {automatic, pspAutomatic},
		"what is authorised waits for its capture":          {captures, pspManual},
		"a capture is done once":                            {captures, pspCapturesOnce},
		"a capture of more than there is takes nothing":     {captures, pspCapturesNoMore},
		"a capture whose answer was lost is found":          {captures, pspLosesCapture},
		"a void gives back, once, and never what was taken": {captures, pspVoids},
		"a refund gives back a part":                        {refunds, pspRefunds},
		"a refund of more than there is gives nothing":      {refunds, pspRefundsNoMore},
		"a notification names its order, always the same":   {notifies, pspNotifies},
		"an altered notification is refused":                {notifies, pspRefusesAltered},
		"a notification is answered":                        {notifies, pspReplies},
		"a settlement adds up":                              {settles, pspSettles},
		"a list has what was lost":                          {lists, pspLists},
		"an order is recalled":                              {recalls, pspRecalls},
		"it answers when it is asked whether it does":       {probes, pspProbes},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			if !clause.can(b.PSP) {
				t.Skip("the provider cannot do this")
			}
			clause.test(t, b)
		})
	}
}

func always(*hub.PSP) bool      { return true }
func splits(p *hub.PSP) bool    { return p.Traits.Split }
func noSplits(p *hub.PSP) bool  { return !p.Traits.Split }
func captures(p *hub.PSP) bool  { return p.Capturer != nil }
func automatic(p *hub.PSP) bool { return p.Capturer == nil }
func refunds(p *hub.PSP) bool   { return p.Refunder != nil }
func notifies(p *hub.PSP) bool  { return p.Notifier != nil }
func settles(p *hub.PSP) bool   { return p.Settler != nil }
func lists(p *hub.PSP) bool     { return p.Lister != nil }
func recalls(p *hub.PSP) bool   { return p.Recaller != nil }
func probes(p *hub.PSP) bool    { return p.Probe != nil }

const manifest = `{"water":[1,12345]}`

// order is an order for an amount, in bani.
func (b *PSPBench) order(number string, bani int64) hub.ChargeOrder {
	return hub.ChargeOrder{
		Order: number, Merchant: b.Merchant, Amount: hub.Bani(bani), Description: "Taxe si facturi", ReturnURL: b.ReturnURL,
		NotifyURL: b.NotifyURL, Manifest: manifest, ExpiresAt: time.Now().Add(10 * time.Minute), Language: "ro",
	}
}

func (b *PSPBench) ref(o hub.ChargeOrder) hub.ChargeRef {
	return hub.ChargeRef{Order: o.Order, Merchant: o.Merchant, Amount: o.Amount}
}

// start starts an order that must start.
func (b *PSPBench) start(t *testing.T, o hub.ChargeOrder) hub.Session {
	t.Helper()
	session, err := b.PSP.Charger.Start(t.Context(), o)
	if err != nil || session.URL == "" {
		t.Fatalf("start: got %+v, %v", session, err)
	}
	return session
}

// paid is an order that a payer paid.
func (b *PSPBench) paid(t *testing.T, number string, bani int64) hub.ChargeRef {
	t.Helper()
	o := b.order(number, bani)
	must(t, b.Pay(b.start(t, o).URL))
	ref := b.ref(o)
	ref.Ref = b.lookup(t, ref).Ref
	return ref
}

// taken is a paid order whose money was captured.
func (b *PSPBench) taken(t *testing.T, number string, bani int64) hub.ChargeRef {
	t.Helper()
	ref := b.paid(t, number, bani)
	if b.PSP.Capturer != nil {
		must(t, b.PSP.Capturer.Capture(t.Context(), ref, hub.Bani(bani), "capture-"+number))
		ref.Take = hub.Bani(bani)
	}
	return ref
}

func (b *PSPBench) lookup(t *testing.T, r hub.ChargeRef) hub.ChargeFacts {
	t.Helper()
	facts, err := b.PSP.Charger.Lookup(t.Context(), r)
	if err != nil {
		t.Fatalf("lookup: %v", err)
	}
	return facts
}

// wantBook compares the provider's own book.
func (b *PSPBench) wantBook(t *testing.T, order string, captured, refunded int64) {
	t.Helper()
	if got := b.Books(order); got.Captured != captured || got.Refunded != refunded {
		t.Errorf("the provider's book: got %+v, want captured %d, refunded %d", got, captured, refunded)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantUncertain wants an error after which nobody knows what was done.
func wantUncertain(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || hub.Certainly(err) {
		t.Errorf("%s: got %v (certain %v), want an error after which nobody knows", what, err, hub.Certainly(err))
	}
}

// wantCertain wants an error of the code after which nothing was done.
func wantCertain(t *testing.T, what string, err error, code hub.Code) {
	t.Helper()
	if hub.CodeOf(err) != code || !hub.Certainly(err) {
		t.Errorf("%s: got %v (certain %v), want %s, and that nothing was done", what, err, hub.Certainly(err), code)
	}
}

func pspSaysWho(t *testing.T, b *PSPBench) {
	p := b.PSP
	if !hub.Name(p.Name).Valid() || p.Title == "" || p.Charger == nil || p.Notifier == nil || p.Traits.PageLife <= 0 || len(p.Merchants) == 0 {
		t.Errorf("got %+v", p)
	}
	if p.Traits.PartialCapture && p.Capturer == nil {
		t.Error("it captures in part, and cannot capture")
	}
}

func pspKnowsNothing(t *testing.T, b *PSPBench) {
	_, err := b.PSP.Charger.Lookup(t.Context(), hub.ChargeRef{Order: "RC-nobody", Merchant: b.Merchant, Amount: hub.Bani(1)})
	wantCode(t, "lookup", err, hub.CodeNotFound)
}

func pspOpenIsNoMoney(t *testing.T, b *PSPBench) {
	o := b.order("RC-open", 5000)
	b.start(t, o)
	facts, err := b.PSP.Charger.Lookup(t.Context(), b.ref(o))
	if b.PSP.Traits.SilentStart && hub.CodeOf(err) == hub.CodeNotFound {
		return
	}
	must(t, err)
	if facts.Authorised+facts.Captured+facts.Refunded+facts.Disputed != 0 || facts.Declined || facts.Voided || facts.Expired {
		t.Errorf("got %+v, want nothing", facts)
	}
}

func pspExact(t *testing.T, b *PSPBench) {
	for _, bani := range []int64{1, 9, 99, 100, 101, 2050, 12345, 28999, 1_000_000_07} {
		number := fmt.Sprintf("RC-exact-%d", bani)
		ref := b.taken(t, number, bani)
		facts := b.lookup(t, ref)
		if facts.Authorised != bani || facts.Captured != bani || facts.Refunded != 0 || facts.Ref == "" || facts.AuthorisedAt.IsZero() {
			t.Errorf("%d: got %+v", bani, facts)
		}
		if facts.Declined || facts.Voided || facts.Expired || facts.Review || facts.RefundedSome {
			t.Errorf("%d: got %+v", bani, facts)
		}
		b.wantBook(t, number, bani, 0)
	}
}

func pspDeclines(t *testing.T, b *PSPBench) {
	o := b.order("RC-declined", 5000)
	must(t, b.Decline(b.start(t, o).URL))
	if facts := b.lookup(t, b.ref(o)); !facts.Declined || facts.Authorised+facts.Captured != 0 {
		t.Errorf("got %+v, want declined and no money", facts)
	}
	b.wantBook(t, o.Order, 0, 0)
}

func pspStartsOnce(t *testing.T, b *PSPBench) {
	o := b.order("RC-twice", 5000)
	first := b.start(t, o)
	second, err := b.PSP.Charger.Start(t.Context(), o)
	if err != nil && (hub.CodeOf(err) != hub.CodeConflict || hub.Certainly(err)) {
		t.Fatalf("second start: got %v", err)
	}
	if err == nil && second.Ref != first.Ref {
		t.Errorf("got order %q, then %q", first.Ref, second.Ref)
	}
	must(t, b.Pay(first.URL))
	if err == nil {
		_ = b.Pay(second.URL) // may be refused: it is paid
	}
	if facts := b.lookup(t, b.ref(o)); facts.Authorised != 5000 {
		t.Errorf("got %+v, want 5000 authorised", facts)
	}
	if book := b.Books(o.Order); book.Orders != 1 {
		t.Errorf("got %d transactions, want 1", book.Orders)
	}
	_, err = b.PSP.Charger.Start(t.Context(), o)
	if book := b.Books(o.Order); book.Orders != 1 || err != nil && hub.Certainly(err) {
		t.Errorf("a start after the payment: got %v and %d transactions", err, book.Orders)
	}
}

func pspRefusesAmounts(t *testing.T, b *PSPBench) {
	for _, amount := range []hub.Money{hub.Bani(0), hub.Bani(-100), {Minor: 100, Currency: "EUR"}} {
		o := b.order("RC-amount", 1)
		o.Amount = amount
		_, err := b.PSP.Charger.Start(t.Context(), o)
		wantCertain(t, amount.String(), err, hub.CodeInvalid)
	}
	o := b.order("", 100)
	_, err := b.PSP.Charger.Start(t.Context(), o)
	wantCertain(t, "no number", err, hub.CodeInvalid)
}

func pspUnreachable(t *testing.T, b *PSPBench) {
	o, p := b.order("RC-unreachable", 5000), b.Unreachable
	ref := b.ref(o)
	ref.Ref = "1300001"
	if _, err := p.Charger.Start(t.Context(), o); !p.Traits.SilentStart || err != nil {
		wantCertain(t, "start", err, hub.CodeUnavailable)
	}
	_, err := p.Charger.Lookup(t.Context(), ref)
	wantCode(t, "lookup", err, hub.CodeUnavailable)
	if p.Capturer != nil {
		wantCertain(t, "capture", p.Capturer.Capture(t.Context(), ref, o.Amount, "k"), hub.CodeUnavailable)
		wantCertain(t, "void", p.Capturer.Void(t.Context(), ref, "k"), hub.CodeUnavailable)
	}
	if p.Refunder != nil {
		wantCertain(t, "refund", p.Refunder.Refund(t.Context(), ref, o.Amount, nil, "k"), hub.CodeUnavailable)
	}
	if p.Probe != nil {
		wantCode(t, "ping", p.Probe.Ping(t.Context()), hub.CodeUnavailable)
	}
}

func pspLosesStart(t *testing.T, b *PSPBench) {
	o := b.order("RC-lost", 5000)
	b.Lose(true)
	_, err := b.PSP.Charger.Start(t.Context(), o)
	if b.PSP.Traits.SilentStart {
		must(t, err)
	} else {
		wantUncertain(t, "start", err)
	}
	_, lost := b.PSP.Charger.Lookup(t.Context(), b.ref(o))
	if hub.CodeOf(lost) == hub.CodeNotFound || lost == nil {
		t.Errorf("a lookup whose answer was lost: got %v", lost)
	}
	b.Lose(false)
	must(t, b.Pay(b.start(t, o).URL))
	if book := b.Books(o.Order); book.Orders != 1 {
		t.Errorf("got %d transactions, want 1", book.Orders)
	}
}

func pspBreaks(t *testing.T, b *PSPBench) {
	o := b.order("RC-broken", 5000)
	b.Break(true)
	if _, err := b.PSP.Charger.Start(t.Context(), o); !b.PSP.Traits.SilentStart {
		wantUncertain(t, "start", err)
	}
	_, err := b.PSP.Charger.Lookup(t.Context(), b.ref(o))
	wantCode(t, "lookup", err, hub.CodeUnavailable)
	if b.PSP.Capturer != nil {
		ref := b.ref(o)
		ref.Ref = "0"
		wantUncertain(t, "capture", b.PSP.Capturer.Capture(t.Context(), ref, o.Amount, "k"))
	}
}

func pspGivesUp(t *testing.T, b *PSPBench) {
	if b.PSP.Capturer == nil {
		t.Skip("nothing to capture")
	}
	ref := b.paid(t, "RC-gives-up", 5000)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := b.PSP.Capturer.Capture(ctx, ref, hub.Bani(5000), "k")
	if err == nil || hub.Certainly(err) && b.Books(ref.Order).Captured != 0 {
		t.Errorf("got %v, book %+v", err, b.Books(ref.Order))
	}
}

func pspSplits(t *testing.T, b *PSPBench) {
	o := b.order("RC-split", 10_03)
	o.Splits = []hub.Split{{Merchant: b.Merchant, Amount: hub.Bani(10_00)}, {Merchant: b.Other, Amount: hub.Bani(3)}}
	must(t, b.Pay(b.start(t, o).URL))
	ref := b.ref(o)
	if b.PSP.Capturer != nil {
		must(t, b.PSP.Capturer.Capture(t.Context(), ref, o.Amount, "k"))
	}
	if facts := b.lookup(t, ref); facts.Captured != 10_03 {
		t.Errorf("got %+v", facts)
	}
	if parts := b.Books(o.Order).Parts; parts[b.Merchant] != 10_00 || parts[b.Other] != 3 {
		t.Errorf("got parts %v", parts)
	}
}

func pspSplitMustAddUp(t *testing.T, b *PSPBench) {
	for name, parts := range map[string][]hub.Split{
		"less":    {{Merchant: b.Merchant, Amount: hub.Bani(10)}},
		"more":    {{Merchant: b.Merchant, Amount: hub.Bani(100)}, {Merchant: b.Other, Amount: hub.Bani(1)}},
		"nothing": {{Merchant: b.Merchant, Amount: hub.Bani(100)}, {Merchant: b.Other, Amount: hub.Bani(0)}},
		"back":    {{Merchant: b.Merchant, Amount: hub.Bani(101)}, {Merchant: b.Other, Amount: hub.Bani(-1)}},
	} {
		o := b.order("RC-split-"+name, 100)
		o.Splits = parts
		_, err := b.PSP.Charger.Start(t.Context(), o)
		wantCertain(t, name, err, hub.CodeInvalid)
	}
}

func pspCannotSplit(t *testing.T, b *PSPBench) {
	o := b.order("RC-split", 100)
	o.Splits = []hub.Split{{Merchant: b.Merchant, Amount: hub.Bani(40)}, {Merchant: b.Other, Amount: hub.Bani(60)}}
	_, err := b.PSP.Charger.Start(t.Context(), o)
	wantCertain(t, "split", err, hub.CodeInvalid)
}

func pspAutomatic(t *testing.T, b *PSPBench) {
	ref := b.paid(t, "RC-automatic", 5000)
	if facts := b.lookup(t, ref); facts.Authorised != 5000 || facts.Captured != 5000 {
		t.Errorf("got %+v", facts)
	}
	b.wantBook(t, ref.Order, 5000, 0)
}

func pspManual(t *testing.T, b *PSPBench) {
	ref := b.paid(t, "RC-manual", 5000)
	if facts := b.lookup(t, ref); facts.Authorised != 5000 || facts.Captured != 0 {
		t.Errorf("before: got %+v", facts)
	}
	take := int64(5000)
	if b.PSP.Traits.PartialCapture {
		take = 3001
	}
	must(t, b.PSP.Capturer.Capture(t.Context(), ref, hub.Bani(take), "k"))
	ref.Take = hub.Bani(take)
	if facts := b.lookup(t, ref); facts.Authorised != 5000 || facts.Captured != take {
		t.Errorf("after: got %+v", facts)
	}
	b.wantBook(t, ref.Order, take, 0)
}

func pspCapturesOnce(t *testing.T, b *PSPBench) {
	ref := b.paid(t, "RC-capture-twice", 5000)
	for range 3 {
		if err := b.PSP.Capturer.Capture(t.Context(), ref, hub.Bani(5000), "k"); err != nil {
			t.Errorf("got %v, want that it is done", err)
		}
	}
	unnamed := ref
	unnamed.Ref = "" // the hub never learned the provider's own number
	if err := b.PSP.Capturer.Capture(t.Context(), unnamed, hub.Bani(5000), "k"); err != nil {
		t.Errorf("without a number: got %v", err)
	}
	b.wantBook(t, ref.Order, 5000, 0)
}

func pspCapturesNoMore(t *testing.T, b *PSPBench) {
	ref := b.paid(t, "RC-capture-more", 5000)
	wantCertain(t, "capture", b.PSP.Capturer.Capture(t.Context(), ref, hub.Bani(5001), "k"), hub.CodeConflict)
	if err := b.PSP.Capturer.Capture(t.Context(), ref, hub.Bani(0), "k"); !hub.Certainly(err) {
		t.Errorf("a capture of nothing: got %v", err)
	}
	b.wantBook(t, ref.Order, 0, 0)

	unpaid := b.order("RC-capture-unpaid", 5000)
	b.start(t, unpaid)
	if err := b.PSP.Capturer.Capture(t.Context(), b.ref(unpaid), unpaid.Amount, "k"); !hub.Certainly(err) {
		t.Errorf("a capture of what nobody paid: got %v", err)
	}
}

func pspLosesCapture(t *testing.T, b *PSPBench) {
	ref := b.paid(t, "RC-capture-lost", 5000)
	b.Lose(true)
	wantUncertain(t, "capture", b.PSP.Capturer.Capture(t.Context(), ref, hub.Bani(5000), "k"))
	b.Lose(false)
	ref.Take = hub.Bani(5000)
	if facts := b.lookup(t, ref); facts.Captured != 5000 {
		t.Errorf("got %+v, want it captured", facts)
	}
	must(t, b.PSP.Capturer.Capture(t.Context(), ref, hub.Bani(5000), "k"))
	b.wantBook(t, ref.Order, 5000, 0)
}

func pspVoids(t *testing.T, b *PSPBench) {
	ref := b.paid(t, "RC-void", 5000)
	for range 2 {
		if err := b.PSP.Capturer.Void(t.Context(), ref, "k"); err != nil {
			t.Errorf("got %v, want that it is done", err)
		}
	}
	if facts := b.lookup(t, ref); !facts.Voided || facts.Captured != 0 {
		t.Errorf("got %+v, want voided", facts)
	}
	wantCertain(t, "a capture of what was voided", b.PSP.Capturer.Capture(t.Context(), ref, hub.Bani(5000), "k"), hub.CodeConflict)
	b.wantBook(t, ref.Order, 0, 0)

	taken := b.taken(t, "RC-void-taken", 5000)
	wantCertain(t, "a void of what was captured", b.PSP.Capturer.Void(t.Context(), taken, "k"), hub.CodeConflict)
	b.wantBook(t, taken.Order, 5000, 0)
}

// all is a refund that the one merchant account gives.
func (b *PSPBench) all(bani int64) []hub.Split {
	return []hub.Split{{Merchant: b.Merchant, Amount: hub.Bani(bani)}}
}

func pspRefunds(t *testing.T, b *PSPBench) {
	ref := b.taken(t, "RC-refund", 5000)
	must(t, b.PSP.Refunder.Refund(t.Context(), ref, hub.Bani(1999), b.all(1999), "refund-1"))
	b.wantBook(t, ref.Order, 5000, 1999)
	if facts := b.lookup(t, ref); facts.Refunded != 1999 && !facts.RefundedSome {
		t.Errorf("after a part was refunded: got %+v, want to see it", facts)
	}
	must(t, b.PSP.Refunder.Refund(t.Context(), ref, hub.Bani(3001), b.all(3001), "refund-2"))
	b.wantBook(t, ref.Order, 5000, 5000)
	facts := b.lookup(t, ref)
	if facts.Captured != 5000 || facts.Refunded != 5000 && !facts.RefundedSome {
		t.Errorf("got %+v, want all of it refunded, or some", facts)
	}
}

func pspRefundsNoMore(t *testing.T, b *PSPBench) {
	ref := b.taken(t, "RC-refund-more", 5000)
	wantCertain(t, "refund", b.PSP.Refunder.Refund(t.Context(), ref, hub.Bani(5001), b.all(5001), "k"), hub.CodeConflict)
	if err := b.PSP.Refunder.Refund(t.Context(), ref, hub.Bani(0), b.all(0), "k"); !hub.Certainly(err) {
		t.Errorf("a refund of nothing: got %v", err)
	}
	b.Lose(true)
	wantUncertain(t, "a lost answer", b.PSP.Refunder.Refund(t.Context(), ref, hub.Bani(5000), b.all(5000), "k"))
	b.Lose(false)
	b.wantBook(t, ref.Order, 5000, 5000)
	wantCertain(t, "again", b.PSP.Refunder.Refund(t.Context(), ref, hub.Bani(5000), b.all(5000), "k"), hub.CodeConflict)
}

func pspNotifies(t *testing.T, b *PSPBench) {
	ref := b.paid(t, "RC-notified", 5000)
	notice := b.Notices(t, 1)[0]
	fact, err := b.PSP.Notifier.Read(t.Context(), notice.Header, notice.Body)
	must(t, err)
	if fact.PSP != b.PSP.Name || fact.Order != ref.Order || fact.Ref != ref.Ref || fact.Event == "" || !bytes.Equal(fact.Raw, notice.Body) {
		t.Errorf("got %+v, want the order %+v", fact, ref)
	}
	again, err := b.PSP.Notifier.Read(t.Context(), notice.Header.Clone(), slices.Clone(notice.Body))
	if err != nil || again.Event != fact.Event {
		t.Errorf("the same bytes again: got event %q, %v; want %q", again.Event, err, fact.Event)
	}
	b.paid(t, "RC-notified-2", 5000)
	next := b.Notices(t, 2)[1]
	if other, err := b.PSP.Notifier.Read(t.Context(), next.Header, next.Body); err != nil || other.Event == fact.Event {
		t.Errorf("another order: got event %q, %v", other.Event, err)
	}
}

func pspRefusesAltered(t *testing.T, b *PSPBench) {
	b.paid(t, "RC-altered", 5000)
	notice := b.Notices(t, 1)[0]
	for name, body := range map[string][]byte{
		"empty":          nil,
		"cut":            notice.Body[:len(notice.Body)/2],
		"another amount": bytes.Replace(notice.Body, []byte("50"), []byte("51"), 1),
		"another order":  bytes.Replace(notice.Body, []byte("RC-altered"), []byte("RC-alterec"), 1),
	} {
		if bytes.Equal(body, notice.Body) {
			t.Fatalf("%s: not altered", name)
		}
		_, err := b.PSP.Notifier.Read(t.Context(), notice.Header, body)
		wantCode(t, name, err, hub.CodeUnauthenticated)
	}
}

func pspReplies(t *testing.T, b *PSPBench) {
	for name, tc := range map[string]struct {
		err  error
		want int
	}{
		"kept":                  {nil, http.StatusOK},
		"forged":                {hub.Errorf(hub.CodeUnauthenticated, "no"), http.StatusUnauthorized},
		"the store is away":     {hub.Errorf(hub.CodeUnavailable, "no"), http.StatusServiceUnavailable},
		"what nobody foresaw":   {errors.New("surprise"), http.StatusServiceUnavailable},
		"the caller gave it up": {context.Canceled, http.StatusServiceUnavailable},
	} {
		w := httptest.NewRecorder()
		b.PSP.Notifier.Reply(w, tc.err)
		if w.Code != tc.want {
			t.Errorf("%s: got %d, want %d", name, w.Code, tc.want)
		}
	}
}

func pspSettles(t *testing.T, b *PSPBench) {
	b.taken(t, "RC-settled-1", 12_345)
	second := b.taken(t, "RC-settled-2", 99_99)
	want := map[string]int64{"RC-settled-1": 12_345, "RC-settled-2": 99_99}
	if b.PSP.Refunder != nil {
		must(t, b.PSP.Refunder.Refund(t.Context(), second, hub.Bani(1_00), b.all(1_00), "k"))
		want["RC-settled-2"] -= 1_00
	}
	b.taken(t, "RC-disputed", 50_00)
	must(t, b.Bank("RC-disputed", "chargeback"))
	b.taken(t, "RC-won", 60_00)
	must(t, errors.Join(b.Bank("RC-won", "chargeback"), b.Bank("RC-won", "represent")))
	want["RC-disputed"], want["RC-won"] = 0, 60_00
	disputes := map[string]int{}
	day := b.Settled()
	items, err := b.PSP.Settler.Settlement(t.Context(), b.Merchant, day.Back(3), day)
	must(t, err)
	got := map[string]int64{}
	for _, item := range items {
		got[item.Order] += item.Gross.Minor
		if item.Dispute {
			disputes[item.Order]++
		}
		if item.Net.Minor != item.Gross.Minor-item.Fee.Minor || item.Refund != (item.Gross.Minor < 0) || item.PayoutRef == "" || item.Day != day {
			t.Errorf("got %+v", item)
		}
	}
	for order, gross := range want {
		if got[order] != gross {
			t.Errorf("%s: got %d, want %d", order, got[order], gross)
		}
	}
	if want := map[string]int{"RC-disputed": 1, "RC-won": 2}; !maps.Equal(disputes, want) {
		t.Errorf("got items of disputes %v, want %v", disputes, want)
	}
	before, err := b.PSP.Settler.Settlement(t.Context(), b.Merchant, "2025-01-15", "2025-01-17")
	if err != nil || len(before) != 0 {
		t.Errorf("days without a payout: got %v, %v", before, err)
	}
}

func pspLists(t *testing.T, b *PSPBench) {
	ref := b.taken(t, "RC-listed", 5000)
	open := b.order("RC-listed-open", 77)
	b.start(t, open)
	all, err := b.PSP.Lister.List(t.Context(), b.Merchant, time.Unix(0, 0), time.Now().AddDate(10, 0, 0))
	must(t, err)
	seen := map[string]hub.ListedCharge{}
	for _, l := range all {
		seen[l.Order] = l
	}
	l := seen[ref.Order]
	if len(all) != 2 || l.Amount != hub.Bani(5000) || l.Manifest != manifest || l.Facts.Captured != 5000 || seen[open.Order].Facts.Captured != 0 {
		t.Errorf("got %+v", all)
	}
	none, err := b.PSP.Lister.List(t.Context(), b.Merchant, time.Unix(0, 0), time.Unix(1, 0))
	if err != nil || len(none) != 0 {
		t.Errorf("before there was any: got %v, %v", none, err)
	}
}

func pspRecalls(t *testing.T, b *PSPBench) {
	ref := b.taken(t, "RC-recalled", 5000)
	got, err := b.PSP.Recaller.Recall(t.Context(), ref)
	if err != nil || got.Order != ref.Order || got.Amount != hub.Bani(5000) || got.Facts.Captured != 5000 || got.Manifest != "" && got.Manifest != manifest {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = b.PSP.Recaller.Recall(t.Context(), hub.ChargeRef{Order: "RC-nobody", Merchant: b.Merchant})
	wantCode(t, "recall", err, hub.CodeNotFound)
}

func pspProbes(t *testing.T, b *PSPBench) {
	must(t, b.PSP.Probe.Ping(t.Context()))
	b.Break(true)
	wantCode(t, "ping", b.PSP.Probe.Ping(t.Context()), hub.CodeUnavailable)
}
