package book

import (
	"fmt"
	"math"
	"strings"

	"racord/cmd/city/calendar"
	"racord/cmd/city/dice"
)

// Invoice is one bill of a utility as of a day.
type Invoice struct {
	ID      string // what the creditor's interface calls it
	Number  string // as printed, "TF 0740000010"
	Month   int    // the month it was issued in, as calendar.Day.Month counts
	Turn    int    // 0 the bill, 1 its storno, 2 the bill that replaces both
	Issued  calendar.Day
	Due     calendar.Day
	From    calendar.Day // billed period
	To      calendar.Day
	Amount  int64 // of this bill alone; negative for a storno or a credit
	Paid    int64
	Penalty int64  // owed besides Amount
	Cancels string // number of the bill a storno cancels
	Void    bool   // cancelled, or the storno that cancels

	Withdrawn bool // owners' associations: taken down until it is posted again
	Reposted  bool // and it was
}

// Outstanding is what is left to pay; a void bill owes nothing.
func (i Invoice) Outstanding() int64 {
	if i.Void {
		return 0
	}
	return i.Amount + i.Penalty - i.Paid
}

// Read reports whether the meter was read for a gas bill: every third month, and
// before one in the customer's favour. The others are estimated.
func (i Invoice) Read() bool { return i.Month%3 == 0 || i.Amount < 0 }

// GasIBAN is where gas is paid.
const GasIBAN = "RO75SBXB0000999900000032"

// Depth is how many months before the current one a utility's books go back;
// everything older is settled.
const Depth = 4

// Invoices returns the bills of a household since Depth months ago, oldest
// first, settled and void ones included.
func (b *Book) Invoices(c Creditor, house int, on calendar.Day) []Invoice {
	state := b.State(c, house, on)
	if all, ok := b.memos.bills[c].Get(house, state); ok {
		return all
	}
	return b.memos.bills[c].Keep(house, state, b.invoices(c, house, on))
}

// Latest is the last bill that was not cancelled.
func Latest(all []Invoice) (last Invoice, ok bool) {
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].Void && !all[i].Withdrawn {
			return all[i], true
		}
	}
	return Invoice{}, false
}

// Listed are the bills a creditor shows: what is not settled, and always the
// latest, oldest first.
func Listed(all []Invoice) []Invoice {
	last, _ := Latest(all)
	shown := make([]Invoice, 0, len(all))
	for _, inv := range all {
		if !inv.Void && !inv.Withdrawn && (inv.Outstanding() != 0 || inv.Number == last.Number) {
			shown = append(shown, inv)
		}
	}
	return shown
}

func (b *Book) invoices(c Creditor, house int, on calendar.Day) []Invoice {
	habit := b.billHabit(c, house)
	var all []Invoice
	for month := on.Month() - Depth; month <= on.Month(); month++ {
		issued := calendar.OfMonth(month, IssueDay(house))
		if issued > on {
			continue
		}
		for turn := range habit.turns(month) {
			all = append(all, b.invoice(c, house, month, turn, habit, on))
		}
	}
	return all
}

// IssueDay is the day of the month a household's bills are issued: the first
// to the tenth.
func IssueDay(house int) int { return 1 + house%10 }

func (b *Book) invoice(c Creditor, house, month, turn int, habit billHabit, on calendar.Day) Invoice {
	inv := Invoice{
		Number: invoiceNumber(c, house, month, turn), Month: month, Turn: turn,
		Issued: calendar.OfMonth(month, IssueDay(house)),
		From:   calendar.OfMonth(month-1, 1), To: calendar.OfMonth(month, 1) - 1,
		Amount: b.amount(c, house, month),
	}
	inv.Due = inv.Issued + 15
	inv.ID = billID(c, inv.Number)
	if habit.credit && month%2 == 0 {
		inv.Amount = -inv.Amount / 3
	}
	switch storno := habit.turns(month) == 3; {
	case storno && turn == 1:
		inv.Amount, inv.Void, inv.Cancels = -inv.Amount, true, invoiceNumber(c, house, month, 0)
	case storno && turn == 0:
		inv.Void = true
	case storno:
		inv.Amount = inv.Amount * 9 / 10
	}
	if c == Hoa {
		b.repost(&inv, house, month, on)
	}
	if !inv.Void {
		habit.settle(&inv, c, on, b.history(c, inv.ID))
	}
	return inv
}

var series = map[Creditor]string{Water: "AP", Heating: "TF", Waste: "SL", Electricity: "EL", Gas: "GN", Hoa: "LP"}

// billID is what a creditor's interface calls a bill.
func billID(c Creditor, number string) string {
	if c == Water {
		return "W-" + strings.TrimPrefix(number, "AP ")
	}
	return number
}

const firstMonth = 2020 * 12

func invoiceNumber(c Creditor, house, month, turn int) string {
	return fmt.Sprintf("%s %010d", series[c], (month-firstMonth)*10_000_000+house*10+turn)
}

