package connectors

// Bounds is how much one answer may be. What is more is refused before it is held.
type Bounds struct {
	Bytes   int
	Values  int // texts, numbers, lists and what holds them; elements of XML
	Records int
}

// MaxAnswer is the most bytes an answer about one debtor may have.
const MaxAnswer = 1 << 20

// The most records one answer may hold.
const (
	MaxRecords = 500    // about one debtor
	MaxBooked  = 50_000 // in a statement, about all who paid on a day
)

// AnswerBounds are the bounds of an answer about one debtor.
func AnswerBounds() Bounds {
	return Bounds{Bytes: MaxAnswer, Values: 1 << 17, Records: MaxRecords}
}

// StatementBounds are the bounds of a statement about all who paid on a day, also
// on the last of March, up to which a year's taxes are paid with a discount (Law
// 227/2015, art. 462).
func StatementBounds() Bounds {
	return Bounds{Bytes: 16 << 20, Values: 1 << 20, Records: MaxBooked}
}

// Bounds are the bounds of the call's answer, or of a page of it.
func (c *Call) Bounds() Bounds {
	if c.Name == CallStatement {
		return StatementBounds()
	}
	return AnswerBounds()
}
