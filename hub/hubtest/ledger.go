package hubtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"racord/hub"
)

// Ledger is a hub.Payments and hub.Books in memory, for tests of paying. Like
// the databases it stores a change whole or not at all, gives work to one holder
// at a time, and adds to the journal only.
type Ledger struct {
	mu        sync.Mutex
	payments  map[hub.PaymentID]*hub.Payment
	keys      map[keyOf]keyed
	quotes    map[hub.QuoteID]hub.PaymentID
	claims    map[hub.Debt]hub.Claim
	works     map[hub.Work]work
	lots      map[hub.LotID][]hub.Work
	lotOf     map[hub.Work]hub.LotID
	orders    map[string]int
	where     map[string]hub.Work // psp/order → the charge's work
	facts     map[string]bool
	journal   []hub.Booking
	booked    map[string]bool
	events    []hub.Event
	anomalies []hub.Anomaly
}

type (
	keyOf struct {
		portal, route, key string
		party              hub.PartyID
	}
	keyed struct {
		hash    [32]byte
		payment hub.PaymentID
	}
	work struct {
		due, leased time.Time
		turn        int
	}
)

var (
	_ hub.Payments = (*Ledger)(nil)
	_ hub.Books    = (*Ledger)(nil)
)

// NewLedger makes an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{
		payments: map[hub.PaymentID]*hub.Payment{}, keys: map[keyOf]keyed{}, quotes: map[hub.QuoteID]hub.PaymentID{},
		claims: map[hub.Debt]hub.Claim{}, works: map[hub.Work]work{}, lots: map[hub.LotID][]hub.Work{}, lotOf: map[hub.Work]hub.LotID{}, orders: map[string]int{},
		where: map[string]hub.Work{}, facts: map[string]bool{}, booked: map[string]bool{},
	}
}

// ledgerTx collects what a change does, and does it when the change is good.
type ledgerTx struct {
	ledger *Ledger
	now    time.Time
	claims map[hub.Debt]hub.Claim // the ledger's, copied when one is looked at
	orders map[string]int         // likewise
	after  []func()
	broken error
	id     hub.PaymentID
}

func (l *Ledger) begin(id hub.PaymentID) *ledgerTx {
	return &ledgerTx{ledger: l, now: time.Now(), id: id}
}

// look copies what a change of claims and orders begins from. Most change none.
func (tx *ledgerTx) look() {
	if tx.claims == nil {
		tx.claims, tx.orders = maps.Clone(tx.ledger.claims), maps.Clone(tx.ledger.orders)
	}
}

func (tx *ledgerTx) Now() time.Time { return tx.now }

func (tx *ledgerTx) Hold(_ context.Context, p hub.PaymentID, line *hub.Line, until time.Time) (bool, hub.PaymentID, time.Time, error) {
	tx.look()
	for _, d := range line.Debts() {
		if c, ok := tx.claims[d]; ok && c.Payment != p && c.Until.After(tx.now) {
			return false, c.Payment, c.Until, nil
		}
	}
	for _, d := range line.Debts() {
		tx.claims[d] = hub.Claim{Creditor: d.Creditor, Obligation: d.Obligation, Payment: p, Line: line.No, Until: until}
	}
	return true, p, until, nil
}

func (tx *ledgerTx) HoldAll(ctx context.Context, p hub.PaymentID, lines []*hub.Line, until time.Time) ([]hub.Held, error) {
	held := make([]hub.Held, len(lines))
	for i, line := range lines {
		held[i].Held, held[i].By, held[i].FreeAt, _ = tx.Hold(ctx, p, line, until)
	}
	return held, nil
}

func (tx *ledgerTx) Release(line *hub.Line) {
	tx.look()
	for _, d := range line.Debts() {
		if c, ok := tx.claims[d]; ok && (tx.id == "" || c.Payment == tx.id) {
			delete(tx.claims, d)
		}
	}
}

func (tx *ledgerTx) NextOrder(_ context.Context, psp, merchant string) (string, error) {
	tx.look()
	tx.orders[psp+"/"+merchant]++
	return fmt.Sprintf("T%s%06d", merchant, tx.orders[psp+"/"+merchant]), nil
}

func (tx *ledgerTx) Book(bookings ...hub.Booking) {
	for _, b := range bookings {
		if err := b.Check(); err != nil && tx.broken == nil {
			tx.broken = err
		}
		tx.after = append(tx.after, func() {
			if !tx.ledger.booked[b.ID] {
				tx.ledger.booked[b.ID] = true
				tx.ledger.journal = append(tx.ledger.journal, b)
			}
		})
	}
}

