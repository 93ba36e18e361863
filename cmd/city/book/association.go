package book

import (
	"fmt"
	"math/big"
	"strings"

	"racord/cmd/city/calendar"
	"racord/cmd/city/dice"
)

// Tenants is how many owners' associations keep their books on the platform. Each
// has an account of its own, but for those that have none yet.
const Tenants = 408

// Tenant is an owners' association on a day.
type Tenant struct {
	Number int
	Name   string
	IBAN   string // "" for one without an account
}

// TenantOf is the association of a household.
func TenantOf(house int) int { return 1 + house%Tenants }

// TenantAt returns an association as it is on a day: one in fifty-one has no
// account, and as many changed theirs the day before the city's first.
func TenantAt(number int, on calendar.Day) Tenant {
	t := Tenant{Number: number, Name: fmt.Sprintf("Asociația de Proprietari nr. %d", number), IBAN: TenantIBAN(number)}
	switch {
	case number%51 == 13:
		t.IBAN = ""
	case number%51 == 27 && on >= anchor-1:
		t.IBAN = romanian(fmt.Sprintf("SBXB00009999%08d", 20_000_000+number))
	}
	return t
}

// TenantIBAN is the account that an association gave the city when it joined; ""
// for one that had none.
func TenantIBAN(number int) string {
	if number%51 == 13 {
		return ""
	}
	return romanian(fmt.Sprintf("SBXB00009999%08d", 10_000_000+number))
}

// romanian puts country and check digits before a bank's part of an IBAN
// (ISO 13616: the whole, read as a number, leaves 1 when divided by 97).
func romanian(rest string) string {
	var digits strings.Builder
	for _, c := range rest + "RO00" {
		if c >= 'A' {
			fmt.Fprintf(&digits, "%d", c-'A'+10)
		} else {
			digits.WriteRune(c)
		}
	}
	n, _ := new(big.Int).SetString(digits.String(), 10)
	left := new(big.Int).Mod(n, big.NewInt(97)).Int64()
	return fmt.Sprintf("RO%02d%s", 98-left, rest)
}

// The life of a list of payments that an association got wrong: it is taken down
// on the fourth day and posted again, lower, on the seventh.
const (
	takenDown = 4
	postedNew = 7
)

// repost applies that life to a list of one association in twelve, the same for
// all its flats. Nobody of the demo lives there.
func (b *Book) repost(inv *Invoice, house, month int, on calendar.Day) {
	number := TenantOf(house)
	if d := dice.New(b.seed, "reposted", number, month); number <= 4 || !d.Chance(80) {
		return
	}
	switch age := on - inv.Issued; {
	case age >= postedNew:
		inv.Reposted, inv.Amount = true, inv.Amount*9/10
	case age >= takenDown:
		inv.Withdrawn = true
	}
}
