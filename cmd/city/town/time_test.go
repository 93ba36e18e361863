package town_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/town"
)

// at sets the city's clock to a local time.
func at(t *testing.T, city *town.Town, local string) {
	t.Helper()
	moment, err := time.ParseInLocation("2006-01-02 15:04", local, calendar.Bucharest)
	if err != nil {
		t.Fatal(err)
	}
	if err := city.SetClock(moment); err != nil {
		t.Fatal(err)
	}
}

func TestTaxOfficeOpeningHours(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	for local, want := range map[string]int{
		"2026-03-15 23:29": 0, "2026-03-15 23:30": 17, "2026-03-16 00:00": 17, "2026-03-16 04:29": 17, "2026-03-16 04:30": 0,
		"2027-01-01 12:00": 17, "2027-01-11 12:00": 17, "2027-01-12 12:00": 0,
	} {
		at(t, city, local)
		status, answer := taxes(t, city, "<d:CNP>2920229120001</d:CNP>")
		if status != http.StatusOK || answer.Code != want {
			t.Errorf("at %s: got status %d code %d, want 200 and %d", local, status, answer.Code, want)
		}
	}
}

func TestReducedFineEndsAfterTheFifteenthDay(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	for local, want := range map[string]string{ // communicated on 12 March
		"2026-03-12 00:00": "reduced full",
		"2026-03-27 23:59": "reduced full",
		"2026-03-28 00:00": "full",
	} {
		at(t, city, local)
		status, body := ask(t, "POST", city.URL()+"/fines/v1/debts/search", fineKey(city), `{"cnp":"2920229120001"}`)
		var answer fineAnswer
		if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || len(answer.Debts) == 0 {
			t.Fatalf("fines of ana: got status %d, %v", status, err)
		}
		var kinds []string
		for _, option := range answer.Debts[0].Options {
			kinds = append(kinds, option.Kind)
		}
		if got := strings.Join(kinds, " "); got != want {
			t.Errorf("at %s: got options %q, want %q", local, got, want)
		}
	}
}

func TestTaxesGrowOnTheFirstOfTheMonth(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	first := func() (total, late int64, bonus bool) {
		_, answer := taxes(t, city, "<d:CNP>1850415120007</d:CNP>")
		for _, c := range answer.Charges {
			if strings.HasPrefix(c.ID, "2026-07-01-") && strings.HasSuffix(c.ID, "-1") {
				return bani(t, c.Debit, ".", ","), bani(t, c.Late, ".", ","), len(answer.Bonus) > 0
			}
		}
		t.Fatal("ion's building tax: got no first instalment of 2026")
		return 0, 0, false
	}
	for _, step := range []struct {
		local  string
		months int64
		bonus  bool
	}{
		{"2026-03-31 23:00", 0, true}, {"2026-04-01 05:00", 1, false}, {"2026-04-30 12:00", 1, false}, {"2026-05-01 12:00", 2, false},
		{"2026-09-30 12:00", 6, false},
	} {
		at(t, city, step.local)
		principal, late, bonus := first()
		if want := (principal*step.months + 50) / 100; late != want || bonus != step.bonus {
			t.Errorf("on %s: got %d bani late and bonus %v, want %d and %v", step.local, late, bonus, want, step.bonus)
		}
	}
}

func TestHeatingFilesComeAtHalfPastFive(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	for local, want := range map[string]string{
		"2026-03-15 05:29": "20260311 20260312 20260313 20260314",
		"2026-03-15 05:30": "20260312 20260313 20260314 20260315",
	} {
		at(t, city, local)
		client, err := dialHeating(city)
		if err != nil {
			t.Fatal(err)
		}
		files, err := client.ReadDir("/out")
		if err != nil {
			t.Fatal(err)
		}
		_ = client.Close()
		days := map[string]int{}
		for _, f := range files {
			days[f.Name()[6:14]]++
		}
		for _, day := range strings.Fields(want) {
			if days[day] != 6 { // three branches, three markers
				t.Errorf("at %s: got %d files of %s, want 6", local, days[day], day)
			}
		}
		if len(days) != 4 {
			t.Errorf("at %s: got %d days, want 4", local, len(days))
		}
	}
}

func TestElectronicInvoicesComeADayLater(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	newest := func() string {
		with, after := bearer(t, city, "electricity"), "202604010000000"
		list := askJSON[struct{ Messages []struct{ Index string } }](t, "GET",
			fmt.Sprintf("%s/electricity/api/messages?after=%s&limit=1", city.URL(), after), with, "")
		if len(list.Messages) == 0 {
			return ""
		}
		return list.Messages[0].Index[:8]
	}
	for local, want := range map[string]string{"2026-04-02 05:59": "", "2026-04-02 06:00": "20260401"} {
		at(t, city, local)
		if got := newest(); got != want {
			t.Errorf("at %s: got a message of %q, want %q", local, got, want)
		}
	}
}

func TestWasteFollowsTheDate(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	rows := func() int {
		seen := books{}
		readWaste(t, city, seen)
		return len(seen["waste"]["00001207"])
	}
	before := rows()
	at(t, city, "2026-04-05 10:00") // another bill for ana, who pays after a hundred days
	if after := rows(); after != before+1 {
		t.Errorf("ana's bills in April: got %d, want %d", after, before+1)
	}
}