func (tx *ledgerTx) Schedule(w hub.Work, after time.Duration) {
	tx.after = append(tx.after, func() {
		had := tx.ledger.works[w]
		tx.ledger.works[w] = work{due: tx.now.Add(after), turn: had.turn}
	})
}

func (tx *ledgerTx) Done(w hub.Work) {
	tx.after = append(tx.after, func() { delete(tx.ledger.works, w) })
}

func (tx *ledgerTx) Emit(events ...hub.Event) {
	tx.after = append(tx.after, func() { tx.ledger.events = append(tx.ledger.events, events...) })
}

func (tx *ledgerTx) Anomaly(kind, detail string) {
	tx.after = append(tx.after, func() {
		tx.ledger.anomalies = append(tx.ledger.anomalies, hub.Anomaly{At: tx.now, Kind: kind, Payment: tx.id, Detail: detail})
	})
}

// commit stores the payment and everything the change did.
func (tx *ledgerTx) commit(p *hub.Payment) error {
	if tx.broken != nil {
		return tx.broken
	}
	l := tx.ledger
	if l.payments[p.ID] = copyOf(p); tx.claims != nil {
		l.claims, l.orders = tx.claims, tx.orders
	}
	for i := range p.Charges {
		c := &p.Charges[i]
		l.where[c.PSP+"/"+c.Order] = hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}
	}
	for _, do := range tx.after {
		do()
	}
	return nil
}

func (l *Ledger) load(id hub.PaymentID) (*hub.Payment, error) {
	p, ok := l.payments[id]
	if !ok {
		return nil, hub.Errorf(hub.CodeNotFound, "There is no such payment.")
	}
	return copyOf(p), nil
}

// RoomToPay is hub.Payments'.
func (l *Ledger) RoomToPay(context.Context) error { return nil }

// Book is hub.Payments'.
func (l *Ledger) Book(_ context.Context, bookings ...hub.Booking) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	tx := l.begin("")
	tx.Book(bookings...)
	if tx.broken != nil {
		return tx.broken
	}
	for _, do := range tx.after {
		do()
	}
	return nil
}

// OpenPayment is hub.Payments'.
func (l *Ledger) OpenPayment(_ context.Context, key hub.RequestKey, build func(hub.PaymentTx) (*hub.Payment, error)) (*hub.Payment, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := keyOf{key.Portal, key.Route, key.Key, key.Party}
	if had, ok := l.keys[of]; ok {
		if had.hash != key.Hash {
			return nil, false, hub.ErrKeyUsed
		}
		p, err := l.load(had.payment)
		return p, false, err
	}
	tx := l.begin("")
	p, err := build(tx)
	if err != nil {
		return nil, false, err
	}
	tx.id = p.ID
	if _, used := l.quotes[p.Quote]; used {
		return nil, false, hub.ErrQuoteUsed
	}
	if err := tx.commit(p); err != nil {
		return nil, false, err
	}
	l.keys[of], l.quotes[p.Quote] = keyed{key.Hash, p.ID}, p.ID
	p, err = l.load(p.ID)
	return p, true, err
}

// Payment is hub.Payments'.
func (l *Ledger) Payment(_ context.Context, id hub.PaymentID) (*hub.Payment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.load(id)
}

// ChangePayment is hub.Payments'.
func (l *Ledger) ChangePayment(_ context.Context, id hub.PaymentID, under *hub.Lease, change func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if under != nil {
		if w, ok := l.works[under.Work]; !ok || w.turn != under.Turn {
			return nil, hub.Errorf(hub.CodeConflict, "Somebody else has this work now.")
		}
	}
	p, err := l.load(id)
	if err != nil {
		return nil, err
	}
	tx := l.begin(id)
	if err := change(tx, p); err != nil {
		return nil, err
	}
	if err := tx.commit(p); err != nil {
		return nil, err
	}
	return l.load(id)
}

// LeaseWork is hub.Payments'.
func (l *Ledger) LeaseWork(_ context.Context, q hub.WorkQuery) (leases []hub.Lease, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	free := l.free(q, now)
	due := slices.DeleteFunc(slices.Clone(free), func(w hub.Work) bool { return l.works[w].due.After(now) })
	if q.Lots {
		due = l.lot(due, slices.DeleteFunc(free, func(w hub.Work) bool { return l.works[w].due.After(now.Add(5 * time.Second)) }), q)
	}
	for _, w := range due[:min(len(due), q.Most)] {
		at := l.works[w]
		at.turn++
		at.leased = now.Add(q.TTL)
		l.works[w] = at
		leases = append(leases, hub.Lease{Work: w, Turn: at.turn})
		if q.Lots {
			leases[len(leases)-1].Lot = l.lotOf[w]
		}
	}
	return leases, nil
}

