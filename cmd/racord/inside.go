package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"racord/hub"
	"racord/hub/chain"
	"racord/hub/judge"
)

// inside is what the database shows by itself, and no payment does.
type inside struct {
	wrong       []judge.Finding
	chain       chain.Report
	quarantined int // connectors that answered about somebody else
}

// lookInside looks at the whole journal, its chain, and what rests in clear.
func lookInside(ctx context.Context, d *desk, kept []hub.Checkpoint) (seen inside, err error) {
	key, err := hub.SigningKey(d.master, hub.CheckpointKey)
	if err != nil {
		return seen, err
	}
	if seen.wrong, err = wholeJournal(ctx, d.store); err != nil {
		return seen, err
	}
	if seen.chain, err = chain.Check(ctx, d.store, key.Public().(ed25519.PublicKey), kept); err != nil {
		return seen, err
	}
	for _, f := range seen.chain.Faults {
		seen.wrong = append(seen.wrong, judge.Finding{Rule: "I12", Name: nameOf(f), Detail: f.Detail})
	}
	quarantined, err := d.store.Quarantined(ctx)
	if err != nil {
		return seen, err
	}
	seen.quarantined = len(quarantined)
	clear, err := inClear(ctx, d.store)
	seen.wrong = append(seen.wrong, clear...)
	return seen, err
}

func nameOf(f chain.Fault) string {
	if f.Booking != "" {
		return f.Booking
	}
	return fmt.Sprintf("place %d", f.Place)
}

// numbers are runs of digits.
var numbers = regexp.MustCompile(`[0-9]+`)

// inClear finds texts with a personal code, and tells where they are and not what
// they say.
func inClear(ctx context.Context, store hub.Clear) (found []judge.Finding, err error) {
	rows := map[string]int{}
	err = store.EachClear(ctx, func(table, column, text string) error {
		if slices.ContainsFunc(numbers.FindAllString(text, -1), hub.ValidCNP) {
			rows[table+"."+column]++
		}
		return nil
	})
	for _, place := range slices.Sorted(maps.Keys(rows)) {
		found = append(found, judge.Finding{Rule: "I14", Name: place, Detail: fmt.Sprintf("%d rows hold what reads as a personal code", rows[place])})
	}
	return found, err
}

// rulesOfAll are the invariants of money, and those of whose data is where.
func rulesOfAll() []judge.Rule {
	return append(judge.Rules(),
		judge.Rule{Name: "I13", Says: "no answer shows another citizen's record"},
		judge.Rule{Name: "I14", Says: "no personal code rests in clear"},
	)
}
