package main

import (
	"context"
	"maps"
	"slices"

	"racord/cmd/racord/witness"
	"racord/hub"
	"racord/hub/judge"
)

// readBooks holds the payments against the books of a simulated city: all of a
// provider's and a creditor's are read at once, after the payments. Those that
// changed meanwhile are read again, and then the books.
func (h *hearing) readBooks(ctx context.Context, city string, d *desk) (e judge.Evidence, err error) {
	var said judge.Evidence
	for range askAgain {
		said = judge.Evidence{}
		if err := cityBooks(ctx, city, d, &said); err != nil {
			return e, err
		}
		changed, err := h.changed(ctx)
		if err != nil {
			return e, err
		}
		if len(changed) == 0 {
			break
		}
	}
	e = h.evidence()
	return e, h.ofThese(ctx, &e, said)
}

// changed reads those payments again that are others than before. They are restless
// until the books were read after them.
func (h *hearing) changed(ctx context.Context) (ids []hub.PaymentID, err error) {
	for _, id := range slices.Sorted(maps.Keys(h.heard)) {
		p, err := h.store.Payment(ctx, id)
		if err != nil {
			return nil, err
		}
		t := h.heard[id]
		t.restless = false
		if h.knows(p) {
			continue
		}
		if t.dossier, err = h.store.Dossier(ctx, id); err != nil {
			return nil, err
		}
		t.restless, ids = true, append(ids, id)
	}
	return ids, nil
}

// ofThese takes from books what is of the payments that are judged, and what is of
// no payment of the hub's.
func (h *hearing) ofThese(ctx context.Context, e *judge.Evidence, said judge.Evidence) error {
	for _, o := range said.Orders {
		id, _, err := h.store.PaymentOfOrder(ctx, o.PSP, o.Number)
		if taken, err := h.takes(id, err); err != nil {
			return err
		} else if taken {
			e.Orders = append(e.Orders, o)
		}
	}
	for _, entry := range said.Entries {
		id, _, err := h.store.PaymentOfPosting(ctx, entry.Creditor, entry.ID)
		if taken, err := h.takes(id, err); err != nil {
			return err
		} else if taken {
			e.Entries = append(e.Entries, entry)
		}
	}
	return nil
}

// takes tells whether what is of the payment is judged; err says that it is of none.
func (h *hearing) takes(id hub.PaymentID, err error) (bool, error) {
	if hub.CodeOf(err) == hub.CodeNotFound {
		return true, nil
	}
	t := h.heard[id]
	return t != nil && !t.restless, err
}

// cityBooks reads the books of a simulated city.
func cityBooks(ctx context.Context, city string, d *desk, e *judge.Evidence) error {
	for _, psp := range d.psps {
		orders, err := witness.Orders(ctx, city, psp.Name)
		if err != nil {
			return err
		}
		e.Orders = append(e.Orders, orders...)
	}
	for _, c := range d.fleet {
		if c.Version > 0 {
			continue // a company's own: the city has no book of it
		}
		entries, err := witness.Entries(ctx, city, c.Creditor.Name)
		if err != nil {
			return err
		}
		e.Entries = append(e.Entries, entries...)
	}
	return nil
}
