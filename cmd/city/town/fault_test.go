package town_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
)

// meet switches a fault on for one test.
func meet(t *testing.T, city *town.Town, creditor string, f town.Fault) {
	t.Helper()
	if err := city.Fault(creditor, f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { city.ClearFaults(creditor) })
}

func TestTaxOfficeFaults(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	for kind, want := range map[gate.Kind]struct {
		status int
		part   string
	}{
		gate.RateLimited:  {500, "Server busy"},
		gate.Auth:         {500, "wsse:FailedAuthentication"},
		gate.Maintenance:  {200, "<CodEroare>17</CodEroare>"},
		gate.WrongCoding:  {200, `encoding="UTF-8"`},
		gate.WrongCitizen: {200, "<CNP>1900315120009</CNP>"},
		gate.LoginPage:    {200, "<form"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			meet(t, city, "ditl", town.Fault{Kind: kind})
			status, body := ask(t, "POST", city.URL()+"/ditl/ws", nil,
				fmt.Sprintf(taxQuery, "racord", "Ditl!Napoca&amp;Test", "<d:CNP>2920229120001</d:CNP>"))
			if status != want.status || !strings.Contains(string(body), want.part) {
				t.Errorf("got status %d and %.300q, want %d with %q", status, body, want.status, want.part)
			}
			if kind == gate.WrongCoding && !bytes.Contains(body, []byte("MURE\xaaAN")) {
				t.Error("wrong_encoding: got other bytes than windows-1250")
			}
		})
	}
}

func TestTaxOfficeBearsEightCalls(t *testing.T) {
	city := start(t, town.Config{Seed: 1, Size: "XS"})
	meet(t, city, "ditl", town.Fault{Kind: gate.Hang})
	body := fmt.Sprintf(taxQuery, "racord", "Ditl!Napoca&amp;Test", "<d:CNP>2920229120001</d:CNP>")
	ctx, cancel := context.WithCancel(context.Background())
	var waiting sync.WaitGroup
	for range 8 {
		waiting.Go(func() {
			request, _ := http.NewRequestWithContext(ctx, "POST", city.URL()+"/ditl/ws", strings.NewReader(body))
			if response, err := http.DefaultClient.Do(request); err == nil {
				_ = response.Body.Close()
			}
		})
	}
	for city.Counters()["ditl"].Inflight < 8 {
		time.Sleep(time.Millisecond)
	}
	status, answer := ask(t, "POST", city.URL()+"/ditl/ws", nil, body)
	if status != http.StatusInternalServerError || !strings.Contains(string(answer), "Server busy") {
		t.Errorf("ninth call: got status %d %s, want a fault that says busy", status, answer)
	}
	cancel()
	waiting.Wait()
	if c := city.Counters()["ditl"]; c.OverLimit != 1 || c.MaxInflight != 9 {
		t.Errorf("got %+v, want one call over the limit", c)
	}
}

func TestTaxOfficeRefusals(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	envelope := func(user, element string) string { return fmt.Sprintf(taxQuery, user, "Ditl!Napoca&amp;Test", element) }
	for name, tc := range map[string]struct {
		body   string
		status int
		part   string
	}{
		"a stranger":           {envelope("ion", "<d:CNP>2920229120001</d:CNP>"), 500, "FailedAuthentication"},
		"nobody of that code":  {envelope("racord", "<d:CNP>1850415120007x</d:CNP>"), 200, "<CodEroare>4</CodEroare>"},
		"nobody of that role":  {envelope("racord", "<d:Rol>000000001</d:Rol>"), 200, "<CodEroare>4</CodEroare>"},
		"neither code nor rol": {envelope("racord", ""), 200, "<CodEroare>2</CodEroare>"},
		"both":                 {envelope("racord", "<d:CNP>1</d:CNP><d:Rol>2</d:Rol>"), 200, "<CodEroare>2</CodEroare>"},
		"no XML":               {"{}", 500, "soap:Client"},
		"another operation":    {strings.ReplaceAll(envelope("racord", ""), "ListaDebite", "Altceva"), 500, "soap:Client"},
		"another namespace":    {strings.ReplaceAll(envelope("racord", ""), "ditl:v3", "ditl:v2"), 500, "soap:Client"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := ask(t, "POST", city.URL()+"/ditl/ws", nil, tc.body)
			if status != tc.status || !strings.Contains(string(body), tc.part) {
				t.Errorf("got status %d and %.300q, want %d with %q", status, body, tc.status, tc.part)
			}
		})
	}
}

