package pay_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/judge"
	"racord/hub/pay"
)

// chance draws the faults of a scene from its seed.
type chance struct {
	mu    sync.Mutex
	dice  *rand.Rand
	share float64 // of calls that go wrong
}

// fault is how a call goes wrong.
type fault int

const (
	none    fault = iota
	before        // nothing was done, and the caller is told so
	refused       // nothing was done, and the caller cannot know
	lost          // it was done, and the answer is lost
)

func (c *chance) draw() fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dice.Float64() >= c.share {
		return none
	}
	return fault(1 + c.dice.IntN(3))
}

func (f fault) before() error {
	switch f {
	case before:
		return hub.NotDone(hub.Errorf(hub.CodeUnavailable, "refused before anything was done"))
	case refused:
		return hub.Errorf(hub.CodeTimeout, "no answer")
	}
	return nil
}

func (f fault) after() error {
	if f == lost {
		return hub.Errorf(hub.CodeTimeout, "the answer was lost")
	}
	return nil
}

// provider is a payment provider that keeps a book of its own.
type provider struct {
	mu     sync.Mutex
	chance *chance
	orders map[string]*order
	manual bool
	lag    time.Duration // how long what was done is not seen by looking up
	keyed  bool          // knows a refund's key
	lends  bool          // gives back from a merchant account also what that has not of the order any more
	loses  bool          // does not do the second refund
	vague  bool          // says that something was refunded and not how much, and of the second refund nothing
	mute   bool          // says nothing of the first, too
	terse  bool          // says that it took money and not how much: what it was asked to or, as long as nobody says, all
}

type order struct {
	amount    int64
	manifest  string
	facts     hub.ChargeFacts
	history   []said
	captures  map[string]int64 // by key
	refunds   map[string]int64 // by key
	merchants []hub.Split
}

// said is what a provider says of an order from a moment on.
type said struct {
	at    time.Time
	facts hub.ChargeFacts
}

// now notes that something happened to the order.
func (o *order) now() { o.history = append(o.history, said{time.Now(), o.facts}) }

// seen is what looking up shows.
func (o *order) seen(lag time.Duration) (facts hub.ChargeFacts) {
	for _, h := range o.history {
		if time.Since(h.at) >= lag {
			facts = h.facts
		}
	}
	return facts
}

