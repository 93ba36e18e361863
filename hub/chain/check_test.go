package chain_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/chain"
	"racord/hub/hubtest"
)

// books are a database with a chained journal that somebody has all rights to but
// the hub's key.
type books struct {
	t     *testing.T
	store hub.Store
	db    *sql.DB
	kept  []hub.Checkpoint // as they were told outside
}

const (
	bookings = 60
	signedAt = 7 // places from one checkpoint to the next
)

func newBooks(t *testing.T) *books {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), dir, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.DataFile)+"?_pragma=busy_timeout(10000)&_pragma=synchronous(0)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	v := &books{t: t, store: store, db: db}
	v.fill()
	v.breakIn()
	return v
}

// fill books, and chains with a checkpoint now and then and one at the end.
func (v *books) fill() {
	for n := range bookings {
		b := hub.TransferBooking(fmt.Sprintf("b%02d", n), "settled", hub.PaymentID(fmt.Sprint("p", n%9)), fmt.Sprint("x", n%5), fmt.Sprint("y", n%7), hub.Bani(int64(100+n)))
		if err := v.store.Book(v.t.Context(), b); err != nil {
			v.t.Fatal(err)
		}
	}
	key, _ := signer(v.t)
	for placed := 1; placed > 0; {
		err := v.store.Extend(v.t.Context(), time.Hour, signedAt, func(end hub.ChainEnd) ([]hub.Chained, *hub.Checkpoint) {
			places, last := end.Places()
			if placed = len(places); placed == 0 {
				return nil, nil
			}
			c := hub.SignCheckpoint(key, last, end.Now)
			v.kept = append(v.kept, c)
			return places, &c
		})
		if err != nil {
			v.t.Fatal(err)
		}
	}
}

// breakIn takes the walls down and keeps a copy to go back to.
func (v *books) breakIn() {
	rows, err := v.db.Query(`SELECT name FROM sqlite_master WHERE type = 'trigger'`)
	if err != nil {
		v.t.Fatal(err)
	}
	var walls []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			v.t.Fatal(err)
		}
		walls = append(walls, name)
	}
	for _, name := range walls {
		v.do(`DROP TRIGGER ` + name)
	}
	for _, table := range tables {
		v.do(`CREATE TABLE ` + table + `_kept AS SELECT * FROM ` + table)
	}
}

var tables = []string{"journal", "chain", "checkpoints"}

func (v *books) goBack() {
	for _, table := range tables {
		v.do(`DELETE FROM ` + table)
		v.do(`INSERT INTO ` + table + ` SELECT * FROM ` + table + `_kept`)
	}
}

func (v *books) do(statement string, args ...any) {
	v.t.Helper()
	if _, err := v.db.Exec(statement, args...); err != nil {
		v.t.Fatalf("%s: %v", statement, err)
	}
}

func (v *books) check(kept []hub.Checkpoint) chain.Report {
	v.t.Helper()
	_, public := signer(v.t)
	report, err := chain.Check(v.t.Context(), v.store, public, kept)
	if err != nil {
		v.t.Fatal(err)
	}
	return report
}

// forge writes the chain anew from a place on, as well as one can without the key.
func (v *books) forge(from int64) {
	last, rest := hub.Chained{}, []hub.Chained{}
	err := v.store.EachChained(v.t.Context(), 0, func(c hub.Chained, r *hub.Recorded) error {
		if c.No < from || r == nil {
			last = c
			return nil
		}
		last = last.Follow(*r)
		rest = append(rest, last)
		return nil
	})
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range rest {
		v.do(`UPDATE chain SET hash = $1 WHERE no = $2`, c.Hash[:], c.No)
	}
}

// crime is what somebody does to a database, at a place of the chain.
type crime struct {
	what    string
	do      func(v *books, dice *rand.Rand, place int)
	located bool // the booking of the place has to be named
	outside bool // it shows only beside what was kept outside
}

func changed(column, to string) crime {
	return crime{what: column + " changed", located: true, do: func(v *books, dice *rand.Rand, place int) {
		v.do(fmt.Sprintf(`UPDATE journal SET %s = %s WHERE tx = $1 AND leg = %d`, column, to, 1+dice.IntN(2)), id(place))
	}}
}

// id names the booking of a place: they were chained as they were written.
func id(place int) string { return fmt.Sprintf("b%02d", place-1) }

