package receipt

import (
	"strconv"
	"time"

	"racord/hub"
)

// lei writes an amount as Romanians do: 1.234,56 lei.
func lei(m hub.Money) string {
	sign, minor := "", m.Minor
	if minor < 0 {
		sign, minor = "-", -minor
	}
	digits := strconv.FormatInt(minor/100, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "." + digits[at:]
	}
	cents := strconv.FormatInt(minor%100+100, 10)[1:]
	unit := "lei"
	if m.Currency != hub.RON {
		unit = m.Currency
	}
	return sign + digits + "," + cents + " " + unit
}

// moment writes a moment in the legal time of Romania.
func moment(t time.Time) string { return t.In(hub.Bucharest).Format("02.01.2006, 15:04") }

// state says in words what the money of a line has come to. The creditor's number in
// it is as the creditor wrote it.
func state(l hub.ReceiptLine) string {
	switch l.State {
	case hub.ReceiptBooked:
		text := "înregistrată de creditor la " + moment(l.BookedAt)
		if l.Number != "" {
			text += ", cu numărul " + l.Number
		}
		return text
	case hub.ReceiptRefunding:
		return "suma este în curs de returnare către plătitor"
	case hub.ReceiptRefunded:
		return "suma a fost returnată plătitorului"
	case hub.ReceiptDisputed:
		return "banca plătitorului a cerut suma înapoi"
	default:
		return "plătită; urmează să fie înregistrată de creditor"
	}
}
