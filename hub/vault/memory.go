package vault

import (
	"sync"
	"time"

	"racord/hub"
)

// How long values that were read are used: again at once, and while the store
// does not answer.
const (
	freshFor = time.Second
	keptFor  = 10 * time.Minute
)

// mostRemembered is how many names are remembered before those that nobody asks
// for are forgotten.
const mostRemembered = 4096

// memory holds values that were read lately, so that calls do not wait for the
// store and for the key-encryption key. It is real time: secrets follow no
// business clock.
type memory struct {
	now   func() time.Time
	mu    sync.Mutex
	known map[secretKey]*entry
}

type secretKey struct {
	creditor hub.Name
	name     string
}

// entry is one name. Whoever finds it old reads it for all who wait.
type entry struct {
	mu     sync.Mutex
	values []hub.Secret
	at     time.Time
}

func (m *memory) get(creditor hub.Name, name string, read func() ([]hub.Secret, error)) ([]hub.Secret, error) {
	e := m.entry(secretKey{creditor, name})
	e.mu.Lock()
	defer e.mu.Unlock()
	age := m.now().Sub(e.at)
	if e.values != nil && age < freshFor {
		return e.values, nil
	}
	values, err := read()
	if err == nil {
		e.values, e.at = values, m.now()
		return values, nil
	}
	if e.values != nil && age < keptFor && passing(err) {
		return e.values, nil
	}
	return nil, err
}

// passing tells whether an error says nothing about the secret.
func passing(err error) bool {
	code := hub.CodeOf(err)
	return code == hub.CodeUnavailable || code == hub.CodeTimeout
}

func (m *memory) entry(key secretKey) *entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.known[key]; e != nil {
		return e
	}
	if m.known == nil || len(m.known) >= mostRemembered {
		m.known = map[secretKey]*entry{}
	}
	e := &entry{}
	m.known[key] = e
	return e
}

func (m *memory) forget(creditor hub.Name, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, secretKey{creditor, name})
}
