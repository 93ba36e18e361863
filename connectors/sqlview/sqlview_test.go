package sqlview_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"racord/connectors"
	"racord/connectors/sqlview"
	"racord/hub"
)

func TestARowBecomesADebt(t *testing.T) {
	company := inFile(t)
	company.owes("00001207", "SL 0740000010", "56.85", "36.85", "0.42")
	calls := &caller{}
	answer, err := open(t, calls.env(company.dsn), manifest(t)).Source.Obligations(context.Background(), asked("00001207"))
	if err != nil {
		t.Fatal(err)
	}
	want := hub.Answer{AsOf: noon, Obligations: []hub.Obligation{{
		ID: hub.NewObligationID("waste", "SL 0740000010"), ExternalID: "SL 0740000010", Kind: "waste.bill", Account: "00001207",
		Debtor: "MUREȘAN IOAN", Subject: &hub.Subject{Type: "home", Label: "STR. FÎNTÎNII 5"},
		Reference:  &hub.Reference{Invoice: "SL 0740000010"},
		Period:     &hub.Period{From: "2026-02-01", To: "2026-02-28", Label: "02.2026"},
		Components: []hub.Component{{Type: "principal", Amount: hub.Bani(5685)}, {Type: "penalty", Amount: hub.Bani(42)}},
		Total:      hub.Bani(5727), Paid: hub.Bani(2000), Outstanding: hub.Bani(3727),
		Installments: []hub.Installment{{No: 1, DueOn: "2026-03-16", Amount: hub.Bani(5727), Outstanding: hub.Bani(3727)}},
		Options: []hub.PaymentOption{{ID: "full", Kind: "full", Amount: hub.Bani(3727), Transfers: []hub.Transfer{
			{Seq: 1, AccountID: "main", IBAN: "RO55SBXB0000999900000004", Amount: hub.Bani(3727)},
		}}},
		Status: hub.StatusPartiallyPaid, HubState: hub.HubNone,
	}}}
	answer.Loan = nil
	if d := cmp.Diff(want, answer); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := calls.turns.Load(); got != 1 {
		t.Errorf("got %d turns taken, want 1", got)
	}
}

func TestWhatAViewCanSay(t *testing.T) {
	const known = "00001207"
	for name, tc := range map[string]struct {
		make    func(company)
		want    hub.Code
		due     int64
		refused int
		says    string
	}{
		"nothing is owed":    {func(c company) { c.owes(known, "SL 1", "18.95", "0.00", "0.00") }, "", 0, 0, ""},
		"two bills":          {func(c company) { c.owes(known, "SL 1", "1", "1", "0"); c.owes(known, "SL 2", "2.5", "2.5", "0.05") }, "", 355, 0, ""},
		"a credit":           {func(c company) { c.owes(known, "SL 1", "-18.95", "-18.95", "0") }, "", 0, 0, ""},
		"not known here":     {func(c company) { c.owes("00001218", "SL 1", "18.95", "18.95", "0.00") }, hub.CodeNotFound, 0, 0, ""},
		"a shorter code":     {func(c company) { c.owes("000012070", "SL 1", "18.95", "18.95", "0.00") }, hub.CodeNotFound, 0, 0, ""},
		"an amount of three": {func(c company) { c.owes(known, "SL 1", "1", "1", "0"); c.owes(known, "SL 2", "1.234", "1.234", "0") }, "", 100, 1, ""},
		"an empty amount": {func(c company) {
			c.owes(known, "SL 1", "1", "1", "0")
			c.do(`INSERT INTO solduri SELECT cod_client, nume, adresa, luna_an, 'SL 2', valoare, NULL, penal, scadenta FROM solduri`)
		}, "", 100, 1, ""},
		"the same bill twice": {func(c company) { c.owes(known, "SL 1", "1", "1", "0"); c.owes(known, "SL 1", "1", "1", "0") }, "", 100, 1, ""},
		"a renamed column": {func(c company) {
			c.do(`DROP VIEW v_solduri`)
			c.do(`CREATE VIEW v_solduri AS SELECT cod_client, nume, adresa, luna_an, nr_fact, valoare, sold AS sold_curent, penal, scadenta FROM solduri`)
		}, hub.CodeBadData, 0, 0, "the view has no column sold any more"},
		"no view": {func(c company) { c.do(`DROP VIEW v_solduri`) }, hub.CodeUnavailable, 0, 0, ""},
		"far too many rows": {func(c company) {
			c.owes(known, "SL 1", "1", "1", "0")
			c.do(`DROP VIEW v_solduri`)
			c.do(`CREATE VIEW v_solduri AS SELECT solduri.* FROM solduri CROSS JOIN (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n)`)
		}, hub.CodeBadData, 0, 0, "more than 500 rows"},
		"letters that are none": {func(c company) {
			c.owes(known, "SL 1", "1", "1", "0")
			c.do(`UPDATE solduri SET nume = CAST(X'4D5552455341CE20' AS TEXT)`)
		}, "", 100, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			company := inFile(t)
			tc.make(company)
			answer, err := open(t, new(caller).env(company.dsn), manifest(t)).Source.Obligations(context.Background(), asked(known))
			if got := hub.CodeOf(err); got != tc.want || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v, want %q with %q", err, tc.want, tc.says)
			}
			if got := hub.Due(answer.Obligations); got != tc.due || len(answer.Refused) != tc.refused {
				t.Errorf("got %d bani and %v refused, want %d and %d", got, answer.Refused, tc.due, tc.refused)
			}
		})
	}
}

