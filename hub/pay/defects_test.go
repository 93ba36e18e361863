package pay_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// defect is a mistake that a hub could have. It is planted in every replica of a
// town, and the judge must find something.
type defect struct {
	name  string
	brief bool // planted in every run of the tests, the others in the long ones
	plant func(*town, *pay.Parts)
}

// defects are the mistakes that a hub of this kind has had, or could have.
var defects = []defect{
	{"a capture has a fresh key for each attempt", true, func(tn *town, parts *pay.Parts) {
		tn.manual.tells(15*time.Second, false) // longer than the hub waits before it repeats
		withPSPs(parts, func(p *hub.PSP) {
			if p.Capturer != nil {
				p.Capturer = bentCapturer{Capturer: p.Capturer, capture: func(_ hub.ChargeRef, amount hub.Money, key string) (hub.Money, string) {
					return amount, fresh(key)
				}}
			}
		})
	}},
	{"a refund has a fresh key for each attempt", false, func(tn *town, parts *pay.Parts) {
		slowToTell(tn)
		withPSPs(parts, func(p *hub.PSP) {
			p.Refunder = bentRefunder{p.Refunder, func(_ hub.ChargeRef, amount hub.Money, key string) (hub.Money, string) { return amount, fresh(key) }}
		})
	}},
	{"a refund is repeated without looking up", false, func(_ *town, parts *pay.Parts) {
		withPSPs(parts, func(p *hub.PSP) {
			p.Charger = bentCharger{p.Charger, func(f hub.ChargeFacts) hub.ChargeFacts { f.Refunded = 0; return f }}
		})
	}},
	{"a refund of one line gives the whole charge back", true, func(tn *town, parts *pay.Parts) {
		withPSPs(parts, func(p *hub.PSP) {
			b := tn.bank(p.Name)
			p.Refunder = bentRefunder{p.Refunder, func(r hub.ChargeRef, _ hub.Money, key string) (hub.Money, string) {
				b.mu.Lock()
				defer b.mu.Unlock()
				return hub.Bani(b.orders[r.Order].facts.Captured), key
			}}
		})
	}},
	{"what is authorised is captured, not what is still owed", false, func(tn *town, parts *pay.Parts) {
		withPSPs(parts, func(p *hub.PSP) {
			if p.Capturer != nil {
				p.Capturer = bentCapturer{Capturer: p.Capturer, capture: func(r hub.ChargeRef, _ hub.Money, key string) (hub.Money, string) {
					tn.manual.mu.Lock()
					defer tn.manual.mu.Unlock()
					return hub.Bani(tn.manual.orders[r.Order].facts.Authorised), key
				}}
			}
		})
	}},
	{"a capture is one ban short", false, func(_ *town, parts *pay.Parts) {
		withPSPs(parts, func(p *hub.PSP) {
			if p.Capturer != nil {
				p.Capturer = bentCapturer{Capturer: p.Capturer, capture: func(_ hub.ChargeRef, amount hub.Money, key string) (hub.Money, string) {
					return hub.Bani(amount.Minor - 1), key
				}}
			}
		})
	}},
	{"a reservation is believed to be given back", false, func(_ *town, parts *pay.Parts) {
		withPSPs(parts, func(p *hub.PSP) {
			if p.Capturer != nil {
				p.Capturer = bentCapturer{Capturer: p.Capturer, void: func() bool { return false }}
			}
		})
	}},
	{"a capture without an answer has failed", true, func(_ *town, parts *pay.Parts) {
		withStore(parts, &bentStore{after: func(tx hub.PaymentTx, p *hub.Payment) error { giveUpUnknown(tx, p); return nil }})
	}},
	{"a posting without an answer is refused", false, func(_ *town, parts *pay.Parts) {
		withSinks(parts, bentSink{answer: func(_ hub.Posting, r []hub.Receipt, err error) ([]hub.Receipt, error) {
			if err != nil {
				err = hub.NotDone(hub.Errorf(hub.CodeNotPayable, "no answer is a no"))
			}
			return r, err
		}}, hub.ClassA, hub.ClassB)
	}},
	{"a posting without an answer is sent again where nobody knows it (class C)", true, func(_ *town, parts *pay.Parts) {
		withSinks(parts, bentSink{answer: certainlyNot}, hub.ClassC)
	}},
	{"a posting without an answer is sent again without looking (class B)", false, func(_ *town, parts *pay.Parts) {
		withSinks(parts, bentSink{answer: certainlyNot}, hub.ClassB)
	}},
	{"a posting has a fresh id for each attempt (class A)", false, func(_ *town, parts *pay.Parts) {
		tries := &atomic.Int64{}
		withSinks(parts, bentSink{sent: func(p hub.Posting) hub.Posting {
			p.ID = hub.PostingID(fmt.Sprint(p.ID, "/", tries.Add(1)))
			return p
		}}, hub.ClassA)
	}},
	{"a posting is believed to be booked without its receipt", false, func(_ *town, parts *pay.Parts) {
		withSinks(parts, bentSink{answer: func(p hub.Posting, _ []hub.Receipt, _ error) ([]hub.Receipt, error) {
			return []hub.Receipt{{ID: p.ID, Number: "N"}}, nil
		}}, hub.ClassA, hub.ClassB)
	}},
	{"a posting is one ban short", false, func(_ *town, parts *pay.Parts) {
		withSinks(parts, bentSink{sent: func(p hub.Posting) hub.Posting { p.Amount.Minor--; return p }}, hub.ClassA)
	}},
	{"a creditor is told before the intent is stored", false, func(_ *town, parts *pay.Parts) {
		withStore(parts, afterwards())
	}},
	{"a line of which nobody knows is refunded by a timer", false, func(_ *town, parts *pay.Parts) {
		withStore(parts, &bentStore{after: refundStuck})
	}},
	{"a booked line is refunded without its creditor's yes", false, func(_ *town, parts *pay.Parts) {
		withConnectors(parts, func(c *hub.Connector) {
			if c.Reverser != nil {
				c.Reverser = bentReverser{}
			}
		})
	}},
	{"a notification is acknowledged before it is stored", false, func(tn *town, parts *pay.Parts) {
		tn.slowest() // it is the only word of money that comes hours late
		withStore(parts, &bentStore{fact: func(context.Context, hub.Fact, func() (bool, error)) (bool, error) { return true, nil }})
	}},
	{"a notification moves money by its own amount", false, func(_ *town, parts *pay.Parts) {
		withPSPs(parts, func(p *hub.PSP) {
			p.Charger = bentCharger{p.Charger, func(f hub.ChargeFacts) hub.ChargeFacts {
				if f.Authorised > 0 { // "paid 1.00 lei", it said
					f.Captured = 100
				}
				return f
			}}
		})
	}},
	{"work is not fenced by its lease, and class C is sent by whoever wakes up", false, func(_ *town, parts *pay.Parts) {
		b := &bentStore{lease: func(*hub.Lease) *hub.Lease { return nil }, before: sendAgain}
		withStore(parts, b)
	}},
	{"a claim is had by everybody", true, func(_ *town, parts *pay.Parts) {
		withTx(parts, func(tx hub.PaymentTx) hub.PaymentTx {
			return bentTx{PaymentTx: tx, hold: func(hub.PaymentID, *hub.Line) bool { return true }}
		})
	}},
	{"money that comes late is captured without the claim, whoever paid meanwhile", false, func(_ *town, parts *pay.Parts) {
		withTx(parts, func(tx hub.PaymentTx) hub.PaymentTx {
			return bentTx{PaymentTx: tx, hold: func(_ hub.PaymentID, l *hub.Line) bool { return l.State == hub.LineDropped }}
		})
		parts.Store = forgetful{parts.Store}
	}},
	{"a claim ends when money is captured", false, func(_ *town, parts *pay.Parts) {
		withStore(parts, &bentStore{after: func(tx hub.PaymentTx, p *hub.Payment) error {
			for i := range p.Lines {
				if l := &p.Lines[i]; l.State == hub.LinePosted {
					tx.Release(l)
				}
			}
			return nil
		}})
	}},
	{"creditors are asked again in a cache", false, func(tn *town, parts *pay.Parts) {
		withConnectors(parts, func(c *hub.Connector) { c.Source = remembering(c.Source, tn.memory(c.Creditor.Name)) })
	}},
	{"a line that was dropped is captured", false, func(_ *town, parts *pay.Parts) {
		withStore(parts, &bentStore{after: takeDropped})
	}},
	{"a quote is used for two payments", false, func(_ *town, parts *pay.Parts) {
		withStore(parts, &bentStore{
			built: func(p *hub.Payment) { p.Quote += hub.QuoteID("/" + hub.NewID()) },
			key:   func(k hub.RequestKey) hub.RequestKey { k.Key = fresh(k.Key); return k },
		})
		withTx(parts, func(tx hub.PaymentTx) hub.PaymentTx {
			return bentTx{PaymentTx: tx, hold: func(hub.PaymentID, *hub.Line) bool { return true }}
		})
	}},
	{"an idempotency key is not looked at", false, func(_ *town, parts *pay.Parts) {
		withStore(parts, &bentStore{key: func(k hub.RequestKey) hub.RequestKey { k.Key = fresh(k.Key); return k }})
	}},
	{"a booking is left out of the journal", false, func(_ *town, parts *pay.Parts) {
		withTx(parts, booking(func(b hub.Booking) []hub.Booking {
			if b.Kind == "posted" {
				return nil
			}
			return []hub.Booking{b}
		}))
	}},
	{"a booking is in the journal twice", false, func(_ *town, parts *pay.Parts) {
		withTx(parts, booking(func(b hub.Booking) []hub.Booking {
			again := b
			again.ID += "/again"
			return []hub.Booking{b, again}
		}))
	}},
	{"a booking is of another amount", false, func(_ *town, parts *pay.Parts) {
		withTx(parts, booking(func(b hub.Booking) []hub.Booking {
			b.Legs = []hub.Leg{b.Legs[0], b.Legs[1]}
			b.Legs[0].Debit++
			b.Legs[1].Credit++
			return []hub.Booking{b}
		}))
	}},
	{"a refund is forgotten", false, func(_ *town, parts *pay.Parts) {
		withTx(parts, func(tx hub.PaymentTx) hub.PaymentTx {
			return bentTx{PaymentTx: tx, schedule: func(w hub.Work) bool { return w.Kind != hub.WorkRefund }}
		})
	}},
}

