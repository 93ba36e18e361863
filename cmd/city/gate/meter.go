package gate

import (
	"sync"
	"time"
)

// Counter is what a creditor saw of its callers. Times are real, not virtual.
type Counter struct {
	Calls          int64     `json:"calls"`
	Inflight       int64     `json:"inflight"`
	MaxInflight    int64     `json:"max_inflight"`
	OverLimit      int64     `json:"over_limit"`        // calls beyond what the creditor bears at once
	MaxInAnySecond int64     `json:"max_in_any_second"` // most calls started within one second, wherever it begins
	LastCall       time.Time `json:"last_call"`
}

// meter counts calls exactly: a call starts when it was received and ends when
// its handler has returned.
type meter struct {
	mu     sync.Mutex
	count  Counter
	starts []time.Time // ring of the starts of the last second
	head   int         // index of the oldest
	used   int
}

// start counts a call in and returns how many are now in flight.
func (m *meter) start() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.count.Calls++
	m.count.Inflight++
	m.count.MaxInflight = max(m.count.MaxInflight, m.count.Inflight)
	m.count.LastCall = now
	m.slide(now)
	m.count.MaxInAnySecond = max(m.count.MaxInAnySecond, int64(m.used))
	return m.count.Inflight
}

// slide forgets starts a second old and notes a new one.
func (m *meter) slide(now time.Time) {
	for m.used > 0 && now.Sub(m.starts[m.head]) >= time.Second {
		m.head = (m.head + 1) % len(m.starts)
		m.used--
	}
	if m.used == len(m.starts) {
		larger := make([]time.Time, max(64, 2*m.used))
		for i := range m.used {
			larger[i] = m.starts[(m.head+i)%m.used]
		}
		m.starts, m.head = larger, 0
	}
	m.starts[(m.head+m.used)%len(m.starts)] = now
	m.used++
}

func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count.Inflight--
}

func (m *meter) over() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count.OverLimit++
}

func (m *meter) read() Counter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count
}

// reset starts again with what is in flight.
func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count = Counter{Inflight: m.count.Inflight, MaxInflight: m.count.Inflight}
	m.head, m.used = 0, 0
}
