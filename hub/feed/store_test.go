package feed_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"racord/hub"
)

// shelf is a hub.Snapshots in memory.
type shelf struct {
	mu        sync.Mutex
	next      int
	stages    map[hub.StageID]*staged
	published map[hub.Name]map[string]hub.SnapshotRow
	refused   map[hub.Name][]hub.SnapshotRow
	cursors   map[hub.Name]hub.Cursor
	asOf      map[hub.Name]time.Time
	biggest   int // rows in one Add
	failAdd   error
}

type staged struct {
	hub.HeldDelivery
	extent  hub.Extent
	rows    map[string]hub.SnapshotRow
	refused []hub.SnapshotRow
	held    bool
	last    time.Time // when something was added
}

func newShelf() *shelf {
	return &shelf{
		stages: map[hub.StageID]*staged{}, published: map[hub.Name]map[string]hub.SnapshotRow{}, refused: map[hub.Name][]hub.SnapshotRow{},
		cursors: map[hub.Name]hub.Cursor{}, asOf: map[hub.Name]time.Time{},
	}
}

var _ hub.Snapshots = (*shelf)(nil)

func (s *shelf) Stage(_ context.Context, creditor hub.Name, extent hub.Extent, asOf time.Time) (hub.StageID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.stages {
		if other.Creditor == creditor && !other.held {
			return "", hub.Errorf(hub.CodeConflict, "being staged")
		}
	}
	s.next++
	id := hub.StageID(fmt.Sprint("stage-", s.next))
	s.stages[id] = &staged{
		HeldDelivery: hub.HeldDelivery{Stage: id, Creditor: creditor, AsOf: asOf},
		extent:       extent, rows: map[string]hub.SnapshotRow{}, last: time.Now(),
	}
	return id, nil
}

func (s *shelf) Add(_ context.Context, id hub.StageID, rows []hub.SnapshotRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.stages[id]
	if at == nil || time.Since(at.last) >= time.Minute {
		return hub.Errorf(hub.CodeNotFound, "abandoned")
	}
	at.last, s.biggest = time.Now(), max(s.biggest, len(rows))
	for _, row := range rows {
		if row.Refused != nil {
			at.refused = append(at.refused, row)
			continue
		}
		at.rows[row.Obligation.ExternalID] = row
	}
	return s.failAdd
}

func sums(rows map[string]hub.SnapshotRow) (out hub.SnapshotSums) {
	accounts := map[string]bool{}
	for _, row := range rows {
		accounts[row.Account] = true
		out.Rows++
		out.Due += max(0, row.Obligation.Outstanding.Minor)
	}
	out.Accounts = int64(len(accounts))
	return out
}

func (s *shelf) Sums(_ context.Context, id hub.StageID) (hub.SnapshotSums, hub.SnapshotSums, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stages[id]
	return sums(st.rows), sums(s.published[st.Creditor]), nil
}

func (s *shelf) Publish(_ context.Context, id hub.StageID, next hub.Cursor) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursors[s.stages[id].Creditor] = next
	s.show(id)
	return 0, nil
}

func (s *shelf) show(id hub.StageID) {
	st := s.stages[id]
	if st.extent == hub.ExtentAll {
		st.refused = append(st.refused, s.doubted(st)...)
	}
	if st.extent == hub.ExtentAll || s.published[st.Creditor] == nil {
		s.published[st.Creditor], s.refused[st.Creditor] = map[string]hub.SnapshotRow{}, nil
	}
	maps.Copy(s.published[st.Creditor], st.rows)
	s.refused[st.Creditor] = append(s.refused[st.Creditor], st.refused...)
	if st.extent != hub.ExtentRows {
		s.asOf[st.Creditor] = st.AsOf
	}
	delete(s.stages, id)
}

// doubted says a refusal that may be anybody's to the accounts of which a row is gone.
func (s *shelf) doubted(st *staged) (rows []hub.SnapshotRow) {
	stray := slices.IndexFunc(st.refused, func(r hub.SnapshotRow) bool { return r.Account == "" })
	for external, row := range s.published[st.Creditor] {
		if _, there := st.rows[external]; stray >= 0 && !there {
			rows = append(rows, hub.SnapshotRow{Account: row.Account, Refused: st.refused[stray].Refused})
		}
	}
	return rows
}

func (s *shelf) Hold(_ context.Context, id hub.StageID, next hub.Cursor, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stages[id]
	st.held, st.Reason = true, reason
	s.cursors[st.Creditor] = next
	return nil
}

func (s *shelf) Discard(_ context.Context, id hub.StageID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stages, id)
	return nil
}

func (s *shelf) Held(context.Context) (all []hub.HeldDelivery, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.stages {
		if st.held {
			all = append(all, st.HeldDelivery)
		}
	}
	slices.SortFunc(all, func(a, b hub.HeldDelivery) int { return a.AsOf.Compare(b.AsOf) })
	return all, nil
}

func (s *shelf) Release(_ context.Context, id hub.StageID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.show(id)
	return nil
}

func (s *shelf) Cursor(_ context.Context, creditor hub.Name) (hub.Cursor, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, ok := s.cursors[creditor]
	if !ok {
		return "", time.Time{}, hub.Errorf(hub.CodeNotFound, "nothing yet")
	}
	return next, s.asOf[creditor], nil
}

func (s *shelf) Snapshot(_ context.Context, account hub.AccountRef) (hub.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, ok := s.published[account.Creditor]
	if !ok {
		return hub.Snapshot{}, hub.Errorf(hub.CodeNotFound, "nothing published")
	}
	out := hub.Snapshot{AsOf: s.asOf[account.Creditor]}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if rows[key].Account == account.Code {
			out.Obligations = append(out.Obligations, rows[key].Obligation)
		}
	}
	for _, row := range s.refused[account.Creditor] {
		switch row.Account {
		case account.Code:
			out.Refused = append(out.Refused, *row.Refused)
		case "":
			out.Stray = row.Refused
		}
	}
	return out, nil
}
