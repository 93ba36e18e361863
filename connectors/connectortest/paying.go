package connectortest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"racord/hub"
)

// till is what the suite posted, and what it proved about the creditor.
type till struct {
	debts  []hub.Obligation // of the payer, that can still be paid
	listed bool             // debts were asked for
	spent  int64            // bani
	last   int              // number of the last posting
	run    string           // its postings' common name

	first    *told // the undisturbed posting
	again    *told // the one that was sent twice
	lost     *told // the one whose answer was cut
	once     bool  // one that was sent twice was seen to be booked once
	doubled  bool  // one that was sent twice was booked twice
	found    bool  // a booking was found by its name …
	absent   bool  // … and nothing under another name
	lostSeen bool  // what a cut answer left was found
}

// told is a posting and its receipt.
type told struct {
	hub.Posting
	hub.Receipt
}

// lacksForPaying tells why a clause about paying does not apply.
func (r *run) lacksForPaying(n need) string {
	c := r.connector
	switch {
	case n == quoting && c.Quoter == nil:
		return "the manifest has no call quote"
	case n != quoting && c.Sink == nil:
		return "the manifest has no call post"
	case n == lookup && c.Finder == nil:
		return "the manifest has no call find"
	case n == stating && c.Statement == nil:
		return "the manifest has no call statement"
	case n == reversing && c.Reverser == nil:
		return "the manifest has no call reverse"
	case r.suite.Payer == (hub.Asked{}):
		return "the manifest allows no test payments (test.paying)"
	case n == postingHTTP && !r.calm.spokeHTTP():
		return "it does not speak HTTP"
	case n == postingHTTP && r.suite.Traits.Paying.Class == hub.ClassF:
		return "it is paid by files"
	}
	return ""
}

// errNothingToPay is what prevents a posting of the suite.
var errNothingToPay = errors.New("the test payer has no more debts that can be paid within test.paying.most")

// leu is what the suite pays where a part is enough.
const leu = 100

// next makes a posting of a debt of the payer: one leu of it where parts are
// taken, else all of it.
func (r *run) next(ctx context.Context) (hub.Posting, error) {
	if err := r.listPayer(ctx); err != nil {
		return hub.Posting{}, err
	}
	partial := r.suite.Traits.Paying.Partial
	for i := range r.till.debts {
		o := &r.till.debts[i]
		option, bani := o.Options[0], o.Options[0].Amount.Minor
		for _, each := range o.Options {
			if each.Amount == o.Outstanding {
				option, bani = each, each.Amount.Minor
			}
		}
		if partial {
			bani = min(bani, leu)
		}
		if bani > o.Outstanding.Minor || r.till.spent+bani > r.suite.Most.Minor {
			continue
		}
		p := r.posting(o, option, bani)
		if o.Outstanding.Minor -= bani; !partial || o.Outstanding.Minor == 0 {
			r.till.debts = slices.Delete(r.till.debts, i, i+1)
		}
		return p, nil
	}
	return hub.Posting{}, errNothingToPay
}

func (r *run) posting(o *hub.Obligation, option hub.PaymentOption, bani int64) hub.Posting {
	t := &r.till
	t.spent += bani
	t.last++
	transfers := slices.Clone(option.Transfers)
	if len(transfers) == 1 {
		transfers[0].Amount = hub.Bani(bani)
	}
	account := o.Account
	if account == "" {
		account = r.suite.Payer.Account.Code
	}
	return hub.Posting{
		ID: r.name(t.last), Creditor: r.suite.Creditor.Name, Obligation: o.ID, ExternalID: o.ExternalID, Account: account,
		Option: option.ID, Amount: hub.Bani(bani), PaidAt: r.calm.env.Clock.Now(), Transfers: transfers,
	}
}

// name is like the names of real postings.
func (r *run) name(no int) hub.PostingID {
	if r.till.run == "" {
		r.till.run = hub.NewID()
	}
	return (&hub.Payment{ID: hub.PaymentID(r.till.run)}).PostingID(no)
}

// listPayer finds out what the payer owes, once.
func (r *run) listPayer(ctx context.Context) error {
	t := &r.till
	if t.listed {
		return nil
	}
	t.listed = true
	all := r.ofPayer()
	if r.connector.Source != nil {
		answer, err := r.ask(ctx, r.connector, r.suite.Payer)
		if err != nil {
			return err
		}
		all = answer.Obligations
	}
	for i := range all {
		if canBePaid(&all[i]) {
			t.debts = append(t.debts, all[i])
		}
	}
	return nil
}

func canBePaid(o *hub.Obligation) bool {
	return o.Outstanding.Minor > 0 && len(o.Options) > 0 && o.NotPayable == "" &&
		(o.Status == hub.StatusOpen || o.Status == hub.StatusPartiallyPaid)
}

// ofPayer are the payer's debts in a delivery.
func (r *run) ofPayer() (all []hub.Obligation) {
	for i := range r.debts {
		if r.suite.Payer.ByAccount() && r.debts[i].Account == r.suite.Payer.Account.Code {
			all = append(all, r.debts[i])
		}
	}
	return all
}

