package einvoice

import (
	"errors"
	"strings"

	"racord/connectors"
)

// CheckArchive reads an archive as a feed does, without the wire, and tells what
// is not as it must be.
func CheckArchive(archive []byte) (problem string) { return checked(unpack(archive)) }

// CheckDocument reads a document as a feed does, and tells what is not as it
// must be.
func CheckDocument(document []byte) (problem string) {
	b, err := parse(document)
	if errors.Is(err, errNotABill) {
		return ""
	}
	return checked(b, err)
}

func checked(b *bill, err error) string {
	if err != nil {
		if !strings.HasPrefix(err.Error(), "bad_data: ") {
			return "an error without a code: " + err.Error()
		}
		return ""
	}
	read, bad := rules{cui: "9980000019", property: "POD"}.check(b)
	switch {
	case bad != nil && (bad.Code == "" || bad.Field == ""):
		return "a refusal without code or field"
	case bad != nil:
		return ""
	case len(read.values) != len(columns):
		return "columns and values differ"
	}
	sum, parts := int64(0), map[string]bool{"net": true, "vat": true, "rounding": true, "credit": true}
	payable := int64(0)
	for i, name := range columns {
		if !parts[name] && name != "payable" {
			continue
		}
		bani, err := connectors.MoneyDecimal(read.values[i])
		if err != nil {
			return name + " is not an amount"
		}
		if parts[name] {
			sum += bani
		} else {
			payable = bani
		}
	}
	if sum != payable {
		return "the parts do not add up to what is payable"
	}
	return ""
}
