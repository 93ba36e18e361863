package filedrop

import "racord/hub"

// ReadConfirmation reads what a creditor wrote about a file of payments.
func ReadConfirmation(f hub.Finder, content []byte) (rows [][]string, err error) {
	return f.(*confirmations).confirmation("plati.csv", content)
}
