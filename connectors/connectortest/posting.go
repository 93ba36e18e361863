package connectortest

import (
	"context"
	"maps"
	"slices"

	"racord/hub"
)

// quoteAgrees asks for quotes of all that the payer owes.
func quoteAgrees(ctx context.Context, r *run) finding {
	if err := r.listPayer(ctx); err != nil || len(r.till.debts) == 0 {
		return skipped("the test payer owes nothing that can be paid")
	}
	wanted := make([]hub.Wanted, len(r.till.debts))
	for i := range wanted {
		wanted[i] = hub.Wanted{Obligation: r.till.debts[i].ID, ExternalID: r.till.debts[i].ExternalID}
	}
	var quoted []hub.Quoted
	err := r.call(ctx, r.patient(), func(ctx context.Context) (err error) {
		quoted, err = r.connector.Quoter.Quote(ctx, r.suite.Payer, wanted)
		return err
	})
	if err != nil || len(quoted) != len(wanted) {
		return failed(r.calm, "%d debts were asked about, and %d quotes came (%v)", len(wanted), len(quoted), err)
	}
	for i, q := range quoted {
		if q.Err != nil || q.Option.Amount != r.till.debts[i].Outstanding {
			return failed(r.calm, "debt %d: the list says %s, the quote %s (%v)", i, r.till.debts[i].Outstanding, q.Option.Amount, q.Err)
		}
	}
	return passed()
}

func postingBooked(ctx context.Context, r *run) finding {
	p, err := r.next(ctx)
	if err != nil {
		return failed(r.calm, "nothing could be posted: %v", err)
	}
	receipt, err := r.pay(ctx, r.connector, p)
	switch {
	case err != nil:
		return failed(r.calm, "the posting failed: %v", err)
	case receipt.ID != p.ID || receipt.Number == "" || receipt.BookedAt.IsZero():
		return failed(r.calm, "the receipt lacks its posting, its number or its time")
	}
	r.till.first = &told{p, receipt}
	return passed()
}

func bookingFound(ctx context.Context, r *run) finding {
	first := r.till.first
	if first == nil {
		return skipped("nothing was booked")
	}
	want := []hub.Found{hub.FoundBooked}
	if r.suite.Traits.Paying.Class == hub.ClassF {
		want = append(want, hub.FoundNotVisible) // until the creditor confirms the file
	}
	found, receipt, err := r.look(ctx, first.Posting, want...)
	switch {
	case err != nil || !slices.Contains(want, found):
		return failed(r.calm, "a posting that has a receipt is %q (%v)", found, err)
	case found == hub.FoundBooked && !first.Pending && receipt.Number != first.Number:
		return failed(r.calm, "it is found under another receipt than was given")
	}
	if found == hub.FoundBooked {
		first.Receipt = receipt
	}
	r.till.found = true
	return passed()
}

func strangerAbsent(ctx context.Context, r *run) finding {
	if r.till.first == nil {
		return skipped("nothing was booked")
	}
	never := r.till.first.Posting
	never.ID = r.name(r.till.last + 1000)
	found, _, err := r.look(ctx, never, hub.FoundAbsent)
	if err != nil || found != hub.FoundAbsent {
		return failed(r.calm, "a posting that was never sent is %q (%v)", found, err)
	}
	r.till.absent = true
	return passed()
}

func statementLists(ctx context.Context, r *run) finding {
	first := r.till.first
	if first == nil {
		return skipped("nothing was booked")
	}
	rows, err := r.rows(ctx, first.Posting, hub.DateOf(first.BookedAt))
	switch {
	case err != nil || len(rows) != 1:
		return failed(r.calm, "the statement of the day has %d rows of the posting (%v)", len(rows), err)
	case rows[0].Amount != first.Amount || rows[0].Reversed:
		return failed(r.calm, "its row states another amount, or that it was taken back")
	}
	return passed()
}