var attempts atomic.Int64

func fresh(key string) string { return fmt.Sprint(key, "/", attempts.Add(1)) }

// slowToTell makes providers slower to show a refund than the hub waits before it
// repeats it, and mindful of its key.
func slowToTell(tn *town) {
	for _, b := range []*provider{tn.manual, tn.auto} {
		b.tells(townConf.RefundAgain+30*time.Second, true)
	}
}

// certainlyNot takes an answer that was lost for a no.
func certainlyNot(_ hub.Posting, r []hub.Receipt, err error) ([]hub.Receipt, error) {
	if err != nil && !hub.Certainly(err) {
		err = hub.NotDone(hub.Errorf(hub.CodeUnavailable, "no answer is a no"))
	}
	return r, err
}

// giveUpUnknown ends charges whose capture had no answer.
func giveUpUnknown(tx hub.PaymentTx, p *hub.Payment) {
	for i := range p.Charges {
		c := &p.Charges[i]
		if c.State != hub.ChargeCaptureUnknown {
			continue
		}
		c.State = hub.ChargeFailed
		tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No})
		for _, no := range c.Lines {
			if l := p.Line(no); l.State == hub.LineHeld {
				l.State = hub.LineDropped
				tx.Release(l)
			}
		}
	}
}

// refundStuck gives the money of a line back that waits for a person.
func refundStuck(tx hub.PaymentTx, p *hub.Payment) error {
	for i := range p.Lines {
		l := &p.Lines[i]
		if l.State != hub.LineStuck {
			continue
		}
		r := hub.Refund{No: len(p.Refunds) + 1, Charge: p.ChargeOf(l.No).No, Line: l.No, Amount: l.Amount, State: hub.RefundRequested}
		p.Refunds = append(p.Refunds, r)
		l.State = hub.LineRejected
		id := fmt.Sprintf("%s:refused:%d", p.ID, l.No)
		tx.Book(hub.TransferBooking(id, "refused", p.ID, hub.AccountLine(p.PostingID(l.No)), hub.AccountRefund(p.ID), l.Amount))
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkRefund, No: r.No}, 0)
	}
	return nil
}

