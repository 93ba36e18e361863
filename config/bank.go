package config

import (
	"fmt"
	"regexp"
)

// Bank is where the statements of the creditors' accounts are fetched, as
// camt.053: <url>/<iban>/<day>.xml. Without a URL nothing is compared with them.
type Bank struct {
	URL    string   `yaml:"url"`
	APIKey string   `yaml:"api_key"` // name of the secret, in the folder bank
	Payers []string `yaml:"payers"`  // IBANs that providers pay out from; entries of others are not looked at. None = all are
}

var ibanForm = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`)

func (b Bank) check(refuse func(key, what string)) {
	if b.URL != "" && !isRoot(b.URL) {
		refuse("bank.url", "must be an absolute URL without credentials and query")
	}
	if b.APIKey != "" && !nameForm.MatchString(b.APIKey) {
		refuse("bank.api_key", "must be the name of a secret, not the secret: a file under the directory of secrets")
	}
	for i, payer := range b.Payers {
		if !ibanForm.MatchString(payer) {
			refuse(fmt.Sprintf("bank.payers[%d]", i), "must be an IBAN in capitals without blanks")
		}
	}
}
