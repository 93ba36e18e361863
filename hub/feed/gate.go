package feed

import (
	"fmt"

	"racord/hub"
)

// Gate says how far a delivery may differ from what is published before a
// person must look at it. The zero value of a field takes its default; a
// negative one switches the check off.
type Gate struct {
	AccountsLost float64 // share of accounts a full delivery may drop; default 0.05
	RowsLost     float64 // share of obligations a full delivery may drop; default 0.30
	SumFactor    float64 // how many times larger or smaller the sum due of a full delivery may be; default 3
	MeanFactor   float64 // likewise the mean due of an obligation, also of a part delivery; default 3
	Refused      float64 // share of records that may be refused; default 0.05
	Small        int64   // differences of at most so many accounts, obligations or records say nothing; default 20
}

func (g Gate) withDefaults() Gate {
	fill(&g.AccountsLost, 0.05)
	fill(&g.RowsLost, 0.30)
	fill(&g.SumFactor, 3)
	fill(&g.MeanFactor, 3)
	fill(&g.Refused, 0.05)
	if g.Small == 0 {
		g.Small = 20
	}
	return g
}

func fill(field *float64, value float64) {
	if *field == 0 {
		*field = value
	}
}

// weighed is a delivery on the scales.
type weighed struct {
	full              bool
	first             bool // nothing was published before
	records, refused  int64
	staged, published hub.SnapshotSums
}

// objection tells in words why a person must look at the delivery, or "".
func (g Gate) objection(w weighed) string {
	if reason := g.refusals(w); reason != "" {
		return reason
	}
	if w.first || w.published.Rows == 0 {
		return ""
	}
	if w.full {
		if reason := g.losses(w); reason != "" {
			return reason
		}
	}
	return g.mean(w)
}

func (g Gate) refusals(w weighed) string {
	if g.Refused < 0 || w.refused <= g.Small || float64(w.refused) <= g.Refused*float64(w.records) {
		return ""
	}
	return fmt.Sprintf("%d of %d records were refused", w.refused, w.records)
}

func (g Gate) losses(w weighed) string {
	if lost := w.published.Accounts - w.staged.Accounts; g.tooMany(lost, w.published.Accounts, g.AccountsLost) {
		return fmt.Sprintf("it drops %d of %d accounts", lost, w.published.Accounts)
	}
	if lost := w.published.Rows - w.staged.Rows; g.tooMany(lost, w.published.Rows, g.RowsLost) {
		return fmt.Sprintf("it drops %d of %d obligations", lost, w.published.Rows)
	}
	if w.published.Rows > g.Small && apart(float64(w.staged.Due), float64(w.published.Due), g.SumFactor) {
		return fmt.Sprintf("the sum due goes from %s to %s", hub.Bani(w.published.Due), hub.Bani(w.staged.Due))
	}
	return ""
}

func (g Gate) tooMany(lost, of int64, share float64) bool {
	return share >= 0 && lost > g.Small && float64(lost) > share*float64(of)
}

func (g Gate) mean(w weighed) string {
	if w.staged.Rows <= g.Small || w.published.Rows <= g.Small {
		return ""
	}
	now, before := perRow(w.staged), perRow(w.published)
	if !apart(now, before, g.MeanFactor) {
		return ""
	}
	return fmt.Sprintf("the mean obligation goes from %s to %s", hub.Bani(int64(before)), hub.Bani(int64(now)))
}

func perRow(s hub.SnapshotSums) float64 { return float64(s.Due) / float64(s.Rows) }

func apart(a, b, factor float64) bool {
	if factor < 0 || a == b {
		return false
	}
	return a > b*factor || b > a*factor
}
