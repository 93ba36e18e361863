// Package people invents the inhabitants of Napoca-Test: persons, households
// and companies, the same for the same seed. A person is computed when asked
// for; what is kept in memory is a few bytes for each.
package people

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/dice"
)

// Kind tells a person from a company.
type Kind string

// The kinds of party.
const (
	Human   Kind = "person"
	Company Kind = "company"
)

// Person is one inhabitant or one company.
type Person struct {
	Index  int    // position in the registry, from 0
	ID     string // "p000001" for index 0
	Kind   Kind
	Given  string // empty for a company
	Family string // the whole name for a company
	CNP    string // 13 digits, serial 000; empty for a company
	CUI    string // digits without RO; empty for a person
	Login  string // "ana" for a named demo person, else the id
	House  int    // the household (or seat) the person belongs to
}

// Name is the name in natural order, given name first.
func (p Person) Name() string {
	if p.Kind == Company {
		return p.Family
	}
	return p.Given + " " + p.Family
}

// Official is the name as offices write it: upper case, family name first.
func (p Person) Official() string {
	return strings.ToUpper(strings.TrimSpace(p.Family + " " + p.Given))
}

// Code is the CNP, or the CUI of a company.
func (p Person) Code() string { return p.CNP + p.CUI }

// Named reports whether this is one of the demo people with a login of their
// own (ana, ion, maria, istvan), who owe something to every creditor.
func (p Person) Named() bool { return p.Index < named && demo[p.Index].login != "" }

// Registry holds everybody. It does not change after New.
type Registry struct {
	seed   int64
	slots  []uint32 // per person: which CNP; per company: no meaning
	houses []uint32 // per person
	firsts []uint32 // per household: its first person
	byCode map[uint64]uint32
}

// companies per thousand parties.
const companies = 80

// New invents n parties, at least twenty.
func New(seed int64, n int) *Registry {
	n = max(n, 20)
	r := &Registry{
		seed:   seed,
		slots:  make([]uint32, n),
		houses: make([]uint32, n),
		firsts: make([]uint32, 0, n*6/10),
		byCode: make(map[uint64]uint32, n),
	}
	r.settle(n)
	r.number(n)
	return r
}

// settle forms the households, in order of index.
func (r *Registry) settle(n int) {
	for i := 0; i < n; {
		house := len(r.firsts)
		r.firsts = append(r.firsts, uint32(i))
		for range min(r.members(house), n-i) {
			r.houses[i] = uint32(house)
			i++
		}
	}
}

// members is how many adults (or companies: one) live in a household.
func (r *Registry) members(house int) int {
	if house < len(demoHouses) {
		return demoHouses[house]
	}
	d := dice.New(r.seed, "household", house)
	if r.seat(house) {
		return 1
	}
	switch roll := d.Intn(100); {
	case roll < 30:
		return 1
	case roll < 65:
		return 2
	case roll < 85:
		return 3
	default:
		return 4
	}
}

// seat reports whether the household is a company's seat. A household has 2.2
// people on average, so seats are more frequent among households.
func (r *Registry) seat(house int) bool {
	if house < len(demoHouses) {
		return false
	}
	d := dice.New(r.seed, "seat", house)
	return d.Intn(100_000) < companies*100_000*22/10/(1000-companies+companies*22/10)
}

// number gives everybody a CNP or CUI no other has. Slots are a permutation of
// (sex, birth date, county), so no table of used codes is needed.
func (r *Registry) number(n int) {
	space := uint64(birthDays) * 2 * uint64(1+n/30_000)
	step := uint64(7_368_787) // a prime that divides no space we use
	at := uint64(dice.New(r.seed, "codes").Peek()) % space
	taken := demoSlots()
	for i := range n {
		at = (at + step) % space
		for taken[slotCode(uint32(at))] {
			at = (at + step) % space
		}
		r.slots[i] = uint32(at)
		code, _ := strconv.ParseUint(r.code(i), 10, 64)
		r.byCode[code] = uint32(i)
	}
}

// code is the CNP or CUI of a party, without the rest of it.
func (r *Registry) code(i int) string {
	if i < named {
		return demo[i].cnp
	}
	if r.seat(int(r.houses[i])) {
		return CUI(990_000_000 + i) // longer than any CUI given so far
	}
	return slotCode(r.slots[i])
}

const birthDays = 26_000 // from 1936 to early 2007: adults

// slotCode spells a slot as a CNP: two sexes per day, days per county.
func slotCode(slot uint32) string {
	sex := int(slot % 2)
	birth := calendar.Date(1936, time.January, 1) + calendar.Day(slot/2%birthDays)
	county := int(slot / 2 / birthDays)
	switch { // Cluj first, then the others in order
	case county == 0:
		county = 12
	case county >= 12:
		county++
	}
	s := 1 + sex
	if birth.Year() >= 2000 {
		s += 4
	}
	return CNP(s, birth, county)
}

// Len is the number of parties.
func (r *Registry) Len() int { return len(r.slots) }

// Houses is the number of households and seats.
func (r *Registry) Houses() int { return len(r.firsts) }

// Seed is the seed the registry was made from.
func (r *Registry) Seed() int64 { return r.seed }

// Person returns the party with that index; it panics outside [0, Len).
func (r *Registry) Person(i int) Person {
	p := Person{Index: i, ID: fmt.Sprintf("p%06d", i+1), Kind: Human, House: int(r.houses[i])}
	p.Login = p.ID
	d := dice.New(r.seed, "name", i)
	switch {
	case i < named:
		p.Given, p.Family, p.CNP = demo[i].given, demo[i].family, demo[i].cnp
		if p.Named() {
			p.Login = demo[i].login
		}
		return p
	case r.seat(p.House):
		p.Kind, p.CUI = Company, r.code(i)
		p.Family = pick(&d, trades) + " " + strconv.Itoa(i%97+1) + " " + pick(&d, companyForms)
		return p
	}
	p.CNP = r.code(i)
	woman := r.slots[i]%2 == 1
	family := dice.New(r.seed, "family", p.House)
	if family.Chance(140) {
		p.Family, p.Given = pick(&family, hungarianFamilies), pick(&d, either(woman, hungarianWomen, hungarianMen))
	} else {
		p.Family, p.Given = pick(&family, romanianFamilies), pick(&d, either(woman, romanianWomen, romanianMen))
	}
	return p
}

// ByID finds a party by "p000001" or by the login of a demo person.
func (r *Registry) ByID(id string) (Person, bool) {
	for i := range named {
		if id != "" && demo[i].login == id {
			return r.Person(i), true
		}
	}
	number, ok := strings.CutPrefix(id, "p")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || len(id) < 7 || n < 1 || n > r.Len() {
		return Person{}, false
	}
	return r.Person(n - 1), true
}

// ByCode finds a party by CNP or CUI, digits only.
func (r *Registry) ByCode(code string) (index int, ok bool) {
	n, err := strconv.ParseUint(code, 10, 64)
	if err != nil || len(code) < 10 {
		return 0, false
	}
	i, ok := r.byCode[n]
	return int(i), ok
}

func pick(d *dice.Dice, from []string) string { return from[d.Intn(len(from))] }

func either(yes bool, a, b []string) []string {
	if yes {
		return a
	}
	return b
}
