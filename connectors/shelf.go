package connectors

import "racord/hub"

// shelf is memory for what every record of an answer has, made for a batch of
// records at once. It can be cleared and used for the next answer.
type shelf[T any] struct{ room []T }

// take gives an empty list with room for n, of a batch of such lists.
func (s *shelf[T]) take(n, batch int) []T {
	from := len(s.room)
	if cap(s.room)-from < n {
		s.room, from = make([]T, 0, n*batch), 0 // what stands in the other stays there
	}
	s.room = s.room[:from+n]
	return s.room[from : from : from+n]
}

// add appends one to a list, which on the shelf has room for most.
func (s *shelf[T]) add(list []T, one T, most, batch int) []T {
	if list == nil {
		list = s.take(most, batch)
	}
	return append(list, one)
}

// one gives room for a single thing.
func (s *shelf[T]) one(batch int) *T { return &s.take(1, batch)[:1][0] }

// cleared gives the shelf empty; that of a rare giant is not kept.
func (s shelf[T]) cleared() shelf[T] {
	if cap(s.room) > mostShelved {
		return shelf[T]{}
	}
	clear(s.room)
	return shelf[T]{s.room[:0]}
}

// mostShelved is how many things of a kind are room for the next answer.
const mostShelved = 128

// shelves are the memory of the parts of obligations.
type shelves struct {
	subjects     shelf[hub.Subject]
	references   shelf[hub.Reference]
	periods      shelf[hub.Period]
	components   shelf[hub.Component]
	installments shelf[hub.Installment]
	options      shelf[hub.PaymentOption]
	transfers    shelf[hub.Transfer]
}

func (s *shelves) cleared() shelves {
	return shelves{
		s.subjects.cleared(), s.references.cleared(), s.periods.cleared(), s.components.cleared(),
		s.installments.cleared(), s.options.cleared(), s.transfers.cleared(),
	}
}
