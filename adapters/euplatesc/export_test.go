package euplatesc

import "strconv"

// Hash gives fp_hash of values in their order, under a key in hexadecimal.
func Hash(key string, values ...string) string {
	s, ok := newSigner(key)
	if !ok {
		return ""
	}
	var m message
	for i, v := range values {
		m = append(m, field{strconv.Itoa(i), v})
	}
	return s.hash(m.signed())
}
