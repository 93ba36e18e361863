package town

import (
	"net/http"

	"racord/cmd/city/book"
	"racord/cmd/city/ditl"
)

// posts tells a creditor's payments from questions; nil for the usual way.
func posts(creditor string) func(*http.Request, []byte) bool {
	if creditor == string(book.Ditl) {
		return ditl.Posts
	}
	return nil
}
