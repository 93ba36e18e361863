package book

import (
	"fmt"
	"strconv"
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/dice"
	"racord/cmd/city/people"
)

// Role is a taxpayer's account at the tax office.
type Role struct {
	Number  string // 9 digits
	Code    string // CNP or CUI as registered: right, wrong or missing
	Holder  string // official name, correct diacritics
	Address string
	Charges []Charge
	Bonuses []Bonus
}

// Charge is one instalment of one tax on one thing.
type Charge struct {
	ID         string
	Revenue    string // revenue code, "07.01.01"
	Kind       string // tax.building, tax.land, tax.vehicle
	Label      string
	Object     string
	Year       int
	Instalment int
	Due        calendar.Day
	Principal  int64
	Late       int64 // late additions as of the day asked about
	Collected  int64
	IBAN       string
	Cancelled  bool
}

// Outstanding is principal and late additions less what was collected.
func (c Charge) Outstanding() int64 { return c.Principal + c.Late - c.Collected }

// Bonus is the discount for paying a whole year's tax of one revenue early.
type Bonus struct {
	Revenue string
	Year    int
	Percent int // whole percents
	Amount  int64
	Until   calendar.Day
}

// Treasury accounts of the revenues; X is a letter of the number.
const (
	buildingIBAN = "RO31TREZ99921A070101XXXX"
	landIBAN     = "RO66TREZ99921A070201XXXX"
	vehicleIBAN  = "RO85TREZ99921A160202XXXX"
)

// Roles returns the roles of a person on a day, usually one; none means the
// tax office does not know the person.
func (b *Book) Roles(person int, on calendar.Day) []Role {
	state := b.State(Ditl, person, on)
	if roles, ok := b.memos.taxes.Get(person, state); ok {
		return roles
	}
	return b.memos.taxes.Keep(person, state, b.roles(person, on))
}

// RoleOwner finds the person a role number belongs to, and which of the
// person's roles it is (0 or 1).
func (b *Book) RoleOwner(number string) (person, which int, ok bool) {
	n, err := strconv.Atoi(number)
	n -= firstRole
	if err != nil || len(number) != 9 || n < 0 || n/10 >= b.people.Len() {
		return 0, 0, false
	}
	switch n % 10 {
	case 3:
		return n / 10, 0, true
	case 7:
		return n / 10, 1, true
	default:
		return 0, 0, false
	}
}

const firstRole = 123_450

func roleNumber(person, which int) string {
	return fmt.Sprintf("%09d", firstRole+person*10+3+4*which)
}

// RegisteredCode is the CNP or CUI the tax office has for a person: of a
// thousand people 40 have none and 3 a wrong digit.
func (b *Book) RegisteredCode(p people.Person) string {
	if p.Kind == people.Company || p.Index < 10 {
		return p.Code()
	}
	switch roll := dice.New(b.seed, "registered", p.Index).Peek() % 1000; {
	case roll < 40:
		return ""
	case roll < 43:
		return p.CNP[:12] + string('0'+(p.CNP[12]-'0'+1)%10)
	default:
		return p.CNP
	}
}

// ByRegisteredCode finds the person the tax office has under a CNP or CUI.
func (b *Book) ByRegisteredCode(code string) (person int, ok bool) {
	i, ok := b.people.ByCode(code)
	if ok && b.RegisteredCode(b.people.Person(i)) == code {
		return i, true
	}
	if len(code) != 13 { // maybe a wrong digit that the office believes in
		return 0, false
	}
	i, ok = b.people.ByCode(code[:12] + string('0'+(code[12]-'0'+9)%10))
	return i, ok && b.RegisteredCode(b.people.Person(i)) == code
}

func (b *Book) roles(person int, on calendar.Day) []Role {
	p := b.people.Person(person)
	goods := b.goods(p)
	habit := b.taxHabit(p)
	var roles []Role
	for which := range 2 {
		own := goodsOf(goods, which)
		if len(own) == 0 && !(which == 0 && habit.credit > 0) {
			continue
		}
		roles = append(roles, b.role(p, which, own, habit, on))
	}
	return roles
}

func (b *Book) role(p people.Person, which int, own []good, habit taxHabit, on calendar.Day) Role {
	r := Role{
		Number:  roleNumber(p.Index, which),
		Code:    b.RegisteredCode(p),
		Holder:  p.Official(),
		Address: b.people.House(p.House).Address(),
	}
	for year := on.Year() - 2; year <= on.Year(); year++ {
		for k, g := range own {
			for _, c := range b.charges(r.Number, k, g, year, own, habit, on) {
				if year == on.Year() && !c.Cancelled || c.Outstanding() != 0 {
					r.Charges = append(r.Charges, c)
				}
			}
		}
	}
	if which == 0 && habit.credit > 0 {
		r.Charges = append(r.Charges, b.overpaid(r.Number, habit.credit, on))
	}
	r.Bonuses = bonuses(r.Charges, on)
	return r
}