// afterwards keeps in the replica's own memory that a creditor is being told,
// and stores it only with the answer.
func afterwards() *bentStore {
	type sending struct {
		id hub.PaymentID
		no int
	}
	memory := map[sending]hub.Line{}
	return &bentStore{
		before: func(_ hub.PaymentTx, p *hub.Payment) {
			for i := range p.Lines {
				if l, ok := memory[sending{p.ID, p.Lines[i].No}]; ok && p.Lines[i].State == hub.LineDue {
					p.Lines[i] = l
				}
			}
		},
		after: func(tx hub.PaymentTx, p *hub.Payment) error {
			for i := range p.Lines {
				l := &p.Lines[i]
				if l.State == hub.LinePosting {
					memory[sending{p.ID, l.No}] = *l
					l.State = hub.LineDue
				} else {
					delete(memory, sending{p.ID, l.No})
				}
			}
			return nil
		},
		shown: func(p *hub.Payment) {
			for i := range p.Lines {
				if l, ok := memory[sending{p.ID, p.Lines[i].No}]; ok {
					p.Lines[i] = l
				}
			}
		},
	}
}

// sendAgain makes a line that nobody knows about ready to be sent.
func sendAgain(_ hub.PaymentTx, p *hub.Payment) {
	for i := range p.Lines {
		if l := &p.Lines[i]; l.Class == hub.ClassC && l.State == hub.LinePostUnknown {
			l.State = hub.LineDue
		}
	}
}

