package sqlview_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"racord/connectors"
	"racord/hub"
)

// till adds the table payments are inserted into.
func (c company) till() {
	c.t.Helper()
	c.do(`CREATE TABLE plati_import (id_extern varchar(64) PRIMARY KEY, cod_client char(12) NOT NULL, nr_fact char(16),
		suma numeric(12,2) NOT NULL CHECK (suma > 0), data_plata timestamp NOT NULL,
		prelucrat char(1) NOT NULL DEFAULT 'N', nr_chitanta varchar(20), motiv varchar(40), prelucrat_la timestamp)`)
	if _, role, ok := strings.Cut(c.dsn, "://"); ok {
		role, _, _ = strings.Cut(role, ":")
		c.do(`GRANT SELECT, INSERT (id_extern, cod_client, nr_fact, suma, data_plata) ON plati_import TO ` + role)
	}
}

func posted() hub.Posting {
	return hub.Posting{
		ID: "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1", Creditor: "waste", ExternalID: "SL 0740000010", Account: "00001207",
		Amount: hub.Bani(128_477), PaidAt: noon,
	}
}

func tell(t testing.TB, c *hub.Connector, p hub.Posting) (hub.Receipt, error) {
	t.Helper()
	receipts, err := c.Sink.Post(t.Context(), []hub.Posting{p})
	if err != nil {
		return hub.Receipt{}, err
	}
	return receipts[0], nil
}

func TestPaymentsAreRowsOfAFile(t *testing.T)    { paymentsAreRows(t, inFile(t)) }
func TestPaymentsAreInsertedOnce(t *testing.T)   { insertedOnce(t, inFile(t)) }
func TestRefusalsOfPaymentsOfAFile(t *testing.T) { refusedPayments(t, inFile(t)) }
func TestAnotherRowOfAFileInTheWay(t *testing.T) { anotherRowInTheWay(t, inFile(t)) }

func paymentsAreRows(t *testing.T, base company) {
	base.till()
	c := open(t, new(caller).env(base.dsn), manifest(t))
	p := posted()
	receipt, err := tell(t, c, p)
	if err != nil || receipt != (hub.Receipt{ID: p.ID, Number: string(p.ID), BookedAt: noon, Pending: true}) {
		t.Fatalf("got %+v, %v, want it taken", receipt, err)
	}
	var code, bill, amount, at string
	row := base.db.QueryRow(`SELECT trim(cod_client), trim(nr_fact), CAST(suma AS text), CAST(data_plata AS text) FROM plati_import`)
	if err := row.Scan(&code, &bill, &amount, &at); err != nil || code != "00001207" || bill != "SL 0740000010" || amount != "1284.77" || at != "2026-03-15 12:00:00" {
		t.Errorf("got %q %q %q %q (%v)", code, bill, amount, at, err)
	}
	if found, _, err := c.Finder.Find(t.Context(), p); found != hub.FoundNotVisible || err != nil {
		t.Errorf("got %q, %v, want not visible yet", found, err)
	}
	base.do(`UPDATE plati_import SET prelucrat = 'D', nr_chitanta = 'SI1', prelucrat_la = '2026-03-15 23:59:59'`)
	found, proof, err := c.Finder.Find(t.Context(), p)
	if found != hub.FoundBooked || proof.Number != "SI1" || err != nil {
		t.Errorf("got %q, %+v, %v, want booked as SI1", found, proof, err)
	}
	for day, want := range map[hub.Date]int{"2026-03-14": 0, "2026-03-15": 1, "2026-03-16": 0} {
		rows, err := c.Statement.Statement(t.Context(), day)
		if err != nil || len(rows) != want {
			t.Errorf("%s: got %+v, %v, want %d rows", day, rows, err, want)
		}
		if want == 1 && rows[0] != (hub.BookedPosting{ID: p.ID, ExternalID: "SL 0740000010", Number: "SI1", Amount: p.Amount}) {
			t.Errorf("got %+v", rows[0])
		}
	}
	other := p
	other.ID = "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:2"
	if found, _, err := c.Finder.Find(t.Context(), other); found != hub.FoundAbsent || err != nil {
		t.Errorf("got %q, %v, want absent", found, err)
	}
}

func insertedOnce(t *testing.T, base company) {
	base.till()
	c := open(t, new(caller).env(base.dsn), manifest(t))
	p := posted()
	for range 3 {
		if receipt, err := tell(t, c, p); err != nil || !receipt.Pending {
			t.Errorf("got %+v, %v, want it taken, and taken again", receipt, err)
		}
	}
	if n := base.count(); n != 1 {
		t.Errorf("got %d rows, want one", n)
	}
	base.do(`UPDATE plati_import SET prelucrat = 'D', nr_chitanta = 'SI1'`)
	if receipt, err := tell(t, c, p); err != nil || receipt.Number != "SI1" || receipt.Pending {
		t.Errorf("got %+v, %v, want the receipt given before", receipt, err)
	}
	changed := p
	changed.Amount = hub.Bani(1)
	if _, err := tell(t, c, changed); hub.CodeOf(err) != hub.CodeBadData || hub.Certainly(err) {
		t.Errorf("another amount under the same id: got %v, want bad data that says nothing", err)
	}
	base.do(`UPDATE plati_import SET prelucrat = 'R', nr_chitanta = NULL, motiv = 'DEJA ACHITAT'`)
	if _, err := tell(t, c, p); hub.CodeOf(err) != hub.CodeNotPayable || !hub.Certainly(err) {
		t.Errorf("refused in the batch: got %v, want not payable for certain", err)
	}
	if found, _, err := c.Finder.Find(t.Context(), p); found != hub.FoundRefused || err != nil {
		t.Errorf("got %q, %v, want refused", found, err)
	}
}