// charges are the instalments of one thing in one year. Taxes up to 50 lei,
// taken together per revenue, are due at the first date (Law 227/2015 art. 462).
func (b *Book) charges(role string, k int, g good, year int, own []good, habit taxHabit, on calendar.Day) []Charge {
	sum := int64(0)
	for _, other := range own {
		if other.revenue == g.revenue {
			sum += other.yearly
		}
	}
	parts := []int64{g.yearly - g.yearly/2, g.yearly / 2}
	if sum <= 50_00 {
		parts = []int64{g.yearly}
	}
	var charges []Charge
	for i, part := range parts {
		c := Charge{
			ID: chargeID(year, g.revenue, role, i+1, k), Revenue: g.revenue, Kind: g.kind, Label: g.label, Object: g.object,
			Year: year, Instalment: i + 1, Due: dueDate(year, i+1), Principal: part, IBAN: g.iban,
		}
		habit.settle(&c, k, on, b.history(Ditl, c.ID))
		charges = append(charges, c)
	}
	return charges
}

func (b *Book) overpaid(role string, amount int64, on calendar.Day) Charge {
	c := Charge{
		ID: fmt.Sprintf("%d-00-00-%s-0", on.Year()-1, role), Revenue: "16.02.02", Kind: "tax.vehicle",
		Label: "SUPRASOLVIRE AN PRECEDENT", Object: "Vehicul înstrăinat", Year: on.Year() - 1,
		Due: dueDate(on.Year()-1, 2), Collected: amount, IBAN: vehicleIBAN,
	}
	c.Collected += b.history(Ditl, c.ID).paid
	return c
}

func chargeID(year int, revenue, role string, instalment, k int) string {
	id := fmt.Sprintf("%d-%s-%s-%s-%d", year, revenue[:2], revenue[3:5], role, instalment)
	if k > 0 {
		id += "-" + strconv.Itoa(k+1)
	}
	return id
}

// dueDate is 31 March or 30 September, moved to a working day.
func dueDate(year, instalment int) calendar.Day {
	if instalment == 1 {
		return calendar.Date(year, time.March, 31).NextWorking()
	}
	return calendar.Date(year, time.September, 30).NextWorking()
}

// bonuses offers 10 % off a year of which nothing was paid yet, until the
// first due date.
func bonuses(charges []Charge, on calendar.Day) []Bonus {
	until := dueDate(on.Year(), 1)
	if on > until {
		return nil
	}
	var offers []Bonus
	for i, c := range charges {
		if c.Year != on.Year() || seenBefore(charges[:i], c) {
			continue
		}
		if sum, untouched := yearOf(charges, c.Revenue, c.Year); untouched && sum >= 10_00 {
			offers = append(offers, Bonus{Revenue: c.Revenue, Year: c.Year, Percent: 10, Amount: sum / 10, Until: until})
		}
	}
	return offers
}

func seenBefore(charges []Charge, c Charge) bool {
	for _, earlier := range charges {
		if earlier.Year == c.Year && earlier.Revenue == c.Revenue {
			return true
		}
	}
	return false
}

func yearOf(charges []Charge, revenue string, year int) (sum int64, untouched bool) {
	untouched = true
	for _, c := range charges {
		if c.Year == year && c.Revenue == revenue {
			sum += c.Principal
			untouched = untouched && c.Collected == 0
		}
	}
	return sum, untouched
}

func (b *Book) taxDebts(person int, on calendar.Day) []Debt {
	p := b.people.Person(person)
	reachable := "cnp"
	if b.RegisteredCode(p) != p.Code() {
		reachable = "role"
	}
	var debts []Debt
	for _, r := range b.Roles(person, on) {
		for _, c := range r.Charges {
			debts = append(debts, Debt{
				Creditor: Ditl, ExternalID: c.ID, Kind: c.Kind, Total: c.Principal + c.Late, Paid: c.Collected,
				Outstanding: c.Outstanding(), DueOn: c.Due.ISO(), Account: r.Number, Reachable: reachable,
			})
		}
	}
	return debts
}

func (b *Book) roleAccounts(person int, on calendar.Day) []Account {
	var accounts []Account
	for _, r := range b.Roles(person, on) {
		a := Account{Code: r.Number, Scheme: "ro:rol"}
		for _, c := range r.Charges { // the last one that is not a credit
			if c.Principal > 0 {
				a.Proof = Proof{Invoice: c.ID, AmountBani: c.Principal}
			}
		}
		accounts = append(accounts, a)
	}
	return accounts
}
