package hubtest

import (
	"bytes"
	"database/sql"
	"testing"

	"racord/hub"
)

// Lab is a store under test and what a test must be able to do to it from
// outside.
type Lab struct {
	Store hub.Store
	// DB is a connection to the database beside the store's. It keeps foreign keys.
	DB *sql.DB
	// Replica gives the store as another replica has it; the store itself when
	// there can be only one.
	Replica func(t *testing.T) hub.Store
	// Dump gives everything that rests in the database, as a thief would find it.
	Dump func(t *testing.T) []byte
}

// TestStore runs the contract of hub.Store. open gives an empty store that is
// closed when the test ends.
func TestStore(t *testing.T, open func(t *testing.T) Lab) {
	for name, test := range map[string]func(*testing.T, Lab){
		"folders: a login never seen is not found":             strangerIsNotFound,
		"folders: enrolling again changes nothing":             enrolIsIdempotent,
		"folders: of many enrolments at once one counts":       enrolIsRaceSafe,
		"folders: logins of two issuers are two parties":       issuersAreApart,
		"folders: codes are renewed":                           renewed,
		"links: a link is in the folder until it is taken":     linkAndUnlink,
		"links: the same account twice is a conflict":          linkTwice,
		"links: one account may belong to a household":         linkByTwoParties,
		"links: nobody takes another's link":                   unlinkForeign,
		"links: codes that differ in a zero are two accounts":  linkLeadingZeros,
		"attempts: counted per party, per account and per day": attemptsCount,
		"attempts: many at once are all counted":               attemptsConcurrent,
		"attempts: one taken back was never made":              attemptsForgiven,
		"marks: a mark says of what, since when, what remains": marksTell,
		"folder: readers see their own writes under load":      folderIsNeverOld,
		"snapshots: nothing before the first publication":      snapshotThreeWays,
		"snapshots: a later row replaces an earlier one":       rowsReplace,
		"snapshots: staged rows are not shown":                 stagedIsHidden,
		"snapshots: sums of both sides":                        sumsCompare,
		"snapshots: a full delivery replaces everything":       fullReplaces,
		"snapshots: a delta is merged":                         deltaMerges,
		"snapshots: the first delivery may be a delta":         deltaFirst,
		"snapshots: a single row speaks for itself alone":      singleRows,
		"snapshots: a later row outlives a full delivery":      laterRowsStay,
		"snapshots: rows that come too late are counted":       supersededAreCounted,
		"snapshots: creditors do not touch each other":         creditorsApart,
		"snapshots: one staging at a time":                     oneStaging,
		"snapshots: an abandoned staging is discarded":         abandonedStaging,
		"snapshots: a discarded delivery is gone":              discarded,
		"snapshots: a held delivery waits for a person":        heldAndReleased,
		"snapshots: a held delivery can be dropped":            heldAndDiscarded,
		"snapshots: old news does not replace newer":           staleRelease,
		"snapshots: an older list does not replace a newer":    staleList,
		"snapshots: readers never see half of one":             publicationIsAtomic,
		"snapshots: what was refused is said":                  refusalsAreSaid,
		"snapshots: what was refused is told anew":             refusalsAreAnswered,
		"snapshots: whoever has a row less may be a stray's":   straysAreDoubt,
		"snapshots: a large delivery":                          largeDelivery,
		"snapshots: an obligation comes back as it was":        obligationRoundTrip,
		"slots: taken, kept and given back":                    slotsKeep,
		"slots: of several creditors at once":                  slotsTogether,
		"slots: never more than there are":                     slotsNeverTooMany,
		"slots: those of the dead are free":                    slotsExpire,
		"slots: leaving frees everything":                      slotsLeave,
		"slots: the living know their place":                   beats,
		"quarantines: set, listed and lifted":                  quarantines,
		"quarantines: each that was lifted is counted":         liftsAreCounted,
		"payments: one comes back as it was":                   paymentRoundTrip,
		"payments: a change is stored whole":                   paymentChanges,
		"payments: a change that fails leaves nothing":         failedChange,
		"payments: a key opens one, for ever":                  keyOpensOnce,
		"payments: a quote opens one":                          quoteOpensOnce,
		"payments: of many openings with one key one counts":   keyRace,
		"payments: changes wait for each other":                versionsRace,
		"payments: a party's own, newest first":                paymentsOfAParty,
		"payments: what was taken for a debt is known":         takenSince,
		"payments: what is paid and still shown is known":      paidOf,
		"payments: strangers may pay":                          strangersMayPay,
		"payments: there is room":                              roomToPay,
		"claims: of many payers of one debt one has it":        claimRace,
		"differences: found, kept and explained":               differencesComeAndGo,
		"jobs: one replica at a time, and no success is lost":  jobsAreDoneOnce,
		"barriers: raised once, for all":                       barriersStand,
		"payouts: two sides meet":                              payoutsMeet,
		"payouts: what was booked is found by its name":        settledNamesAreFound,
		"residues: what bookings left, by payment":             residuesAreFound,
		"pulse: what is under way, and how much money it is":   pulseShowsWhatIsUnderWay,
		"claims: kept, lost and taken back":                    claimsExpire,
		"claims: a released one is free":                       claimsAreReleased,
		"claims: two lines of one debt share one":              claimsOfTwoLines,
		"claims: taken without another change":                 holdsAloneAreKept,
		"claims: had for a moment":                             claimsOfAMoment,
		"claims: a line's are those of all it covers":          linesCover,
		"marks: the payer's view follows the lines":            marksFollowLines,
		"marks: who sees a debt is told that it is paid":       marksOfOthers,
		"marks: of several who pay the busiest says":           marksOfSeveral,
		"marks: readers see what others pay at once":           othersMarksAreNeverOld,
		"work: due in its time":                                workIsDueInTime,
		"work: creditors have queues of their own":             creditorsHaveQueues,
		"work: the longest due first":                          oldestFirst,
		"work: each piece has one holder":                      oneHolder,
		"work: a lease that was taken over is fenced off":      fencing,
		"work: a turn is never used twice":                     turnsAreNeverUsedTwice,
		"work: others do not steal a lease":                    othersDoNotStealALease,
		"work: lines to be told go before those looked for":    toldBeforeSought,
		"lots: what is due is put together, for good":          lotsAreMade,
		"lots: what may have been told alone is in none":       strangersToLots,
		"lots: no line is ever in two":                         lotsRace,
		"lots: those that are there are taken without others":  olderLots,
		"facts: each is fresh once and wakes its charge":       factsWake,
		"facts: told during a lease, not forgotten":            factsAreNotForgotten,
		"facts: of many at once each is fresh once":            factsRace,
		"facts: about orders nobody knows":                     factsOfNobody,
		"journal: kept in order, each booking once":            journalKeeps,
		"journal: refuses what does not balance":               journalRefuses,
		"chain: each booking gets a place, and keeps it":       chainGrows,
		"chain: replicas wait for each other":                  chainRace,
		"chain: who comes late gets a place too":               chainTakesLatecomers,
		"chain: a clock that was ahead stops nobody":           chainOutlastsClocks,
		"walls: the chain against careless hands":              chainWalls,
		"clear: what could be a personal code is found":        clearTexts,
		"walls: the journal against careless hands":            journalWalls,
		"walls: the journal's sum tells where they fell":       journalFalls,
		"walls: steps, refunds and names against them too":     stepWalls,
		"walls: the steps are the hub's":                       stepsAreTheHubs,
		"walls: at most two steps in one change":               stepsInAChange,
		"payments: refunds of which nobody knows are found":    doubtfulRefunds,
		"walls: of fifty refunds of three fifths one is made":  refundRace,
		"archive: found by outsiders' names":                   archiveFinds,
		"archive: what changed since":                          archiveChanges,
		"archive: a payment that cannot be opened":             archiveSpoilt,
		"archive: order numbers":                               orderNumbers,
		"archive: all of one payment":                          dossier,
		"outbox: told once to each, or again":                  noticesAreTold,
		"outbox: fenced, logged and replayed":                  noticesAreLogged,
		"outbox: what was told in vain is counted":             noticesAreGivenUp,
		"outbox: what nobody hears is not kept for ever":       noticesOfNobody,
		"connectors: a registration comes back as it was":      registrationKept,
		"connectors: what is only added to stays":              registrationChanges,
		"connectors: changes wait for each other":              registrationRace,
		"connectors: one is live and one on its way":           oneVersionServes,
		"connectors: replicas follow what serves":              deploymentsAreFollowed,
		"connectors: a stopped creditor is listed":             aStoppedCreditorIsListed,
		"connectors: a version that was lifted says so":        aLiftedVersionSaysSo,
		"connectors: trials are summed over replicas":          trialsAreSummed,
		"connectors: notices are brought until they arrive":    lettersArrive,
		"secrets: two slots of each name":                      secretsHaveTwoSlots,
		"secrets: wrapped again, never lost":                   secretsAreRewrapped,
		"sealing: no personal or account code at rest":         nothingInClear,
		"ready: an open store answers":                         ready,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func ready(t *testing.T, lab Lab) {
	wantCode(t, "Ready", lab.Store.Ready(t.Context()), "")
}

// nothingInClear writes canaries through every door that takes one and looks
// for them in what rests on the disk.
func nothingInClear(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	const code, invoice, name = "0041775533", "FACT-CANARY-99", "Zaharia Canarul"
	folder := enrolled(t, store, "canary", name)
	account := hub.AccountRef{Creditor: "water", Code: code}
	wantCode(t, "Link", store.Link(ctx, newLink(folder, account)), "")
	_, _, err := store.Attempt(ctx, folder.Party.ID, account, "2026-03-15")
	wantCode(t, "Attempt", err, "")
	obligation := Obligation("water", invoice, 12_345)
	obligation.Account, obligation.Debtor = code, name
	obligation.Details = map[string]string{"cnp": CNP}
	publish(t, store, "water", hub.ExtentAll, Now(), "1", hub.SnapshotRow{Account: code, Obligation: obligation})
	hold(t, store, "water", Now(), "2", hub.SnapshotRow{Account: code, Obligation: obligation})
	publish(t, store, "waste", hub.ExtentAll, Now(), "1", refusedRow(code, invoice, name))
	payInClear(t, store, folder.Party.ID, code, invoice, name)
	registered(t, store, "water", func(r *hub.Registration) {
		bring(draft(r, "test: {known: {account: "+code+"}}"), hub.StageShadow)
		r.Contacts = []hub.Contact{{Address: name, Since: Now()}}
	})
	differs := hub.Trial{Mismatches: []hub.Mismatch{{At: Now(), Obligation: invoice, Candidate: name}}}
	wantCode(t, "AddTrial", store.AddTrial(ctx, "water", 1, differs), "")

	dump := lab.Dump(t)
	if !bytes.Contains(dump, []byte(folder.Party.ID)) {
		t.Fatal("the dump does not hold the party's id: it is not a dump of this store")
	}
	for _, canary := range []string{CNP, code, invoice, name, "Zaharia"} {
		if bytes.Contains(dump, []byte(canary)) {
			t.Errorf("%q rests in clear", canary)
		}
	}
}

// payInClear puts canaries into everything there is of a payment.
func payInClear(t *testing.T, store hub.Store, party hub.PartyID, code, invoice, name string) {
	t.Helper()
	p := Basket(party, hub.NewObligationID("water", invoice), "b")
	p.ReturnURL = "https://portal.example/" + name
	byCode := &p.Lines[0]
	byCode.ExternalID, byCode.Account, byCode.Label, byCode.Reference = invoice, code, name, invoice
	byCode.Asked = hub.Whom{Party: party, Account: hub.AccountRef{Creditor: "water", Code: code}}
	key := requestKey(party, CNP)
	got, _, err := store.OpenPayment(t.Context(), key, opens(t, p))
	wantCode(t, "OpenPayment", err, "")
	receive(t, store, fact(got, "canary"), true)
	changed(t, store, got.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		p.Line(1).Receipt = name
		tx.Emit(hub.Event{Type: "line.due", Line: 1, Creditor: "water"})
		return p.Line(1).Move(hub.LineDue)
	})
	booked(t, store, got)
}

// insist does something again as long as the store is only too busy: where so
// many want the same row, a lock may not come in time.
func insist(do func() error) (err error) {
	for range 50 {
		if err = do(); hub.CodeOf(err) != hub.CodeUnavailable {
			return err
		}
	}
	return err
}
