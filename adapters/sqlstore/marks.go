package sqlstore

import (
	"strings"

	"racord/hub"
)

// Of several lines of a party with one obligation the busiest says what the view
// shows: one that is being paid before one that was.
const (
	marksQuery = `
INSERT INTO marks (party, creditor, obligation, state, since, remains, covers)
SELECT party, creditor, obligation, hub, since, remains, covers FROM (
	SELECT party, creditor, obligation, hub, since, remains, covers, row_number() OVER (
		PARTITION BY creditor, obligation
		ORDER BY CASE hub WHEN 'settled' THEN 3 WHEN 'posted' THEN 2 ELSE 1 END, changed_at DESC, payment, no) AS place
	FROM lines
	WHERE party = $1 AND party <> '' AND hub <> 'none'
		AND (creditor, obligation) IN (SELECT creditor, obligation FROM lines WHERE payment = $2)) AS ranked
WHERE place = 1 AND EXISTS (SELECT 1 FROM parties WHERE id = $1)
ON CONFLICT (party, creditor, obligation) DO UPDATE SET state = excluded.state, since = excluded.since, remains = excluded.remains,
	covers = excluded.covers`
	unmarkQuery = `
DELETE FROM marks WHERE party = $1
	AND (creditor, obligation) IN (SELECT creditor, obligation FROM lines WHERE payment = $2)
	AND NOT EXISTS (
		SELECT 1 FROM lines l WHERE l.party = $1 AND l.party <> '' AND l.hub <> 'none'
			AND l.creditor = marks.creditor AND l.obligation = marks.obligation)`
)

// marks keeps what the paying party's view shows in step with the lines.
func (c *change) marks(p *hub.Payment, now rows) (batch []Statement) {
	if p.Party == "" {
		return nil
	}
	set, unset := false, false
	for no, is := range now.lines {
		if was := c.rows.lines[no]; was.hub != is.hub || was.since != is.since || was.remains != is.remains {
			set = true
			unset = unset || is.hub == hub.HubNone && was.hub != ""
		}
	}
	args := []any{string(p.Party), string(p.ID)}
	if unset {
		batch = append(batch, Statement{SQL: unmarkQuery, Args: args})
	}
	if set {
		batch = append(batch, Statement{SQL: marksQuery, Args: args})
	}
	return batch
}

// joined writes debts that a line covers beside its own into one column; listed reads
// them.
func joined(ids []hub.ObligationID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return strings.Join(texts, ",")
}

func listed(covers string) (ids []hub.ObligationID) {
	for id := range strings.SplitSeq(covers, ",") {
		if id != "" {
			ids = append(ids, hub.ObligationID(id))
		}
	}
	return ids
}