// takeDropped takes all of a charge whatever the creditors said the second time.
func takeDropped(tx hub.PaymentTx, p *hub.Payment) error {
	for i := range p.Charges {
		c := &p.Charges[i]
		if c.State != hub.ChargeCapturing || c.Take == c.Amount {
			continue
		}
		c.Take = c.Amount
		for _, no := range c.Lines {
			p.Line(no).State = hub.LineHeld
		}
	}
	return nil
}

// remembering asks a creditor once, all replicas together.
func remembering(source hub.Source, known *atomic.Pointer[hub.Answer]) hub.Source {
	return bentSource{source, func(a hub.Answer, err error) (hub.Answer, error) {
		if err != nil {
			return a, err
		}
		if had := known.Load(); had != nil && len(had.Obligations) > 0 {
			a.Obligations = append(had.Obligations[:len(had.Obligations):len(had.Obligations)], newOnes(had, &a)...)
		}
		known.Store(&a)
		return a, nil
	}}
}

// newOnes are the obligations that were not known before.
func newOnes(had, now *hub.Answer) (list []hub.Obligation) {
	known := map[hub.ObligationID]bool{}
	for i := range had.Obligations {
		known[had.Obligations[i].ID] = true
	}
	for i := range now.Obligations {
		if !known[now.Obligations[i].ID] {
			list = append(list, now.Obligations[i])
		}
	}
	return list
}

func booking(bend func(hub.Booking) []hub.Booking) func(hub.PaymentTx) hub.PaymentTx {
	return func(tx hub.PaymentTx) hub.PaymentTx { return bentTx{PaymentTx: tx, book: bend} }
}

// daysToCatch is how many days a defect may live unseen: some need a mishap at
// the wrong moment to show.
const daysToCatch = 12

// forgetful is a store that does not know what was paid since.
type forgetful struct{ pay.Store }

func (forgetful) TakenSince(context.Context, hub.Name, hub.ObligationID, time.Time) (bool, error) {
	return false, nil
}

// TestPlantedDefectsAreCaught plants every defect, one at a time, in a town that
// is judged as always. One that the judge lets pass fails the test.
func TestPlantedDefectsAreCaught(t *testing.T) {
	if len(defects) < 20 {
		t.Errorf("only %d defects", len(defects))
	}
	for _, d := range defects {
		if !d.brief && os.Getenv("RACORD_LONG") == "" {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(daysToCatch) {
				if v := day(t, seed, d.plant); !v.Good() {
					t.Logf("day %d: %s; first: %s", seed, v, v.Findings()[0])
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}
