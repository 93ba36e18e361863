package people

import (
	"strconv"

	"racord/cmd/city/dice"
)

// House is a household and the place it lives in, or a company's seat.
type House struct {
	Index   int
	Members []int // indexes of persons; the first is the head
	Seat    bool  // of a company
	Flat    bool  // in a block of flats; else a house with a yard
	Area    int   // m²
	Zone    byte  // A, B or C
	Owners  []int // members who own the place, in equal shares
	Street  string
	Number  int
	Block   int // of a flat
	Door    int // of a flat
}

// House returns the household with that index; it panics outside [0, Houses).
func (r *Registry) House(h int) House {
	d := dice.New(r.seed, "house", h)
	first, end := int(r.firsts[h]), r.Len()
	if h+1 < len(r.firsts) {
		end = int(r.firsts[h+1])
	}
	house := House{Index: h, Seat: r.seat(h)}
	for i := first; i < end; i++ {
		house.Members = append(house.Members, i)
	}
	house.Flat = !house.Seat && (d.Chance(700) || h == 0)
	house.Area = d.Between(34, 96)
	if house.Seat {
		house.Area = d.Between(80, 600)
	}
	house.Zone = "AABBC"[d.Intn(5)]
	house.Street, house.Number = pick(&d, streets), d.Between(1, 140)
	house.Block, house.Door = d.Between(1, 20), d.Between(1, 60)
	house.Owners = house.Members[:r.owners(&d, house)]
	return house
}

// owners is how many members own the place. Of all flats 45 % have two owners
// and 6 % more; only larger households can, hence the higher rates here.
func (r *Registry) owners(d *dice.Dice, h House) int {
	n := len(h.Members)
	switch roll := d.Intn(100); {
	case h.Index == 0:
		return 2
	case n >= 3 && roll < 17:
		return n
	case n >= 2 && roll < 72:
		return 2
	default:
		return 1
	}
}

// Address is the place in one line, with correct diacritics.
func (h House) Address() string {
	at := h.Street + " " + strconv.Itoa(h.Number)
	if !h.Flat {
		return at
	}
	return at + " bl. " + strconv.Itoa(h.Block) + " ap. " + strconv.Itoa(h.Door)
}
