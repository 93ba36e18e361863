package view_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"racord/hub"
)

// truth is what a creditor would say if it were asked and could answer.
type truth struct {
	mood string
	bani int64
}

var moods = []string{"well", "well", "well", "unknown", "down", "hang", "busy", "closed", "nonsense", "damaged", "draft", "damaged draft"}

func (tr truth) answer(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	switch tr.mood {
	case "well":
		return owes(tr.bani)(ctx, who)
	case "damaged", "draft", "damaged draft":
		a, err := owes(tr.bani)(ctx, who)
		if strings.HasPrefix(tr.mood, "damaged") {
			a.Refused = []hub.QualityEvent{{Code: "bad_amount"}}
		}
		a.Provisional = strings.HasSuffix(tr.mood, "draft")
		return a, err
	case "hang":
		return hangs(ctx, who)
	default:
		return fails(map[string]hub.Code{
			"unknown": hub.CodeNotFound, "down": hub.CodeUnavailable, "busy": hub.CodeBusy,
			"closed": hub.CodeMaintenance, "nonsense": hub.CodeBadData,
		}[tr.mood])(ctx, who)
	}
}

// Whatever creditors do, and however long it lasts: there is a page for each,
// what is not fresh is said, and a confirmed total holds nothing but amounts
// that their creditor gave within its fresh time.
func TestNothingIsOmittedInSilence(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var broken error
		synctest.Test(t, func(t *testing.T) { broken = randomYear(t, r) })
		if broken != nil {
			r.Fatal(broken)
		}
	})
}

// randomYear asks again and again while the creditors' moods change.
func randomYear(t *testing.T, r *rapid.T) error {
	names := []hub.Name{"tax", "fines", "water", "heat", "waste", "power"}
	script := answers{}
	given := map[hub.Name]map[int64]bool{}
	for _, name := range names {
		script[name] = owes(0)
		given[name] = map[int64]bool{0: true}
	}
	c := newCity(t, script)
	defer c.Close()
	for range rapid.IntRange(1, 12).Draw(r, "views") {
		for _, name := range names {
			tr := truth{rapid.SampledFrom(moods).Draw(r, "mood"), rapid.Int64Range(1, 1e6).Draw(r, "bani")}
			c.creditors[name].now(tr.answer)
			given[name][tr.bani] = true
		}
		if err := honest(c, names, given); err != nil {
			return err
		}
		time.Sleep(time.Duration(rapid.IntRange(0, 7200).Draw(r, "seconds")) * time.Second)
	}
	return nil
}

func honest(c *city, names []hub.Name, given map[hub.Name]map[int64]bool) error {
	v := c.view()
	if len(v.Pages) != len(names) {
		return fmt.Errorf("got %d pages, want %d", len(v.Pages), len(names))
	}
	said := map[hub.Name]bool{}
	for _, n := range v.NotCounted {
		said[n.Creditor] = true
	}
	confirmed, known, complete := int64(0), int64(0), true
	for _, p := range v.Pages {
		if !given[p.Creditor][p.Due] {
			return fmt.Errorf("%s: %d was never said", p.Creditor, p.Due)
		}
		known += p.Due
		switch p.State {
		case hub.PageFresh:
			confirmed += p.Due
		case hub.PageNotKnownHere:
		case hub.PageStale, hub.PageProvisional:
			complete = false
		default:
			complete = false
			if !said[p.Creditor] {
				return fmt.Errorf("%s is %s and not in not_counted", p.Creditor, p.State)
			}
		}
		if damaged := bytes.Contains(p.AppendJSON(nil), []byte(`"quality":[{"code":"bad_amount"`)); damaged && !said[p.Creditor] {
			return fmt.Errorf("%s left out a record and is not in not_counted", p.Creditor)
		}
		if p.State != hub.PageFresh && p.State != hub.PageNotKnownHere && p.Reason == "" {
			return fmt.Errorf("%s is %s without a reason", p.Creditor, p.State)
		}
	}
	if v.TotalConfirmed.Minor != confirmed || v.TotalLastKnown.Minor != known || v.Complete != complete {
		return fmt.Errorf("got %v %v %t, want %d %d %t", v.TotalConfirmed, v.TotalLastKnown, v.Complete, confirmed, known, complete)
	}
	return nil
}