// free lists the work that nobody has, longest due first; of a creditor's lines those
// that are to be told come before the others.
func (l *Ledger) free(q hub.WorkQuery, now time.Time) (free []hub.Work) {
	for w, at := range l.works {
		if w.Kind == q.Kind && w.Creditor == q.Creditor && !at.leased.After(now) {
			free = append(free, w)
		}
	}
	sought := func(w hub.Work) int {
		if q.Creditor == "" || q.Lots || l.payments[w.Payment].Line(w.No).State == hub.LineDue {
			return 0
		}
		return 1
	}
	slices.SortFunc(free, func(a, b hub.Work) int {
		return cmp.Or(sought(a)-sought(b), l.works[a].due.Compare(l.works[b].due), cmp.Compare(a.Payment, b.Payment), cmp.Compare(a.No, b.No))
	})
	return free
}

// lot makes a lot of what is due, or gives one that is there.
func (l *Ledger) lot(due, free []hub.Work, q hub.WorkQuery) []hub.Work {
	isNew := func(w hub.Work) bool {
		return l.lotOf[w] == "" && l.payments[w.Payment].Line(w.No).State == hub.LineDue
	}
	lot := slices.DeleteFunc(slices.Clone(due), func(w hub.Work) bool { return !isNew(w) })
	lot, due = lot[:min(len(lot), q.Most)], slices.DeleteFunc(slices.Clone(due), isNew)
	if len(lot) > 0 && !q.Older {
		id := hub.LotID(hub.NewID())
		for _, w := range lot {
			l.lotOf[w] = id
		}
		l.lots[id] = slices.Clone(lot)
		return lot
	}
	if len(due) == 0 {
		return nil
	}
	oldest := l.lotOf[due[0]]
	if oldest == "" {
		free = due
	}
	return slices.DeleteFunc(slices.Clone(free), func(w hub.Work) bool { return l.lotOf[w] != oldest })
}

// Lot is hub.Payments'.
func (l *Ledger) Lot(_ context.Context, lot hub.LotID) ([]hub.Work, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	works := slices.Clone(l.lots[lot])
	slices.SortFunc(works, func(a, b hub.Work) int { return cmp.Or(cmp.Compare(a.Payment, b.Payment), cmp.Compare(a.No, b.No)) })
	return works, nil
}

// ReceiveFact is hub.Payments'.
func (l *Ledger) ReceiveFact(_ context.Context, f hub.Fact) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := f.PSP + "/" + f.Event
	if l.facts[name] {
		return false, nil
	}
	l.facts[name] = true
	if w, ok := l.where[f.PSP+"/"+f.Order]; ok {
		at := l.works[w]
		at.due = time.Now()
		l.works[w] = at
	}
	return true, nil
}

// PaymentsOf is hub.Payments'.
func (l *Ledger) PaymentsOf(_ context.Context, party hub.PartyID, most int, before hub.PaymentID) (list []*hub.Payment, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.payments {
		if p, err := l.load(id); err == nil && p.Party == party {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *hub.Payment) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(b.ID, a.ID))
	})
	at := slices.IndexFunc(list, func(p *hub.Payment) bool { return p.ID == before })
	list = list[at+1:]
	return list[:min(len(list), most)], nil
}

// TakenSince is hub.Payments'. The ledger does not know when a line changed: it
// goes by when its creditor was told.
func (l *Ledger) TakenSince(_ context.Context, creditor hub.Name, obligation hub.ObligationID, from time.Time) (taken bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.payments {
		p, err := l.load(id)
		if err != nil {
			return false, err
		}
		for i := range p.Lines {
			line := &p.Lines[i]
			moved := line.State != hub.LineHeld && line.State != hub.LineDropped && !line.SentAt.Before(from)
			taken = taken || moved && line.Creditor == creditor && line.Obligation == obligation
		}
	}
	return taken, nil
}

// PaidOf is hub.Payments'.
func (l *Ledger) PaidOf(_ context.Context, debts []hub.Debt) (paid []hub.Debt, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range debts {
		c, claimed := l.claims[d]
		if !claimed {
			continue
		}
		p, err := l.load(c.Payment)
		if err != nil {
			return nil, err
		}
		switch p.Line(c.Line).HubState() {
		case hub.HubPaidWaitingPosting, hub.HubPosted, hub.HubMismatch:
			paid = append(paid, d)
		}
	}
	return paid, nil
}

