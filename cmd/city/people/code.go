package people

import (
	"strconv"

	"racord/cmd/city/calendar"
)

// CNP returns the personal code for a sex-and-century digit, a birth date and a
// county, always with serial 000, which is never issued to a living person.
func CNP(s int, birth calendar.Day, county int) string {
	y, m, d := birth.YMD()
	body := make([]byte, 0, 13)
	body = append(body, byte('0'+s))
	for _, n := range [...]int{y % 100, int(m), d, county} {
		body = append(body, byte('0'+n/10), byte('0'+n%10))
	}
	body = append(body, "000"...)
	return string(append(body, CNPCheck(string(body))))
}

// CNPCheck computes the 13th digit of a CNP from its first twelve
// (weights 2 7 9 1 4 6 3 5 8 2 7 9, mod 11, 10 → 1).
func CNPCheck(body string) byte {
	sum := 0
	for i, w := range [...]int{2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9} {
		sum += int(body[i]-'0') * w
	}
	if sum %= 11; sum == 10 {
		sum = 1
	}
	return byte('0' + sum)
}

// CUI returns the fiscal code of a company: the body followed by its check
// digit (weights 7 5 3 2 1 7 5 3 2 on nine digits, ×10, mod 11, 10 → 0).
func CUI(body int) string {
	sum, rest := 0, body
	for _, w := range [...]int{2, 3, 5, 7, 1, 2, 3, 5, 7} {
		sum += rest % 10 * w
		rest /= 10
	}
	return strconv.Itoa(body) + strconv.Itoa(sum*10%11%10)
}