// crimes are all that the tests know.
var crimes = []crime{
	changed("kind", "'captured'"), changed("payment", "payment || 'x'"), changed("account", "account || 'x'"),
	changed("at", "at + 1"), changed("version", "version + 1"), changed("place", "place + 1"),
	{what: "an amount changed", located: true, do: func(v *books, _ *rand.Rand, place int) {
		v.do(`UPDATE journal SET debit = debit * 2, credit = credit * 2 WHERE tx = $1`, id(place))
	}},
	{what: "sides exchanged", located: true, do: func(v *books, _ *rand.Rand, place int) {
		v.do(`UPDATE journal SET debit = credit, credit = debit WHERE tx = $1`, id(place))
	}},
	{what: "a booking dropped", located: true, do: func(v *books, _ *rand.Rand, place int) {
		v.do(`DELETE FROM journal WHERE tx = $1`, id(place))
	}},
	{what: "a leg dropped", located: true, do: func(v *books, dice *rand.Rand, place int) {
		v.do(`DELETE FROM journal WHERE tx = $1 AND leg = $2`, id(place), 1+dice.IntN(2))
	}},
	{what: "a leg added", located: true, do: func(v *books, _ *rand.Rand, place int) {
		v.do(`INSERT INTO journal SELECT tx, 3, kind, payment, 'mine', debit, credit, at, version, place FROM journal WHERE tx = $1 AND leg = 1`, id(place))
	}},
	{what: "a booking renamed", located: true, do: func(v *books, _ *rand.Rand, place int) {
		v.do(`UPDATE journal SET tx = 'mine' WHERE tx = $1`, id(place))
	}},
	{what: "a booking of long ago put in", do: func(v *books, _ *rand.Rand, place int) {
		v.do(`INSERT INTO journal SELECT 'mine', leg, kind, payment, account, debit, credit, at - 172800000000, version, place FROM journal WHERE tx = $1`, id(place))
	}},
	{what: "two places exchanged", do: func(v *books, dice *rand.Rand, place int) {
		other := 1 + (place+dice.IntN(bookings-1))%bookings
		v.do(`UPDATE chain SET tx = 'away' WHERE no = $1`, other)
		v.do(`UPDATE chain SET tx = $1 WHERE no = $2`, id(other), place)
		v.do(`UPDATE chain SET tx = $1 WHERE no = $2`, id(place), other)
	}},
	{what: "a hash changed", do: func(v *books, _ *rand.Rand, place int) {
		v.do(`UPDATE chain SET hash = zeroblob(32) WHERE no = $1`, place)
	}},
	{what: "a place dropped", do: func(v *books, _ *rand.Rand, place int) {
		v.do(`DELETE FROM chain WHERE no = $1`, place)
	}},
	{what: "a place and its booking dropped", do: func(v *books, _ *rand.Rand, place int) {
		v.do(`DELETE FROM chain WHERE no = $1`, place)
		v.do(`DELETE FROM journal WHERE tx = $1`, id(place))
	}},
	{what: "a checkpoint's hash changed", do: func(v *books, _ *rand.Rand, place int) {
		v.do(`UPDATE checkpoints SET hash = zeroblob(32) WHERE no = (SELECT min(no) FROM checkpoints WHERE no >= $1)`, place)
	}},
	{what: "a checkpoint's moment changed", do: func(v *books, _ *rand.Rand, place int) {
		v.do(`UPDATE checkpoints SET at = at + 1000000 WHERE no = (SELECT min(no) FROM checkpoints WHERE no >= $1)`, place)
	}},
	{what: "another's signature", do: func(v *books, _ *rand.Rand, place int) {
		v.do(`UPDATE checkpoints SET signature = zeroblob(64) WHERE no = (SELECT min(no) FROM checkpoints WHERE no >= $1)`, place)
	}},
	{what: "a booking changed and the chain written anew", do: func(v *books, _ *rand.Rand, place int) {
		v.do(`UPDATE journal SET account = account || 'x' WHERE tx = $1 AND leg = 1`, id(place))
		v.forge(int64(place))
	}},
	{what: "the same, and the checkpoints after it dropped", outside: true, do: func(v *books, _ *rand.Rand, place int) {
		v.do(`UPDATE journal SET account = account || 'x' WHERE tx = $1 AND leg = 1`, id(place))
		v.forge(int64(place))
		v.do(`DELETE FROM checkpoints WHERE no >= $1`, place)
	}},
	{what: "the end cut off", outside: true, do: func(v *books, _ *rand.Rand, place int) {
		v.do(`DELETE FROM journal WHERE tx >= $1`, id(place))
		v.do(`DELETE FROM chain WHERE no >= $1`, place)
		v.do(`DELETE FROM checkpoints WHERE no >= $1`, place)
	}},
}

