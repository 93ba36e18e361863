package telemetry

import (
	"sync"
	"sync/atomic"
)

// handles keeps the metric of every label set that was used, so that counting
// is one look-up without a lock and without allocating.
type handles[K comparable, M any] struct {
	make  func(K) M
	mu    sync.Mutex
	known atomic.Pointer[map[K]M]
}

func (h *handles[K, M]) of(key K) M {
	if known := h.known.Load(); known != nil {
		if m, ok := (*known)[key]; ok {
			return m
		}
	}
	return h.add(key)
}

func (h *handles[K, M]) add(key K) M {
	h.mu.Lock()
	defer h.mu.Unlock()
	grown := map[K]M{}
	if known := h.known.Load(); known != nil {
		if m, ok := (*known)[key]; ok {
			return m
		}
		for k, m := range *known {
			grown[k] = m
		}
	}
	m := h.make(key)
	if grown[key] = m; len(grown) <= mostHandles {
		h.known.Store(&grown)
	}
	return m
}

// mostHandles bounds what is kept; above it metrics are looked up the slow way.
const mostHandles = 10_000

// kind is a sort of label value.
type kind string

const (
	kindOperation kind = "operation"
	kindConnector kind = "connector"
	kindCode      kind = "code"
	kindEvent     kind = "event"
	kindReceiver  kind = "receiver" // ids of portals as their provider gave them, and creditors
)

// most is how many values a label may have in the life of a process.
var most = map[kind]int{kindOperation: 100, kindConnector: 2000, kindCode: 100, kindEvent: 50, kindReceiver: 2000}

const (
	other = "other" // stands for a value outside its set
	fine  = "ok"    // the code of success
)

// vocabulary keeps the values of labels a closed set: short plain words, and not
// more of them than there can be. Whatever else comes is "other", so that no
// mistake makes a label of somebody's data.
type vocabulary struct {
	mu    *sync.Mutex
	words map[kind]map[string]bool
}

func newVocabulary() vocabulary {
	return vocabulary{&sync.Mutex{}, map[kind]map[string]bool{}}
}

func (v vocabulary) label(k kind, word string) string {
	if !fits(k, word) {
		return other
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	set := v.words[k]
	if set == nil {
		set = map[string]bool{}
		v.words[k] = set
	}
	if !set[word] && len(set) >= most[k] {
		return other
	}
	set[word] = true
	return word
}

// The longest runs of digits that are in a label. Names of creditors are checked
// where they are given, and may hold a fiscal code of ten digits.
const (
	digitsOfWord = 6
	digitsOfName = 12 // a personal code has 13
)

// fits tells whether the word may be a label of its kind.
func fits(k kind, word string) bool {
	switch k {
	case kindReceiver:
		return handed(word)
	case kindConnector:
		return plain(word, digitsOfName)
	default:
		return plain(word, digitsOfWord)
	}
}

// plain tells whether the word starts with a letter and holds only lower-case
// letters, digits, '_' and '-', at most 40, with no longer run of digits.
func plain(word string, digits int) bool {
	if len(word) == 0 || len(word) > 40 || word[0] < 'a' || word[0] > 'z' {
		return false
	}
	run := 0
	for _, c := range []byte(word) {
		switch {
		case c >= '0' && c <= '9':
			if run++; run > digits {
				return false
			}
		case c >= 'a' && c <= 'z', c == '_', c == '-':
			run = 0
		default:
			return false
		}
	}
	return true
}

// handed tells whether the word may be an id that an identity provider gave a portal
// (a GUID, a host name): letters, digits, '.', '_' and '-', at most 64, with no run of
// digits as long as a personal code.
func handed(word string) bool {
	run := 0
	for _, c := range []byte(word) {
		switch {
		case c >= '0' && c <= '9':
			if run++; run > digitsOfName {
				return false
			}
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '.', c == '_', c == '-':
			run = 0
		default:
			return false
		}
	}
	return len(word) > 0 && len(word) <= 64
}
