package sqlview_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/testserver"
	"racord/hub"
)

// onServer keeps the view in PostgreSQL, behind a role that may only read and
// has five connections.
func onServer(t *testing.T) company {
	t.Helper()
	admin := testserver.Postgres(t)
	db, err := sql.Open("pgx", admin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c := company{t, db, ""}
	c.do(`CREATE TABLE solduri (cod_client char(12), nume char(40), adresa char(60), luna_an char(7), nr_fact char(16),
		valoare numeric(12,2), sold numeric(12,2), penal numeric(12,2), scadenta date)`)
	c.do(`CREATE VIEW v_solduri AS SELECT * FROM solduri`)
	role := "reader_" + strings.ToLower(hub.NewID()[:8])
	c.do(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'x-1' CONNECTION LIMIT 5`)
	c.do(`GRANT SELECT ON v_solduri TO ` + role)
	t.Cleanup(func() { c.do(`DROP OWNED BY ` + role); c.do(`DROP ROLE ` + role) })
	location, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	location.User = url.UserPassword(role, "x-1")
	c.dsn = location.String()
	return c
}

// TestPostgres keeps one server for all its parts.
func TestPostgres(t *testing.T) {
	testserver.Postgres(t)
	t.Run("answers as the file does", answersAsTheFileDoes)
	t.Run("failures", failures)
	t.Run("five connections are enough", fiveConnections)
	t.Run("a call that waits gets its own connection", waiting)
	t.Run("a query that is cut off leaves nothing", aQueryCutOff)
	t.Run("connections that are kept", keptConnections)
	t.Run("connections end with their connector", connectionsEndWithTheirConnector)
	t.Run("answers without an end", answersWithoutAnEnd)
	t.Run("payments are rows", func(t *testing.T) { paymentsAreRows(t, onServer(t)) })
	t.Run("payments are inserted once", func(t *testing.T) { insertedOnce(t, onServer(t)) })
	t.Run("refusals of payments", func(t *testing.T) { refusedPayments(t, onServer(t)) })
	t.Run("another row in the way", func(t *testing.T) { anotherRowInTheWay(t, onServer(t)) })
	t.Run("a lost answer", aLostAnswer)
	t.Run("a role that may not insert", onlyInserts)
	t.Run("credentials that are changed", changedCredentials)
}

func answersAsTheFileDoes(t *testing.T) {
	server, file := onServer(t), inFile(t)
	for _, c := range []company{server, file} {
		c.owes("00001207", "SL 0740000010", "1284.77", "36.85", "0.42")
		c.owes("00001207", "SL 0740000020", "-18.95", "-18.95", "0.00")
	}
	var due [2]int64
	for i, c := range []company{server, file} {
		answer, err := open(t, new(caller).env(c.dsn), manifest(t)).Source.Obligations(context.Background(), asked("00001207"))
		if err != nil || len(answer.Obligations) != 2 || len(answer.Refused) != 0 {
			t.Fatalf("got %d obligations, %v refused, %v, want 2", len(answer.Obligations), answer.Refused, err)
		}
		due[i] = hub.Due(answer.Obligations)
	}
	if due[0] != 3727 || due[1] != 3727 {
		t.Errorf("got %v bani due, want 3727 from both", due)
	}
	if _, err := open(t, new(caller).env(server.dsn), manifest(t)).Source.Obligations(context.Background(), asked("1207")); hub.CodeOf(err) != hub.CodeNotFound {
		t.Errorf("another code: got %v, want not_found", err)
	}
}

// changedCredentials gives the reader other credentials under an open connector:
// the old secret is refused, the new one works at once, and whoever comes with the
// old one again, as calls with two secrets do, disturbs nobody. The server trusts
// this machine and looks at no password, so that the name changes too.
func changedCredentials(t *testing.T) {
	c := onServer(t)
	c.owes("00001207", "SL 0740000010", "1284.77", "36.85", "0.42")
	location, err := url.Parse(c.dsn)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{location.User.Username()}
	for _, end := range []string{"_2", "_3"} {
		name := names[0] + end
		c.do(`CREATE ROLE ` + name + ` NOLOGIN PASSWORD 'x-2' CONNECTION LIMIT 5`)
		c.do(`GRANT SELECT ON v_solduri TO ` + name)
		t.Cleanup(func() { c.do(`DROP OWNED BY ` + name); c.do(`DROP ROLE ` + name) })
		names = append(names, name)
	}
	secretOf := func(i int) hub.Secret {
		location.User = url.UserPassword(names[i], "x-2")
		return hub.NewSecret(location.String())
	}
	secret, failure := secretOf(0), error(nil)
	env := new(caller).env("")
	env.Secret = func(context.Context, string) (hub.Secret, error) { return secret, failure }
	source := open(t, env, manifest(t)).Source
	for i, step := range []struct {
		valid, used int
		failure     hub.Code // of reading the secret
		want        hub.Code
	}{
		{0, 0, "", ""}, {1, 0, "", hub.CodeAuth}, {1, 1, "", ""}, {1, 0, "", hub.CodeAuth}, {1, 1, "", ""},
		{2, 2, "", ""}, {2, 1, "", hub.CodeAuth}, {2, 0, "", hub.CodeAuth}, {2, 2, "", ""},
		{2, 2, hub.CodeUnavailable, ""}, {2, 2, hub.CodeAuth, hub.CodeAuth},
	} {
		for k, name := range names {
			c.do(`ALTER ROLE ` + name + map[bool]string{true: ` LOGIN`, false: ` NOLOGIN`}[k == step.valid])
		}
		if secret, failure = secretOf(step.used), nil; step.failure != "" {
			failure = hub.Errorf(step.failure, "no secrets")
		}
		answer, err := source.Obligations(t.Context(), asked("00001207"))
		if hub.CodeOf(err) != step.want || err == nil && len(answer.Obligations) != 1 {
			t.Errorf("step %d: got %d obligations, %v, want %q", i, len(answer.Obligations), err, step.want)
		}
	}
}

func failures(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(*company)
		want hub.Code
		says string
	}{
		"a renamed column":    {func(c *company) { c.do(`ALTER VIEW v_solduri RENAME COLUMN sold TO sold_curent`) }, hub.CodeBadData, "no column sold any more"},
		"no view":             {func(c *company) { c.do(`DROP VIEW v_solduri`) }, hub.CodeUnavailable, ""},
		"a role nobody knows": {func(c *company) { c.dsn = strings.Replace(c.dsn, "reader_", "writer_", 1) }, hub.CodeAuth, ""},
		"no right to read": {func(c *company) {
			c.do(`REVOKE SELECT ON v_solduri FROM PUBLIC`)
			c.do(`ALTER VIEW v_solduri RENAME TO other`)
			c.do(`CREATE VIEW v_solduri AS SELECT * FROM solduri`)
		}, hub.CodeAuth, ""},
		"no server":      {func(c *company) { c.dsn = "postgres://reader:x@127.0.0.1:1/base?sslmode=disable" }, hub.CodeUnavailable, ""},
		"a locked table": {func(c *company) { c.lock() }, hub.CodeTimeout, ""},
	} {
		t.Run(name, func(t *testing.T) {
			company := onServer(t)
			tc.make(&company)
			source := open(t, new(caller).env(company.dsn), manifest(t, "timeout: 1500ms", "timeout: 300ms")).Source
			_, err := source.Obligations(context.Background(), asked("00001207"))
			if got := hub.CodeOf(err); got != tc.want || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %s with %q", err, tc.want, tc.says)
			}
			if strings.Contains(err.Error(), "x-1") {
				t.Errorf("the error repeats the password: %v", err)
			}
		})
	}
}

// lock holds the table as long as the test runs.
func (c *company) lock() {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	conn, err := c.db.Conn(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, statement := range []string{"BEGIN", "LOCK TABLE solduri IN ACCESS EXCLUSIVE MODE"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			c.t.Fatal(err)
		}
	}
	c.t.Cleanup(func() { cancel(); _ = conn.Close() })
}

// A role with five connections serves any number of replicas, as long as their
// calls at once are no more: no connection outlives its query.
func fiveConnections(t *testing.T) {
	company := onServer(t)
	company.owes("00001207", "SL 1", "18.95", "18.95", "0.00")
	ask := func(source hub.Source) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if _, err := source.Obligations(ctx, asked("00001207")); err != nil {
			t.Errorf("got %v, want an answer", err)
		}
	}
	var replicas []hub.Source
	for range 8 {
		replicas = append(replicas, open(t, new(caller).env(company.dsn), manifest(t)).Source)
		ask(replicas[len(replicas)-1])
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 10 {
				ask(replicas[i%len(replicas)])
			}
		})
	}
	all.Wait()
}

// waiting asks more at once than is allowed; every caller leaves as soon as it
// has its answer.
func waiting(t *testing.T) {
	company := onServer(t)
	company.owes("00001207", "SL 1", "18.95", "18.95", "0.00")
	calls := &caller{}
	source := open(t, calls.env(company.dsn), manifest(t, "max_inflight: 4", "max_inflight: 2")).Source
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			if _, err := source.Obligations(ctx, asked("00001207")); err != nil {
				t.Errorf("got %v, want an answer", err)
			}
		})
	}
	all.Wait()
	if got := calls.dials.Load(); got != 40 {
		t.Errorf("got %d connections for 40 questions, want 40", got)
	}
}

// answersWithoutAnEnd lets the company's views give more than anybody's bills are:
// nothing of it is kept.
func answersWithoutAnEnd(t *testing.T) {
	const message, answer, day = "at most 1048576", "more than 8388608 bytes", "more than 67108864 bytes"
	base := onServer(t)
	role, _, _ := strings.Cut(strings.TrimPrefix(base.dsn, "postgres://"), ":")
	c := open(t, new(caller).env(base.dsn), manifest(t, "timeout: 1500ms", "timeout: 20s"))
	ask := map[string]func() (int, error){
		"bills": func() (int, error) {
			a, err := c.Source.Obligations(t.Context(), asked("1"))
			return len(a.Obligations), err
		},
		"find": func() (int, error) {
			_, _, err := c.Finder.Find(t.Context(), posted())
			return 0, err
		},
		"day": func() (int, error) {
			booked, err := c.Statement.Statement(t.Context(), "2026-03-15")
			return len(booked), err
		},
	}
	for _, tc := range []struct {
		call       string
		rows, size int // of one cell
		want       int
		says       string
	}{
		{"bills", 1, 1_000_000, 1, ""}, {"bills", 1, 1_100_000, 0, message}, {"bills", 7, 1_000_000, 7, ""}, {"bills", 9, 1_000_000, 0, answer},
		{"find", 1, 1_100_000, 0, message}, {"find", 9, 1_000_000, 0, answer},
		{"day", 9, 1_000_000, 9, ""}, {"day", 70, 1_000_000, 0, day}, {"day", 1, 1_100_000, 0, message},
	} {
		base.do(`DROP VIEW v_solduri`)
		base.do(fmt.Sprintf(`CREATE VIEW v_solduri AS SELECT CAST('1' AS char(12)) AS cod_client, '' AS nume, repeat('x', %d) AS adresa, '02.2026' AS luna_an,
			'SL ' || i AS nr_fact, '1.00' AS valoare, '1.00' AS sold, '0.00' AS penal, '2026-03-16' AS scadenta FROM generate_series(1, %d) AS i`, tc.size, tc.rows))
		base.do(`DROP VIEW IF EXISTS plati_import`)
		base.do(fmt.Sprintf(`CREATE VIEW plati_import AS SELECT CASE '%s' WHEN 'find' THEN '%s' ELSE 'hub:' || i END AS id_extern, 'SL 1' AS nr_fact, '1284.77' AS suma,
			repeat('x', %d) AS prelucrat, 'SI1' AS nr_chitanta, timestamp '2026-03-15 12:00' AS prelucrat_la FROM generate_series(1, %d) AS i`, tc.call, posted().ID, tc.size, tc.rows))
		base.do(`GRANT SELECT ON v_solduri, plati_import TO ` + role)
		got, err := ask[tc.call]()
		if tc.says == "" && (err != nil || got != tc.want) {
			t.Errorf("%s of %d × %d bytes: got %d, %v, want %d", tc.call, tc.rows, tc.size, got, err, tc.want)
		}
		if tc.says != "" && (hub.CodeOf(err) != hub.CodeBadData || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s of %d × %d bytes: got %d, %v, want bad_data with %q", tc.call, tc.rows, tc.size, got, err, tc.says)
		}
	}
}
