package sqlite

import (
	"context"
	"hash/maphash"
	"slices"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"racord/hub"
)

// indexBytes bounds the memory of the index, roughly.
const indexBytes = 64 << 20

// index remembers folders. That is right only because the process is alone:
// every write goes through this store and outdates what it changes.
//
// A folder carries the version of its party's group at the time it was read. A
// write, once it is committed, first moves the epoch and then the group's
// version. So a folder read before the commit either finds the epoch moved and
// is not kept, or is kept under a version that has passed.
type index struct {
	folders *otter.Cache[hub.Login, *entry]
	seed    maphash.Seed
	epoch   atomic.Uint64
	groups  [4096]atomic.Uint64 // versions, by the hash of the party
}

type entry struct {
	folder  hub.Folder
	group   *atomic.Uint64
	version uint64
}

func newIndex() *index {
	return &index{
		seed: maphash.MakeSeed(),
		folders: otter.Must(&otter.Options[hub.Login, *entry]{
			MaximumWeight: indexBytes,
			Weigher:       func(who hub.Login, e *entry) uint32 { return weight(who, &e.folder) },
		}),
	}
}

// weight guesses the bytes that a folder takes.
func weight(who hub.Login, f *hub.Folder) uint32 {
	const entry, identifier, link, mark = 400, 96, 200, 160
	bytes := entry + len(who.Issuer) + len(who.Subject) + len(f.Party.Name) +
		identifier*len(f.Party.Identifiers) + link*len(f.Links) + mark*len(f.Marks)
	return uint32(min(bytes, 1<<30))
}

func (x *index) group(party hub.PartyID) *atomic.Uint64 {
	return &x.groups[maphash.String(x.seed, string(party))%uint64(len(x.groups))]
}

// get gives a remembered folder that no write has outdated.
func (x *index) get(who hub.Login) (hub.Folder, bool) {
	e, ok := x.folders.GetIfPresent(who)
	if !ok || e.group.Load() != e.version {
		return hub.Folder{}, false
	}
	return e.folder, true
}

// put remembers a folder that was read after epoch was seen.
func (x *index) put(who hub.Login, f hub.Folder, epoch uint64) {
	e := &entry{folder: f, group: x.group(f.Party.ID)}
	e.version = e.group.Load()
	if x.epoch.Load() == epoch {
		x.folders.Set(who, e)
	}
}

// outdate forgets the party's folder after a write.
func (x *index) outdate(party hub.PartyID) {
	x.epoch.Add(1)
	x.group(party).Add(1)
}

// Folder answers from memory what was read before and not changed since. The
// slices are shared: they must not be written to.
func (s *Store) Folder(ctx context.Context, who hub.Login) (hub.Folder, error) {
	if f, ok := s.index.get(who); ok {
		return f, nil
	}
	epoch := s.index.epoch.Load()
	f, err := s.Store.Folder(ctx, who)
	if err != nil {
		return hub.Folder{}, err
	}
	f.Party.Identifiers, f.Links, f.Marks = slices.Clip(f.Party.Identifiers), slices.Clip(f.Links), slices.Clip(f.Marks)
	s.index.put(who, f, epoch)
	return f, nil
}

// Link keeps a proved link.
func (s *Store) Link(ctx context.Context, l hub.Link) error {
	defer s.index.outdate(l.Party) // also after an error: it may have been committed
	return s.Store.Link(ctx, l)
}

// Unlink drops a link of the party.
func (s *Store) Unlink(ctx context.Context, party hub.PartyID, id hub.LinkID) error {
	defer s.index.outdate(party)
	return s.Store.Unlink(ctx, party, id)
}

// SetMark lays the hub's own knowledge over an obligation, or takes it off.
func (s *Store) SetMark(ctx context.Context, party hub.PartyID, m hub.Mark) error {
	defer s.index.outdate(party)
	return s.Store.SetMark(ctx, party, m)
}

// OpenPayment stores a payment and what its party's view shows of it.
func (s *Store) OpenPayment(ctx context.Context, key hub.RequestKey, build func(hub.PaymentTx) (*hub.Payment, error)) (*hub.Payment, bool, error) {
	defer s.index.outdate(key.Party)
	return s.Store.OpenPayment(ctx, key, build)
}

// ChangePayment changes a payment and what its party's view shows of it.
func (s *Store) ChangePayment(ctx context.Context, id hub.PaymentID, under *hub.Lease, change func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error) {
	party := hub.PartyID("")
	defer func() { s.index.outdate(party) }()
	return s.Store.ChangePayment(ctx, id, under, func(tx hub.PaymentTx, p *hub.Payment) error {
		party = p.Party
		return change(tx, p)
	})
}
