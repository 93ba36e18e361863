package einvoice_test

import (
	"context"
	"testing"

	"racord/cmd/city/town"
	"racord/hub"
)

func startTown(t testing.TB) *town.Town {
	t.Helper()
	city, err := town.Start(context.Background(), town.Config{Seed: 7, Size: "XS"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = city.Close() })
	return city
}

func TestTheCityTruth(t *testing.T) {
	city := startTown(t)
	calls := newCaller(t, city.Credentials())
	calls.env.Clock = hub.ClockFunc(city.Now)
	c := open(t, calls.env, manifest(t, city.URL()))
	asked4 := 0
	for _, p := range city.People() {
		for _, account := range p.Accounts["electricity"] {
			asked4++
			answer, err := c.Source.Obligations(context.Background(), asked(account.Code))
			if err != nil {
				t.Fatalf("%s: %v", p.ID, err)
			}
			compare(t, p.ID, answer, city.Truth(p.ID)["electricity"])
		}
	}
	if asked4 < 10 {
		t.Fatalf("got %d accounts, want more", asked4)
	}
	since, total := hub.Cursor(""), 0
	for {
		batch, err := c.Feed.Pull(context.Background(), since)
		if hub.CodeOf(err) == hub.CodeNotFound {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range batch.Records() {
			if err != nil || r.Refused != nil {
				t.Fatal(err, r.Refused)
			}
			total++
		}
		since = batch.Next()
		_ = batch.Close()
	}
	t.Log(total, since)
}

func compare(t *testing.T, who string, answer hub.Answer, truth []town.Debt) {
	t.Helper()
	if len(answer.Obligations) != len(truth) || len(answer.Refused) > 0 {
		t.Errorf("%s: got %d obligations and %v refused, want %d", who, len(answer.Obligations), answer.Refused, len(truth))
	}
	for _, debt := range truth {
		found := false
		for _, o := range answer.Obligations {
			if o.ExternalID == debt.ExternalID {
				found = true
				if o.Outstanding.Minor != debt.Outstanding || o.Kind != debt.Kind {
					t.Errorf("%s %s: got %v %s, want %d %s", who, debt.ExternalID, o.Outstanding, o.Kind, debt.Outstanding, debt.Kind)
				}
			}
		}
		if !found {
			t.Errorf("%s: %s is missing", who, debt.ExternalID)
		}
	}
}
