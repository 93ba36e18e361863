package judge

// Rule is an invariant of money: its name, and what it says to an operator.
type Rule struct{ Name, Says string }

// Rules gives the invariants that findings name. Of I9 the second half can only be
// judged where somebody remembers what payers were told: see Promise.
func Rules() []Rule {
	return []Rule{
		{"I1", "what providers took is what the hub says was taken"},
		{"I2", "what was taken is at creditors, owed to a payer, or refunded"},
		{"I3", "what creditors booked is what the hub says was posted"},
		{"I4", "nothing is taken, booked or paid twice"},
		{"I5", "every booking balances, and an account is the sum of its bookings"},
		{"I6", "a payment's state is the one that its bookings say"},
		{"I7", "nothing is left under way"},
		{"I8", "no more is refunded than was taken"},
		{"I9", "a quote opens one payment, and what a payer was told is still true"},
		{"I10", "one claim for a debt, and none without need"},
		{"I11", "what was taken had its claim, and is what the payer meant"},
		{"I12", "what was taken, posted and given back is booked, each by itself, in a chain that is signed"},
	}
}