func TestWhatIsNotQuiteTheCode(t *testing.T) {
	company := inFile(t)
	company.owes("ABC", "SL 1", "18.95", "18.95", "0.00")
	company.do(`DROP VIEW v_solduri`)
	company.do(`CREATE VIEW v_solduri AS SELECT replace(cod_client, 'XYZ', 'abc') COLLATE NOCASE AS cod_client,
		nume, adresa, luna_an, nr_fact, valoare, sold, penal, scadenta FROM solduri`)
	source := open(t, new(caller).env(company.dsn), manifest(t)).Source
	for code, want := range map[string]hub.Code{"ABC": "", "abc": hub.CodeNotFound, "ABC ": hub.CodeNotFound} {
		if _, err := source.Obligations(context.Background(), asked(code)); hub.CodeOf(err) != want {
			t.Errorf("%q: got %v, want %q", code, err, want)
		}
	}
}

func TestAColumnOfNumbersKnowsNoZeros(t *testing.T) {
	company := inFile(t)
	company.owes("00001207", "SL 1", "18.95", "18.95", "0.00")
	company.do(`DROP VIEW v_solduri`)
	company.do(`CREATE VIEW v_solduri AS SELECT CAST(cod_client AS INTEGER) AS cod_client,
		nume, adresa, luna_an, nr_fact, valoare, sold, penal, scadenta FROM solduri`)
	source := open(t, new(caller).env(company.dsn), manifest(t)).Source
	for code, want := range map[string]hub.Code{"1207": "", "00001207": hub.CodeNotFound, "1208": hub.CodeNotFound} {
		if _, err := source.Obligations(context.Background(), asked(code)); hub.CodeOf(err) != want {
			t.Errorf("%q: got %v, want %q", code, err, want)
		}
	}
}

func TestAViewOfDebtsKnowsWhoOwesNothing(t *testing.T) {
	company := inFile(t)
	company.owes("00001218", "SL 1", "18.95", "18.95", "0.00")
	source := open(t, new(caller).env(company.dsn), manifest(t, "  fetch: [by_account]", "  lists: debts\n  fetch: [by_account]")).Source
	answer, err := source.Obligations(context.Background(), asked("00001207"))
	if err != nil || len(answer.Obligations) != 0 || answer.AsOf.IsZero() {
		t.Errorf("got %+v, %v, want nothing due", answer, err)
	}
}

