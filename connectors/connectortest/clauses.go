package connectortest

import (
	"context"
	"fmt"

	"racord/hub"
)

// clause is one promise of a connector.
type clause struct {
	name   string
	needs  need
	holds  func(context.Context, *run) finding
	change string // what the author changes when it does not hold
}

// clauses are all promises, in the order they are judged. The last ones look
// back at everything the others saw.
var clauses = []clause{
	{"it opens", nothing, opens,
		"The manifest names something its kind cannot open; the reason says what."},
	{"the creditor is reachable", probing, reachable,
		"Check the address, the credentials and the call ping, and whether the creditor is open now."},

	{"a known subject is listed", live, knownIsListed,
		"Check the request, the path of items and test.known: a debtor of the creditor's test system who owes something."},
	{"an unknown subject is not found", asking, unknownIsNotFound,
		"Map what the creditor says about strangers to not_found, with an errors rule or known. An empty list says that somebody owes nothing."},
	{"a subject that owes nothing is known", settled, settledIsKnown,
		"Answer about somebody who is known and owes nothing with an empty list, and keep not_found for strangers."},
	{"a page that is gone does not mean not found", overHTTP, goneIsNotUnknown,
		"Tie the rule for not_found to a field of the creditor's own answer, not to the bare status 404."},
	{"asking twice gives the same", listed, twiceTheSame,
		"Map external_id and amounts to fields that do not change between two questions."},
	{"no record is refused", listed, nothingRefused,
		"Look at the field the refusal names: its path, its transform, or a value that its table lacks."},

	{"amounts add up", listed, amountsAddUp,
		"Outstanding is total less paid, in bani of RON, and the components are parts of the total."},
	{"amounts are the expected ones", expecting, amountsExpected,
		"Check the transforms of amounts: money_ro, money_decimal or bani."},
	{"amounts are in bani", owing, amountsInBani,
		"Check the transforms of amounts, and test.owes: money_ro and money_decimal read lei, bani reads bani."},
	{"names of debts are present and unique", listed, namesUnique,
		"Map external_id to the creditor's own permanent number, different for every debt."},
	{"dates exist", listed, datesExist,
		"Check the transforms of dates: date_ro, date_iso."},
	{"the answer says when it was true", listed, timesSane,
		"Map as_of to the moment the creditor computed the amounts, with its time zone."},
	{"text is clean", listed, textClean,
		"Add squeeze to padded fields, and cedilla or mojibake where letters are wrong; check the character set."},
	{"money goes to approved accounts", listed, transfersApproved,
		"List the creditor's bank accounts under accounts, and map iban and transfers so that they add up to the option."},

	{"a cancelled call ends", calling, cancelledEnds,
		"Give the context to every request and wait for nothing without it."},
	{"a deadline is kept", calling, deadlineKept,
		"Give the context to every request and to reading its answer."},
	{"every call waits for its turn", calling, takesTurns,
		"Call Env.Turn before every wire call that is not HTTP, and not for HTTP, where the environment does."},
	{"no more calls at once than declared", asking, callsAtOnce,
		"Send one request after the other, close every answer, and keep no more connections than traits.max_inflight."},
	{"the declared rate is borne", asking, rateBorne,
		"Declare fewer calls a second in traits.rps, or fewer at once in traits.max_inflight: what the system bears."},
	{"an endless list ends", overHTTP, endlessListEnds,
		"Set paging.max_pages, and stop at a page that repeats the one before."},

	{"another subject's data are refused", asking, foreignRefused,
		"Map subject.party and subject.account to where the answer repeats whom it is about."},
	{"unknown fields do no harm", overHTTP, unknownFields,
		"Read only the fields that are needed; creditors add new ones without telling."},
	{"an answer without its list is an error", overHTTP, listRenamed,
		"Refuse an answer in which the list is missing: only an empty list says that nothing is due."},
	{"an answer that does not say whether more follows is an error", overHTTP, followsRenamed,
		"Refuse a page without the field that says whether another one follows: nobody said that it is the last."},
	{"a truncated answer is an error", overHTTP, truncated,
		"Parse the whole answer before reading from it."},
	{"a login page is an error", overHTTP, loginPage,
		"Check the type of the content before parsing it, and follow no redirect."},
	{"an endless answer is an error", overHTTP, endless,
		"Stop reading at a limit."},
	{"garbage is an error", overHTTP, garbage,
		"Refuse what cannot be parsed; never take it for an empty list."},
	{"a wrong character set is noticed", overHTTP, wrongCharset,
		"Check that text is what it claims to be before mapping it."},

	{"too many requests is busy", overHTTP, tooMany,
		"Map the status 429 to busy and keep what Retry-After says."},
	{"a broken server is unavailable", overHTTP, brokenServer,
		"Map the statuses 500, 502, 503 and 504 to unavailable, busy or maintenance."},
	{"a closed system says when to ask again", overHTTP, closedSaysWhen,
		"Map the status 503 to maintenance, busy or unavailable, and keep what Retry-After says."},
	{"refused credentials are auth", overHTTP, refusedCredentials,
		"Map the statuses 401 and 403 to auth."},
	{"credentials are looked at, and can be changed", overHTTP, credentialsChange,
		"The creditor refuses wrong credentials with 401 or 403, or as an errors rule of code auth says; a secret is read at every call."},
	{"the creditor's words are not repeated", overHTTP, wordsNotRepeated,
		"Give errors a sentence of our own; a creditor's may name a person or a system."},

	{"a delivery arrives", feeding, deliveryArrives,
		"Check the address, the names of the files and the hour of the delivery."},
	{"control sums agree", feeding, controlAgrees,
		"Compare what the delivery says of itself with what was read."},
	{"nothing is newer than the last delivery", feeding, cursorMoves,
		"Return a cursor that stands behind everything that was delivered, and CodeNotFound when there is nothing more."},

	{"an account can be proved", byAccount, accountProved,
		"Map reference.invoice to the number printed on a bill, and say in traits.proof_doc where it stands."},

	{"a quote says what the list says", quoting, quoteAgrees,
		"Map the quote's outstanding to what is due of the debt now, as the list states it."},
	{"a posting is booked", posting, postingBooked,
		"Check the request of post, and the booking: where the answer gives the number of the receipt."},
	{"a booking is found", lookup, bookingFound,
		"Check the request of find, the posting in its booking, and traits.paying.visible: how long a booking may take to be found."},
	{"what was never sent is not found", lookup, strangerAbsent,
		"Map what the creditor says about a posting it never saw to found: absent, and nothing else."},
	{"a statement lists the booking", stating, statementLists,
		"Map posting and amount of the statement to what the creditor repeats of a posting."},
	{"a posting sent twice is booked once", posting, twiceBookedOnce,
		"Send {{ posting.id }} where the creditor keeps it unique; if it keeps none, the class is B or C. A call statement shows it."},
	{"a lost answer says nothing", postingHTTP, lostSaysNothing,
		"Mark nothing as certain but what the creditor's own answer says: a cut answer may follow a booking."},
	{"what a lost answer left is known later", postingHTTP, lostIsKnown,
		"Class A gives the first receipt again; class B finds the posting by its reference."},
	{"a strange answer is no refusal", postingHTTP, strangeIsNoRefusal,
		"Tie certain rules to a field of the creditor's own answer; a page or a bare status may come from anywhere."},
	{"an unknown debt is refused for certain", posting, unknownRefused,
		"Map the creditor's refusal of an unknown debt to not_found or not_payable with certain: true."},
	{"a booking can be taken back", reversing, takenBack,
		"Check the request of reverse, and map 'taken back before' to done: true."},
	{"the class of postings is the claimed one", posting, classAsClaimed,
		"Declare the class that was proved, or let the creditor keep the promise of the better one."},

	{"no personal code in an address or a header", asking, codesUnseen,
		"Put personal codes in the body of the request."},
	{"no personal code in an error or a log", asking, codesUntold,
		"Build errors and log lines without what was asked about."},
	{"no credential in an address, an error or a log", calling, credentialsUntold,
		"Send credentials in a header or a body, and print neither."},
}