func TestFinesRegisterRefusalsAndTags(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	url, ana := city.URL()+"/fines/v1/debts/search", `{"cnp":"2920229120001"}`
	for name, tc := range map[string]struct {
		header map[string]string
		body   string
		status int
	}{
		"no key":       {nil, ana, 401},
		"never fined":  {fineKey(city), `{"cnp":"5040229120004"}`, 404},
		"no code":      {fineKey(city), `{}`, 400},
		"a bad cursor": {fineKey(city), `{"cnp":"2920229120001","cursor":"x"}`, 400},
	} {
		if status, body := ask(t, "POST", url, tc.header, tc.body); status != tc.status {
			t.Errorf("%s: got status %d %s, want %d", name, status, body, tc.status)
		}
	}
	request, _ := http.NewRequest("POST", url, strings.NewReader(ana))
	request.Header.Set("X-Api-Key", city.Credentials()["fines-api-key"])
	first, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Body.Close()
	again := fineKey(city)
	again["If-None-Match"] = first.Header.Get("ETag")
	if status, body := ask(t, "POST", url, again, ana); status != http.StatusNotModified || len(body) > 0 {
		t.Errorf("the same tag: got status %d and %d bytes, want 304 and none", status, len(body))
	}
	payAll(t, city, "ana")
	if status, _ := ask(t, "POST", url, again, ana); status != http.StatusOK {
		t.Errorf("the tag after a payment: got status %d, want 200", status)
	}
}

func TestUtilitiesNeedATokenAndACode(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	token := bearer(t, city, "water")
	for name, tc := range map[string]struct {
		header map[string]string
		path   string
		status int
	}{
		"no token":                {nil, "/water/api/v2/accounts/0004411/invoices", 401},
		"another utility's token": {bearer(t, city, "electricity"), "/water/api/v2/accounts/0004411/invoices", 401},
		"zeros lost":              {token, "/water/api/v2/accounts/4411/invoices", 404},
		"a page too many":         {token, "/water/api/v2/accounts/0004411/invoices?page=99", 400},
		"right":                   {token, "/water/api/v2/accounts/0004411/invoices", 200},
	} {
		if status, body := ask(t, "GET", city.URL()+tc.path, tc.header, ""); status != tc.status {
			t.Errorf("%s: got status %d %s, want %d", name, status, body, tc.status)
		}
	}
	meet(t, city, "water", town.Fault{Kind: gate.Auth})
	status, _ := ask(t, "POST", city.URL()+"/water/oauth/token", map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		"grant_type=client_credentials&client_id=racord-water&client_secret="+city.Credentials()["water-client-secret"])
	if status != http.StatusUnauthorized {
		t.Errorf("auth fault at the token endpoint: got status %d, want 401", status)
	}
}

func TestHeatingFaults(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	client, err := dialHeating(city)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const today, yesterday = "2026-03-15", "2026-03-14"
	check := func(branch int) error {
		rows, err := sheetOf(client, today, branch)
		if err != nil {
			return err
		}
		sum := int64(0)
		for _, r := range rows[:len(rows)-1] {
			sum += bani(t, r[4], ".", ",")
		}
		if sum != bani(t, rows[len(rows)-1][4], ".", ",") {
			return errors.New("total differs")
		}
		return nil
	}
	same := func(a, b string) error {
		one, err1 := fetch(client, a)
		two, err2 := fetch(client, b)
		if err1 == nil && err2 == nil && bytes.Equal(one, two) {
			return errors.New("the same")
		}
		return errors.Join(err1, err2)
	}
	for kind, tc := range map[gate.Kind]struct {
		look func() error
		want string // part of the error
	}{
		gate.Late:       {func() error { return check(1) }, os.ErrNotExist.Error()},
		gate.Missing:    {func() error { return check(2) }, os.ErrNotExist.Error()},
		gate.Truncated:  {func() error { return check(1) }, "marker differs"},
		gate.BadMarker:  {func() error { return check(1) }, "marker differs"},
		gate.NoMarker:   {func() error { return check(1) }, "marker: file does not exist"},
		gate.WrongTotal: {func() error { return check(1) }, "total differs"},
		gate.Twice:      {func() error { return same("termo_20260315_01.csv", "termo_20260315_04.csv") }, "the same"},
		gate.Yesterday:  {func() error { return same("termo_20260315_01.csv", "termo_20260314_01.csv") }, "the same"},
		gate.LoginPage:  {func() error { return check(1) }, "no control line"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			if kind != gate.Twice { // which looks for a file that is not there without the fault
				if err := tc.look(); err != nil {
					t.Fatalf("before: got %v, want nil", err)
				}
			}
			meet(t, city, "heating", town.Fault{Kind: kind})
			if err := tc.look(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if _, err := sheetOf(client, yesterday, 1); err != nil {
				t.Errorf("yesterday's file: got %v, want it untouched", err)
			}
		})
	}
}

func TestHeatingCodePages(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	client, err := dialHeating(city)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for kind, letter := range map[gate.Kind]string{gate.CP852: "\xb8", gate.WrongCoding: "Ș"} { // Ș, Ş
		before, err := fetch(client, "termo_20260315_03.csv")
		if err != nil {
			t.Fatal(err)
		}
		meet(t, city, "heating", town.Fault{Kind: kind})
		after, err := fetch(client, "termo_20260315_03.csv")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(before, []byte(letter)) || !bytes.Contains(after, []byte(letter)) {
			t.Errorf("%s: got no letter %q that was not there before", kind, letter)
		}
		city.ClearFaults("heating")
	}
}