func TestAQuestionIsNeverPartOfTheQuery(t *testing.T) {
	company := inFile(t)
	company.owes("00001207", "SL 1", "18.95", "18.95", "0.00")
	source := open(t, new(caller).env(company.dsn), manifest(t)).Source
	for _, code := range []string{`' OR 1=1 --`, `x'; DROP VIEW v_solduri; --`, "%", "00001207\x00"} {
		if _, err := source.Obligations(context.Background(), asked(code)); hub.CodeOf(err) != hub.CodeNotFound {
			t.Errorf("%q: got %v, want not_found", code, err)
		}
	}
	if _, err := source.Obligations(context.Background(), asked("00001207")); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestALockedFileIsNotWaitedForTooLong(t *testing.T) {
	company := inFile(t)
	company.owes("00001207", "SL 1", "18.95", "18.95", "0.00")
	conn, err := company.db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(context.Background(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	source := open(t, new(caller).env(company.dsn), manifest(t, "timeout: 1500ms", "timeout: 300ms")).Source
	if _, err := source.Obligations(context.Background(), asked("00001207")); hub.CodeOf(err) != hub.CodeTimeout {
		t.Errorf("got %v, want timeout", err)
	}
}

func TestAViewThatComputesForEverIsLeft(t *testing.T) {
	company := inFile(t)
	company.do(`DROP VIEW v_solduri`)
	company.do(`CREATE VIEW v_solduri AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
		SELECT '1' AS cod_client, max(i) AS nume, '' AS adresa, '' AS luna_an, '' AS nr_fact, '' AS valoare, '' AS sold, '' AS penal, '' AS scadenta FROM n`)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := open(t, new(caller).env(company.dsn), manifest(t)).Source.Obligations(ctx, asked("1"))
	if hub.CodeOf(err) != hub.CodeTimeout {
		t.Errorf("got %v, want timeout", err)
	}
}

func TestPingNamesALostColumn(t *testing.T) {
	company := inFile(t)
	probe := open(t, new(caller).env(company.dsn), manifest(t)).Probe
	if err := probe.Ping(context.Background()); err != nil {
		t.Fatalf("got %v, want nil", err)
	}
	company.do(`DROP VIEW v_solduri`)
	company.do(`CREATE VIEW v_solduri AS SELECT cod_client, nume, adresa, luna_an, nr_fact, valoare, sold, scadenta FROM solduri`)
	if err := probe.Ping(context.Background()); hub.CodeOf(err) != hub.CodeBadData || !strings.Contains(err.Error(), "no column penal") {
		t.Errorf("got %v, want bad_data that names penal", err)
	}
}

func TestTheFileIsOnlyRead(t *testing.T) {
	company := inFile(t)
	if err := os.Chmod(company.dsn, 0o400); err != nil {
		t.Fatal(err)
	}
	company.dsn = company.dsn + "-missing"
	_, err := open(t, new(caller).env(company.dsn), manifest(t)).Source.Obligations(context.Background(), asked("1"))
	if hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("got %v, want unavailable", err)
	}
	if _, err := os.Stat(company.dsn); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file that was missing was made: %v", err)
	}
}

func TestSecretsThatNameNoDatabaseWeMayRead(t *testing.T) {
	for name, tc := range map[string]struct {
		dsn   string
		files bool
		want  hub.Code
	}{
		"a file of this machine, not ours":   {"/etc/passwd", false, hub.CodeUnsupported},
		"no password, host or base":          {"postgres://", true, hub.CodeInvalid},
		"a host of this process's own world": {"postgres:///base", true, hub.CodeInvalid},
		"not a URL":                          {"postgres://user:pass word@h/%zz", true, hub.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			env := new(caller).env(tc.dsn)
			env.LocalFiles = tc.files
			_, err := open(t, env, manifest(t)).Source.Obligations(context.Background(), asked("1"))
			if got := hub.CodeOf(err); got != tc.want || strings.Contains(fmt.Sprint(err), "pass word") {
				t.Errorf("got %v, want %s and no password", err, tc.want)
			}
		})
	}
}

func TestManifestsThatCannotWork(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want string }{
		"a view that is a query":   {"view: v_solduri", `view: "v_solduri; DROP TABLE x"`, "settings.view: not a name"},
		"a column that is a query": {"columns: [cod_client,", `columns: ['x" FROM y --', cod_client,`, "settings.columns: every column is a name"},
		"a key that is not read":   {"column: cod_client", "column: cod", "settings.key.column: not among columns"},
	} {
		t.Run(name, func(t *testing.T) {
			text := manifestText(t)
			_, err := connectors.NewCatalog(sqlview.Kind).Parse("waste.yaml", []byte(strings.Replace(text, tc.from, tc.to, 1)))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// BenchmarkQuery measures a question about one account of a file.
func BenchmarkQuery(b *testing.B) {
	company := inFile(b)
	company.do(`CREATE INDEX by_code ON solduri (cod_client)`)
	for i := range 2000 {
		company.owes(fmt.Sprintf("%08d", i/2), fmt.Sprintf("SL %d", i), "56.85", "36.85", "0.42")
	}
	source := open(b, new(caller).env(company.dsn), manifest(b)).Source
	began, n := time.Now(), 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		if _, err := source.Obligations(context.Background(), asked("00000500")); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "questions/s")
}
