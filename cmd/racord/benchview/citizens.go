package main

import (
	"fmt"
	"time"
)

// citizen is one simulated person: the name the identity provider gives, the
// personal code the creditors know, and the bearer token.
type citizen struct {
	subject string
	cnp     string
	token   string
}

// cnpWeights is the published check-digit key of a personal code.
const cnpWeights = "279146358279"

// cnpOf gives the code of the i-th citizen: men of Cluj (12) born on
// consecutive days, with the serial 000 that is never issued.
func cnpOf(i int) string {
	born := time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i)
	code := "1" + born.Format("060102") + "12000"
	sum := 0
	for k := range cnpWeights {
		sum += int(code[k]-'0') * int(cnpWeights[k]-'0')
	}
	check := sum % 11
	if check == 10 {
		check = 1
	}
	return fmt.Sprintf("%s%d", code, check)
}