// pay posts once.
func (r *run) pay(ctx context.Context, c *hub.Connector, p hub.Posting) (hub.Receipt, error) {
	var receipts []hub.Receipt
	err := r.call(ctx, r.patientPost(), func(ctx context.Context) (err error) {
		receipts, err = c.Sink.Post(ctx, []hub.Posting{p})
		return err
	})
	switch {
	case errors.Is(err, errStuck):
		return hub.Receipt{}, err
	case err != nil:
		return hub.Receipt{}, err
	case len(receipts) != 1:
		return hub.Receipt{}, errors.New("one posting was sent, and there is not one receipt")
	}
	return receipts[0], receipts[0].Err
}

func (r *run) patientPost() time.Duration { return max(r.patient(), 2*r.suite.Traits.Paying.Timeout) }

// look looks a posting up until it is what it should be, or long enough.
func (r *run) look(ctx context.Context, p hub.Posting, want ...hub.Found) (found hub.Found, receipt hub.Receipt, err error) {
	deadline := time.Now().Add(r.suite.Traits.Paying.Visible + 5*time.Second)
	for {
		err = r.call(ctx, r.patient(), func(ctx context.Context) (err error) {
			found, receipt, err = r.connector.Finder.Find(ctx, p)
			return err
		})
		if slices.Contains(want, found) || err != nil || time.Now().After(deadline) || ctx.Err() != nil {
			return found, receipt, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// owing is how much of some debts a posting takes its part off: its own debt, or all
// of them where the creditor says which one that is.
func (r *run) owing(debts []hub.Obligation, p hub.Posting) (bani int64) {
	anywhere := r.suite.Traits.Paying.Allocation == hub.CreditorOrder
	for i := range debts {
		if anywhere && canBePaid(&debts[i]) || debts[i].ID == p.Obligation {
			bani += debts[i].Outstanding.Minor
		}
	}
	return bani
}

// untilOwing asks about the payer until so much is owed, or long enough.
func (r *run) untilOwing(ctx context.Context, p hub.Posting, want int64) (bani int64, err error) {
	deadline := time.Now().Add(r.suite.Traits.Paying.Visible + 5*time.Second)
	for {
		answer, err := r.ask(ctx, r.connector, r.suite.Payer)
		if bani = r.owing(answer.Obligations, p); bani <= want || err != nil || time.Now().After(deadline) || ctx.Err() != nil {
			return bani, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// rows are the rows of a posting in the statement of a day.
func (r *run) rows(ctx context.Context, p hub.Posting, day hub.Date) (rows []hub.BookedPosting, err error) {
	deadline := time.Now().Add(r.suite.Traits.Paying.Visible + 5*time.Second)
	for {
		err = r.call(ctx, r.patient(), func(ctx context.Context) error {
			all, err := r.connector.Statement.Statement(ctx, day)
			rows = slices.DeleteFunc(all, func(row hub.BookedPosting) bool { return row.ID != p.ID })
			return err
		})
		if len(rows) > 0 || err != nil || time.Now().After(deadline) || ctx.Err() != nil {
			return rows, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// class is the class that was proved. A claim of A that booked twice is C: nothing
// else it says is believed either. A claim of A that nothing bears out is C, too.
func (r *run) class() hub.Class {
	t, claimed := &r.till, r.suite.Traits.Paying.Class
	switch {
	case claimed == hub.ClassF:
		return hub.ClassF
	case claimed == hub.ClassA && t.doubled:
		return hub.ClassC
	case claimed == hub.ClassA && t.once:
		return hub.ClassA
	case t.found && t.absent && t.lostSeen:
		return hub.ClassB
	default:
		return hub.ClassC
	}
}

// lostPage is a posting whose answer never comes, though it arrived.
var lostPage = tamper{reply: func(r reply) reply {
	r.body, r.cut = nil, errLost
	return r
}}

var errLost = errors.New("the connection was lost")

// strange are answers that say nothing about a posting, whoever gave them.
var strange = map[string]*reply{
	"the status 500 with a page":  page(http.StatusInternalServerError, "text/html", "<html><body>Internal Server Error</body></html>"),
	"the status 502 with a page":  page(http.StatusBadGateway, "text/html", "<html><body>Bad Gateway</body></html>"),
	"the status 404 with a page":  page(http.StatusNotFound, "text/html", "<html><body>Not Found</body></html>"),
	"the status 409 with nothing": page(http.StatusConflict, "text/plain", ""),
	"a page for people":           page(http.StatusOK, "text/html", "<html><body>Log in</body></html>"),
	"garbage":                     page(http.StatusOK, "application/json", "\x00\xff{{{"),
	"an empty answer":             page(http.StatusOK, "application/json", ""),
	"an answer about nothing":     page(http.StatusOK, "application/json", "{}"),
	"a message about nothing":     page(http.StatusOK, "text/xml", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><X/></e:Body></e:Envelope>`),
	"a fault that nobody knows":   page(http.StatusInternalServerError, "text/xml", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Server</faultcode><faultstring>?</faultstring></e:Fault></e:Body></e:Envelope>`),
}
