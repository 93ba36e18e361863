package pspwire

import (
	"math/big"
	"strings"

	"racord/hub"
)

// Payout is what a provider paid out to one merchant account at once, amounts in
// lei as it wrote them. Fees are without VAT; the VAT is on all of them together.
type Payout struct {
	Ref         string
	Day         hub.Date
	VAT         string
	Transferred string // negative when more went back than came in
	Items       []PayoutItem
}

// PayoutItem is one order of a payout.
type PayoutItem struct {
	Order  string
	Amount string
	Fee    string
	Move   Move
}

// Move is what happened to an order's money.
type Move struct {
	Back bool // to the payer, or to the payer's bank
	Bank bool // the payer's bank took it back or, when the creditor won, gave it back again
}

// Move of the names that providers share.
var (
	Captured    = Move{}
	Refunded    = Move{Back: true}
	ChargedBack = Move{Back: true, Bank: true}
	Represented = Move{Bank: true}
)

// Settled reads the items. Each fee gets its share of the VAT, so that the net
// amounts add up to what was transferred, to the ban; when they do not, nothing
// of it can be trusted (CodeBadData).
func (p Payout) Settled() ([]hub.SettledCharge, error) {
	vat, err := Bani(p.VAT)
	if err != nil {
		return nil, BadData("a payout whose VAT is not an amount")
	}
	transferred, err := signed(p.Transferred)
	if err != nil {
		return nil, BadData("a payout whose sum is not an amount")
	}
	settled := make([]hub.SettledCharge, len(p.Items))
	fees := make([]int64, len(p.Items))
	for i, item := range p.Items {
		if settled[i], fees[i], err = item.read(p); err != nil {
			return nil, err
		}
	}
	var sum int64
	for i, share := range shares(vat, fees) {
		s := &settled[i]
		s.Fee = hub.Bani(fees[i] + share)
		s.Net = hub.Bani(s.Gross.Minor - s.Fee.Minor)
		sum += s.Net.Minor
	}
	if sum != transferred {
		return nil, BadData("a payout of %s whose items add up to %s", hub.Bani(transferred), hub.Bani(sum))
	}
	return settled, nil
}

func (item PayoutItem) read(of Payout) (hub.SettledCharge, int64, error) {
	amount, err := Bani(item.Amount)
	if err != nil {
		return hub.SettledCharge{}, 0, BadData("an item whose amount is none")
	}
	fee, err := Bani(item.Fee)
	if err != nil {
		return hub.SettledCharge{}, 0, BadData("an item whose fee is not an amount")
	}
	if item.Move.Back {
		amount = -amount
	}
	return hub.SettledCharge{
		Order: item.Order, Gross: hub.Bani(amount), Refund: item.Move.Back, Dispute: item.Move.Bank, PayoutRef: of.Ref, Day: of.Day,
	}, fee, nil
}

// signed reads an amount that may be negative.
func signed(lei string) (int64, error) {
	text, negative := strings.CutPrefix(lei, "-")
	bani, err := Bani(text)
	if negative {
		bani = -bani
	}
	return bani, err
}

// shares divides an amount in the proportion of the weights, without losing a
// ban. What belongs to nobody goes to the last.
func shares(amount int64, weights []int64) []int64 {
	parts := make([]int64, len(weights))
	var all, before, given int64
	for _, w := range weights {
		all += w
	}
	for i, w := range weights {
		if before += w; all > 0 {
			upTo := mulDiv(amount, before, all)
			parts[i], given = upTo-given, upTo
		}
	}
	if n := len(parts); n > 0 {
		parts[n-1] += amount - given
	}
	return parts
}

// mulDiv is a·b/c without the product having to fit; c is positive.
func mulDiv(a, b, c int64) int64 {
	product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	return product.Quo(product, big.NewInt(c)).Int64()
}
