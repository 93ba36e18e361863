package connectors_test

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"racord/connectors"
	"racord/hub"
)

// iban makes a valid test account.
func iban(n int) string {
	for check := range 98 {
		if s := fmt.Sprintf("RO%02dSBXB%016d", check, n); hub.ValidIBAN(s) {
			return s
		}
	}
	panic("no check digits fit")
}

// withAccounts is the train's manifest with its accounts in a file.
func withAccounts(t *testing.T, file string, there bool) (*connectors.Manifest, error) {
	t.Helper()
	text := strings.Replace(train, "traits:", "accounts: associations.csv\ntraits:", 1)
	return connectors.NewCatalog(trainKind).Parse("rail.yaml", []byte(text), func(name string) ([]byte, error) {
		if name != "associations.csv" || !there {
			return nil, fs.ErrNotExist
		}
		return []byte(file), nil
	})
}

func TestALongListOfAccountsIsAFile(t *testing.T) {
	var file strings.Builder
	file.WriteString("\ufeffid;iban;beneficiary\r\n")
	for i := range 400 {
		fmt.Fprintf(&file, "hoa-%d; %s ;\"Asociația \"\"%d\"\"; Cluj\"\r\n", i, iban(i), i)
	}
	m, err := withAccounts(t, file.String(), true)
	if err != nil {
		t.Fatal(err)
	}
	want := hub.CreditorAccount{ID: "hoa-399", IBAN: iban(399), Beneficiary: `Asociația "399"; Cluj`}
	if got := m.Creditor.Accounts; len(got) != 400 || got[399] != want {
		t.Errorf("got %d accounts, the last %+v, want %+v", len(got), got[len(got)-1], want)
	}
	if m, err = withAccounts(t, "id,iban,beneficiary,revenue_code\na,"+iban(1)+",X,07.01.01\n", true); err != nil || m.Creditor.Accounts[0].RevenueCode != "07.01.01" {
		t.Errorf("with commas: got %v", err)
	}
}

func TestProblemsOfAccountsNameTheirLine(t *testing.T) {
	const head = "id;iban;beneficiary\n"
	row := func(id string, n int) string { return id + ";" + iban(n) + ";X\n" }
	for name, tc := range map[string]struct{ file, want string }{
		"no head":         {row("a", 1), "associations.csv:1: the first line must be id;iban;beneficiary;revenue_code"},
		"nothing":         {"", "associations.csv:1: the first line must be id;iban;beneficiary;revenue_code"},
		"a wrong digit":   {head + row("a", 1) + "b;RO00SBXB0000000000000002;X\n", `associations.csv:3: iban: "RO00SBXB0000000000000002" is not a Romanian IBAN: 24 characters that begin with RO and whose check digits fit (ISO 13616)`},
		"nobody's":        {head + "a;" + iban(1) + ";\n", "associations.csv:2: beneficiary: is missing"},
		"a cell too many": {head + "a;" + iban(1) + ";X;Y\n", "associations.csv:2: has 4 cells, not 3"},
		"one id twice":    {head + row("a", 1) + row("a", 2), `associations.csv:3: id: two accounts are called "a"`},
		"one IBAN twice":  {head + row("a", 1) + row("b", 1), "associations.csv:3: iban: stands twice"},
		"an open quote":   {head + "\"a;b\n", "associations.csv:2: not CSV: extraneous or missing \" in quoted-field"},
		"another charset": {head + "a;" + iban(1) + ";\xba\n", "associations.csv:1: not UTF-8"},
		"a huge file":     {head + strings.Repeat("x", 1<<20), "associations.csv:1: larger than 1024 KiB"},
		"too many":        {head + strings.Repeat(row("a", 1), 5001), "associations.csv:5002: more than 5000 accounts"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := withAccounts(t, tc.file, true)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %.300v\nwant %s", err, tc.want)
			}
		})
	}
	var problems connectors.Problems
	if _, err := withAccounts(t, "", false); !errors.As(err, &problems) || problems[0].Line != 5 || problems[0].Field != "accounts" {
		t.Errorf("a file that is not there: got %v", err)
	}
	for _, name := range []string{"../associations.csv", "/etc/passwd", "a.txt", strings.Repeat("a", 70) + ".csv"} {
		text := strings.Replace(train, "traits:", "accounts: "+name+"\ntraits:", 1)
		_, err := connectors.NewCatalog(trainKind).Parse("rail.yaml", []byte(text), func(string) ([]byte, error) { t.Errorf("%s was read", name); return nil, nil })
		if err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestFactsSayWhereAManifestLeads(t *testing.T) {
	got := parseTrain(t, train).Facts()
	want := hub.ManifestFacts{Kind: "train", Title: "Căi", Addresses: []string{"http://old/a", "http://old/b"}, Secrets: []string{"rail-key"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
