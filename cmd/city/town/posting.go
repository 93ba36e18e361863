package town

import (
	"fmt"
	"net/http"
	"time"

	"racord/cmd/city/associations"
	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/ditl"
	"racord/cmd/city/parking"
	"racord/cmd/city/transport"
)

// Receipt is one payment in a creditor's book.
type Receipt = book.Receipt

// Manners are how a creditor treats payments.
type Manners = book.Manners

// posts tells a creditor's payments from questions; nil for the usual way.
func posts(creditor string) func(*http.Request, []byte) bool {
	switch book.Creditor(creditor) {
	case book.Ditl:
		return ditl.Posts
	case book.Parking:
		return parking.Posts
	case book.Hoa:
		return associations.Posts
	case book.Transport:
		return transport.Posts
	}
	return nil
}

// Book returns every receipt in a creditor's book in the order they were
// booked, doubles and reversed ones included; nil for an unknown creditor.
func (t *Town) Book(creditor string) []Receipt {
	c, err := known(creditor)
	if err != nil || t.settle() != nil {
		return nil
	}
	return t.world.Load().book.Receipts(c)
}

// Behave changes how a creditor treats payments.
func (t *Town) Behave(creditor string, m Manners) error {
	return t.world.Load().book.Behave(book.Creditor(creditor), m)
}

// Manners returns how a creditor treats payments now.
func (t *Town) Manners(creditor string) (Manners, error) {
	c, err := known(creditor)
	if err != nil {
		return Manners{}, err
	}
	return t.world.Load().book.Manners(c), nil
}

func known(creditor string) (book.Creditor, error) {
	for _, c := range book.Creditors() {
		if string(c) == creditor {
			return c, nil
		}
	}
	return "", fmt.Errorf("town: unknown creditor %q", creditor)
}

// Change makes a debt owe another amount from now on.
func (t *Town) Change(personID, creditor, externalID string, outstanding int64) error {
	return t.alter(personID, creditor, func(b *book.Book, c book.Creditor, person int, now time.Time) error {
		if outstanding <= 0 {
			return fmt.Errorf("town: a debt is changed to something that is owed; else cancel it")
		}
		return b.Change(c, person, externalID, outstanding, now)
	})
}

// Cancel makes a debt owe nothing.
func (t *Town) Cancel(personID, creditor, externalID string) error {
	return t.alter(personID, creditor, func(b *book.Book, c book.Creditor, person int, now time.Time) error {
		return b.Cancel(c, person, externalID, now)
	})
}

// PayElsewhere pays what a debt still owes at the creditor's own counter.
func (t *Town) PayElsewhere(personID, creditor, externalID string) error {
	return t.alter(personID, creditor, func(b *book.Book, c book.Creditor, person int, now time.Time) error {
		return b.PayOff(c, person, externalID, now)
	})
}

func (t *Town) alter(personID, creditor string, do func(*book.Book, book.Creditor, int, time.Time) error) error {
	w := t.world.Load()
	p, err := w.find(personID)
	if err != nil {
		return err
	}
	c, err := known(creditor)
	if err != nil {
		return err
	}
	if err := do(w.book, c, p.Index, t.clock.Now()); err != nil {
		return err
	}
	return t.settle()
}

// Report is a report of contravention in its offender's hand.
type Report struct {
	Series     string `json:"series"`
	Number     string `json:"number"`
	Issued     string `json:"issued_on"`
	Registered string `json:"registered_on"` // first day the register shows it
	Until      string `json:"reduced_until"`
	Full       int64  `json:"full_bani"`
	Reduced    int64  `json:"reduced_bani"` // 0 when the term is over or it is paid
}

// Reports returns the reports somebody was handed by now, those the register
// does not have yet included.
func (t *Town) Reports(personID string) ([]Report, error) {
	w := t.world.Load()
	p, err := w.find(personID)
	if err != nil {
		return nil, err
	}
	list := []Report{}
	for _, f := range w.book.Reports(p.Index, t.clock.Today()) {
		list = append(list, Report{
			f.Series, f.Number, f.Issued.ISO(), f.Registered.ISO(), f.Until.ISO(), f.Applied, f.Reduced,
		})
	}
	return list, nil
}

