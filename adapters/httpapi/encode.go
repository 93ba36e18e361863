package httpapi

import (
	"bytes"
	"encoding/json"
)

// encode gives one line of JSON. Addresses keep their &: people copy them out of
// answers, and no browser takes application/json for a page.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
