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
// A folder carries the versions of its groups at the time it was read: that of its
// party, and those of the codes and accounts of which it tells what others pay. A
// write, once it is committed, first moves the epoch and then the versions of the
// groups it concerns. So a folder read before the commit either finds the epoch
// moved and is not kept, or is kept under a version that has passed.
type index struct {
	folders *otter.Cache[hub.Login, *entry]
	seed    maphash.Seed
	epoch   atomic.Uint64
	groups  [1 << 17]atomic.Uint64 // versions, by the hash of a topic: so many that hardly two share one
}

// topic is what a write may be about: a party, or what a creditor can be asked.
type topic struct {
	party hub.PartyID
	asked hub.Asked
}

// topicsOf are those of which a folder tells something.
func topicsOf(f *hub.Folder) []topic {
	list := make([]topic, 0, 1+len(f.Party.Identifiers)+len(f.Links))
	list = append(list, topic{party: f.Party.ID})
	for _, id := range f.Party.Identifiers {
		list = append(list, topic{asked: hub.Asked{Identifier: id}})
	}
	for i := range f.Links {
		list = append(list, topic{asked: hub.Asked{Account: f.Links[i].Account}})
	}
	return list
}

// topicsOfPayment are those of the folders that tell of a payment.
func topicsOfPayment(p *hub.Payment) []topic {
	list := []topic{{party: p.Party}}
	for i := range p.Lines {
		for _, asked := range p.Lines[i].Sights() {
			list = append(list, topic{asked: asked})
		}
	}
	return list
}

type entry struct {
	folder  hub.Folder
	groups  []*atomic.Uint64
	version uint64
}

// now adds up the versions, which only grow: the sum is the same as long as all are.
func (e *entry) now() (sum uint64) {
	for _, group := range e.groups {
		sum += group.Load()
	}
	return sum
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
	const entry, identifier, link, mark = 400, 104, 208, 160
	bytes := entry + len(who.Issuer) + len(who.Subject) + len(f.Party.Name) +
		identifier*len(f.Party.Identifiers) + link*len(f.Links) + mark*len(f.Marks)
	return uint32(min(bytes, 1<<30))
}

func (x *index) group(t topic) *atomic.Uint64 {
	return &x.groups[maphash.Comparable(x.seed, t)%uint64(len(x.groups))]
}

// get gives a remembered folder that no write has outdated.
func (x *index) get(who hub.Login) (hub.Folder, bool) {
	e, ok := x.folders.GetIfPresent(who)
	if !ok || e.now() != e.version {
		return hub.Folder{}, false
	}
	return e.folder, true
}

// put remembers a folder that was read after epoch was seen.
func (x *index) put(who hub.Login, f hub.Folder, epoch uint64) {
	e := &entry{folder: f}
	for _, t := range topicsOf(&f) {
		e.groups = append(e.groups, x.group(t))
	}
	e.version = e.now()
	if x.epoch.Load() == epoch {
		x.folders.Set(who, e)
	}
}

// outdate forgets the folders that tell of what was written.
func (x *index) outdate(written ...topic) {
	x.epoch.Add(1)
	for _, t := range written {
		x.group(t).Add(1)
	}
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

// Renew keeps what the issuer says now of somebody who is known.
func (s *Store) Renew(ctx context.Context, who hub.Login, name string, ids []hub.Identifier) (bool, error) {
	folder, err := s.Folder(ctx, who)
	if err != nil {
		return false, err
	}
	defer s.index.outdate(topic{party: folder.Party.ID})
	return s.Store.Renew(ctx, who, name, ids)
}

// Link keeps a proved link.
func (s *Store) Link(ctx context.Context, l hub.Link) error {
	defer s.index.outdate(topic{party: l.Party}) // also after an error: it may have been committed
	return s.Store.Link(ctx, l)
}

// Unlink drops a link of the party.
func (s *Store) Unlink(ctx context.Context, party hub.PartyID, id hub.LinkID) error {
	defer s.index.outdate(topic{party: party})
	return s.Store.Unlink(ctx, party, id)
}

// OpenPayment stores a payment and what the views of all who see its debts show of
// it.
func (s *Store) OpenPayment(ctx context.Context, key hub.RequestKey, build func(hub.PaymentTx) (*hub.Payment, error)) (*hub.Payment, bool, error) {
	written := []topic{{party: key.Party}}
	defer func() { s.index.outdate(written...) }()
	return s.Store.OpenPayment(ctx, key, func(tx hub.PaymentTx) (*hub.Payment, error) {
		p, err := build(tx)
		if p != nil {
			written = topicsOfPayment(p)
		}
		return p, err
	})
}

// ChangePayment changes a payment and what the views of all who see its debts show
// of it.
func (s *Store) ChangePayment(ctx context.Context, id hub.PaymentID, under *hub.Lease, change func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error) {
	written := []topic(nil)
	defer func() { s.index.outdate(written...) }()
	return s.Store.ChangePayment(ctx, id, under, func(tx hub.PaymentTx, p *hub.Payment) error {
		err := change(tx, p)
		written = topicsOfPayment(p)
		return err
	})
}
