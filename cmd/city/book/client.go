package book

import (
	"fmt"
	"strconv"
	"strings"

	"racord/cmd/city/calendar"
	"racord/cmd/city/dice"
	"racord/cmd/city/people"
)

// Client is a customer's contract with a utility.
type Client struct {
	Creditor Creditor
	House    int
	Person   int    // who knows the code: the head of the household
	Code     string // leading zeros are part of it
	Holder   string // whose name the contract is in, maybe a previous owner's
	Address  string
	TaxCode  string // CNP or CUI of the holder; zeros when it is a previous owner
	POD      string // point of delivery, electricity only
	Branch   int    // heating only, 1 to 3
}

// codes are how each utility numbers its customers: width and code number of
// household 0, and the distance to the next.
var codes = map[Creditor]struct{ first, step, width int }{
	Water:       {4411, 7, 7},
	Heating:     {90412, 3, 7},
	Waste:       {1207, 11, 8},
	Electricity: {1_000_003_517, 13, 10},
	Gas:         {20_006_011, 17, 9},
	Hoa:         {40_000_007, 3, 8},
}

// Serves reports whether a household (or a company's seat) is a customer.
// Water is mostly sold to houses and companies: flats are billed through
// their owners' association.
func (b *Book) Serves(c Creditor, house int) bool {
	if house < 4 { // households of the demo people
		return true
	}
	h := b.people.House(house)
	d := dice.New(b.seed, "client "+string(c), house)
	switch c {
	case Water:
		return !h.Flat && d.Chance(920)
	case Heating:
		return h.Flat && d.Chance(220)
	case Waste:
		return d.Chance(550)
	case Gas:
		return d.Chance(620)
	case Hoa:
		return h.Flat
	default:
		return d.Chance(970)
	}
}

// ClientByCode finds a customer by client code.
func (b *Book) ClientByCode(c Creditor, code string) (Client, bool) {
	scheme := codes[c]
	n, err := strconv.Atoi(code)
	if err != nil || len(code) != scheme.width || n < scheme.first || (n-scheme.first)%scheme.step != 0 {
		return Client{}, false
	}
	return b.Client(c, (n-scheme.first)/scheme.step)
}

// Client returns the contract of a household, if it has one.
func (b *Book) Client(c Creditor, house int) (Client, bool) {
	if house < 0 || house >= b.people.Houses() || !b.Serves(c, house) {
		return Client{}, false
	}
	h := b.people.House(house)
	head := b.people.Person(h.Members[0])
	client := Client{
		Creditor: c, House: house, Person: head.Index, Code: clientCode(c, house),
		Holder: b.holder(c, house, head), Address: h.Address(), TaxCode: head.Code(),
	}
	if client.Holder != head.Official() {
		client.TaxCode = "0000000000000" // what suppliers write when they have no code
	}
	switch c {
	case Electricity:
		client.POD = fmt.Sprintf("RO005E%09d", 500_000_000+house*17)
	case Heating:
		client.Branch = 1 + house%3
	}
	return client, true
}

// holder is the head's name; 7 % of contracts kept a previous owner's, at the gas
// company 15 %.
func (b *Book) holder(c Creditor, house int, head people.Person) string {
	d := dice.New(b.seed, "holder "+string(c), house)
	strangers := 70
	if c == Gas {
		strangers = 150
	}
	if !head.Named() && head.Kind == people.Human && d.Chance(strangers) {
		return strings.ToUpper(b.people.Person(d.Intn(b.people.Len())).Name())
	}
	return head.Official()
}

func clientCode(c Creditor, house int) string {
	scheme := codes[c]
	return fmt.Sprintf("%0*d", scheme.width, scheme.first+house*scheme.step)
}

// ClientOf returns the contract a person knows the code of, if any.
func (b *Book) ClientOf(c Creditor, person int) (Client, bool) {
	p := b.people.Person(person)
	if b.people.House(p.House).Members[0] != person {
		return Client{}, false
	}
	return b.Client(c, p.House)
}

func (b *Book) clientAccounts(c Creditor, person int, on calendar.Day) []Account {
	client, ok := b.ClientOf(c, person)
	if !ok {
		return nil
	}
	last, ok := Latest(b.Invoices(c, client.House, on))
	if !ok {
		return nil
	}
	return []Account{{
		Code: client.Code, Scheme: string(c) + ":client", Proof: Proof{Invoice: last.Number, AmountBani: last.Amount},
	}}
}

func (b *Book) billDebts(c Creditor, person int, on calendar.Day) []Debt {
	client, ok := b.ClientOf(c, person)
	if !ok {
		return nil
	}
	var debts []Debt
	for _, inv := range Listed(b.Invoices(c, client.House, on)) {
		debts = append(debts, Debt{
			Creditor: c, ExternalID: inv.ID, Kind: billKind(c), Total: inv.Amount + inv.Penalty, Paid: inv.Paid,
			Outstanding: inv.Outstanding(), DueOn: inv.Due.ISO(), Account: client.Code, Reachable: "code",
		})
	}
	return debts
}

// billKind is what kind of debt a bill is.
func billKind(c Creditor) string {
	if c == Hoa {
		return "hoa.maintenance"
	}
	return string(c) + ".bill"
}
