package sqlite

import (
	"context"
	"fmt"

	"racord/hub"
)

// Limit lets the file grow by so many pages from now on; a negative number takes
// the limit away.
func (s *Store) Limit(ctx context.Context, pages int) error {
	size := 0
	if err := s.engine.write.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&size); err != nil {
		return err
	}
	most := size + pages
	if pages < 0 {
		most = 1 << 30
	}
	return s.engine.write.QueryRowContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, most)).Scan(&size)
}

// Index lets tests put events in an order that is rare by itself.
type Index struct{ x *index }

// NewIndex makes an empty index.
func NewIndex() Index { return Index{newIndex()} }

// Begin is what happens before a folder is read from the database.
func (i Index) Begin() (epoch uint64) { return i.x.epoch.Load() }

// Put is what happens after.
func (i Index) Put(who hub.Login, f hub.Folder, epoch uint64) { i.x.put(who, f, epoch) }

// Outdate is what happens after a write about a party was committed.
func (i Index) Outdate(party hub.PartyID) { i.x.outdate(topic{party: party}) }

// OutdatePayment is what happens after a payment was committed.
func (i Index) OutdatePayment(p *hub.Payment) { i.x.outdate(topicsOfPayment(p)...) }

// Get asks the index.
func (i Index) Get(who hub.Login) (hub.Folder, bool) { return i.x.get(who) }
