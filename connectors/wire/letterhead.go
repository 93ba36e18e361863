package wire

import (
	"net/http"
	"sync/atomic"
)

// Letterhead is the header of all requests of a call that says the same in each:
// it is made once, and again when the credential in it changes.
type Letterhead struct {
	blank http.Header
	last  atomic.Pointer[letter]
}

// letter is the header with a credential. It is never changed.
type letter struct {
	name, value string
	header      http.Header
}

// NewLetterhead makes one of what a call says besides the credential.
func NewLetterhead(blank http.Header) *Letterhead { return &Letterhead{blank: blank} }

// with gives the header with the credential, without one where name is "". Requests
// share it: nobody may change it.
func (l *Letterhead) with(name, value string) http.Header {
	if last := l.last.Load(); last != nil && last.name == name && last.value == value {
		return last.header
	}
	made := &letter{name, value, l.blank.Clone()}
	if name != "" {
		made.header.Set(name, value)
	}
	l.last.Store(made)
	return made.header
}