// twiceBookedOnce sends a posting of class A or F twice. The other classes do not
// promise anything.
func twiceBookedOnce(ctx context.Context, r *run) finding {
	class := r.suite.Traits.Paying.Class
	if class != hub.ClassA && class != hub.ClassF {
		return skipped("class " + string(class) + " does not promise it")
	}
	p, err := r.next(ctx)
	if err != nil {
		return failed(r.calm, "nothing could be posted: %v", err)
	}
	one, err := r.pay(ctx, r.connector, p)
	if err != nil {
		return failed(r.calm, "the posting failed: %v", err)
	}
	r.till.again = &told{p, one}
	two, err := r.pay(ctx, r.connector, p)
	if err != nil {
		return failed(r.calm, "the same posting again failed: %v; class A gives the first receipt", err)
	}
	if one.Number != two.Number && !one.Pending {
		r.till.doubled = true
		return failed(r.calm, "the same posting gave two receipts: it was booked twice")
	}
	if class == hub.ClassF && (one.Pending || r.connector.Statement == nil) {
		return passed() // files are confirmed the next day
	}
	found := r.bookedOnce(ctx, r.till.again)
	r.till.once = found.verdict == Passed
	return found
}

// bookedOnce wants to see that what was sent twice was booked once. Receipts alone do
// not say so: a number may be an echo of our own, and one that is pending is none.
func (r *run) bookedOnce(ctx context.Context, sent *told) finding {
	if sent.Pending && r.connector.Finder != nil {
		found, receipt, err := r.look(ctx, sent.Posting, hub.FoundBooked)
		if err != nil || found != hub.FoundBooked {
			return failed(r.calm, "a posting that was sent twice is %q (%v): nothing shows that it was booked", found, err)
		}
		sent.Receipt = receipt
		if r.connector.Statement == nil {
			return passed()
		}
	}
	if r.connector.Statement != nil {
		return r.statedOnce(ctx, sent)
	}
	return r.takenOffOnce(ctx, sent.Posting)
}

func (r *run) statedOnce(ctx context.Context, sent *told) finding {
	rows, err := r.rows(ctx, sent.Posting, hub.DateOf(sent.BookedAt))
	if err != nil || len(rows) != 1 {
		r.till.doubled = len(rows) > 1
		return failed(r.calm, "the statement has %d rows of a posting that was sent twice (%v)", len(rows), err)
	}
	return passed()
}

// takenOffOnce looks whether what the payer owes is less by one posting, and not by
// two. A debt that one posting ends does not tell.
func (r *run) takenOffOnce(ctx context.Context, p hub.Posting) finding {
	want := r.owing(r.till.debts, p)
	if r.connector.Source == nil || want < p.Amount.Minor {
		return failed(r.calm, "nothing shows whether a posting that was sent twice was booked once")
	}
	due, err := r.untilOwing(ctx, p, want)
	switch {
	case err != nil:
		return failed(r.calm, "what is owed after a posting that was sent twice could not be asked: %v", err)
	case due == want-p.Amount.Minor:
		r.till.doubled = true
		return failed(r.calm, "a posting that was sent twice was taken off what is owed twice")
	case due != want:
		return failed(r.calm, "after a posting that was sent twice %s is owed, want %s: nothing shows that it was booked once", hub.Bani(due), hub.Bani(want))
	}
	return passed()
}

func lostSaysNothing(ctx context.Context, r *run) finding {
	p, err := r.next(ctx)
	if err != nil {
		return failed(r.calm, "nothing could be posted: %v", err)
	}
	c, w, err := r.open(ctx, lostPage)
	if err != nil {
		return failed(w, "it did not open again: %v", err)
	}
	_, err = r.pay(ctx, c, p)
	switch {
	case err == nil:
		return failed(w, "an answer that was cut off gave a receipt")
	case hub.Certainly(err):
		return failed(w, "an answer that was cut off is taken for a certain refusal: %v", err)
	}
	r.till.lost = &told{Posting: p}
	return passed()
}