// need is what a clause cannot do without.
type need int

const (
	nothing     need = iota
	calling          // the connector opened
	probing          // it has a Probe
	live             // it has a Source
	asking           // it has a Source, and there are test debtors to ask about
	settled          // likewise, and one who owes nothing
	overHTTP         // it speaks HTTP
	listed           // debts were listed, by answer or by delivery
	expecting        // expected amounts are given
	owing            // the sum of expected amounts is given
	feeding          // it has a Feed
	byAccount        // it is asked by account
	quoting          // it has a Quoter, and the payer owes something
	posting          // it has a Sink, and may post
	postingHTTP      // likewise, over HTTP
	lookup           // likewise, with a Finder
	stating          // likewise, with a Statement
	reversing        // likewise, with a Reverser
)

// finding is what a clause found.
type finding struct {
	verdict Verdict
	why     string
	wire    *wire // where to look for what was sent; may be nil
}

func passed() finding { return finding{verdict: Passed} }

func skipped(why string) finding { return finding{verdict: NotApplicable, why: why} }

func failed(w *wire, format string, args ...any) finding {
	return finding{Failed, fmt.Sprintf(format, args...), w}
}

// lacks tells why the clause does not apply, "" when it does.
func (r *run) lacks(n need) string {
	c := r.connector
	switch {
	case n == nothing:
		return ""
	case c == nil:
		return "it did not open"
	case c.Source == nil && c.Feed == nil:
		return "the creditor sends by itself and is not asked"
	case n == probing && c.Probe == nil:
		return "the manifest has no call ping"
	case (n == live || n == asking || n == settled || n == owing || n == byAccount) && c.Source == nil:
		return "it delivers in bulk and is not asked"
	case (n == asking || n == byAccount) && r.suite.Known == (hub.Asked{}):
		return "there are no test debtors"
	case n < quoting && n != live && n != probing && n != feeding && c.Feed == nil && r.suite.Known == (hub.Asked{}):
		return "there are no test debtors"
	case n == feeding && c.Feed == nil:
		return "it is asked live and delivers nothing in bulk"
	case n == overHTTP && !r.calm.spokeHTTP():
		return "it does not speak HTTP"
	case n == listed && len(r.debts) == 0:
		return "nothing was listed"
	case n == settled && r.suite.Settled == (hub.Asked{}):
		return "the manifest names nobody who owes nothing (test.settled)"
	case n == owing && (r.suite.Owes == (hub.Money{}) || r.answerErr != nil):
		return "the manifest does not say what test.known owes (test.owes)"
	case n == expecting && (r.suite.Expected == nil || r.answerErr != nil):
		return "no amounts to compare with"
	case n >= quoting:
		return r.lacksForPaying(n)
	case n == byAccount && !r.suite.Known.ByAccount():
		return "it is asked by person"
	}
	return ""
}

// judge tries one clause.
func (r *run) judge(ctx context.Context, c clause) Result {
	found, before := finding{verdict: NotApplicable, why: r.lacks(c.needs)}, r.seen()
	if found.why == "" {
		found = r.try(ctx, c)
	}
	result := Result{Clause: c.name, Verdict: found.verdict, Why: r.masked(found.why)}
	if found.verdict == Failed {
		result.Change = c.change
	}
	if proof := r.proof(c, found, before); proof != nil {
		result.Sent, result.Got = cutTo(shownBytes, proof.sent(r.hidden)), cutTo(shownBytes, proof.got(r.hidden))
	}
	return result
}

// try runs a clause; a connector that panics has failed it.
func (r *run) try(ctx context.Context, c clause) (found finding) {
	if ctx.Err() != nil {
		return failed(nil, "the suite was stopped before: %v", ctx.Err())
	}
	defer func() {
		if p := recover(); p != nil {
			found = failed(nil, "panic: %v", p)
		}
	}()
	return c.holds(ctx, r)
}
