package sqlstore

import "strings"

// texts are the statements whose words differ between the databases.
type texts struct {
	enrol, person, renew string
	load, turn           string
	leaseAny, leaseLines string
	formLot, leaseLot    string
	nudge, claims        string
	notices, noticesTo   string
	nextNotice, replay   string
	unheard              string
	pulseNow             string
	pulseAnomalies       string
	barrierAdd           string
	differenceSums       string
	takeJob, keepJob     string
	endJob               string
	endHolders, endSlots string
	settledNames         string
}

func newTexts(w Words) texts {
	say := strings.NewReplacer("{now}", w.Now, "{for update}", w.ForUpdate, "{skip locked}", w.SkipLocked, "{by bytes}", w.ByBytes).Replace
	return texts{
		enrol:      say(enrolQuery),
		person:     say(personQuery),
		renew:      say(renewQuery),
		load:       say(loadQuery),
		turn:       say(turnQuery),
		leaseAny:   say(leaseQuery),
		leaseLines: say(leaseLinesQuery),
		formLot:    say(formLotQuery),
		leaseLot:   say(leaseLotQuery),
		nudge:      say(nudgeQuery),
		claims:     say(claimsQuery),
		notices:    say(strings.ReplaceAll(noticesQuery, "{whose}", "$3 = ''")),
		noticesTo:  say(strings.ReplaceAll(noticesQuery, "{whose}", "receiver = $3")),
		nextNotice: say(nextNoticeQuery),
		replay:     say(replayQuery),
		unheard:    say(unheardQuery),

		pulseNow: say(pulseNow), pulseAnomalies: say(pulseAnomalies), barrierAdd: say(barrierAdd), differenceSums: say(differenceSumsQuery),
		takeJob: say(takeJobQuery), keepJob: say(keepJobQuery), endJob: say(endJobQuery), endHolders: say(endHoldersQuery), endSlots: say(endSlotsQuery),
		settledNames: say(settledNamesQuery),
	}
}

// The rows that changes add. A row that is there already is brought up to date;
// the walls look at each step.
var (
	paymentsTable = table("payments", "id text, party text, portal text, quote text, state text, version bigint, opened_at bigint, changed_at bigint, body bytea", "")
	chargesTable  = table("charges", "payment text, no bigint, psp text, merchant text, number text, ref text, state text, amount bigint, taken bigint, changed_at bigint", `
ON CONFLICT (payment, no) DO UPDATE
SET psp = excluded.psp, number = excluded.number, state = excluded.state,
	amount = excluded.amount, taken = excluded.taken, changed_at = excluded.changed_at`)
	linesTable = table("lines", "payment text, no bigint, party text, creditor text, obligation text, amount bigint, state text, hub text, since bigint, remains bigint, changed_at bigint, covers text", `
ON CONFLICT (payment, no) DO UPDATE
SET amount = excluded.amount, state = excluded.state, hub = excluded.hub, since = excluded.since, remains = excluded.remains, changed_at = excluded.changed_at`)
	refundsTable = table("refunds", "payment text, no bigint, charge bigint, line bigint, amount bigint, state text, changed_at bigint", `
ON CONFLICT (payment, no) DO UPDATE SET state = excluded.state`)
	sightsTable = table("sights", "subject bytea, payment text, line bigint", `
ON CONFLICT DO NOTHING`)
	codesTable = table("codes", "party text, subject bytea", `
ON CONFLICT DO NOTHING`)
	journalTable = table("journal", "tx text, leg bigint, kind text, payment text, account text, debit bigint, credit bigint, at bigint, version bigint, place bigint", `
ON CONFLICT (tx, leg) DO NOTHING`)
	eventsTable = table("events", "payment text, seq bigint, receiver text, type text, line bigint, creditor text, at bigint, due_at bigint, turn bigint, tries bigint, settled_at bigint", "")
	triesTable  = table("event_tries", "payment text, seq bigint, receiver text, no bigint, at bigint, took bigint, status bigint, code text", `
ON CONFLICT DO NOTHING`)
	anomaliesTable = table("anomalies", "id text, at bigint, kind text, payment text, detail text", "")
)