func lostIsKnown(ctx context.Context, r *run) finding {
	lost := r.till.lost
	class := r.suite.Traits.Paying.Class
	switch {
	case lost == nil:
		return skipped("no answer was lost")
	case class == hub.ClassA:
		receipt, err := r.pay(ctx, r.connector, lost.Posting)
		if err != nil {
			return failed(r.calm, "sent again, it failed: %v", err)
		}
		lost.Receipt = receipt
		return passed()
	case r.connector.Finder == nil:
		return skipped("class C knows nothing later")
	}
	found, receipt, err := r.look(ctx, lost.Posting, hub.FoundBooked)
	if err != nil || found != hub.FoundBooked {
		return failed(r.calm, "a posting whose answer was cut off is %q (%v)", found, err)
	}
	lost.Receipt, r.till.lostSeen = receipt, true
	return passed()
}

// strangeIsNoRefusal answers postings that are never sent.
func strangeIsNoRefusal(ctx context.Context, r *run) finding {
	if r.till.first == nil {
		return skipped("nothing was booked")
	}
	p := r.till.first.Posting
	p.ID = r.name(r.till.last + 2000)
	for _, name := range slices.Sorted(maps.Keys(strange)) {
		c, w, err := r.open(ctx, tamper{instead: strange[name]})
		if err != nil {
			return failed(w, "it did not open again: %v", err)
		}
		_, err = r.pay(ctx, c, p)
		switch {
		case err == nil:
			return failed(w, "%s gave a receipt", name)
		case hub.Certainly(err):
			return failed(w, "%s is taken for a certain refusal: %v", name, err)
		}
	}
	return passed()
}

func unknownRefused(ctx context.Context, r *run) finding {
	if r.till.first == nil {
		return skipped("nothing was booked")
	}
	p := r.till.first.Posting
	p.ID, p.ExternalID = r.name(r.till.last+3000), "no-such-debt"
	receipt, err := r.pay(ctx, r.connector, p)
	if r.connector.Finder != nil && err == nil && receipt.Pending { // refused later, where postings wait
		return r.refusedLater(ctx, p)
	}
	codes := []hub.Code{hub.CodeNotFound, hub.CodeNotPayable}
	if !hub.Certainly(err) || !slices.Contains(codes, hub.CodeOf(err)) {
		return failed(r.calm, "a posting of a debt nobody has gave %v (certain: %t); want one of the codes %v for certain", orNothing(err), hub.Certainly(err), codes)
	}
	return passed()
}

func (r *run) refusedLater(ctx context.Context, p hub.Posting) finding {
	if r.suite.Traits.Paying.Class == hub.ClassF {
		return skipped("the confirmation of a file comes the next day")
	}
	found, _, err := r.look(ctx, p, hub.FoundRefused, hub.FoundBooked)
	if err != nil || found != hub.FoundRefused {
		return failed(r.calm, "a posting of a debt nobody has is %q (%v); want refused", found, err)
	}
	return passed()
}

// takenBack takes everything back that the suite has a receipt of, twice.
func takenBack(ctx context.Context, r *run) finding {
	if r.till.first == nil {
		return skipped("nothing was booked")
	}
	for _, one := range []*told{r.till.first, r.till.again, r.till.lost} {
		if one == nil || one.Number == "" {
			continue
		}
		for range 2 {
			err := r.call(ctx, r.patientPost(), func(ctx context.Context) error {
				return r.connector.Reverser.Reverse(ctx, one.Posting, one.Number)
			})
			if err != nil {
				return failed(r.calm, "it failed: %v", err)
			}
		}
	}
	if r.connector.Finder == nil {
		return passed()
	}
	if found, _, err := r.look(ctx, r.till.first.Posting, hub.FoundAbsent); err != nil || found != hub.FoundAbsent {
		return failed(r.calm, "after it was taken back the posting is %q (%v)", found, err)
	}
	return passed()
}

func classAsClaimed(_ context.Context, r *run) finding {
	claimed, proved := r.suite.Traits.Paying.Class, r.class()
	if proved == claimed || claimed == hub.ClassC {
		return passed()
	}
	if claimed == hub.ClassB && !r.calm.spokeHTTP() {
		return skipped("an answer can be lost on purpose over HTTP only")
	}
	return failed(nil, "class %s is claimed, and class %s was proved", claimed, proved)
}
