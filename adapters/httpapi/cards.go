package httpapi

import (
	"encoding/json"
	"strings"

	"racord/hub"
)

// Card data never enter the hub: the payer types them on the provider's page
// alone, which keeps the city within PCI DSS SAQ A. Whatever looks like a card
// number in a body is refused unread, and is neither repeated nor logged.

// errCard refuses a card number. It does not say where it stood in words of the
// client's own.
func errCard(at string) error {
	err := hub.Errorf(codeCardData, "This looks like a card number. Cards are typed on the payment provider's page only.")
	err.Fields = []hub.Field{{Pointer: at, Code: codeCardData, Detail: "looks like a card number"}}
	return err
}

// The lengths of card numbers (ISO/IEC 7812-1).
const shortestCard, longestCard = 13, 19

// cardToken tells whether a value of a body holds a card number.
func cardToken(token json.Token) bool {
	switch value := token.(type) {
	case string:
		return cardIn(value)
	case json.Number:
		return cardIn(value.String())
	}
	return false
}

// plainSpaces makes the spaces that people paste into ordinary ones.
var plainSpaces = strings.NewReplacer("\u00a0", " ", "\u2007", " ", "\u2009", " ", "\u202f", " ")

// cardIn tells whether the text holds a number of 13 to 19 digits that begins as
// cards do, passes Luhn's check and is no part of a longer word, written
// together or in groups as they are embossed. Numbers of bills are grouped
// otherwise.
func cardIn(text string) bool {
	if len(text) < shortestCard {
		return false
	}
	text = plainSpaces.Replace(text)
	for i := 0; i < len(text); i++ {
		if digit(text[i]) && (i == 0 || !wordly(text[i-1])) && cardAt(text[i:]) {
			return true
		}
	}
	return false
}

// cardAt tells whether the text begins with a card number.
func cardAt(text string) bool {
	if text[0] < '2' || text[0] > '6' {
		return false
	}
	var number [longestCard]byte
	n, group, groups := 0, 0, 0
	for i := 0; i < len(text); i++ {
		switch {
		case digit(text[i]):
			if n == longestCard {
				return false
			}
			number[n] = text[i] - '0'
			n, group = n+1, group+1
			ends := i+1 == len(text) || !wordly(text[i+1])
			if ends && n >= shortestCard && embossed(groups, group) && issued(number[:n]) && luhn(number[:n]) {
				return true
			}
		case !separator(text[i]) || !fullGroup(groups, group):
			return false
		default:
			groups, group = groups+1, 0
		}
	}
	return false
}

// issued tells whether a number of that length begins as one of the card schemes'
// does (ISO/IEC 7812: the issuer's number). Only Visa ever had 13 digits, and of
// those with a 2 there are Mastercard's 2221 to 2720 and Mir's 2200 to 2204, of 16
// digits: bills numbered by their date, 2026…, are none.
func issued(number []byte) bool {
	prefix := 0
	for _, d := range number[:4] {
		prefix = prefix*10 + int(d)
	}
	switch number[0] {
	case 2:
		return len(number) == 16 && (prefix >= 2221 && prefix <= 2720 || prefix >= 2200 && prefix <= 2204)
	case 4:
		return true
	}
	return len(number) > shortestCard
}

// fullGroup tells whether a group of so many digits may be followed by another:
// groups have four, of an American Express card four, six and five.
func fullGroup(before, digits int) bool { return digits == 4 || before == 1 && digits == 6 }

// embossed tells whether the last group is as cards have it.
func embossed(before, digits int) bool {
	return before == 0 || digits <= 4 || before == 2 && digits == 5
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// wordly tells whether the byte makes a number part of a word, such as an IBAN.
func wordly(c byte) bool {
	return digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func separator(c byte) bool { return c == ' ' || c == '-' || c == '.' }

// luhn checks the last digit (ISO/IEC 7812-1 annex B).
func luhn(number []byte) bool {
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// personal tells whether a personal code (CNP or NIF) stands in the text.
func personal(text string) bool {
	const length = 13
	for i := 0; i+length <= len(text); i++ {
		alone := (i == 0 || !digit(text[i-1])) && (i+length == len(text) || !digit(text[i+length]))
		if alone && hub.ValidCNP(text[i:i+length]) {
			return true
		}
	}
	return false
}