// Doubtful is hub.Payments'.
func (l *Ledger) Doubtful(ctx context.Context) (found []hub.PaymentID, err error) {
	err = l.EachPayment(ctx, func(p *hub.Payment) error {
		if slices.ContainsFunc(p.Refunds, func(r hub.Refund) bool { return r.State == hub.RefundUnknown }) {
			found = append(found, p.ID)
		}
		return nil
	})
	slices.Sort(found)
	return found, err
}

// EachPayment is hub.Books'.
func (l *Ledger) EachPayment(_ context.Context, each func(*hub.Payment) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(l.payments)) {
		p, err := l.load(id)
		if err != nil {
			return err
		}
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

// Balances is hub.Books'.
func (l *Ledger) Balances(context.Context) (map[string]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sums := map[string]int64{}
	for _, b := range l.journal {
		for _, leg := range b.Legs {
			sums[leg.Account] += leg.Debit - leg.Credit
		}
	}
	return sums, nil
}

// JournalOff is hub.Books'.
func (l *Ledger) JournalOff(ctx context.Context) (off int64, err error) {
	balances, err := l.Balances(ctx)
	for _, balance := range balances {
		off += balance
	}
	return off, err
}

// Bookings is hub.Books'.
func (l *Ledger) Bookings(_ context.Context, id hub.PaymentID) (list []hub.Booking, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.journal {
		if b.Payment == id {
			list = append(list, b)
		}
	}
	return list, nil
}

// Claims is hub.Books'.
func (l *Ledger) Claims(context.Context) (list []hub.Claim, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, c := range l.claims {
		if c.Until.After(now) {
			list = append(list, c)
		}
	}
	return list, nil
}

// Anomalies is hub.Books'.
func (l *Ledger) Anomalies(_ context.Context, most int) ([]hub.Anomaly, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := slices.Clone(l.anomalies)
	slices.Reverse(list)
	return list[:min(len(list), most)], nil
}

// Events gives what was told to the world.
func (l *Ledger) Events() []hub.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// Hurry makes all work due now.
func (l *Ledger) Hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w, at := range l.works {
		at.due, at.leased = time.Time{}, time.Time{}
		l.works[w] = at
	}
}

// Backup gives the ledger as it is now, in a copy of its own. Leases are not
// copied: whoever had them is gone.
func (l *Ledger) Backup() *Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	works := maps.Clone(l.works)
	for w, at := range works {
		at.leased = time.Time{}
		works[w] = at
	}
	return &Ledger{
		payments: maps.Clone(l.payments), keys: maps.Clone(l.keys), quotes: maps.Clone(l.quotes), claims: maps.Clone(l.claims),
		works: works, lots: maps.Clone(l.lots), lotOf: maps.Clone(l.lotOf), orders: maps.Clone(l.orders), where: maps.Clone(l.where), facts: maps.Clone(l.facts),
		journal: slices.Clone(l.journal), booked: maps.Clone(l.booked), events: slices.Clone(l.events), anomalies: slices.Clone(l.anomalies),
	}
}

// Order gives the order number n of a merchant account, as hub.Archive does.
func (l *Ledger) Order(_, merchant string, n int64) string {
	return fmt.Sprintf("T%s%06d", merchant, n)
}

// LastOrder is hub.Archive's.
func (l *Ledger) LastOrder(_ context.Context, psp, merchant string) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(l.orders[psp+"/"+merchant]), nil
}

// LastOrders is hub.Archive's.
func (l *Ledger) LastOrders(_ context.Context, psp string) (map[string]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := map[string]int64{}
	for account, n := range l.orders {
		if merchant, of := strings.CutPrefix(account, psp+"/"); of {
			last[merchant] = int64(n)
		}
	}
	return last, nil
}

// SkipOrders is hub.Archive's.
func (l *Ledger) SkipOrders(_ context.Context, psp, merchant string, n int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.orders[psp+"/"+merchant] = max(l.orders[psp+"/"+merchant], int(n))
	return nil
}

// PaymentOfOrder is hub.Archive's.
func (l *Ledger) PaymentOfOrder(_ context.Context, psp, order string) (hub.PaymentID, int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, ok := l.where[psp+"/"+order]
	if !ok {
		return "", 0, hub.Errorf(hub.CodeNotFound, "There is no such order.")
	}
	return w.Payment, w.No, nil
}
