package pay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"racord/hub"
	"racord/hub/hubtest"
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
}

type order struct {
	amount     int64
	facts      hub.ChargeFacts
	captures   int
	refunds    map[string]int64 // by key
	merchants  []hub.Split
	authorised time.Time
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
	b.orders[o.Order] = &order{amount: o.Amount.Minor, refunds: map[string]int64{}, merchants: o.Splits}
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
	return o.facts, nil
}

func (b *provider) do(r hub.ChargeRef, what func(*order) error) error {
	f := b.chance.draw()
	if err := f.before(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := what(b.orders[r.Order]); err != nil {
		return err
	}
	return f.after()
}

func (b *provider) Capture(_ context.Context, r hub.ChargeRef, amount hub.Money, _ string) error {
	return b.do(r, func(o *order) error {
		if o.facts.Captured > 0 || o.facts.Voided || amount.Minor > o.facts.Authorised {
			return hub.NotDone(hub.Errorf(hub.CodeConflict, "cannot be captured"))
		}
		o.facts.Captured = amount.Minor
		o.captures++
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

func (b *provider) Refund(_ context.Context, r hub.ChargeRef, amount hub.Money, _, key string) error {
	return b.do(r, func(o *order) error {
		o.facts.Refunded += amount.Minor // this provider does not look at keys
		o.refunds[key] += amount.Minor
		return nil
	})
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
	return true
}

// office is a creditor that keeps a book of its own.
type office struct {
	mu      sync.Mutex
	name    hub.Name
	class   hub.Class
	chance  *chance
	debts   map[string]int64 // external id → outstanding
	booked  map[string][]hub.PostingID
	ids     map[hub.PostingID]int
	clock   hub.Clock
	silent  bool // about what is due
	forgets bool // goes on showing what was paid
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
		answer.Obligations = append(answer.Obligations, hub.Obligation{
			ID: hub.NewObligationID(o.name, external), ExternalID: external, Kind: "water.bill", Total: hub.Bani(owed), Paid: hub.Bani(0),
			Outstanding: hub.Bani(owed), Status: hub.StatusOpen,
			Options: []hub.PaymentOption{{ID: "full", Kind: "full", Amount: hub.Bani(owed), Transfers: []hub.Transfer{
				{Seq: 1, AccountID: "main", IBAN: "RO49AAAA1B31007593840000", Amount: hub.Bani(owed)},
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
	p := ps[0]
	if o.class == hub.ClassA && o.ids[p.ID] > 0 {
		return []hub.Receipt{{ID: p.ID, Number: string("N" + p.ID)}}, f.after()
	}
	if o.debts[p.ExternalID] < p.Amount.Minor && !o.forgets {
		return nil, hub.NotDone(hub.Errorf(hub.CodeNotPayable, "not owed"))
	}
	o.ids[p.ID]++
	o.booked[p.ExternalID] = append(o.booked[p.ExternalID], p.ID)
	if !o.forgets {
		o.debts[p.ExternalID] -= p.Amount.Minor
	}
	return []hub.Receipt{{ID: p.ID, Number: string("N" + p.ID)}}, f.after()
}

func (o *office) Find(_ context.Context, p hub.Posting) (hub.Found, hub.Receipt, error) {
	if err := o.chance.draw().before(); err != nil {
		return "", hub.Receipt{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ids[p.ID] > 0 {
		return hub.FoundBooked, hub.Receipt{ID: p.ID, Number: string("N" + p.ID)}, nil
	}
	return hub.FoundAbsent, hub.Receipt{}, nil
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
	folders *folders
}

var who = hub.Login{Issuer: "https://id.invalid", Subject: "ana"}

type folders struct{ hub.Folders }

func (folders) Folder(_ context.Context, who hub.Login) (hub.Folder, error) {
	f := hub.Folder{Party: hub.Party{ID: hub.PartyID("party-" + who.Subject)}}
	for _, name := range []hub.Name{"alpha", "beta", "gamma"} {
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
	var fleet hub.Fleet
	merchants := hub.Merchants{}
	for name, class := range map[hub.Name]hub.Class{"alpha": hub.ClassA, "beta": hub.ClassB, "gamma": hub.ClassC} {
		o := &office{name: name, class: class, chance: s.chance, debts: map[string]int64{}, booked: map[string][]hub.PostingID{}, ids: map[hub.PostingID]int{}, clock: s.clock}
		s.offices[name] = o
		c := &hub.Connector{Creditor: hub.Creditor{Name: name}, Source: o, Sink: o, Traits: hub.Traits{
			Fetch: []hub.Fetch{hub.FetchByAccount}, Paying: hub.Paying{Class: class, MaxInflight: 4, ClearsIn: time.Hour}}}
		if class == hub.ClassB {
			c.Finder = o
		}
		fleet = append(fleet, c)
		merchants[string(name)+"/main"] = "M-" + string(name)
	}
	keys, _ := hub.NewKeys(hubtest.Master(), "quote")
	s.Service = pay.New(pay.Parts{
		Roster: fleet, Folders: folders{}, Store: s.ledger, Keys: keys, Clock: s.clock,
		PSPs: []*hub.PSP{
			{Name: "manual", Traits: hub.PSPTraits{Split: true, PartialCapture: true, KeyWindow: 20 * time.Hour}, Merchants: merchants, Charger: s.manual, Capturer: s.manual, Refunder: s.manual},
			{Name: "auto", Traits: hub.PSPTraits{Split: true, KeyWindow: 20 * time.Hour}, Merchants: merchants, Charger: s.auto, Refunder: s.auto},
		},
	}, conf)
	return s
}

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