// amount is what a month costs: water 70 lei, heating 380 in the season,
// electricity log-normal with median 180, waste per head, gas 40 lei in summer and
// 450 in winter, maintenance of a flat 420.
func (b *Book) amount(c Creditor, house, month int) int64 {
	d := dice.New(b.seed, string(c), house, month)
	switch c {
	case Water:
		return int64(d.Between(2_400, 11_600))
	case Heating:
		if of := month % 12; of >= 4 && of <= 10 { // billed May to November: hot water only
			return int64(d.Between(3_500, 9_500))
		}
		return int64(d.Between(21_000, 131_000))
	case Gas:
		if of := month % 12; of >= 4 && of <= 9 { // billed May to October
			return int64(d.Between(2_200, 6_100))
		}
		return int64(d.Between(24_000, 66_000))
	case Hoa:
		return int64(d.Between(18_000, 66_000))
	case Waste:
		return 1_895 * int64(1+len(b.people.House(house).Members))
	default:
		normal := d.Float() + d.Float() + d.Float() + d.Float() - 2 // about N(0, 0.58)
		return int64(math.Round(18_000 * math.Exp(normal)))
	}
}

// billHabit is how a customer pays one utility.
type billHabit struct {
	after  calendar.Day // days from issue to payment
	part   bool         // pays a third after twenty days
	credit bool         // every second bill is a regularisation in the customer's favour
	storno int          // every fourth month, from this one, a bill is cancelled and issued again; -1 never
}

func (b *Book) billHabit(c Creditor, house int) billHabit {
	d := dice.New(b.seed, "pays "+string(c), house)
	h := billHabit{storno: -1}
	switch roll := d.Intn(1000); {
	case house == 0 || roll < 120 && house > 3:
		h.after = 100 // in arrears: three or four bills are always open
	case house <= 3 || roll < 450:
		h.after, h.part = 38, house > 3 && d.Chance(200)
	default:
		h.after = calendar.Day(d.Between(3, 12))
	}
	credits := 20
	if c == Gas {
		credits = 80 // what was estimated too high
	}
	if h.credit = house > 3 && d.Chance(credits); h.credit {
		h.after = 50 // a credit stays on the account for a while
	}
	if c == Electricity && !h.credit && d.Chance(50) {
		h.storno = d.Intn(4)
	}
	return h
}

// turns is how many documents a month brings: one, or bill, storno and new bill.
func (h billHabit) turns(month int) int {
	if h.storno >= 0 && month%4 == h.storno {
		return 3
	}
	return 1
}

// settle fills in payments and penalties by a day. What came in since the city
// was generated is not paid a second time.
func (h billHabit) settle(inv *Invoice, c Creditor, on calendar.Day, past history) {
	inv.Paid = past.paid
	if past.cancelled {
		inv.Amount, inv.Void = 0, past.paid == 0
		return
	}
	h.pay(inv, c, on, past)
	if c == Electricity { // a bill that was sent stays as it is
		inv.Penalty += past.adjust
	} else {
		inv.Amount += past.adjust
	}
}

// pay fills in what the customer pays of the bill as it was issued.
func (h billHabit) pay(inv *Invoice, c Creditor, on calendar.Day, past history) {
	pays, early := inv.Issued+h.after, int64(0)
	switch before := past.bookedBefore(pays); {
	case on >= pays && (before == 0 || before < inv.Amount):
		inv.Paid += inv.Amount - before
		return
	case h.part && inv.Amount > 0 && on >= inv.Issued+20 && past.bookedBefore(inv.Issued+20) == 0:
		early = inv.Amount / 3
	}
	inv.Paid += early
	inv.Penalty = penalty(c, inv.Amount-early, past, inv.Due, on)
}

// grace is how many days heating waits before it counts a penalty, which it
// then counts from the day after the due date. Owners' associations wait as long.
const grace = 30

// penalty is 0.02 % a day for heating, after the days of grace, and 0.01 % a day
// for waste, on what is unpaid that day, rounded half up. Owners' associations
// take 0.2 % a day from the end of the days of grace on, and never more than the
// debt itself (Law 196/2018 art. 77).
func penalty(c Creditor, amount int64, past history, due, on calendar.Day) int64 {
	if amount <= 0 || on <= due {
		return 0
	}
	switch c {
	case Heating:
		if on-due <= grace || past.unpaid(amount, due+grace+1) == 0 {
			return 0
		}
		return (past.daily(amount, due, on)*2 + 5_000) / 10_000
	case Hoa:
		if on-due <= grace {
			return 0
		}
		return min(amount, (past.daily(amount, due+grace, on)*2+500)/1_000)
	case Waste:
		return (past.daily(amount, due, on) + 5_000) / 10_000
	default:
		return 0
	}
}

// daily is what was unpaid on each of the days after from up to to, added up.
func (h history) daily(amount int64, from, to calendar.Day) (sum int64) {
	if len(h.payments) == 0 {
		return amount * int64(to-from)
	}
	for day := from + 1; day <= to; day++ {
		sum += h.unpaid(amount, day)
	}
	return sum
}
