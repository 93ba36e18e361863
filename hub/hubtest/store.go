package hubtest

import (
	"bytes"
	"testing"
	"time"

	"racord/hub"
)

// Lab is a store under test and what a test must be able to do to it from
// outside.
type Lab struct {
	Store hub.Store
	// Age lets time pass for leases and stagings, as the store's own clock
	// measures it.
	Age func(t *testing.T, d time.Duration)
	// Replica gives the store as another replica has it; the store itself when
	// there can be only one.
	Replica func(t *testing.T) hub.Store
	// Raw runs a statement beside the store, as a careless hand would.
	Raw func(t *testing.T, statement string) error
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
		"links: a link is in the folder until it is taken":     linkAndUnlink,
		"links: the same account twice is a conflict":          linkTwice,
		"links: one account may belong to a household":         linkByTwoParties,
		"links: nobody takes another's link":                   unlinkForeign,
		"links: codes that differ in a zero are two accounts":  linkLeadingZeros,
		"attempts: counted per party, per account and per day": attemptsCount,
		"attempts: many at once are all counted":               attemptsConcurrent,
		"attempts: one taken back was never made":              attemptsForgiven,
		"marks: a mark replaces and none removes":              marksReplace,
		"marks: parties do not see each other's":               marksApart,
		"folder: readers see their own writes under load":      folderIsNeverOld,
		"snapshots: nothing before the first publication":      snapshotThreeWays,
		"snapshots: a later row replaces an earlier one":       rowsReplace,
		"snapshots: staged rows are not shown":                 stagedIsHidden,
		"snapshots: sums of both sides":                        sumsCompare,
		"snapshots: a full delivery replaces everything":       fullReplaces,
		"snapshots: a delta is merged":                         deltaMerges,
		"snapshots: the first delivery may be a delta":         deltaFirst,
		"snapshots: creditors do not touch each other":         creditorsApart,
		"snapshots: one staging at a time":                     oneStaging,
		"snapshots: an abandoned staging is discarded":         abandonedStaging,
		"snapshots: a discarded delivery is gone":              discarded,
		"snapshots: a held delivery waits for a person":        heldAndReleased,
		"snapshots: a held delivery can be dropped":            heldAndDiscarded,
		"snapshots: old news does not replace newer":           staleRelease,
		"snapshots: readers never see half of one":             publicationIsAtomic,
		"snapshots: a large delivery":                          largeDelivery,
		"snapshots: an obligation comes back as it was":        obligationRoundTrip,
		"slots: taken, kept and given back":                    slotsKeep,
		"slots: never more than there are":                     slotsNeverTooMany,
		"slots: those of the dead are free":                    slotsExpire,
		"slots: leaving frees everything":                      slotsLeave,
		"slots: the living know their place":                   beats,
		"quarantines: set, listed and lifted":                  quarantines,
		"payments: one comes back as it was":                   paymentRoundTrip,
		"payments: a change is stored whole":                   paymentChanges,
		"payments: a change that fails leaves nothing":         failedChange,
		"payments: a key opens one, for ever":                  keyOpensOnce,
		"payments: a quote opens one":                          quoteOpensOnce,
		"payments: of many openings with one key one counts":   keyRace,
		"claims: of many payers of one debt one has it":        claimRace,
		"differences: found, kept and explained":               differencesComeAndGo,
		"jobs: one replica at a time, and no success is lost":  jobsAreDoneOnce,
		"barriers: raised once, for all":                       barriersStand,
		"payouts: two sides meet":                              payoutsMeet,
		"residues: what bookings left, by payment":             residuesAreFound,
		"pulse: what is under way, and how much money it is":   pulseShowsWhatIsUnderWay,
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
	publish(t, store, "water", true, Now(), "1", hub.SnapshotRow{Account: code, Obligation: obligation})
	hold(t, store, "water", Now(), "2", hub.SnapshotRow{Account: code, Obligation: obligation})

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
