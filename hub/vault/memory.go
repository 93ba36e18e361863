package vault

import (
	"context"
	"sync"
	"time"

	"racord/hub"
)

// How long values that were read are used: again at once, while another is at
// reading, and while the store does not answer.
const (
	freshFor = time.Second
	youngFor = 5 * time.Second
	keptFor  = 10 * time.Minute
)

// How long whoever has a value that is kept waits for the store, and whoever has
// none at most.
const (
	readFor = 500 * time.Millisecond
	mostFor = time.Minute
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
	reading chan struct{} // held by the caller that reads

	mu     sync.Mutex
	values []hub.Secret
	at     time.Time // when they were read
	put    time.Time // until when they are not read again
	failed bool      // the store gave no answer when it was asked last
}

// kept is what an entry holds at a moment.
type kept struct {
	values   []hub.Secret // nil = nothing that may be used
	fresh    bool
	patience time.Duration // how long to wait for whoever is at reading
}

// get gives the values of a name. Whoever comes while another reads takes what is
// kept, unless it may have been changed: that is waited for a little. A store that
// hangs is left alone for a while.
func (m *memory) get(ctx context.Context, creditor hub.Name, name string, read func(context.Context) ([]hub.Secret, error)) ([]hub.Secret, error) {
	e := m.entry(secretKey{creditor, name})
	has := e.held(m.now())
	if has.fresh {
		return has.values, nil
	}
	if err := e.enter(ctx, has.patience); err != nil {
		if has.values != nil && ctx.Err() == nil {
			return has.values, nil
		}
		return nil, err
	}
	defer func() { <-e.reading }()
	if has = e.held(m.now()); has.fresh {
		return has.values, nil
	}
	return m.renew(ctx, e, has.values, read)
}

// renew reads the values anew. Where there are some, it soon goes on with them.
func (m *memory) renew(ctx context.Context, e *entry, old []hub.Secret, read func(context.Context) ([]hub.Secret, error)) ([]hub.Secret, error) {
	within := mostFor
	if old != nil {
		within = readFor
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	values, err := read(ctx)
	switch {
	case err == nil:
		e.keep(values, m.now())
		return values, nil
	case old != nil && passing(err):
		e.putOff(m.now())
		return old, nil
	}
	return nil, err
}

// enter waits for the turn to read. It fails with CodeTimeout when that does not
// come in time, and with what ctx ends with.
func (e *entry) enter(ctx context.Context, patience time.Duration) error {
	select {
	case e.reading <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case e.reading <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *entry) held(now time.Time) kept {
	e.mu.Lock()
	defer e.mu.Unlock()
	age := now.Sub(e.at)
	switch {
	case e.values == nil || age >= keptFor:
		return kept{patience: mostFor}
	case now.Before(e.put):
		return kept{values: e.values, fresh: true}
	case e.failed || age < youngFor:
		return kept{values: e.values}
	}
	return kept{values: e.values, patience: readFor}
}

func (e *entry) keep(values []hub.Secret, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.values, e.at, e.put, e.failed = values, now, now.Add(freshFor), false
}

// putOff lets nobody read for a moment.
func (e *entry) putOff(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.put, e.failed = now.Add(freshFor), true
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
	e := &entry{reading: make(chan struct{}, 1)}
	m.known[key] = e
	return e
}

func (m *memory) forget(creditor hub.Name, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, secretKey{creditor, name})
}