// settle lets the creditors that work in batches do what is due by now.
func (t *Town) settle() error {
	t.world.Load().files.Settle()
	return t.waste.Sync()
}

// NextDay moves the clock to a time of day, "05:30", the next time it comes,
// and lets every batch on the way run.
func (t *Town) NextDay(clock string) error {
	at, err := time.Parse("15:04", clock)
	if err != nil {
		return fmt.Errorf("town: %w", err)
	}
	now := t.clock.Now()
	day := calendar.Of(now)
	next := day.At(at.Hour(), at.Minute())
	if !next.After(now) {
		next = (day + 1).At(at.Hour(), at.Minute())
	}
	return t.SetClock(next)
}

// postingControl are the paths of the control channel about payments.
func (t *Town) postingControl(w *world) {
	for pattern, serve := range map[string]action{
		"GET /__ctl/books/{creditor}":   t.showBook,
		"POST /__ctl/debts/change":      t.changeDebt,
		"GET /__ctl/reports":            t.showReports,
		"GET /__ctl/manners/{creditor}": t.showManners,
		"PUT /__ctl/manners/{creditor}": t.setManners,
		"POST /__ctl/day":               t.nextDay,
	} {
		w.mux.HandleFunc(pattern, serve.answer)
	}
}

func (t *Town) showBook(r *http.Request) (any, error) {
	c, err := known(r.PathValue("creditor"))
	if err != nil {
		return nil, err
	}
	if err := t.settle(); err != nil {
		return nil, err
	}
	receipts := t.world.Load().book.Receipts(c)
	sum := int64(0)
	for _, one := range receipts {
		if !one.Reversed() {
			sum += one.Amount
		}
	}
	return map[string]any{"creditor": c, "count": len(receipts), "standing_bani": sum, "receipts": receipts}, nil
}

// change is one way a debt can change.
type change struct {
	Creditor      string `json:"creditor"`
	Person        string `json:"person"`
	ExternalID    string `json:"external_id"`
	Outstanding   int64  `json:"outstanding_bani"`
	Cancel        bool   `json:"cancel"`
	PaidElsewhere bool   `json:"paid_elsewhere"`
}

func (t *Town) changeDebt(r *http.Request) (any, error) {
	c, err := read[change](r)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Cancel && !c.PaidElsewhere && c.Outstanding == 0:
		err = t.Cancel(c.Person, c.Creditor, c.ExternalID)
	case c.PaidElsewhere && !c.Cancel && c.Outstanding == 0:
		err = t.PayElsewhere(c.Person, c.Creditor, c.ExternalID)
	case c.Outstanding > 0 && !c.Cancel && !c.PaidElsewhere:
		err = t.Change(c.Person, c.Creditor, c.ExternalID, c.Outstanding)
	default:
		err = fmt.Errorf("say one of outstanding_bani (positive), cancel and paid_elsewhere")
	}
	return c, err
}

func (t *Town) showReports(r *http.Request) (any, error) {
	reports, err := t.Reports(r.URL.Query().Get("person"))
	return map[string]any{"reports": reports}, err
}

func (t *Town) showManners(r *http.Request) (any, error) { return t.Manners(r.PathValue("creditor")) }

func (t *Town) setManners(r *http.Request) (any, error) {
	m, err := read[Manners](r)
	if err != nil {
		return nil, err
	}
	if err := t.Behave(r.PathValue("creditor"), m); err != nil {
		return nil, err
	}
	return m, nil
}

func (t *Town) nextDay(r *http.Request) (any, error) {
	want, err := read[struct {
		Until string `json:"until"` // time of day, "05:30"
	}](r)
	if err != nil {
		return nil, err
	}
	if err := t.NextDay(want.Until); err != nil {
		return nil, err
	}
	return t.showClock(r)
}
