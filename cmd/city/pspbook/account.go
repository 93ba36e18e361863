package pspbook

import (
	"fmt"
	"slices"
	"sync"

	"racord/cmd/city/book"
)

// Account is a merchant account: money of its own, paid out to one IBAN.
type Account struct {
	Key      string `json:"key"`      // "ditl-buildings"
	Creditor string `json:"creditor"` // "ditl"
	Name     string `json:"name"`     // as on the payment page
	IBAN     string `json:"iban"`
	PosID    int    `json:"pos_id"` // number of the point of sale, for splits
}

// Accounts lists the merchant accounts of the city's creditors, one for each
// IBAN they are paid at, so that what a provider captures goes straight to the
// account the debt names. The tax office has also "ditl", which pays out to its
// collector account.
func Accounts() []Account { return slices.Clone(accounts()) }

var accounts = sync.OnceValue(func() []Account {
	ditl := string(book.Ditl)
	all := []Account{
		{ditl, ditl, "Directia Impozite si Taxe Locale Napoca-Test", "RO56TREZ9995081XXX000001", 10001},
		{"ditl-buildings", ditl, "DITL Napoca-Test, impozit cladiri", "RO31TREZ99921A070101XXXX", 10002},
		{"ditl-land", ditl, "DITL Napoca-Test, impozit teren", "RO66TREZ99921A070201XXXX", 10003},
		{"ditl-vehicles", ditl, "DITL Napoca-Test, impozit auto", "RO85TREZ99921A160202XXXX", 10004},
		{string(book.Fines), string(book.Fines), "Politia Locala Napoca-Test, amenzi", book.FineIBAN, 10005},
		{string(book.Water), string(book.Water), "Apa Napoca-Test SA", "RO39SBXB0000999900000001", 10006},
		{string(book.Heating), string(book.Heating), "Termoficare Napoca-Test SA", "RO82SBXB0000999900000003", 10007},
		{string(book.Waste), string(book.Waste), "Salubritate Napoca-Test SA", "RO55SBXB0000999900000004", 10008},
		{string(book.Electricity), string(book.Electricity), "Energie Napoca-Test SA", "RO12SBXB0000999900000002", 10009},
		{string(book.Parking), string(book.Parking), "Parcari Napoca-Test SA", book.ParkingIBAN, 10021},
		{string(book.Roadfines), string(book.Roadfines), "Cont unic amenzi rutiere", book.RoadFineIBAN, 10022},
		{string(book.Transport), string(book.Transport), "Transport Public Napoca-Test SA", book.TransportIBAN, 10031},
		{string(book.Gas), string(book.Gas), "Gaz Napoca-Test SA", book.GasIBAN, 10032},
	}
	for n := 1; n <= book.Tenants; n++ { // one for each owners' association that has an account
		if iban := book.TenantIBAN(n); iban != "" {
			all = append(all, Account{fmt.Sprintf("associations-%03d", n), string(book.Hoa), fmt.Sprintf("Asociatia de Proprietari nr. %d", n), iban, 11_000 + n})
		}
	}
	return all
})

// Part makes the split of an order that gives an amount to the account.
func (a Account) Part(amount int64) Split {
	return Split{Account: a.Key, PosID: a.PosID, Creditor: a.Creditor, IBAN: a.IBAN, Amount: amount}
}