// anotherRowInTheWay sees that a row that the table does not take beside another one
// was certainly not inserted, and that the manifest says what that means.
func anotherRowInTheWay(t *testing.T, base company) {
	base.till()
	base.do(`CREATE UNIQUE INDEX o_plata ON plati_import (nr_fact, data_plata)`)
	first, second := posted(), posted()
	second.ID = "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:2"
	c := open(t, new(caller).env(base.dsn), manifest(t))
	if _, err := tell(t, c, first); err != nil {
		t.Fatal(err)
	}
	const errors = "    errors:\n"
	rule := errors + "      - {at: sqlstate, is: \"23505\", code: not_payable, certain: true}\n"
	for name, tc := range map[string]struct {
		manifest *connectors.Manifest
		want     hub.Code
	}{
		"no rule": {manifest(t), hub.CodeBadData},
		"a rule":  {manifest(t, errors, rule), hub.CodeNotPayable},
	} {
		c := open(t, new(caller).env(base.dsn), tc.manifest)
		if _, err := tell(t, c, second); hub.CodeOf(err) != tc.want || !hub.Certainly(err) {
			t.Errorf("%s: got %v (certain %t), want %s for certain", name, err, hub.Certainly(err), tc.want)
		}
		if receipt, err := tell(t, c, first); err != nil || !receipt.Pending || base.count() != 1 {
			t.Errorf("%s: got %+v, %v, want the one row that is there", name, receipt, err)
		}
	}
}

func (c company) count() (n int) {
	c.t.Helper()
	if err := c.db.QueryRow(`SELECT count(*) FROM plati_import`).Scan(&n); err != nil {
		c.t.Fatal(err)
	}
	return n
}

func refusedPayments(t *testing.T, base company) {
	base.till()
	c := open(t, new(caller).env(base.dsn), manifest(t))
	nobody := posted()
	nobody.Account = ""
	if _, err := tell(t, c, nobody); hub.CodeOf(err) != hub.CodeUnsupported || !hub.Certainly(err) {
		t.Errorf("without an account: got %v, want unsupported for certain", err)
	}
	base.do(`DROP TABLE plati_import`)
	if _, err := tell(t, c, posted()); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("without a table: got %v, want unavailable", err)
	}
	base.dsn = "postgres://reader:x@127.0.0.1:1/base?sslmode=disable"
	if _, err := tell(t, open(t, new(caller).env(base.dsn), manifest(t)), posted()); hub.CodeOf(err) != hub.CodeUnavailable || !hub.Certainly(err) {
		t.Errorf("without a server: got %v, want unavailable for certain", err)
	}
}

// severed hands an insert on and loses all that comes back.
type severed struct {
	net.Conn
	armed *atomic.Bool
	done  bool
}

func (s *severed) Write(b []byte) (int, error) {
	s.done = s.done || s.armed.Load() && bytes.Contains(b, []byte("INSERT"))
	return s.Conn.Write(b)
}

func (s *severed) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if s.done && bytes.Contains(b[:n], []byte("INSERT 0 1")) {
		_ = s.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

func aLostAnswer(t *testing.T) {
	base := onServer(t)
	base.till()
	var armed atomic.Bool
	armed.Store(true)
	env := new(caller).env(base.dsn)
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &severed{Conn: conn, armed: &armed}, err
	}
	c := open(t, env, manifest(t))
	p := posted()
	if _, err := tell(t, c, p); err == nil || hub.Certainly(err) {
		t.Errorf("got %v (certain %t), want a failure that says nothing", err, hub.Certainly(err))
	}
	if n := base.count(); n != 1 {
		t.Fatalf("got %d rows, want the one whose answer was lost", n)
	}
	armed.Store(false)
	if receipt, err := tell(t, c, p); err != nil || !receipt.Pending || base.count() != 1 {
		t.Errorf("got %+v, %v, want the row that was there", receipt, err)
	}
}

// onlyInserts sees that a role without rights is a certain refusal.
func onlyInserts(t *testing.T) {
	base := onServer(t)
	base.till()
	role, _, _ := strings.Cut(strings.TrimPrefix(base.dsn, "postgres://"), ":")
	base.do(`REVOKE ALL ON plati_import FROM ` + role)
	c := open(t, new(caller).env(base.dsn), manifest(t))
	if _, err := tell(t, c, posted()); hub.CodeOf(err) != hub.CodeAuth || !hub.Certainly(err) {
		t.Errorf("got %v (certain %t), want auth for certain", err, hub.Certainly(err))
	}
}