func TestHeatingServerFaults(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	for _, kind := range []gate.Kind{gate.Down, gate.Auth, gate.Hang} {
		t.Run(string(kind), func(t *testing.T) {
			meet(t, city, "heating", town.Fault{Kind: kind, Delay: 5 * time.Millisecond})
			client, err := dialHeating(city)
			if err == nil {
				_ = client.Close()
				t.Error("got a session, want none")
			}
		})
	}
	meet(t, city, "heating", town.Fault{Kind: gate.LostAnswer})
	client, err := dialHeating(city)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := fetch(client, "termo_20260315_01.csv"); err == nil {
		t.Error("lost_answer: got the file, want a cut connection")
	}
}

func TestHeatingFloodIsEndless(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	meet(t, city, "heating", town.Fault{Kind: gate.Huge})
	client, err := dialHeating(city)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	about, err := client.Stat("/out/termo_20260315_01.csv")
	if err != nil || about.Size() < 256<<20 {
		t.Fatalf("got %v, %v, want at least 256 MiB", about, err)
	}
	f, err := client.Open("/out/termo_20260315_01.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := io.CopyN(io.Discard, f, 1<<20); err != nil {
		t.Errorf("got %d bytes and %v, want a megabyte and more", n, err)
	}
}

func TestWasteFaults(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	db, err := sql.Open("sqlite", "file:"+city.WasteDSN()+"?mode=ro&_pragma=busy_timeout(20)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	look := func() (name string, err error) {
		err = db.QueryRowContext(context.Background(),
			`SELECT nume FROM v_solduri WHERE cod_client = '00001207    ' AND sold <> '0.00'`).Scan(&name)
		return name, err
	}
	for kind, want := range map[gate.Kind]string{
		gate.Down:      "no such table",
		gate.Malformed: "no such column: sold",
		gate.Hang:      "database is locked",
	} {
		t.Run(string(kind), func(t *testing.T) {
			meet(t, city, "waste", town.Fault{Kind: kind})
			if _, err := look(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
			city.ClearFaults("waste")
			if name, err := look(); err != nil || !strings.HasPrefix(name, "MUREȘAN ANA") {
				t.Errorf("after ClearFaults: got %q, %v, want the truth", name, err)
			}
		})
	}
	for kind, want := range map[gate.Kind]string{gate.WrongCitizen: "ȚÎRLEA", gate.WrongCoding: "MURE\xaa\xc2N"} {
		t.Run(string(kind), func(t *testing.T) {
			meet(t, city, "waste", town.Fault{Kind: kind})
			if name, err := look(); err != nil || !strings.HasPrefix(name, want) {
				t.Errorf("got %q, %v, want %q", name, err, want)
			}
		})
	}
}

func TestElectricityFaults(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	with := bearer(t, city, "electricity")
	count := func() int {
		return len(askJSON[struct{ Messages []struct{ Index string } }](t, "GET",
			city.URL()+"/electricity/api/messages?after=202603080000000&limit=500", with, "").Messages)
	}
	sum := func() string {
		return askJSON[balance](t, "POST", city.URL()+"/electricity/api/balance", with, `{"client_code":"1000003517"}`).Balance
	}
	few, right := count(), sum()
	meet(t, city, "electricity", town.Fault{Kind: gate.DuplicateXML})
	meet(t, city, "electricity", town.Fault{Kind: gate.BalanceDiffers})
	list := askJSON[struct{ Messages []struct{ Index string } }](t, "GET",
		city.URL()+"/electricity/api/messages?after=202603000000000&limit=2", with, "").Messages
	one, two := list[0].Index, list[1].Index
	_, first := ask(t, "GET", city.URL()+"/electricity/api/download/"+one, with, "")
	_, second := ask(t, "GET", city.URL()+"/electricity/api/download/"+two, with, "")
	if unpack(t, first, one) != unpack(t, second, two) || one == two {
		t.Errorf("duplicate_xml: got %s and %s with two invoices, want one under two indexes", one, two)
	}
	if many := count(); many < few+few/4 {
		t.Errorf("duplicate_xml: got %d messages, want a third more than %d", many, few)
	}
	if got, want := bani(t, sum(), "", "."), bani(t, right, "", ".")+1234; got != want {
		t.Errorf("balance_differs: got %d bani, want %d", got, want)
	}
}

// The supplier's bad habits are there without any fault.
func TestElectricityHabits(t *testing.T) {
	city := start(t, town.Config{Seed: 1, Size: "XS"})
	storno, noDue, all := 0, 0, 0
	for _, list := range invoices(t, city) {
		amounts := map[string]string{}
		for _, inv := range list {
			amounts[inv.ID] = inv.Payable
		}
		for _, inv := range list {
			all++
			if inv.Terms != "" {
				noDue++
			}
			if inv.Cancels != "" {
				storno++
				if inv.TypeCode != "380" || inv.Payable != "-"+amounts[inv.Cancels] {
					t.Errorf("storno %s: got type %s and %s, want 380 and the opposite of %s", inv.ID, inv.TypeCode, inv.Payable, amounts[inv.Cancels])
				}
			}
		}
	}
	if storno*1000/all < 5 || noDue*100/all < 1 {
		t.Errorf("of %d invoices: got %d stornos and %d without a due date, want some of each", all, storno, noDue)
	}
}
