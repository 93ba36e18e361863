package identity

import (
	"crypto/sha256"
	"time"

	"racord/hub"

	"github.com/maypok86/otter/v2"
)

// memory holds verified tokens by their hash, never the tokens themselves. It
// is bounded; what it forgets is verified again.
type memory struct {
	tokens *otter.Cache[[sha256.Size]byte, remembered]
}

type remembered struct {
	caller hub.Caller
	until  int64 // unix nanoseconds
}

func newMemory(most int) memory {
	return memory{otter.Must(&otter.Options[[sha256.Size]byte, remembered]{MaximumSize: most})}
}

func (m memory) recall(name [sha256.Size]byte, now time.Time) (hub.Caller, bool) {
	known, ok := m.tokens.GetIfPresent(name)
	if !ok || now.UnixNano() >= known.until {
		return hub.Caller{}, false
	}
	return known.caller, true
}

func (m memory) keep(name [sha256.Size]byte, caller hub.Caller, now, until time.Time) {
	if until.After(now) {
		m.tokens.Set(name, remembered{caller, until.UnixNano()})
	}
}
