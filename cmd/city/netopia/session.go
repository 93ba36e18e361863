package netopia

import (
	"crypto/subtle"
	"sync"

	"racord/cmd/city/pspbook"
)

// session is what the hosted page must remember of an order besides the book.
type session struct {
	id     string
	config configWire
	secret string // names the page
	token  string // authenticationToken, once 3-D Secure began
	paReq  string
	paRes  string // what the bank says when the payer proved it
}

// proves reports whether a text is the bank's word.
func (s *session) proves(paRes string) bool {
	return s.paRes != "" && subtle.ConstantTimeCompare([]byte(s.paRes), []byte(paRes)) == 1
}

// sessions finds sessions by the order's number and by the page's secret. A
// session never changes; a later one takes its place.
type sessions struct {
	mu       sync.RWMutex
	byID     map[string]*session
	bySecret map[string]*session
	byPaReq  map[string]*session
}

func (s *sessions) keep(id string, config configWire) {
	s.put(session{id: id, config: config, secret: pspbook.Secret(24)})
}

// forget drops the session of an order that was not opened.
func (s *sessions) forget(id string) {
	one := s.find(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
	delete(s.bySecret, one.secret)
}

// challenge adds what 3-D Secure needs.
func (s *sessions) challenge(id string) {
	next := *s.find(id)
	next.token, next.paReq, next.paRes = pspbook.Secret(48), pspbook.Secret(33), pspbook.Secret(33)
	s.put(next)
}

func (s *sessions) put(one session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil {
		s.byID, s.bySecret, s.byPaReq = map[string]*session{}, map[string]*session{}, map[string]*session{}
	}
	s.byID[one.id], s.bySecret[one.secret] = &one, &one
	if one.paReq != "" {
		s.byPaReq[one.paReq] = &one
	}
}

// find returns the session of an order, nil for none.
func (s *sessions) find(id string) *session { return s.get(&s.byID, id) }

// page returns the session a page belongs to, nil for none.
func (s *sessions) page(secret string) *session { return s.get(&s.bySecret, secret) }

// bank returns the session the payer's bank is asked about, nil for none.
func (s *sessions) bank(paReq string) *session { return s.get(&s.byPaReq, paReq) }

func (s *sessions) get(in *map[string]*session, by string) *session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return (*in)[by]
}
