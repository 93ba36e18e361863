package book

import (
	"fmt"

	"racord/cmd/city/dice"
	"racord/cmd/city/people"
)

// good is a thing that is taxed every year.
type good struct {
	revenue, kind, label, object, iban string
	yearly                             int64 // of this owner's share
	role                               int   // which of the owner's roles holds it
}

func goodsOf(goods []good, role int) []good {
	var own []good
	for _, g := range goods {
		if g.role == role {
			own = append(own, g)
		}
	}
	return own
}

// goods are what a person owns in the city.
func (b *Book) goods(p people.Person) []good {
	house := b.people.House(p.House)
	if p.Kind == people.Company {
		return b.companyGoods(p, house)
	}
	goods := b.dwelling(p, house)
	d := dice.New(b.seed, "vehicles", p.Index)
	if d.Chance(450) || p.Named() {
		goods = append(goods, vehicle(&d, "16.02.01", 0))
	}
	if d.Chance(15) { // a second role, opened at an older address
		goods = append(goods, vehicle(&d, "16.02.01", 1))
	}
	return goods
}

// dwelling is the person's share of the home; owners have equal shares, and
// the first one carries what does not divide.
func (b *Book) dwelling(p people.Person, house people.House) []good {
	for nth, owner := range house.Owners {
		if owner != p.Index {
			continue
		}
		n := len(house.Owners)
		share := fmt.Sprintf(", cota 1/%d", n)
		goods := []good{{
			revenue: "07.01.01", kind: "tax.building", label: "IMPOZIT CLĂDIRI PF", iban: buildingIBAN,
			object: dwellingName(house) + share, yearly: shareOf(buildingTax(house), nth, n),
		}}
		if !house.Flat {
			d := dice.New(b.seed, "land", house.Index)
			goods = append(goods, good{
				revenue: "07.02.01", kind: "tax.land", label: "IMPOZIT TEREN PF", iban: landIBAN,
				object: "Teren " + house.Address() + share, yearly: shareOf(int64(d.Between(30, 260))*100, nth, n),
			})
		}
		return goods
	}
	return nil
}

func dwellingName(h people.House) string {
	if h.Flat {
		return "Apartament " + h.Address()
	}
	return "Casă " + h.Address()
}

func (b *Book) companyGoods(p people.Person, house people.House) []good {
	d := dice.New(b.seed, "company", p.Index)
	var goods []good
	if d.Chance(450) {
		goods = append(goods, good{
			revenue: "07.01.02", kind: "tax.building", label: "IMPOZIT CLĂDIRI PJ", iban: buildingIBAN,
			object: "Sediu " + house.Address(), yearly: 3 * buildingTax(house),
		})
	}
	for range d.Intn(4) {
		goods = append(goods, vehicle(&d, "16.02.02", 0))
	}
	return goods
}

// buildingTax is whole lei: 515, 495 or 474 lei for 55 m², by zone.
func buildingTax(h people.House) int64 {
	per55 := map[byte]int64{'A': 515, 'B': 495, 'C': 474}[h.Zone]
	return per55 * int64(h.Area) / 55 * 100
}

func shareOf(whole int64, nth, n int) int64 {
	share := whole / int64(n)
	if nth == 0 {
		share += whole % int64(n)
	}
	return share
}

// vehicle is a car of 80–150 lei a year, or an electric one of 40.
func vehicle(d *dice.Dice, revenue string, role int) good {
	g := good{
		revenue: revenue, kind: "tax.vehicle", label: "IMPOZIT MIJLOACE DE TRANSPORT", iban: vehicleIBAN,
		object: "Autoturism " + plate(d), yearly: int64(d.Between(80, 150)) * 100, role: role,
	}
	if d.Chance(60) {
		g.object, g.yearly = "Autoturism electric "+plate(d), 40_00
	}
	return g
}

func plate(d *dice.Dice) string {
	const letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
	at := func() byte { return letters[d.Intn(len(letters))] }
	return fmt.Sprintf("CJ %02d %c%c%c", d.Between(1, 99), at(), at(), at())
}