// TestEveryTamperingIsFound does all that there is to a journal, at random places.
func TestEveryTamperingIsFound(t *testing.T) {
	v := newBooks(t)
	if r := v.check(v.kept); len(r.Faults) > 0 || r.Places != bookings || r.Signed != bookings || r.Waiting != 0 {
		t.Fatalf("got %+v of a journal that nobody touched, want every place signed and no fault", r)
	}
	tries := 10 * len(crimes)
	if os.Getenv("RACORD_LONG") != "" {
		tries = 1000
	}
	seed := uint64(time.Now().UnixNano())
	dice := rand.New(rand.NewPCG(seed, 1))
	for n := range tries {
		c, place := crimes[n%len(crimes)], 1+dice.IntN(bookings)
		c.do(v, dice, place)
		var kept []hub.Checkpoint
		if c.outside {
			kept = v.kept
		}
		r := v.check(kept)
		named := slices.ContainsFunc(r.Faults, func(f chain.Fault) bool { return f.Booking == id(place) && f.Place == int64(place) })
		if len(r.Faults) == 0 || c.located && !named {
			t.Errorf("seed %d: %s at place %d: got %+v, want it found", seed, c.what, place, r.Faults)
		}
		v.goBack()
	}
	if r := v.check(v.kept); len(r.Faults) > 0 {
		t.Fatalf("got %+v of the journal as it was, want no fault", r)
	}
}

// TestFaultsAreFoundEachByItself bends two bookings and finds two.
func TestFaultsAreFoundEachByItself(t *testing.T) {
	v := newBooks(t)
	for _, place := range []int{5, 50} {
		v.do(`UPDATE journal SET account = 'mine' WHERE tx = $1 AND leg = 1`, id(place))
	}
	r := v.check(v.kept)
	if len(r.Faults) != 2 || r.Faults[0].Place != 5 || r.Faults[1].Place != 50 || r.Places != bookings {
		t.Errorf("got %+v, want the two bookings that were bent", r.Faults)
	}
}

// TestASignatureOfAnotherSaysNothing shows copies that the hub did not sign.
func TestASignatureOfAnotherSaysNothing(t *testing.T) {
	v := newBooks(t)
	forged := v.kept[2]
	forged.No = bookings + 9
	r := v.check([]hub.Checkpoint{forged})
	if len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Detail, "did not sign") {
		t.Errorf("got %+v, want only that nobody signed it", r.Faults)
	}
}

// unsigned is a long chain without a checkpoint.
type unsigned struct {
	hub.Chain
	places int
}

func (unsigned) Checkpoints(context.Context) ([]hub.Checkpoint, error) { return nil, nil }

func (u unsigned) EachChained(_ context.Context, _ int64, each func(hub.Chained, *hub.Recorded) error) error {
	last := hub.Chained{}
	for n := range u.places {
		r := hub.Recorded{Booking: hub.TransferBooking(fmt.Sprint(n), "settled", "", "x", "y", hub.Bani(1))}
		last = last.Follow(r)
		if err := each(last, &r); err != nil {
			return err
		}
	}
	return nil
}

func (unsigned) Unchained(context.Context, time.Duration) (int, []string, error) { return 3, nil, nil }

// TestALongChainIsSigned tells a chain whose checkpoints somebody dropped from one
// that is too young to have any.
func TestALongChainIsSigned(t *testing.T) {
	_, public := signer(t)
	for places, faults := range map[int]int{0: 0, 1500: 0, 2500: 1} {
		r, err := chain.Check(t.Context(), unsigned{places: places}, public, nil)
		if err != nil || len(r.Faults) != faults || r.Places != int64(places) || r.Signed != 0 || r.Waiting != 3 {
			t.Errorf("got %+v (%v) of %d places that nobody signed, want %d faults", r, err, places, faults)
		}
	}
}