func (b *provider) Start(_ context.Context, o hub.ChargeOrder) (hub.Session, error) {
	f := b.chance.draw()
	if err := f.before(); err != nil {
		return hub.Session{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.orders[o.Order] != nil {
		return hub.Session{}, hub.NotDone(hub.Errorf(hub.CodeConflict, "order number used"))
	}
	b.orders[o.Order] = &order{amount: o.Amount.Minor, manifest: o.Manifest, captures: map[string]int64{}, refunds: map[string]int64{}, merchants: o.Splits}
	return hub.Session{Ref: "ref-" + o.Order, URL: "https://psp.invalid/" + o.Order}, f.after()
}

func (b *provider) Lookup(_ context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	if err := b.chance.draw().before(); err != nil {
		return hub.ChargeFacts{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.orders[r.Order]
	if o == nil {
		return hub.ChargeFacts{}, hub.Errorf(hub.CodeNotFound, "unknown order")
	}
	facts := o.seen(b.lag)
	if b.vague {
		facts.RefundedSome, facts.Refunded = facts.Refunded > 0, 0
	}
	if b.terse && facts.Captured > 0 {
		facts.Captured = cmp.Or(r.Take.Minor, r.Amount.Minor)
	}
	return facts, nil
}

// tells sets how long what was done is not seen, and whether a refund's key is
// known.
func (b *provider) tells(after time.Duration, keyed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lag, b.keyed = after, keyed
}

// Recall gives what the provider keeps of an order.
func (b *provider) Recall(_ context.Context, r hub.ChargeRef) (hub.ListedCharge, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.orders[r.Order]
	if o == nil {
		return hub.ListedCharge{}, hub.Errorf(hub.CodeNotFound, "unknown order")
	}
	return hub.ListedCharge{Order: r.Order, Amount: hub.Bani(o.amount), Manifest: o.manifest, Facts: o.facts}, nil
}

func (b *provider) do(r hub.ChargeRef, what func(*order) error) error {
	f := b.chance.draw()
	if err := f.before(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.orders[r.Order]
	if err := what(o); err != nil {
		return err
	}
	o.now()
	return f.after()
}

// Capture takes money once for a key, and again for another key.
func (b *provider) Capture(_ context.Context, r hub.ChargeRef, amount hub.Money, key string) error {
	return b.do(r, func(o *order) error {
		switch had, again := o.captures[key]; {
		case again && had == amount.Minor:
			return nil
		case again || o.facts.Voided || o.facts.Authorised == 0:
			return hub.NotDone(hub.Errorf(hub.CodeConflict, "cannot be captured"))
		}
		o.facts.Captured += amount.Minor
		o.captures[key] = amount.Minor
		return nil
	})
}

func (b *provider) Void(_ context.Context, r hub.ChargeRef, _ string) error {
	return b.do(r, func(o *order) error {
		if o.facts.Captured > 0 {
			return hub.NotDone(hub.Errorf(hub.CodeConflict, "captured already"))
		}
		o.facts.Voided = true
		return nil
	})
}

func (b *provider) Refund(_ context.Context, r hub.ChargeRef, amount hub.Money, from []hub.Split, key string) error {
	return b.do(r, func(o *order) error {
		if b.keyed && o.refunds[key] > 0 {
			return nil
		}
		if err := o.give(amount.Minor, from, b.lends); err != nil {
			return err
		}
		if b.vague && len(o.refunds) > 0 && b.loses {
			return lost.after()
		}
		o.facts.Refunded += amount.Minor
		o.refunds[key] += amount.Minor
		if b.vague && (b.mute || len(o.refunds) > 1) {
			o.now()
			return lost.after()
		}
		return nil
	})
}

// give takes a refund from the merchant accounts of the order, which give no more
// than they got, unless the provider lends it.
func (o *order) give(amount int64, from []hub.Split, lends bool) error {
	sum := int64(0)
	for _, part := range from {
		at := slices.IndexFunc(o.merchants, func(s hub.Split) bool { return s.Merchant == part.Merchant })
		if at < 0 || o.merchants[at].Amount.Minor < part.Amount.Minor && !lends {
			return hub.NotDone(hub.Errorf(hub.CodeConflict, "the account has not so much of this order"))
		}
		o.merchants[at].Amount.Minor -= part.Amount.Minor
		sum += part.Amount.Minor
	}
	if len(from) > 0 && sum != amount {
		return hub.NotDone(hub.Errorf(hub.CodeConflict, "the parts are not the whole"))
	}
	return nil
}

// pay is the payer on the provider's page.
func (b *provider) pay(number string, at time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.orders[number]
	if o == nil || o.facts.Authorised > 0 {
		return false
	}
	o.facts.Authorised, o.facts.AuthorisedAt = o.amount, at
	if !b.manual {
		o.facts.Captured = o.amount
	}
	o.now()
	return true
}

// office is a creditor that keeps a book of its own.
type office struct {
	mu      sync.Mutex
	name    hub.Name
	class   hub.Class
	chance  *chance
	debts   map[string]int64  // external id → outstanding
	inside  map[string]string // external id → what stands inside it
	booked  map[string][]hub.PostingID
	ids     map[hub.PostingID]int
	entries []judge.Entry // the book
	days    map[hub.PostingID]time.Time
	dated   map[hub.PostingID]hub.Date // business day of a booking
	refuses map[string]bool            // external ids that may not be paid although they are listed
	cannot  map[string]bool            // class F: external ids that cannot stand in a file
	files   map[string][][]hub.Posting // class F: all that was put, by name
	refused map[hub.PostingID]bool     // class F: lines of files
	lost    bool                       // class F: the files that were put are gone
	takes   bool                       // what is owed no more, too
	clock   hub.Clock
	silent  bool // about what is due
	forgets bool // goes on showing what was paid
	next    *hub.NextChange
	keeps   error         // why it takes no booking back
	away    error         // why it takes no posting
	mute    bool          // books, and does not say so
	visible time.Duration // how long what was booked cannot be found
	listed  []listing     // its statements that were asked for
}

func (o *office) Obligations(_ context.Context, asked hub.Asked) (hub.Answer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.silent {
		return hub.Answer{}, hub.Errorf(hub.CodeTimeout, "no answer")
	}
	answer := hub.Answer{AsOf: o.clock.Now()}
	for external, owed := range o.debts {
		if owed <= 0 {
			continue
		}
		var excludes []hub.ObligationID
		if inner, has := o.inside[external]; has {
			excludes = []hub.ObligationID{hub.NewObligationID(o.name, inner)}
		}
		answer.Obligations = append(answer.Obligations, hub.Obligation{
			ID: hub.NewObligationID(o.name, external), ExcludesIDs: excludes, ExternalID: external, Kind: "water.bill", Total: hub.Bani(owed), Paid: hub.Bani(0),
			Outstanding: hub.Bani(owed), Status: hub.StatusOpen, NextChange: o.next,
			Options: []hub.PaymentOption{{ID: "full", Kind: "full", Amount: hub.Bani(owed), Transfers: []hub.Transfer{
				{Seq: 1, AccountID: "main", IBAN: "RO49AAAA1B31007593840000", Amount: hub.Bani(owed - owed/3)},
				{Seq: 2, AccountID: "other", IBAN: "RO49AAAA1B31007593840000", Amount: hub.Bani(owed / 3)},
			}}},
		})
	}
	return answer, nil
}

func (o *office) Post(_ context.Context, ps []hub.Posting) ([]hub.Receipt, error) {
	f := o.chance.draw()
	if err := f.before(); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.away != nil {
		return nil, o.away
	}
	if o.class == hub.ClassF {
		return o.file(ps), f.after()
	}
	p := ps[0]
	receipt := []hub.Receipt{{ID: p.ID, Number: string("N" + p.ID)}}
	if o.class == hub.ClassA && o.ids[p.ID] > 0 {
		return receipt, f.after()
	}
	if o.refuses[p.ExternalID] || o.debts[p.ExternalID] < p.Amount.Minor && !o.forgets && !o.takes {
		return nil, hub.NotDone(hub.Errorf(hub.CodeNotPayable, "not owed"))
	}
	o.book(p)
	if o.mute {
		return nil, lost.after()
	}
	return receipt, f.after()
}

// file takes a file of postings, whose name is made of what stands in it. One that
// is there is not looked at again; a line that comes in another file is another
// payment.
func (o *office) file(ps []hub.Posting) (receipts []hub.Receipt) {
	name := ""
	for _, p := range ps {
		name += string(p.ID) + ";"
	}
	_, known := o.files[name]
	for _, p := range ps {
		receipts = append(receipts, hub.Receipt{ID: p.ID, Number: name, Pending: true})
		switch {
		case o.cannot[p.ExternalID]:
			receipts[len(receipts)-1] = hub.Receipt{ID: p.ID, Err: hub.NotDone(hub.Errorf(hub.CodeNotPayable, "it cannot stand in a file"))}
		case known && !o.lost:
		case o.refuses[p.ExternalID] || o.debts[p.ExternalID] < p.Amount.Minor && !o.forgets && !o.takes:
			o.refused[p.ID], o.days[p.ID] = true, time.Now()
		default:
			o.book(p)
		}
	}
	o.files[name], o.lost = append(o.files[name], ps), false
	return receipts
}

func (o *office) book(p hub.Posting) {
	o.ids[p.ID]++
	o.days[p.ID], o.dated[p.ID] = time.Now(), hub.DateOf(o.clock.Now())
	o.booked[p.ExternalID] = append(o.booked[p.ExternalID], p.ID)
	o.entries = append(o.entries, judge.Entry{Creditor: o.name, ID: p.ID, ExternalID: p.ExternalID, Amount: p.Amount.Minor})
	if !o.forgets {
		o.debts[p.ExternalID] -= p.Amount.Minor
	}
}

// Reverse takes a booking back. The debt is owed again.
func (o *office) Reverse(_ context.Context, p hub.Posting, _ string) error {
	f := o.chance.draw()
	if err := f.before(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keeps != nil {
		return o.keeps
	}
	for i := range o.entries {
		if e := &o.entries[i]; e.ID == p.ID && !e.Reversed {
			e.Reversed = true
			o.ids[p.ID]--
			o.debts[p.ExternalID] += e.Amount
		}
	}
	return f.after()
}

// listing is one reading of a statement.
type listing struct {
	day hub.Date
	at  time.Time // business time
}

// Statement lists what was booked on a day.
func (o *office) Statement(_ context.Context, day hub.Date) (list []hub.BookedPosting, err error) {
	if err := o.chance.draw().before(); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listed = append(o.listed, listing{day, o.clock.Now()})
	for _, e := range o.entries {
		if time.Since(o.days[e.ID]) < o.visible || o.dated[e.ID] != day {
			continue
		}
		list = append(list, hub.BookedPosting{ID: e.ID, ExternalID: e.ExternalID, Number: string("N" + e.ID), Amount: hub.Bani(e.Amount), Reversed: e.Reversed})
	}
	return list, nil
}

func (o *office) Find(_ context.Context, p hub.Posting) (hub.Found, hub.Receipt, error) {
	if err := o.chance.draw().before(); err != nil {
		return "", hub.Receipt{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.class == hub.ClassF && time.Since(o.days[p.ID]) < 8*time.Second {
		return hub.FoundNotVisible, hub.Receipt{}, nil // files are read now and then
	}
	if o.refused[p.ID] {
		return hub.FoundRefused, hub.Receipt{}, nil
	}
	if o.ids[p.ID] > 0 && time.Since(o.days[p.ID]) >= o.visible {
		return hub.FoundBooked, hub.Receipt{ID: p.ID, Number: string("N" + p.ID)}, nil
	}
	return hub.FoundAbsent, hub.Receipt{}, nil
}

// FindLot looks through the books once.
func (o *office) FindLot(ctx context.Context, ps []hub.Posting) (list []hub.Finding, err error) {
	for _, p := range ps {
		found, receipt, err := o.Find(ctx, p)
		if err != nil {
			return nil, err
		}
		list = append(list, hub.Finding{Found: found, Receipt: receipt})
	}
	return list, nil
}

// Quote confirms what is wanted, and says what it extinguishes.
func (o *office) Quote(_ context.Context, _ hub.Asked, wanted []hub.Wanted) (said []hub.Quoted, err error) {
	for _, w := range wanted {
		said = append(said, hub.Quoted{Wanted: w, AsOf: o.clock.Now(), Extinguishes: []hub.Share{{Obligation: w.Obligation, Amount: w.Amount}}})
	}
	return said, nil
}

// scene is a hub that takes payments, with everybody it talks to.
type scene struct {
	*pay.Service
	ledger  *hubtest.Ledger
	clock   *hubtest.Clock
	chance  *chance
	manual  *provider
	auto    *provider
	offices map[hub.Name]*office
	fleet   hub.Fleet
	prefer  []string // providers, in this order
}

var who = hub.Login{Issuer: "https://id.invalid", Subject: "ana"}

// clerk is one of the city's staff.
var clerk = hub.Login{Issuer: "https://id.invalid", Subject: "clerk"}

type folders struct{ hub.Folders }

func (folders) Folder(_ context.Context, who hub.Login) (hub.Folder, error) {
	f := hub.Folder{Party: hub.Party{ID: hub.PartyID("party-" + who.Subject)}}
	for _, name := range []hub.Name{"alpha", "beta", "gamma", "delta", "epsilon"} {
		f.Links = append(f.Links, hub.Link{Account: hub.AccountRef{Creditor: name, Code: "0001"}})
	}
	return f, nil
}

// newScene opens a scene whose calls go wrong by chance: share of them, drawn by
// seed. Alpha's postings are of class A, beta's of B, gamma's of C.
func newScene(seed uint64, share float64, conf pay.Conf) *scene {
	s := &scene{
		ledger: hubtest.NewLedger(), clock: hubtest.NewClock(hubtest.Now()), offices: map[hub.Name]*office{},
		chance: &chance{dice: rand.New(rand.NewPCG(seed, 1)), share: share},
	}
	s.manual = &provider{chance: s.chance, orders: map[string]*order{}, manual: true}
	s.auto = &provider{chance: s.chance, orders: map[string]*order{}}
	s.prefer = []string{"manual", "auto"}
	for name, class := range map[hub.Name]hub.Class{"alpha": hub.ClassA, "beta": hub.ClassB, "gamma": hub.ClassC, "delta": hub.ClassF, "epsilon": hub.ClassC} {
		s.fleet = append(s.fleet, s.connect(name, class))
	}
	s.Service = pay.New(s.parts(), conf)
	return s
}

// connect opens an office. What it can do is what its class says; epsilon lists
// what it booked.
func (s *scene) connect(name hub.Name, class hub.Class) *hub.Connector {
	o := &office{name: name, class: class, chance: s.chance, debts: map[string]int64{}, booked: map[string][]hub.PostingID{},
		ids: map[hub.PostingID]int{}, days: map[hub.PostingID]time.Time{}, dated: map[hub.PostingID]hub.Date{}, refuses: map[string]bool{}, cannot: map[string]bool{}, files: map[string][][]hub.Posting{}, refused: map[hub.PostingID]bool{}, clock: s.clock}
	s.offices[name] = o
	c := &hub.Connector{Creditor: hub.Creditor{Name: name}, Source: o, Sink: o, Traits: hub.Traits{
		Fetch: []hub.Fetch{hub.FetchByAccount}, Paying: hub.Paying{Class: class, MaxInflight: 4, ClearsIn: time.Hour}}}
	switch {
	case class == hub.ClassF:
		c.Finder, c.LotFinder = o, o
	case class == hub.ClassB:
		c.Finder = o
	case class == hub.ClassA:
		c.Reverser, c.Quoter = o, o
	case name == "epsilon":
		c.Statement = o
	}
	return c
}

// parts are what a hub of the scene is made from.
func (s *scene) parts() pay.Parts {
	merchants := hub.Merchants{}
	for name := range s.offices {
		merchants[string(name)+"/main"], merchants[string(name)+"/other"] = "M-"+string(name), "N-"+string(name)
	}
	keys, _ := hub.NewKeys(hubtest.Master(), "quote")
	parts := pay.Parts{Roster: s.fleet, Folders: folders{}, Store: s.ledger, Keys: keys, Clock: s.clock, Pages: pages{}, Settlements: readAll{}}
	for _, name := range s.prefer {
		b := map[string]*provider{"manual": s.manual, "auto": s.auto}[name]
		psp := &hub.PSP{Name: name, Traits: hub.PSPTraits{Split: true, AssumesAmounts: b.terse}, Merchants: merchants, Charger: b, Refunder: b, Recaller: b, Notifier: notes{}}
		if b.manual {
			psp.Capturer, psp.Traits.PartialCapture = b, true
		}
		parts.PSPs = append(parts.PSPs, psp)
	}
	return parts
}

// readAll says that all settlements were read.
type readAll struct{}

func (readAll) Read(context.Context, string, string, hub.Date, hub.Date) (bool, error) {
	return true, nil
}

// pages is a view that remembers what it is told, and forgets nothing.
type pages struct {
	answer  hub.Answer
	fetched time.Time
}

func (pages) Forget(context.Context, hub.Name, hub.Asked) {}

func (p pages) Remembered(context.Context, hub.Name, hub.Asked) (hub.Answer, time.Time, error) {
	if p.fetched.IsZero() {
		return hub.Answer{}, time.Time{}, hub.Errorf(hub.CodeNotFound, "Nothing is remembered.")
	}
	return p.answer, p.fetched, nil
}

// notes reads the providers' notifications, which all are well signed here.
type notes struct{}

func (notes) Read(_ context.Context, h http.Header, body []byte) (hub.Fact, error) {
	return hub.Fact{Event: h.Get("Event"), Order: h.Get("Order"), Raw: body}, nil
}

func (notes) Reply(http.ResponseWriter, error) {}

// owe makes debts and gives the items that pay them.
func (s *scene) owe(n int, names ...hub.Name) (items []pay.Item) {
	for _, name := range names {
		o := s.offices[name]
		o.mu.Lock()
		external := fmt.Sprintf("D%d", n)
		o.debts[external] = int64(1000 + 37*n)
		o.mu.Unlock()
		items = append(items, pay.Item{Creditor: name, Wanted: hub.Wanted{Obligation: hub.NewObligationID(name, external)}})
	}
	return items
}

// open quotes and opens a payment, as a patient portal does.
func (s *scene) open(ctx context.Context, key string, items []pay.Item, policy hub.Policy) (*hub.Payment, error) {
	q, err := s.Quote(ctx, who, "portal", items)
	if err != nil {
		return nil, err
	}
	return s.Open(ctx, who, "portal", pay.Order{Key: key, Token: q.Token, Policy: policy, ReturnURL: "https://portal.invalid/"})
}

// authorise is the payer on every page the payment sends him to.
func (s *scene) authorise(p *hub.Payment) {
	for _, c := range p.Charges {
		for name, b := range map[string]*provider{"manual": s.manual, "auto": s.auto} {
			if c.PSP == name && c.State == hub.ChargeAwaiting {
				b.pay(c.Order, s.clock.Now())
			}
		}
	}
}
